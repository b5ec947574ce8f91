package tests

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"go.yaml.in/yaml/v3"

	"oke-guestbook/internal/golden"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/workload"
)

// kinds returns settings with guestbooks that between them have every object and field that the component can make.
func kinds(t *testing.T) map[string]string {
	t.Helper()
	list, err := json.Marshal([]map[string]any{
		{
			"name": "full", "mongoReplicas": 3, "reservedAddress": mocks.ReservedAddress,
			"tlsCertificate": certificate, "tlsPrivateKey": privateKey,
			"backupSchedule": "0 3 * * *", "restoreFrom": "2026-11-23T03-00-00Z.archive.gz",
		},
		{
			"name": "elsewhere", "exposure": "internal", "frontendMaxReplicas": 3,
			"externalDatabase": "mongo.example.com", "databasePassword": "example",
		},
		{"name": "network", "loadBalancerType": "nlb"},
		{
			"name": "automatic", "acmeDirectory": workload.LetsEncrypt, "acmeEmail": "ops@example.com",
			"tlsHostname": "guestbook.example.com", "dnsZoneId": mocks.ZoneID,
		},
		{"name": "classroom-network", "loadBalancerType": "nlb", "exposure": "internal", "profile": "tutorial"},
		{"name": "nodes", "exposure": "node-port"},
		{"name": "classroom", "profile": "tutorial", "frontendImage": "docker.io/paulczar/gb-frontend:v5"},
		{
			"name": "classroom-elsewhere", "profile": "tutorial", "exposure": "none", "frontendMaxReplicas": 4,
			"externalDatabase": "mongo.example.com",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"clusterType": "enhanced", "addons": metrics["addons"], "podNetwork": "vcn-native", "securityBy": "groups",
		"nodePools":      `[{"name":"workers","size":3,"shape":"VM.Standard.E5.Flex","ocpus":2,"memoryGb":12}]`,
		"internetEgress": "workers-and-pods", "loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
		"loadBalancers": "both", "loadBalancerPorts": `["80","443"]`, "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`,
		"logDestination": "logs.example.com:24224", "networkPolicies": "enforced", "guestbooks": string(list),
		"extraRules": `[{"from":"pods","to":"198.51.100.0/24","protocol":"tcp","ports":"24000-28000"}]`,
	}
}

// TestObjects compares every Kubernetes object with a golden file. The local cloud's tests hand that file to a real
// Kubernetes API server (local/kube, TestAdmission).
func TestObjects(t *testing.T) {
	r, err := run(t, "local", kinds(t))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "objects.yaml", manifest(t, r))
}

// manifest writes the recorded Kubernetes objects as YAML, in an order in which they can be created. Of secrets it
// writes the names, without the part that depends on the certificate.
func manifest(t *testing.T, r *mocks.Recorder) string {
	t.Helper()
	type document struct {
		rank int
		id   string
		body map[string]any
	}
	var documents []document
	for _, res := range r.Resources {
		if !strings.HasPrefix(res.Type, "kubernetes:") {
			continue
		}
		body, ok := concealed(resource.NewProperty(res.Inputs)).(map[string]any)
		if !ok {
			t.Fatalf("the inputs of %s %q are no object", res.Type, res.Name)
		}
		kind := res.Type[strings.LastIndex(res.Type, ":")+1:]
		meta, _ := body["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		namespace, _ := meta["namespace"].(string)
		if kind == "Namespace" {
			namespace = name
		}
		documents = append(documents, document{rank(kind), namespace + " " + kind + " " + name, body})
	}
	slices.SortFunc(documents, func(a, b document) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), strings.Compare(a.id, b.id))
	})
	var out strings.Builder
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	for _, d := range documents {
		if err := encoder.Encode(d.body); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// rank orders namespaces first, then their limits, then what Pods need to start.
func rank(kind string) int {
	first := []string{
		"Namespace", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim",
	}
	if i := slices.Index(first, kind); i >= 0 {
		return i
	}
	return len(first)
}

// concealed returns a value for YAML, without its secrets.
func concealed(v resource.PropertyValue) any {
	switch {
	case v.IsSecret():
		if v.SecretValue().Element.IsObject() {
			return concealed(v.SecretValue().Element)
		}
		return "concealed"
	case v.IsObject():
		m := map[string]any{}
		for key, item := range v.ObjectValue() {
			m[string(key)] = concealed(item)
		}
		return m
	case v.IsArray():
		var list []any
		for _, item := range v.ArrayValue() {
			list = append(list, concealed(item))
		}
		return list
	case v.IsString() && strings.Contains(v.StringValue(), "-----BEGIN"):
		return "concealed"
	case v.IsString():
		return tlsName.ReplaceAllString(v.StringValue(), "frontend-tls-concealed")
	}
	return v.V
}
