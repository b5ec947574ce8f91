package catalog

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	tokenForm      = regexp.MustCompile(`^oci:[A-Z]\w+/([a-z]\w+):([A-Z]\w+)$`)
	collectionForm = regexp.MustCompile(`^/(20\d{6}|n)(/(\w+|\{\w+\}))+$`)
	fieldForm      = regexp.MustCompile(`^[a-z]\w*(\.[a-z]\w*)*$`)
	clientForm     = regexp.MustCompile(`^oci_[a-z]\w*\.[A-Z]\w*Client$`)
	nameForm       = regexp.MustCompile(`^[a-z]+$`)
)

func TestProviderClients(t *testing.T) {
	all := ProviderClients()
	for i, c := range all {
		if !clientForm.MatchString(string(c)) || i > 0 && all[i-1] >= c {
			t.Errorf("line %d, %q, is not oci_service.NameClient, or not after the line before", i+1, c)
		}
	}
	for _, c := range Clients() {
		if !slices.Contains(all, c) {
			t.Errorf("clients.txt lacks %s, which is emulated", c)
		}
	}
}

func TestKindsAreWellFormed(t *testing.T) {
	for _, k := range Kinds() {
		parts := tokenForm.FindStringSubmatch(k.Token)
		if parts == nil || !strings.EqualFold(parts[1], parts[2]) {
			t.Errorf("%q is not of the form oci:Module/name:Name", k.Token)
		}
		if !slices.Contains(Clients(), k.Client) {
			t.Errorf("%s: Clients has no %q", k.Token, k.Client)
		}
		if !collectionForm.MatchString(string(k.Collection)) {
			t.Errorf("%s: collection %q", k.Token, k.Collection)
		}
		if len(k.ID.Variables()) == 0 {
			t.Errorf("%s: the id %q has no variable", k.Token, k.ID)
		}
		if !nameForm.MatchString(k.Name) {
			t.Errorf("%s: name %q", k.Token, k.Name)
		}
		if k.NameQuery != "" && k.NameQuery != "name" && k.NameQuery != "displayName" {
			t.Errorf("%s: name query %q", k.Token, k.NameQuery)
		}
		for _, f := range k.ForceNew {
			if !fieldForm.MatchString(f) {
				t.Errorf("%s: replacement rule %q", k.Token, f)
			}
		}
		if !slices.IsSorted(k.ForceNew) {
			t.Errorf("%s: sort its replacement rules", k.Token)
		}
	}
	if !slices.IsSortedFunc(Kinds(), func(a, b Kind) int { return strings.Compare(a.Token, b.Token) }) {
		t.Error("sort the kinds by token: Lookup searches them")
	}
}

// Two entries with one token would also make Lookup return either.
func TestEveryTokenHasOneEntry(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.Token] {
			t.Errorf("%s has two entries", k.Token)
		}
		seen[k.Token] = true
		if found, ok := Lookup(k.Token); !ok || found.Token != k.Token {
			t.Errorf("Lookup does not find %s", k.Token)
		}
	}
	if _, ok := Lookup("oci:Core/instance:Instance"); ok {
		t.Error("Lookup finds a kind that is not listed")
	}
}

func TestItem(t *testing.T) {
	for token, want := range map[string]Template{
		VCN:    "/20160918/vcns/{id}",
		Addon:  "/20180222/clusters/{clusterId}/addons/{addonName}",
		Log:    "/20200531/logGroups/{logGroupId}/logs/{id}",
		Bucket: "/n/{namespace}/b/{name}",
	} {
		k, _ := Lookup(token)
		if got := k.Item(); got != want {
			t.Errorf("%s: %s, want %s", token, got, want)
		}
		if got := k.ChosenID(); got != (token == Addon || token == Bucket) {
			t.Errorf("%s: the program chooses the id: %t", token, got)
		}
	}
}

func TestTemplate(t *testing.T) {
	const template Template = "n/{namespace}/b/{name}"
	vars := map[string]any{"namespace": "tenancy", "name": "a/b c"}
	text := template.Expand(vars)
	if text != "n/tenancy/b/a%2Fb%20c" {
		t.Errorf("expanded: %s", text)
	}
	if got, ok := template.Parse(text); !ok || !maps.Equal(got, vars) {
		t.Errorf("parsed: %v, %t", got, ok)
	}
	for _, text := range []string{"", "n/tenancy/b", "n/tenancy/c/d", "n//b/d", "n/tenancy/b/d/e", "n/%zz/b/d"} {
		if got, ok := template.Parse(text); ok {
			t.Errorf("%q has the form of %s: %v", text, template, got)
		}
	}
	if got := template.Expand(nil); got != "n//b/" {
		t.Errorf("expanded without values: %s", got)
	}
}

func TestForceNew(t *testing.T) {
	for _, c := range []struct {
		token, path string
		want        bool
	}{
		{VCN, "cidrBlock", true},
		{VCN, "cidrBlocks[0]", false},
		{VCN, "displayName", false},
		{Cluster, "clusterPodNetworkOptions[0].cniType", true},
		{Cluster, "endpointConfig.subnetId", true},
		{Cluster, "endpointConfig.isPublicIpEnabled", false},
		{Cluster, "endpointConfig", false},
		{"kubernetes:core/v1:Service", "spec.clusterIP", true},
		{"kubernetes:core/v1:Service", "spec.clusterIPs[0]", false},
		{"kubernetes:core/v1:Pod", "spec.containers[1].image", true},
		{"kubernetes:core/v1:Pod", "spec.containers[1].name", false},
		{"kubernetes:apps/v1:StatefulSet", "spec.volumeClaimTemplates[0].spec.accessModes[0]", true},
		{"kubernetes:batch/v1:Job", `spec.template.metadata.labels["app"]`, true},
		{"kubernetes:batch/v1:CronJob", "metadata.name", true},
		{"kubernetes:storage.k8s.io/v1:StorageClass", `parameters["type"]`, true},
		{"pulumi:providers:kubernetes", "metadata.name", false},
		{"pulumi:index:Stash", "input", false},
	} {
		if got := ForceNew(c.token).Contains(c.path); got != c.want {
			t.Errorf("a change of %s replaces a %s: %t", c.path, c.token, got)
		}
	}
}

func TestEveryClientHasAHost(t *testing.T) {
	for _, client := range Clients() {
		if client == KeyClient {
			continue // each vault has an endpoint of its own
		}
		if host := client.Host(); !strings.Contains(host, "{region}") || !strings.Contains(host, "{secondLevelDomain}") {
			t.Errorf("%s has the host %q", client, host)
		}
	}
}
