package iam

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	"oke-guestbook/plan/problem"
)

// acting are the principals that act when a cluster and its nodes are made. The program creates their policy before the
// cluster, if it is told to.
var acting = []Principal{ClusterItself, NodePools, BlockVolumes}

// Policy is a policy that the program creates for the cluster and its node pools.
type Policy struct {
	Name          string
	CompartmentID string
	Statements    []string
}

// ClusterPolicy returns the policy of the cluster and its node pools, or nil if the settings ask for none or need no
// statement. It belongs to the stack's compartment, or to the tenancy if a statement is about another one. The error is
// the text of a problem of tenancyId.
func ClusterPolicy(in Input) (*Policy, error) {
	s := planned(in)
	statements := s.clusterStatements()
	if !in.Cluster.ClusterPolicy || len(statements) == 0 {
		return nil, nil
	}
	policy := &Policy{Name: s.clusterPolicyName(statements), CompartmentID: in.CompartmentID}
	for _, statement := range statements {
		policy.Statements = append(policy.Statements, statement.Text)
		if statement.Location == location(in.CompartmentID) {
			continue
		}
		if policy.CompartmentID = in.TenancyID; in.TenancyID == "" {
			return nil, fmt.Errorf("is required with clusterPolicy: the root compartment takes a policy with: %s",
				statement.Text)
		}
	}
	return policy, nil
}

// clusterPolicyName names the policy after its statements. Other statements are another policy, which is made, and has
// its time, before the old one is deleted: what was made with the old statements keeps its rights until then, and the
// policy's time of creation tells how long the statements have existed, even to the update after one that was killed.
func (s *stack) clusterPolicyName(statements []Statement) string {
	var texts []string
	for _, statement := range statements {
		texts = append(texts, statement.Text)
	}
	slices.Sort(texts)
	sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return fmt.Sprintf("%s%x", s.clusterPolicyPrefix(), sum[:4])
}

// clusterPolicyPrefix is what the names of all policies of the stack's cluster begin with.
func (s *stack) clusterPolicyPrefix() string { return s.Project + "-" + s.Stack + "-cluster-" }

// clusterStatements returns the statements of the policy, whether or not the program creates it.
func (s *stack) clusterStatements() (list []Statement) {
	for _, principal := range acting {
		for _, statement := range s.statements(principal) {
			same := func(other Statement) bool { return other.Text == statement.Text }
			if !slices.ContainsFunc(list, same) {
				list = append(list, statement)
			}
		}
	}
	return list
}

// inClusterPolicy is where the policy of the cluster is.
var inClusterPolicy = place{"`compartmentId`, or the tenancy", func(s *stack) string {
	for _, statement := range s.clusterStatements() {
		if statement.Location != location(s.CompartmentID) {
			return tenancy
		}
	}
	return s.CompartmentID
}}

// The grant is no part of the list's literal, as it depends on the others.
func init() {
	grants = append(grants, grant{
		to: Operators, allow: "manage policies", in: inClusterPolicy,
		when: condition{
			"`clusterPolicy`, something that needs a statement of the cluster or of node pools",
			func(s *stack) bool { return s.Cluster.ClusterPolicy && len(s.clusterStatements()) > 0 },
		},
		where:  func(s *stack) string { return begins("target.policy.name", s.clusterPolicyPrefix()) },
		source: identityVerbs,
		why:    "creates the policy of the cluster and its node pools",
		note: "as for those of backups; in the tenancy if a statement is about another compartment than the stack's. " +
			"clusterPolicy: false leaves it to an administrator",
		covers: []string{"oci:Identity/policy:Policy"},
	})
}

// WaitLeft returns how much of the wait for a policy is left, however far the clocks are apart. A policy whose time is
// not known has none.
func WaitLeft(created, now time.Time, wait time.Duration) time.Duration {
	if created.IsZero() {
		return 0
	}
	return min(max(0, created.Add(wait).Sub(now)), wait)
}

// Kind is what settings name by OCID and principals need rights for.
type Kind string

// The kinds.
const (
	Network     Kind = "the VCN"
	Address     Kind = "reservedAddress"
	Certificate Kind = "the certificate"
	Key         Kind = "the key"
	Image       Kind = "the image"
	Reservation Kind = "the capacity reservation"
	Group       Kind = "the network security group"
)

// Places collects the compartments of what settings name, as the cloud shows them. A nil one collects nothing.
type Places struct {
	found    map[Kind]string
	conflict map[Kind]string
}

// Note keeps the compartment of something.
func (p *Places) Note(kind Kind, compartment string) {
	if p == nil || compartment == "" {
		return
	}
	if p.found == nil {
		p.found, p.conflict = map[Kind]string{}, map[Kind]string{}
	}
	if other, known := p.found[kind]; known && other != compartment {
		p.conflict[kind] = compartment
		return
	}
	p.found[kind] = compartment
}

// Locate puts the compartments into the input.
func (p *Places) Locate(in *Input) {
	for kind, field := range map[Kind]*string{
		Network: &in.NetworkCompartment, Address: &in.AddressCompartment, Certificate: &in.CertificateCompartment,
		Key: &in.KeyCompartment, Image: &in.ImageCompartment, Reservation: &in.ReservationCompartment,
		Group: &in.GroupCompartment,
	} {
		*field = p.found[kind]
	}
}

// Check adds that one policy cannot be written for things of one kind in several compartments.
func (p *Places) Check(list *problem.List) {
	for _, kind := range []Kind{Address, Certificate, Key, Image, Reservation, Group} {
		if other := p.conflict[kind]; other != "" {
			list.Add("clusterPolicy", "%s that settings name is in %s and in %s: set clusterPolicy to false, and have "+
				"an administrator write what make policies prints for each", kind, p.found[kind], other)
		}
	}
}
