package failure

import (
	"strings"
	"testing"
)

// Words of the official provider and of OKE's work requests, as public reports show them.
const (
	refusal = "error: 1 error occurred:\n\t* 400-"
	limited = refusal + "LimitExceeded, The following service limits were exceeded: "
	request = "error: work request did not succeed, workId: ocid1.clustersworkrequest.oc1.iad.a, entity: "
	launch  = request + "nodepool, action: CREATED. Message: 2 node(s) launch failure. Reason for failure on one of the " +
		"nodes : Error returned by LaunchInstance."
)

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		resource, text string
		want           []string // parts of the explanation; none: there is none
	}{
		{"Vcn net", limited + "vcn-count. Request a service limit increase.\nSuggestion: Request", []string{
			"Vcn net: 400-LimitExceeded, The following service limits were exceeded: vcn-count.", "vcnId",
			"Limits, Quotas and Usage, service vcn", "Pay As You Go",
		}},
		{
			"NodePool workers", launch + "(400, LimitExceeded, false) The following service limits were exceeded: " +
				"standard-a1-memory-count, standard-a1-core-regional-count. (opc-request-id: A/B/C)",
			[]string{"nodePools[].size, ocpus or memoryGb", "service compute"},
		},
		{"NodePool workers", "error: The following service limits were exceeded: a-core-count.", []string{
			"nodePools[].size",
		}},
		{"Service frontend", limited + "lb-flexible-bandwidth-sum.", []string{"loadBalancerMbps", "service load-balancer"}},
		{"NodePool workers", limited + "total-storage-gb.", []string{"bootVolumeGb", "storageGb", "block-storage"}},
		{"NatGateway nat", refusal + "LimitExceeded, NAT gateway limit reached", []string{"natGatewayId", "internetEgress"}},
		{"LogGroup logs", limited + "log-group-count.", []string{"delete what is not needed of its kind"}},
		{"NodePool workers", launch + "(400, QuotaExceeded, false) The quota was exceeded.", []string{
			"an administrator of the tenancy has set a quota", "nodePools[].size", "Quota Policies",
		}},
		{"NodePool workers", launch + "(500, InternalError, false) Out of host capacity. (opc-request-id: A)", []string{
			"NodePool workers: Out of host capacity.\n", "no limit or quota", "nodePools[].availabilityDomains",
			"make doctor STACK=dev",
		}},
		{"Subnet api", "error: 429-TooManyRequests, Too many requests for the user", []string{"after some minutes"}},
		{"NodePool workers", request + "nodepool. Message: 1 node(s) register timeout", []string{
			"make reach STACK=dev FROM=workers TO=api PORT=6443",
		}},
		{"Service frontend", "error: Service was not allocated an IP address; does your cloud support this?", []string{
			"kubectl describe service", "make recover STACK=dev",
		}},
		{"Policy p", "error: 404-NotAuthorizedOrNotFound, Authorization failed", []string{"make policies STACK=dev"}},
		{
			"NodePool workers", request + "nodepool, action: CREATED. Message: Invalid COMPUTE_INSTANCE: Authorization failed " +
				"or requested resource not found while provisioning node(s)",
			[]string{"capacityReservationId, bootVolumeKmsKeyId", "clusterPolicy: true", "make policies STACK=dev"},
		},
		{
			"Cluster c", request + "cluster, action: CREATED. Message: Authorization failed or requested resource not found",
			[]string{"kmsKeyId: the cluster itself needs a statement", "make recover STACK=dev", "make policies STACK=dev"},
		},
		{"Cluster c", request + "cluster, action: CREATED. Message: none", []string{"make recover STACK=dev"}},
		{"Cluster c", request + "cluster, action: UPDATED. Message: it stays", nil},
		{"Stack oke-guestbook-dev", "error: compartmentId: this user sees none (NotAuthorizedOrNotFound)", nil},
		{"Subnet api", refusal + "InvalidParameter, cidrBlock", nil},
	} {
		got := Explain([]Diagnostic{{c.resource, c.text}}, "dev")
		if (len(got) == 1) != (c.want != nil) {
			t.Errorf("%s: %v", c.text, got)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(got[0].String(), want) {
				t.Errorf("%q is missing in\n%s", want, got[0])
			}
		}
	}
}

func TestEqualFailuresAreExplainedOnce(t *testing.T) {
	text := launch + "(500, InternalError, false) Out of host capacity."
	got := Explain([]Diagnostic{{"NodePool a", text}, {"NodePool b", text}, {"NodePool a", text}}, "dev")
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), "NodePool a, NodePool b: ") {
		t.Errorf("%v", got)
	}
}

const output = ` +  oci:Core:Vcn net creating (0s) error: 400-LimitExceeded, shown twice
Diagnostics:
  oci:Core:Vcn (net):
    warning: NotAuthorizedOrNotFound is a warning
    error: 1 error occurred:
    	* 400-LimitExceeded, The following service limits were exceeded: vcn-count.
  ` + "\x1b[0m" + `kubernetes:core/v1:Service (guestbook-frontend):
    ` + "\x1b[31m" + `error: ` + "\x1b[0m" + `TooManyRequests
  pulumi:pulumi:Stack (oke-guestbook-dev):
    error: update failed

Resources:
    + 1 created
    Authorization failed or requested resource not found is no diagnostic
`

const events = `{"sequence":0,"preludeEvent":{"config":{"a":"error: LimitExceeded"}}}
{"sequence":1,"diagnosticEvent":{"urn":"urn:a","message":"<{%reset%}>LimitExceeded<{%reset%}>\n","severity":"error"}}
{"sequence":2,"diagnosticEvent":{"urn":"urn:a","message":"QuotaExceeded","severity":"warning"}}
{"sequence":3,"diagnosticEvent":{"message":"update failed","severity":"error"}}
`

func TestRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{output, "Vcn net: 400-LimitExceeded, The following service limits were exceeded: vcn-count.|" +
			"Service guestbook-frontend: TooManyRequests|"},
		{events, "of urn:a: LimitExceeded|"},
		{"", ""},
	} {
		list, err := Read(strings.NewReader(c.text), func(urn string) string { return "of " + urn })
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range Explain(list, "dev") {
			first, _, _ := strings.Cut(f.String(), "\n")
			got += first + "|"
		}
		if got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
	if _, err := Read(strings.NewReader(`{"sequence":`), nil); err == nil {
		t.Error("no error for half an event")
	}
}
