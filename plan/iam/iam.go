// Package iam lists the IAM policy statements that a stack's settings need: for the people who operate the stack, and
// for the principals that act in it. It asks no cloud, and so does not know which statements exist already.
package iam

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

// Input is a stack and what its settings do not say. Fields that end in Compartment hold the OCID of a compartment or
// of the tenancy; empty for CompartmentID.
type Input struct {
	Project, Stack string
	CompartmentID  string // required; or the tenancy's OCID
	Network        layout.Spec
	Cluster        cluster.Spec
	Guestbooks     []workload.Guestbook
	Budget         bool   // the stack has a budget
	Alarms         bool   // the stack has alarms
	OwnTopic       bool   // and a topic of its own for them
	ContainerLogs  bool   // the nodes send logs to Logging
	LogsGroup      string // OCID of the dynamic group that they do so as; empty for one of the stack's
	DefinedTags    bool   // everything has defined tags

	Group  string // name or OCID of the operators' group; required
	Domain string // identity domain of the group; empty for the default one, or for a tenancy without domains

	NetworkCompartment     string // of the VCN vcnId, its subnets and gateways
	AddressCompartment     string // of the reserved public IP addresses
	CertificateCompartment string // of the certificates tlsCertificateId
	ZoneCompartment        string // of the zones dnsZoneId
	KeyCompartment         string // of the keys and vaults that settings name
	ImageCompartment       string // of the images imageId
	GroupCompartment       string // of the network security groups nsgIds
	ReservationCompartment string // of the capacity reservations
	// ClusterID is the OCID of the cluster, once there is one: it narrows what the cluster may do to this cluster.
	ClusterID string
	TenancyID string // OCID of the tenancy, whose root compartment takes policies about several compartments
}

// Principal is who a statement is for.
type Principal string

// The principals, in the order in which their statements are listed.
const (
	Operators       Principal = "operators"
	ClusterItself   Principal = "cluster"
	NodePools       Principal = "nodePools"
	BlockVolumes    Principal = "blockVolumes"
	NodesAutoscaler Principal = "autoscaler"
	MeasuringJobs   Principal = "measuringJobs"
)

// Principals lists every principal.
var Principals = []Principal{Operators, ClusterItself, NodePools, BlockVolumes, NodesAutoscaler, MeasuringJobs}

// Statement is one statement of a policy.
type Statement struct {
	Principal Principal `json:"principal"`
	Location  string    `json:"location"`       // "tenancy", or "compartment id " and an OCID
	Text      string    `json:"statement"`      // to paste
	Grant     string    `json:"grant"`          // such as "manage vcns"
	Why       string    `json:"why"`            // one line
	Note      string    `json:"note,omitempty"` // where sources disagree, or what is not known
	Source    *Source   `json:"source"`
	Covers    []string  `json:"-"` // tokens of the resource types that cannot be managed without it

	CompartmentID string `json:"-"` // of Location; empty for the tenancy
	// Conditional statements hold for requests about certain resources only. A list names none: Oracle declines a request
	// that a variable of the condition does not apply to ("Advanced Policy Features", read 2026-11-29).
	Conditional bool `json:"-"`
}

// Statements returns what the stack needs, in the order of Principals. in must be valid.
func Statements(in Input) []Statement {
	s := planned(in)
	var list []Statement
	for _, principal := range Principals {
		if in.Cluster.ClusterPolicy && slices.Contains(acting, principal) {
			continue // in the policy that the program creates
		}
		for _, statement := range s.statements(principal) {
			same := func(other Statement) bool { return other.Text == statement.Text }
			if !slices.ContainsFunc(list, same) { // two places may be one
				list = append(list, statement)
			}
		}
	}
	return list
}

// Grants returns what the statements of a principal allow with any settings, and whether all that allow it are
// conditional.
func Grants(to Principal) map[string]bool {
	conditional := map[string]bool{}
	for _, g := range grants {
		if before, twice := conditional[g.allow]; g.to == to {
			conditional[g.allow] = g.where != nil && (before || !twice)
		}
	}
	return conditional
}

func planned(in Input) *stack {
	s := &stack{Input: in}
	s.plan, _ = layout.Plan(in.Network) // an error is Validate's
	return s
}

// statements returns those for a principal.
func (s *stack) statements(principal Principal) (list []Statement) {
	for _, g := range grants {
		if g.to != principal || !g.when.holds(s) {
			continue
		}
		if principal == NodesAutoscaler && autoscalerPolicy.holds(s) && !g.in.elsewhere(s) {
			continue // in the policy that the program creates
		}
		list = append(list, s.statement(g))
	}
	return list
}

// Created is a policy that `pulumi up` creates.
type Created struct {
	Name      string `json:"name"`
	Statement string `json:"statement"`
}

// CreatedByTheProgram returns the policies that the program creates for the settings.
func CreatedByTheProgram(in Input) (policies []Created) {
	s := &stack{Input: in}
	for _, g := range s.backing() {
		name := s.bucket(g)
		policies = append(policies, Created{name, BackupStatement(in.CompartmentID, g.Namespace, s.clusterID(), name)})
	}
	for _, g := range s.measured() {
		statement := MeasureStatement(in.CompartmentID, g.Namespace, s.clusterID())
		policies = append(policies, Created{s.metricPolicy(g), statement})
		if g.TLSCertificateID != "" {
			statement := CertificateStatement(in.CompartmentID, g.Namespace, s.clusterID(), g.TLSCertificateID)
			policies = append(policies, Created{s.metricPolicy(g), statement})
		}
	}
	if s.ContainerLogs {
		group := cmp.Or(in.LogsGroup, "<OCID of the dynamic group>")
		statement := LogStatement(in.CompartmentID, group, "<OCID of the log group>")
		policies = append(policies, Created{s.logPolicy(), statement})
	}
	if autoscalerPolicy.holds(s) {
		for _, statement := range AutoscalerStatements(in.CompartmentID, s.clusterID()) {
			policies = append(policies, Created{s.autoscalerPolicyName(), statement})
		}
	}
	if in.Cluster.ClusterPolicy {
		statements := planned(in).clusterStatements()
		for _, statement := range statements {
			policies = append(policies, Created{s.clusterPolicyName(statements), statement.Text})
		}
	}
	return policies
}

// writtenPolicies returns the names of the policies that the program creates for jobs, and for the nodes' logs.
func (s *stack) writtenPolicies() (names []string) {
	for _, g := range s.backing() {
		names = append(names, s.bucket(g))
	}
	for _, g := range s.measured() {
		names = append(names, s.metricPolicy(g))
	}
	if s.ContainerLogs {
		names = append(names, s.logPolicy())
	}
	return names
}

// AutoscalerPolicySuffix follows the cluster's name in the name of the autoscaler's policy.
const AutoscalerPolicySuffix = "-autoscaler"

func (s *stack) autoscalerPolicyName() string {
	return s.Project + "-" + s.Stack + AutoscalerPolicySuffix
}

// AutoscalerStatements returns those that let the autoscaler add-on of a cluster change the node pools in a
// compartment, with their network in the same one.
func AutoscalerStatements(compartmentID, clusterID string) (statements []string) {
	s := &stack{Input: Input{CompartmentID: compartmentID, ClusterID: clusterID}}
	for _, g := range grants {
		if text := s.statement(g).Text; g.to == NodesAutoscaler && !slices.Contains(statements, text) {
			statements = append(statements, text)
		}
	}
	return statements
}

// BackupStatement returns the statement that lets the backup jobs in a namespace of a cluster manage the objects in a
// bucket. Its conditions are those of workload identity (Oracle, "Granting Workloads Access to OCI Resources").
func BackupStatement(compartmentID, namespace, clusterID, bucket string) string {
	return jobStatement("manage objects", compartmentID, namespace, flows.Backup, clusterID,
		is("target.bucket.name", bucket))
}

// jobStatement returns a statement for the jobs of a component in a namespace of a cluster.
func jobStatement(allow, compartmentID, namespace, component, clusterID, target string) string {
	return fmt.Sprintf("Allow any-user to %s in %s where %s", allow, location(compartmentID), all(
		is("request.principal.type", "workload"), is("request.principal.namespace", namespace),
		is("request.principal.service_account", component), is("request.principal.cluster_id", clusterID), target))
}

// MetricNamespace is the namespace of the guestbooks' metrics in Monitoring (app/internal/chores).
const MetricNamespace = "guestbook"

// MeasureStatement returns the statement that lets the jobs in a namespace of a cluster post metrics. METRIC_WRITE is
// of "use metrics", and target.metrics.namespace a variable (Oracle, "Details for Monitoring", read November 2026).
func MeasureStatement(compartmentID, namespace, clusterID string) string {
	return jobStatement("use metrics", compartmentID, namespace, flows.Measure, clusterID,
		is("target.metrics.namespace", MetricNamespace))
}

// CertificateStatement returns the statement that lets the same jobs read when a certificate of the Certificates
// service expires. CERTIFICATE_READ is of "read leaf-certificates", and target.leaf-certificate.id a variable (Oracle,
// "Details for the Certificates Service", updated 2025-01-14, a copy read 2026-11-29).
func CertificateStatement(compartmentID, namespace, clusterID, certificateID string) string {
	return jobStatement("read leaf-certificates", compartmentID, namespace, flows.Measure, clusterID,
		is("target.leaf-certificate.id", certificateID))
}

// NodesRule is the matching rule of a dynamic group of the nodes: they are instances in the stack's compartment. Rules
// cannot ask for freeform tags, by which the stack's own could be told.
func NodesRule(compartmentID string) string { return is("instance.compartment.id", compartmentID) }

// LogStatement returns the statement that lets a dynamic group write to the logs of a log group. The variable is one of
// log-content (Oracle, "Details for Logging", read November 2026).
func LogStatement(compartmentID, dynamicGroupID, logGroupID string) string {
	return fmt.Sprintf("Allow dynamic-group id %s to use log-content in %s where %s", dynamicGroupID,
		location(compartmentID), is("target.loggroup.id", logGroupID))
}

// logPolicy names the policy by which nodes write logs.
func (s *stack) logPolicy() string { return s.Project + "-" + s.Stack + "-containers" }

// Assumptions returns what neither the settings nor the flags say, and is assumed.
func Assumptions(in Input) (list []string) {
	s := &stack{Input: in}
	assume := func(open bool, what, flag string) {
		if open {
			list = append(list, what+" in compartmentId; if it is elsewhere, name its compartment with --"+flag)
		}
	}
	assume(in.Network.VcnID != "" && in.NetworkCompartment == "", "the VCN of vcnId is", "network-compartment")
	assume(addressReserved.holds(s) && in.AddressCompartment == "", "reservedAddress is", "address-compartment")
	assume(ownCertificate.holds(s) && in.CertificateCompartment == "", "the certificate of tlsCertificateId is",
		"certificate-compartment")
	assume(ownZone.holds(s) && in.ZoneCompartment == "", "the zone of dnsZoneId is", "zone-compartment")
	assume(in.Cluster.KMSKeyID != "" && in.KeyCompartment == "", "the key of kmsKeyId is", "key-compartment")
	assume(ownImage.holds(s) && in.ImageCompartment == "", "the image of imageId is", "image-compartment")
	if ownGroups.holds(s) && in.GroupCompartment == "" {
		list = append(list, "the groups of nsgIds are in the VCN's compartment; if they are elsewhere, name theirs with "+
			"--group-compartment")
	}
	if autoscales.holds(s) && in.Cluster.ClusterType == cluster.Basic {
		list = append(list, "the autoscaler of a basic cluster acts as the nodes, which need a dynamic group and a policy: "+
			`see Oracle, "Working with the Cluster Autoscaler as a Standalone Program"`)
	}
	assume(reserved.holds(s) && in.ReservationCompartment == "", "the reservation of capacityReservationId is",
		"reservation-compartment")
	assume(diskKeys.holds(s) && in.KeyCompartment == "", "the key of bootVolumeKmsKeyId is", "key-compartment")
	assume(imageKeys.holds(s) && in.KeyCompartment == "", "the keys of imageVerificationKeys are", "key-compartment")
	byCluster := autoscaled.holds(s) && !autoscalerPolicy.holds(s) || measuredElsewhere.holds(s)
	if byCluster && in.ClusterID == "" {
		list = append(list, "the cluster does not exist yet; once it does, its OCID with --cluster completes the statements")
	}
	if virtualNodes.holds(s) {
		list = append(list, "virtual nodes need no policy of their own; Oracle's page asked for statements that endorse "+
			"them until December 2024, and copies of it for other realms still do: docs/nodes.md has them")
	}
	if in.Network.DrgID != "" {
		list = append(list, "the gateway of drgId is where the VCN is; if not, write its statement for that compartment")
	}
	return list
}

var (
	// groupName is what a group may be called without an identity domain (API of IAM, Group, "name").
	groupName = regexp.MustCompile(`^[A-Za-z0-9+._-]{1,100}$`)
	// quotable is what can stand between quotes in a statement.
	quotable = regexp.MustCompile(`^[^'"\\/\pC]{1,100}$`)
)

// ocidText are the characters of an OCID, and of UnknownCompartment.
var ocidText = regexp.MustCompile(`^[A-Za-z0-9.:_<>-]+$`)

// UnknownCompartment stands for a compartment that the settings do not name yet.
const UnknownCompartment = "ocid1.compartment.oc1..<unique-id>"

const unquotable = "%q cannot stand in a statement: quotes, slashes, backslashes and more than 100 characters cannot"

// Validate checks the flags; the settings are checked where they are loaded. The error has a line for each problem.
func Validate(in Input) error {
	s := &stack{Input: in}
	found := validateGroup(in.Group, in.Domain)
	for _, id := range []struct{ setting, value string }{
		{"compartmentId", in.CompartmentID}, {"kmsKeyId", in.Cluster.KMSKeyID},
	} {
		if id.value != "" && !ocidText.MatchString(id.value) {
			found = append(found, fmt.Errorf("%s: %q has characters that no OCID has", id.setting, id.value))
		}
	}
	for _, flag := range s.flags() {
		if flag.value == "" {
			continue
		}
		if err := setting.OCID(flag.kinds...).Test(flag.value); err != nil {
			found = append(found, fmt.Errorf("%s: %w", flag.name, err))
		} else if !ocidText.MatchString(flag.value) {
			found = append(found, fmt.Errorf("%s: %q has characters that no OCID has", flag.name, flag.value))
		} else if !flag.needed {
			found = append(found, fmt.Errorf("%s: leave it out: %s", flag.name, flag.missing))
		}
	}
	return errors.Join(found...)
}

var compartmentKinds = []string{"compartment", "tenancy"}

func validateGroup(group, domain string) (found []error) {
	add := func(format string, args ...any) { found = append(found, fmt.Errorf(format, args...)) }
	switch {
	case strings.TrimSpace(group) == "":
		add("--group: is empty: name the group of those who run pulumi, such as oke-operators")
	case isOCID(group):
		if err := setting.OCID("group").Test(group); err != nil {
			add("--group: %w", err)
		} else if domain != "" {
			add("--domain: leave it out: an OCID names the group alone")
		}
	case domain == "" && !groupName.MatchString(group):
		add("--group: %q is not a name of a group outside identity domains (letters, digits and + . _ -): "+
			"set --domain too, such as Default", group)
	case domain != "" && !quotable.MatchString(group):
		add("--group: "+unquotable, group)
	}
	if domain != "" && !quotable.MatchString(domain) {
		add("--domain: "+unquotable, domain)
	}
	return found
}

func isOCID(text string) bool { return strings.HasPrefix(text, "ocid1.") }

// location returns a compartment as a statement names it. IAM refuses the tenancy's OCID as that of a compartment.
func location(ocid string) string {
	if ocid == tenancy || setting.KindOf(ocid) == "tenancy" {
		return "tenancy"
	}
	return "compartment id " + ocid
}

// Subject returns the operators as a statement names them.
func Subject(in Input) string {
	switch {
	case isOCID(in.Group):
		return "group id " + in.Group
	case in.Domain != "":
		return fmt.Sprintf("group '%s'/'%s'", in.Domain, in.Group)
	}
	return "group " + in.Group
}

// stack is an Input with its plan.
type stack struct {
	Input
	plan layout.Layout
}

func (s *stack) statement(g grant) Statement {
	subject := "any-user"
	switch g.to {
	case Operators:
		subject = Subject(s.Input)
	case BlockVolumes:
		subject = "service blockstorage"
	}
	where := ""
	if g.where != nil {
		where = " where " + g.where(s)
	}
	ocid := g.in.ocid(s)
	place := location(ocid)
	if ocid == tenancy {
		ocid = ""
	}
	return Statement{
		CompartmentID: ocid, Conditional: g.where != nil,
		Principal: g.to, Location: place, Grant: g.allow, Why: g.why, Note: g.note, Source: g.source, Covers: g.covers,
		Text: fmt.Sprintf("Allow %s to %s in %s%s", subject, g.allow, place, where),
	}
}

// names reports whether the settings name an existing gateway of the kind.
func (s *stack) names(kind layout.Gateway) bool {
	return slices.ContainsFunc(s.Network.ExistingGateways(),
		func(gateway layout.ExistingGateway) bool { return gateway.Kind == kind })
}

// backing returns the guestbooks that have a place for backups.
func (s *stack) backing() []workload.Guestbook {
	return slices.DeleteFunc(slices.Clone(s.Guestbooks), func(g workload.Guestbook) bool { return !g.Backs() })
}

// bucket names a guestbook's bucket, and its policy.
func (s *stack) bucket(g workload.Guestbook) string {
	return fmt.Sprintf("%s-%s-%s-backups", s.Project, s.Stack, g.Name)
}

// measured returns the guestbooks that post metrics.
func (s *stack) measured() []workload.Guestbook {
	return slices.DeleteFunc(slices.Clone(s.Guestbooks), func(g workload.Guestbook) bool { return !g.Measured })
}

// metricPolicy names the policy by which a guestbook posts metrics.
func (s *stack) metricPolicy(g workload.Guestbook) string {
	return fmt.Sprintf("%s-%s-%s-metrics", s.Project, s.Stack, g.Name)
}

func (s *stack) clusterID() string { return cmp.Or(s.ClusterID, "<OCID of the cluster>") }

// ocidFlag is a flag whose value is an OCID.
type ocidFlag struct {
	name, value, missing string
	needed               bool
	kinds                []string
}

// flags are those of OCIDs, with what each is for.
func (s *stack) flags() []ocidFlag {
	in := s.Input
	return []ocidFlag{
		{
			"--network-compartment", in.NetworkCompartment, "vcnId is not set, so the stack creates a VCN in compartmentId",
			in.Network.VcnID != "", compartmentKinds,
		},
		{
			"--address-compartment", in.AddressCompartment, "no guestbook has a reservedAddress",
			addressReserved.holds(s), compartmentKinds,
		},
		{
			"--certificate-compartment", in.CertificateCompartment, "no guestbook has a tlsCertificateId",
			ownCertificate.holds(s), compartmentKinds,
		},
		{
			"--zone-compartment", in.ZoneCompartment, "no guestbook has a dnsZoneId",
			ownZone.holds(s), compartmentKinds,
		},
		{
			"--key-compartment", in.KeyCompartment, "no setting names a key or a vault",
			anyKey.holds(s) || otherVaults.holds(s), compartmentKinds,
		},
		{
			"--image-compartment", in.ImageCompartment, "no node pool has an imageId",
			ownImage.holds(s), compartmentKinds,
		},
		{
			"--group-compartment", in.GroupCompartment, "no node pool has nsgIds", ownGroups.holds(s), compartmentKinds,
		},
		{
			"--reservation-compartment", in.ReservationCompartment, "no node pool has a capacityReservationId",
			reserved.holds(s), compartmentKinds,
		},
		{"--cluster", in.ClusterID, "", true, []string{"cluster"}},
	}
}
