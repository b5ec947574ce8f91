// Package failure explains what Oracle Cloud has refused in the middle of an update: which setting or limit is the
// cause, and what to do. The engine shows the service's words alone.
package failure

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Diagnostic is an error that the engine shows.
type Diagnostic struct {
	Resource string // type and name, such as "NodePool workers"; empty: of none
	Text     string
}

// Failure is an error with its explanation.
type Failure struct {
	Resources []string // those that failed so
	Words     string   // the service's
	Cause     string
	Do        []string // each an alternative
}

// kind is a kind of error. The words are those of the service, in the provider's errors and in work requests alike.
type kind struct {
	words *regexp.Regexp
	cause string
	do    func(d Diagnostic, words, stack string) []string
}

// kinds are in the order of their precedence: an error about a node pool may quote several. The words were read in
// public reports, in November 2026: capacity and limits in Rapha-Borges/oke-free#20 and #46 (2024) and in
// hitrov/oci-arm-host-capacity#104 (2023), throttling in clusterinthecloud/terraform#29 (2019), the code QuotaExceeded
// in dstackai/dstack#1252 (2024). None was seen on Oracle Cloud.
var kinds = []kind{
	{
		regexp.MustCompile(`(?i)out of (?:host )?capacity[^.\n]*\.?|OutOf(?:Host)?Capacity`),
		"an availability domain has no machine left of this shape and size; no limit or quota is the cause",
		func(_ Diagnostic, _, stack string) []string {
			return []string{
				"set nodePools[].availabilityDomains to others, or another shape, ocpus or memoryGb",
				"make doctor STACK=" + stack + " asks each domain for its capacity",
				"or try again later",
			}
		},
	},
	{
		regexp.MustCompile(`(?:400-)?QuotaExceeded[^\n]*`),
		"an administrator of the tenancy has set a quota for the compartment, and it is used up",
		func(d Diagnostic, words, _ string) []string {
			return append(use(d, words), "or have the quota raised: Console, Governance & Administration, Quota Policies")
		},
	},
	{
		regexp.MustCompile(`(?:400-)?LimitExceeded[^\n]*|[^\n]*service limits were exceeded[^\n]*`),
		"a limit of the tenancy is used up",
		func(d Diagnostic, words, _ string) []string {
			return append(use(d, words), "or "+AskForMore(serviceOf(words)), FreeAccount)
		},
	},
	{
		regexp.MustCompile(`(?:429-)?TooManyRequests[^\n]*`),
		"the service takes no more requests of this user for a while",
		func(_ Diagnostic, _, _ string) []string { return []string{"try again after some minutes"} },
	},
	{
		regexp.MustCompile(`[^\n]*register timeout[^\n]*`),
		"nodes do not reach the Kubernetes API: a route, a rule or a gateway is missing",
		func(_ Diagnostic, _, stack string) []string {
			return []string{"make reach STACK=" + stack + " FROM=workers TO=api PORT=6443 says what is missing"}
		},
	},
	{
		regexp.MustCompile(`[^\n]*(?:was not allocated an IP address|waits for the load balancer's address)[^\n]*`),
		"the Service's load balancer does not work",
		func(_ Diagnostic, _, stack string) []string {
			return []string{
				"kubectl describe service shows why: often a limit, or a policy that the cluster lacks",
				"make recover STACK=" + stack + " deletes a Service whose load balancer is in state FAILED",
			}
		},
	},
	{
		regexp.MustCompile(`[^\n]*(?:NotAuthorizedOrNotFound|Authorization failed or requested resource not found)[^\n]*`),
		"a right is missing, or what a setting names does not exist: the service does not say which",
		func(d Diagnostic, _, stack string) []string {
			return append(rights(d, stack),
				"make policies STACK="+stack+" prints the statements; one that is new takes effect after some minutes",
				"make doctor STACK="+stack+" looks up what the settings name")
		},
	},
	{
		regexp.MustCompile(`[^\n]*(?:ocid1\.cluster\.\S* is FAILED|entity: cluster, action: CREATED|CLUSTER_CREATE)[^\n]*`),
		"OKE could not make the cluster, and never repairs one in state FAILED",
		func(_ Diagnostic, _, stack string) []string {
			return []string{"make recover STACK=" + stack + " has the next update replace it"}
		},
	},
}

// rights returns what is special about those of clusters and node pools, which act as principals of their own.
func rights(d Diagnostic, stack string) []string {
	switch typ, _, _ := strings.Cut(d.Resource, " "); typ {
	case "Cluster":
		return []string{
			"kmsKeyId: the cluster itself needs a statement, which clusterPolicy: true writes",
			"make recover STACK=" + stack + " has the next update replace a cluster in state FAILED",
		}
	case "NodePool":
		return []string{"capacityReservationId, bootVolumeKmsKeyId, imageId, and a VCN in another compartment: " +
			"the node pool itself needs a statement, which clusterPolicy: true writes"}
	}
	return nil
}

// Explain returns the failures of a known kind, equal ones together. The stack is named in commands.
func Explain(list []Diagnostic, stack string) (failures []Failure) {
	for _, d := range list {
		f, known := explain(d, stack)
		if !known || strings.HasPrefix(d.Resource, "Stack ") { // the program's own errors say what to do
			continue
		}
		same := slices.IndexFunc(failures, func(other Failure) bool {
			return other.Cause == f.Cause && slices.Equal(other.Do, f.Do)
		})
		switch {
		case same < 0:
			failures = append(failures, f)
		case !slices.Contains(failures[same].Resources, d.Resource):
			failures[same].Resources = append(failures[same].Resources, d.Resource)
		}
	}
	return failures
}

func explain(d Diagnostic, stack string) (Failure, bool) {
	for _, k := range kinds {
		if words := strings.TrimSpace(k.words.FindString(d.Text)); words != "" {
			words = strings.TrimPrefix(strings.TrimLeft(words, "* \t"), "error: ") // of a list of errors, or of one
			return Failure{[]string{d.Resource}, words, k.cause, k.do(d, words, stack)}, true
		}
	}
	return Failure{}, false
}

// Advice returns cause and remedies, each a line.
func (f Failure) Advice() []string {
	lines := []string{f.Cause}
	for _, line := range f.Do {
		lines = append(lines, "- "+line)
	}
	return lines
}

// String returns the whole explanation in lines.
func (f Failure) String() string {
	return fmt.Sprintf("%s: %s\n    %s\n", strings.Join(f.Resources, ", "), f.Words, strings.Join(f.Advice(), "\n    "))
}
