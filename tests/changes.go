package tests

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// changes are settings as a user might change them one day, on stack local with an enhanced cluster.
var changes = []struct {
	what string
	set  map[string]string
}{
	{"frontendReplicas", map[string]string{"frontendReplicas": "4"}},
	{"frontendMaxReplicas", map[string]string{"frontendMaxReplicas": "9"}},
	{"no autoscaler", map[string]string{"frontendMaxReplicas": "3"}},
	{"frontendImage", map[string]string{"frontendImage": "registry.local/guestbook:v2"}},
	{"frontendMemoryMb", map[string]string{"frontendMemoryMb": "128"}},
	{"loadBalancerMbps", map[string]string{"loadBalancerMbps": "100"}},
	{"exposure", map[string]string{"exposure": "node-port"}},
	{"mongoImage", map[string]string{"mongoImage": "docker.io/library/mongo:8.2"}},
	{"mongoMemoryMb", map[string]string{"mongoMemoryMb": "1024"}},
	{"mongoReplicas", map[string]string{"mongoReplicas": "3"}},
	{"storageGb", map[string]string{"storageGb": "100"}},
	{"credentialsRelease", map[string]string{"credentialsRelease": "2"}},
	{"externalDatabase", map[string]string{"externalDatabase": "mongo.example.com", "databasePassword": "example"}},
	{"backupSchedule", map[string]string{"backupSchedule": "0 3 * * *"}},
	{"quotaCpuMillis", map[string]string{"quotaCpuMillis": "9000"}},
	{"profile", map[string]string{"profile": "tutorial"}},
	{"another guestbook", map[string]string{"guestbooks": `[{"name":"guestbook"},{"name":"busan"}]`}},
	{"kubernetesVersion of the nodes", map[string]string{"nodePools": pool(`"size":2,"kubernetesVersion":"v1.35.4"`)}},
	{"size of a node pool", map[string]string{"nodePools": pool(`"size":3`)}},
	{"labels of a node pool", map[string]string{"nodePools": pool(`"size":2,"labels":{"team":"web"}`)}},
	{"another node pool", map[string]string{"nodePools": `[{"name":"workers","size":2,"ocpus":2,"memoryGb":12},{"name":"more","size":1,"ocpus":2,"memoryGb":12}]`}},
	{"loadBalancers: one kind more", map[string]string{"loadBalancers": "both", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`}},
	{"bastion", map[string]string{"bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`}},
	{"internetEgress", map[string]string{"internetEgress": "none"}},
	{"flowLogs", map[string]string{"flowLogs": `["workers"]`}},
	{"securityBy", map[string]string{"securityBy": "groups"}},
	{"nodeImageRelease", map[string]string{"nodeImageRelease": "november"}},
	{"addons", map[string]string{"addons": `["CertManager","KubernetesMetricsServer"]`}},
	{"logDestination", map[string]string{"logDestination": "logs.example.com:24224"}},
	{"tags", map[string]string{"tags": `{"team":"web"}`}},
}

func pool(rest string) string {
	return `[{"name":"workers","shape":"VM.Standard.A1.Flex","ocpus":2,"memoryGb":12,` + rest + `}]`
}

// replacing are the properties that cannot change in place, by type (terraform-provider-oci, ForceNew; pulumi-kubernetes,
// provider/pkg/provider/diff.go).
var replacing = map[string]*regexp.Regexp{
	"oci:ContainerEngine/cluster:Cluster":      regexp.MustCompile(`^(compartmentId|vcnId|kmsKeyId|clusterPodNetworkOptions|options\.(kubernetesNetworkConfig|serviceLbSubnetIds)|endpointConfig\.subnetId)`),
	"oci:ContainerEngine/nodePool:NodePool":    regexp.MustCompile(`^(clusterId|compartmentId|nodeConfigDetails\.nodePoolPodNetworkOptionDetails\.cniType)`),
	"oci:Core/vcn:Vcn":                         regexp.MustCompile(`^(cidrBlock$|dnsLabel|compartmentId)`),
	"oci:Core/subnet:Subnet":                   regexp.MustCompile(`^(vcnId|availabilityDomain|dnsLabel|prohibit)`),
	"oci:ObjectStorage/bucket:Bucket":          regexp.MustCompile(`^(namespace|storageTier)`),
	"oci:Identity/policy:Policy":               regexp.MustCompile(`^(compartmentId|name)`),
	"kubernetes:apps/v1:StatefulSet":           regexp.MustCompile(`^(metadata\.name|spec\.(podManagementPolicy|revisionHistoryLimit|selector|serviceName|volumeClaimTemplates))`),
	"kubernetes:apps/v1:Deployment":            regexp.MustCompile(`^(metadata\.name|spec\.selector)`),
	"kubernetes:core/v1:PersistentVolumeClaim": regexp.MustCompile(`^(metadata\.name|spec\.(accessModes|selector|storageClassName|volumeName))`),
	"kubernetes:core/v1:Service":               regexp.MustCompile(`^(metadata\.name|spec\.clusterIP$)`),
	"kubernetes:core/v1:Secret":                regexp.MustCompile(`^(metadata\.name|type)`),
	"kubernetes:core/v1:ResourceQuota":         regexp.MustCompile(`^(metadata\.name|spec\.scopes)`),
	"kubernetes:batch/v1:Job":                  regexp.MustCompile(`^(metadata\.name|spec\.(completions|parallelism|selector|template))`),
}

// precious is what no change of a setting above may replace or delete.
var precious = []string{
	"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool", "oci:Core/vcn:Vcn", "oci:Core/subnet:Subnet",
	"kubernetes:core/v1:Namespace", "kubernetes:core/v1:PersistentVolumeClaim", "pulumi:providers:kubernetes",
}

// testChanges compares what each change of a setting does to which resource with a golden file.
func (p program) testChanges(t *testing.T) {
	enhanced := map[string]string{"clusterType": "enhanced"}
	before, err := p.run(t, "local", enhanced)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, c := range changes {
		set := maps.Clone(enhanced)
		maps.Copy(set, c.set)
		after, err := p.run(t, "local", set)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		fmt.Fprintf(&out, "%s\n", c.what)
		for _, e := range effects(before, after) {
			fmt.Fprintf(&out, "  %-8s %s %s %s\n", e.verb, e.typ, e.name, strings.Join(e.paths, " "))
			lost := e.verb == "replace" || e.verb == "delete"
			if lost && slices.Contains(precious, e.typ) || e.verb == "replace" && e.typ == "kubernetes:apps/v1:StatefulSet" {
				t.Errorf("%s: would %s %s %s", c.what, e.verb, e.typ, e.name)
			}
		}
	}
	golden(t, "changes", strings.ReplaceAll(out.String(), " \n", "\n"))
}

type effect struct {
	verb, typ, name string
	paths           []string // of the inputs that change
}

// effects lists what the engine would do to go from one recording to another.
func effects(before, after *recorder) []effect {
	index := func(r *recorder) map[string]registration {
		m := map[string]registration{}
		for _, res := range r.resources {
			m[res.Type+" "+res.Name] = res
		}
		return m
	}
	old, now := index(before), index(after)
	var list []effect
	for key, was := range old {
		is, kept := now[key]
		if !kept {
			list = append(list, effect{verb: "delete", typ: was.Type, name: was.Name})
			continue
		}
		if paths := changedPaths(was, is); len(paths) > 0 {
			e := effect{verb: "update", typ: is.Type, name: is.Name, paths: paths}
			if rule := replacing[is.Type]; rule != nil && slices.ContainsFunc(paths, rule.MatchString) {
				e.verb = "replace"
			}
			list = append(list, e)
		}
	}
	for key, is := range now {
		if _, was := old[key]; !was {
			list = append(list, effect{verb: "create", typ: is.Type, name: is.Name})
		}
	}
	slices.SortFunc(list, func(a, b effect) int {
		return strings.Compare(a.verb+a.typ+a.name, b.verb+b.typ+b.name)
	})
	return list
}

// testSecondLoadBalancerSubnet gives a network with internal load balancers public ones too: the cluster names a subnet for
// load balancers, cannot change it, and has to live on.
func (p program) testSecondLoadBalancerSubnet(t *testing.T) {
	set := map[string]string{"loadBalancers": "internal", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`, "loadBalancerAllowedCidrs": "[]", "exposure": "internal"}
	before, err := p.run(t, "local", set)
	if err != nil {
		t.Fatal(err)
	}
	set = maps.Clone(set)
	set["loadBalancers"], set["loadBalancerAllowedCidrs"] = "both", `["0.0.0.0/0"]`
	after, err := p.run(t, "local", set)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range effects(before, after) {
		if e.verb != "create" && slices.Contains(precious, e.typ) {
			t.Errorf("would %s %s %s %v", e.verb, e.typ, e.name, e.paths)
		}
	}
}

// changedPaths lists the inputs that differ and that the resource does not ignore. Of a long list under one node the node is told.
func changedPaths(was, is registration) []string {
	old, now := map[string]string{}, map[string]string{}
	flatten("", resource.NewProperty(was.Inputs), old)
	flatten("", resource.NewProperty(is.Inputs), now)
	differ := map[string]bool{}
	for _, m := range []map[string]string{old, now} {
		for path := range m {
			if old[path] != now[path] && !ignored(path, is.Options.GetIgnoreChanges()) {
				differ[shorten(path)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(differ))
}

func ignored(path string, ignore []string) bool {
	return slices.ContainsFunc(ignore, func(i string) bool { return strings.HasPrefix(path, i) })
}

// shorten keeps the parts of a path up to the fourth.
func shorten(path string) string {
	parts := strings.Split(path, ".")
	return strings.Join(parts[:min(len(parts), 4)], ".")
}

// flatten writes every leaf of a value to out by its path. Whether a leaf is a secret makes no difference.
func flatten(path string, v resource.PropertyValue, out map[string]string) {
	switch {
	case v.IsSecret():
		flatten(path, v.SecretValue().Element, out)
	case v.IsObject():
		for key, item := range v.ObjectValue() {
			flatten(strings.TrimPrefix(path+"."+string(key), "."), item, out)
		}
	case v.IsArray():
		for i, item := range v.ArrayValue() {
			flatten(fmt.Sprintf("%s[%d]", path, i), item, out)
		}
	default:
		out[path] = v.String()
	}
}
