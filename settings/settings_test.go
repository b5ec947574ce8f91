package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/problem/problemtest"
)

const compartmentOCID = "ocid1.compartment.oc1..aaaaexample"

func load(over map[string]string) (*Settings, error) {
	config := map[string]string{
		"oke-guestbook:compartmentId":            compartmentOCID,
		"oke-guestbook:loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
		"oke-guestbook:frontendImage":            "iad.ocir.io/tenancy/guestbook:v1",
		"oci:region":                             "us-ashburn-1",
	}
	for k, v := range over {
		if !strings.Contains(k, ":") {
			k = "oke-guestbook:" + k
		}
		config[k] = v
	}
	return Load("oke-guestbook", "test", config, func(string) bool { return true })
}

func TestDefaultsAreValid(t *testing.T) {
	s, err := load(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Guestbooks) != 1 || s.Guestbooks[0].Namespace != "guestbook" {
		t.Errorf("guestbooks %v", s.Guestbooks)
	}
}

func TestLoadReadsEveryKind(t *testing.T) {
	s, err := load(map[string]string{
		"protect":          "true",
		"frontendReplicas": "5",
		"vcnCidr":          "10.20.0.0/16",
		"tags":             `{"team":"web"}`,
		"nodePools": `[{"name":"arm","size":3,"ocpus":1,"memoryGb":6.5,"labels":{"a/b":"c"}},
			{"name":"old","size":1,"shape":"VM.Standard2.1"}]`,
		"guestbooks": `[{"name":"seoul"},{"name":"busan","frontendReplicas":1}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Protect || s.Network.VcnCIDR != "10.20.0.0/16" || !maps.Equal(s.Tags, map[string]string{"team": "web"}) {
		t.Errorf("got %+v", s)
	}
	arm := s.Cluster.NodePools[0]
	if arm.Shape != "VM.Standard.A1.Flex" || arm.BootVolumeGB != 50 || arm.MemoryGB != 6.5 || arm.Labels["a/b"] != "c" {
		t.Errorf("a pool keeps the defaults of what it does not say: %+v", arm)
	}
	seoul, busan := s.Guestbooks[0], s.Guestbooks[1]
	if seoul.FrontendReplicas != 5 || busan.FrontendReplicas != 1 || busan.Namespace != "busan" {
		t.Errorf("a guestbook keeps the stack's settings where it has none of its own: %+v", s.Guestbooks)
	}
}

// networks is a list of n of them.
func networks(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("203.0.%d.0/24", i)
	}
	raw, _ := json.Marshal(all)
	return string(raw)
}

// refusal is settings that must have the wanted problems, as in problemtest.Check.
type refusal struct {
	name string
	set  map[string]string
	want []string
}

func checkRefusals(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, tc := range refusals {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(tc.set)
			problemtest.Check(t, err, tc.want...)
		})
	}
}

// pool sets one node pool of two nodes with the rest of its fields.
func pool(rest string) map[string]string {
	return map[string]string{"nodePools": `[{"name":"workers","size":2,` + rest + `}]`}
}

// native is pool with VCN-native Pods.
func native(rest string) map[string]string {
	set := pool(rest)
	set["podNetwork"] = "vcn-native"
	return set
}

// TestNativePodsThatFit expects as many Pods as the VNICs of a shape allow. An unknown shape allows any number.
func TestNativePodsThatFit(t *testing.T) {
	for _, rest := range []string{
		`"ocpus":1,"memoryGb":6,"maxPodsPerNode":31`, `"ocpus":4,"memoryGb":24,"maxPodsPerNode":93`,
		`"ocpus":80,"memoryGb":160,"maxPodsPerNode":110`, `"shape":"BM.Standard.E5.192","maxPodsPerNode":110`,
		`"shape":"VM.Optimized3.Flex","ocpus":2,"memoryGb":12,"maxPodsPerNode":93`,
	} {
		if _, err := load(native(rest)); err != nil {
			t.Errorf("%s: %v", rest, err)
		}
	}
	if _, err := load(pool(`"ocpus":1,"memoryGb":6,"maxPodsPerNode":110`)); err != nil {
		t.Errorf("an overlay: %v", err)
	}
}

// cycling sets one node pool that replaces its nodes.
func cycling(surge, unavailable string) map[string]string {
	set := pool(fmt.Sprintf(`"ocpus":1,"memoryGb":6,"maxSurge":%q,"maxUnavailable":%q`, surge, unavailable))
	set["clusterType"] = "enhanced"
	return set
}

func TestRefusedSettings(t *testing.T) {
	checkRefusals(t, []refusal{
		{"compartment missing", map[string]string{"compartmentId": ""}, []string{"compartmentId"}},
		{"too long a wait", map[string]string{"policyWaitSeconds": "601"}, []string{"policyWaitSeconds 601 600"}},
		{
			"compartment of the wrong kind",
			map[string]string{"compartmentId": "ocid1.vcn.oc1..a"},
			[]string{"compartmentId ocid1.vcn.oc1..a"},
		},
		{"CIDR with host bits", map[string]string{"vcnCidr": "10.0.0.1/16"}, []string{"vcnCidr 10.0.0.1/16 10.0.0.0/16"}},
		{"CIDR outside /16 to /30", map[string]string{"vcnCidr": "10.0.0.0/15"}, []string{"vcnCidr 10.0.0.0/15 /16 /30"}},
		{"CIDR too small", map[string]string{"vcnCidr": "10.0.0.0/28"}, []string{"vcnCidr 10.0.0.0/28"}},
		{
			"CIDR without room for the nodes",
			map[string]string{"vcnCidr": "10.0.0.0/24", "nodePools": `[{"name":"w","size":80,"shape":"VM.Standard2.1"}]`},
			[]string{"subnets.workers 80"},
		},
		{
			"overlapping CIDRs",
			map[string]string{"podsCidr": "10.0.64.0/18"},
			[]string{"podsCidr 10.0.64.0/18 10.0.0.0/16 vcnCidr"},
		},
		{
			"load balancers for nobody",
			map[string]string{"loadBalancerAllowedCidrs": "[]"},
			[]string{"loadBalancerAllowedCidrs"},
		},
		{
			"logs to nowhere",
			map[string]string{"logDestination": "logs.example.com"},
			[]string{"logDestination logs.example.com"},
		},
		{
			"policies of nobody's making",
			map[string]string{"networkPolicies": "calico"},
			[]string{"networkPolicies calico enforced inert"},
		},
		{
			"nothing to enforce",
			map[string]string{"networkPolicies": "enforced", "profile": "tutorial"},
			[]string{"networkPolicies enforced hardened inert"},
		},
		{
			"nothing to enforce in any guestbook",
			map[string]string{
				"networkPolicies": "enforced",
				"guestbooks":      `[{"name":"a","profile":"tutorial"},{"name":"b","profile":"tutorial"}]`,
			},
			[]string{"networkPolicies hardened"},
		},
		{
			"enforcer of no registry",
			map[string]string{"networkPolicyImage": "kube-network-policies:v1.1.1"},
			[]string{"networkPolicyImage registry host"},
		},
		{
			"enforcer of a version that moves",
			map[string]string{"networkPolicyImage": "registry.k8s.io/networking/kube-network-policies:latest"},
			[]string{"networkPolicyImage latest"},
		},
		{"logs to a name of a port", map[string]string{"logDestination": "x:abc"}, []string{"logDestination x:abc 1 65535"}},
		{"logs to port 0", map[string]string{"logDestination": "x:0"}, []string{"logDestination x:0"}},
		{"logs to a port out of range", map[string]string{"logDestination": "x:65536"}, []string{"logDestination x:65536"}},
		{
			"method of authentication that the kubeconfig cannot have",
			map[string]string{"oci:auth": "InstancePrincipalWithCerts"},
			[]string{"oci:auth InstancePrincipalWithCerts SecurityToken"},
		},
		{
			"budget for nobody",
			map[string]string{"budgetMonthly": "100", "oci:tenancyOcid": "ocid1.tenancy.oc1..a"},
			[]string{"budgetEmails"},
		},
		{
			"budget without tenancy",
			map[string]string{"budgetMonthly": "100", "budgetEmails": `["ops@example.com"]`},
			[]string{"tenancyId"},
		},
		{
			"policy of the cluster without tenancy",
			map[string]string{"clusterPolicy": "true", "definedTags": `{"Operations.CostCenter":"42"}`},
			[]string{"tenancyId clusterPolicy tag-namespaces"},
		},
		{
			"container logs without tenancy",
			map[string]string{"containerLogs": "true"},
			[]string{"tenancyId containerLogs containerLogsGroup"},
		},
		{
			"container logs without region",
			map[string]string{"containerLogs": "true", "containerLogsGroup": "ocid1.dynamicgroup.oc1..a", "oci:region": ""},
			[]string{"containerLogs oci:region"},
		},
		{
			"a group without container logs",
			map[string]string{"containerLogsGroup": "ocid1.dynamicgroup.oc1..a"},
			[]string{"containerLogsGroup"},
		},
		{"addresses without a budget", map[string]string{"budgetEmails": `["ops@example.com"]`}, []string{"budgetEmails"}},
		{"no address", map[string]string{"budgetEmails": `["Ops <ops@example.com>"]`}, []string{"budgetEmails Ops"}},
		{
			"alarms of a basic cluster",
			map[string]string{"alarmEmails": `["ops@example.com"]`, "clusterType": "basic"},
			[]string{"alarmEmails enhanced"},
		},
		{
			"alarms twice",
			map[string]string{
				"alarmEmails": `["ops@example.com"]`, "alarmTopicId": "ocid1.onstopic.oc1.iad.a", "clusterType": "enhanced",
			},
			[]string{"alarmTopicId alarmEmails"},
		},
		{
			"alarms of nothing",
			map[string]string{"alarmEmails": `["ops@example.com"]`, "profile": "tutorial", "clusterType": "enhanced"},
			[]string{"alarmEmails hardened"},
		},
		{"alarms for nobody", map[string]string{"alarmEmails": `["ops"]`}, []string{"alarmEmails ops"}},
		{"topic", map[string]string{"alarmTopicId": "ocid1.topic.oc1..a"}, []string{"alarmTopicId ocid1.topic.oc1..a"}},
		{"negative budget", map[string]string{"budgetMonthly": "-1"}, []string{"budgetMonthly -1"}},
		{"command for tokens", map[string]string{"tokenCommand": "kubectl"}, []string{"tokenCommand kubectl auto oci oke"}},
		{"home region", map[string]string{"homeRegion": "Ashburn"}, []string{"homeRegion Ashburn us-ashburn-1"}},
		{"reserved tag", map[string]string{"tags": `{"stack":"x"}`}, []string{"tags stack"}},
		{"tag of node pools", map[string]string{"tags": `{"nodePoolSetting":"x"}`}, []string{"tags nodePoolSetting"}},
		{
			"all at once",
			map[string]string{"compartmentId": "", "storageGb": "0", "mongoImage": "mongo"},
			[]string{"compartmentId", "mongoImage", "storageGb"},
		},
	})
}

func TestRefusedForms(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"typing error in a subnet",
			map[string]string{"subnets": `{"api":{"prefixLen":29}}`},
			[]string{"subnets.api.prefixLen prefixLength"},
		},
		{
			"subnet without a size",
			map[string]string{"subnets": `{"workers":{"prefixLength":0}}`},
			[]string{"subnets.workers.prefixLength 0"},
		},
		{"typing error", map[string]string{"frontendReplica": "2"}, []string{"frontendReplica frontendReplicas"}},
		{"nothing near", map[string]string{"zzzzzzzz": "2"}, []string{"zzzzzzzz"}},
		{"typing error of the provider's", map[string]string{"oci:regoin": "us-ashburn-1"}, []string{"oci:regoin region?"}},
		{
			"setting of a provider that reads none",
			map[string]string{"kubernetes:context": "x"},
			[]string{"kubernetes:context"},
		},
		{
			"setting of nobody",
			map[string]string{"oke-gestbook:frontendReplicas": "2"},
			[]string{"oke-gestbook:frontendReplicas oke-gestbook oke-guestbook:"},
		},
		{"typing error in a list", pool(`"ocpu":2,"memoryGb":12`), []string{"nodePools[0].ocpu ocpus?"}},
		{"wrong type", map[string]string{"frontendReplicas": "many"}, []string{"frontendReplicas"}},
		{"wrong type in a list", pool(`"ocpus":"two","memoryGb":12`), []string{"nodePools[0].ocpus"}},
		{"no list", map[string]string{"nodePools": `{"name":"workers"}`}, []string{"nodePools"}},
	})
}

func TestRefusedPools(t *testing.T) {
	newNodes := pool(`"ocpus":1,"memoryGb":6,"kubernetesVersion":"v1.37.1"`)["nodePools"]
	checkRefusals(t, []refusal{
		{
			"flexible shape without OCPUs", pool(`"shape":"VM.Standard.E4.Flex","memoryGb":16`),
			[]string{"nodePools[0].ocpus VM.Standard.E4.Flex"},
		},
		{"too much memory", pool(`"ocpus":1,"memoryGb":65`), []string{"nodePools[0].memoryGb memoryGb 1 64 65"}},
		{"too little memory", pool(`"ocpus":4,"memoryGb":2`), []string{"nodePools[0].memoryGb memoryGb 4 256"}},
		{
			"zero nodes",
			map[string]string{"nodePools": `[{"name":"workers","size":0,"ocpus":1,"memoryGb":6}]`},
			[]string{"nodePools[0].size keeps 1"},
		},
		{
			"negative boot volume", pool(`"ocpus":1,"memoryGb":6,"bootVolumeGb":-1`),
			[]string{"nodePools[0].bootVolumeGb 50 32768 -1"},
		},
		{"no node pool", map[string]string{"nodePools": "[]"}, []string{"nodePools"}},
		{
			"two pools of a name",
			map[string]string{"nodePools": `[{"name":"a","size":1,"shape":"VM.Standard2.1"},` +
				`{"name":"a","size":1,"shape":"VM.Standard2.1"}]`},
			[]string{"nodePools[1].name nodePools[0]"},
		},
		{
			"cycling on a basic cluster", pool(`"ocpus":1,"memoryGb":6,"maxSurge":"1"`),
			[]string{"nodePools[0].maxSurge clusterType"},
		},
		{"cycling without a step", cycling("0", "0"), []string{"nodePools[0].maxSurge maxUnavailable 0 1"}},
		{"cycling without a step by default", cycling("0%", ""), []string{"nodePools[0].maxSurge"}},
		{"no Pods", pool(`"ocpus":1,"memoryGb":6,"maxPodsPerNode":0`), []string{"nodePools[0].maxPodsPerNode 1 110 0"}},
		{
			"more Pods than VNICs have addresses for", native(`"ocpus":2,"memoryGb":12,"maxPodsPerNode":32`),
			[]string{"nodePools[0].maxPodsPerNode 32 31 ocpus 2"},
		},
		{
			"more Pods than three VNICs have addresses for", native(`"ocpus":3.5,"memoryGb":12,"maxPodsPerNode":63`),
			[]string{"nodePools[0].maxPodsPerNode 63 62 3"},
		},
		{
			"more Pods than a fixed shape has addresses for", native(`"shape":"VM.Standard2.4","maxPodsPerNode":110`),
			[]string{"nodePools[0].maxPodsPerNode 110 93 VM.Standard2.4"},
		},
		{
			"taint without an effect", pool(`"ocpus":1,"memoryGb":6,"taints":["team=web"]`),
			[]string{"nodePools[0].taints team=web NoSchedule"},
		},
		{
			"two taints of a key", pool(`"ocpus":1,"memoryGb":6,"taints":["a=b:PreferNoSchedule","a:PreferNoSchedule"]`),
			[]string{"nodePools[0].taints a=b:PreferNoSchedule"},
		},
		{
			"taint with quotes", pool(`"ocpus":1,"memoryGb":6,"taints":["team=\"web:PreferNoSchedule"]`),
			[]string{"nodePools[0].taints NoSchedule"},
		},
		{
			"taints on all pools", pool(`"ocpus":1,"memoryGb":6,"taints":["team=web:NoSchedule"]`),
			[]string{"nodePools[0].taints PreferNoSchedule"},
		},
		{
			"cloud-init without an interpreter", pool(`"ocpus":1,"memoryGb":6,"cloudInit":"echo hello"`),
			[]string{"nodePools[0].cloudInit #! #cloud-config"},
		},
		{
			"cloud-init from Windows", pool(`"ocpus":1,"memoryGb":6,"cloudInit":"#!/bin/sh\r\necho hello"`),
			[]string{"nodePools[0].cloudInit Windows"},
		},
		{
			"cloud-init that does not fit", pool(`"ocpus":1,"memoryGb":6,"cloudInit":"#!/bin/sh` +
				strings.Repeat("x", 12000) + `"`),
			[]string{"nodePools[0].cloudInit 16000"},
		},
		{"bad label", pool(`"ocpus":1,"memoryGb":6,"labels":{"a b":"c"}`), []string{"nodePools[0].labels a b"}},
		{"bad domain", map[string]string{"availabilityDomains": "[4]"}, []string{"availabilityDomains 1 3 4"}},
		{"version", map[string]string{"kubernetesVersion": "1.36"}, []string{"kubernetesVersion 1.36"}},
		{
			"version of a build",
			map[string]string{"kubernetesVersion": "v1.36.4-1820"},
			[]string{"kubernetesVersion v1.36.4-1820"},
		},
		{
			"version of nodes", pool(`"ocpus":1,"memoryGb":6,"kubernetesVersion":"latest"`),
			[]string{"nodePools[0].kubernetesVersion latest"},
		},
		{
			"nodes newer than the control plane",
			map[string]string{"kubernetesVersion": "v1.36", "nodePools": newNodes},
			[]string{"nodePools[0].kubernetesVersion v1.37.1"},
		},
		{
			"nodes four minor versions older",
			map[string]string{"kubernetesVersion": "v1.41.1", "nodePools": newNodes},
			[]string{"nodePools[0].kubernetesVersion v1.37.1 3"},
		},
		{"cluster type", map[string]string{"clusterType": "free"}, []string{"clusterType free basic enhanced"}},
		{"members without nodes", map[string]string{"mongoReplicas": "3"}, []string{"mongoReplicas 3 nodePools 1"}},
		{
			"replica set of the tutorial",
			map[string]string{"profile": "tutorial", "mongoReplicas": "3"},
			[]string{"mongoReplicas 1 tutorial"},
		},
		{"add-ons of a basic cluster", map[string]string{"addons": `["CertManager"]`}, []string{"addons clusterType"}},
		{
			"add-on twice",
			map[string]string{"clusterType": "enhanced", "addons": `["CertManager","CertManager"]`},
			[]string{"addons CertManager"},
		},
	})
}

// metrics are settings, as pairs, of a cluster with metrics of Pods.
func metrics(pairs ...string) map[string]string {
	set := map[string]string{"clusterType": "enhanced", "addons": `["CertManager","KubernetesMetricsServer"]`}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return set
}

// TestAutoscaler expects an autoscaler by default only where the cluster has metrics of Pods.
func TestAutoscaler(t *testing.T) {
	for _, tc := range []struct {
		name string
		set  map[string]string
		most int
	}{
		{"basic", nil, 3},
		{"enhanced without metrics", map[string]string{"clusterType": "enhanced"}, 3},
		{"metrics", metrics(), 6},
		{"metrics, equal bounds", metrics("frontendMaxReplicas", "3"), 3},
		{"metrics, tutorial", metrics("profile", "tutorial"), 3},
		{"basic, higher lower bound", map[string]string{"frontendReplicas": "4", "frontendMinReplicas": "4"}, 4},
	} {
		s, err := load(tc.set)
		if err != nil {
			t.Errorf("%s: %v", tc.name, err)
		} else if g := s.Guestbooks[0]; g.FrontendMaxReplicas != tc.most || g.Autoscales() != (tc.most == 6) {
			t.Errorf("%s: at most %d frontends, want %d", tc.name, g.FrontendMaxReplicas, tc.most)
		}
	}
}

func TestRefusedGuestbooks(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"image without a host",
			map[string]string{"frontendImage": "paulczar/gb-frontend:v5"},
			[]string{"frontendImage paulczar/gb-frontend:v5"},
		},
		{"short image", map[string]string{"mongoImage": "mongo:4.2"}, []string{"mongoImage mongo:4.2"}},
		{
			"image in a list",
			map[string]string{"guestbooks": `[{"name":"a","mongoImage":"mongo:4.2"}]`},
			[]string{"guestbooks[0].mongoImage mongo:4.2"},
		},
		{
			"two guestbooks of a name",
			map[string]string{"guestbooks": `[{"name":"a"},{"name":"a"}]`},
			[]string{"guestbooks[1].name a"},
		},
		{
			"guestbook and the backup of another",
			map[string]string{"guestbooks": `[{"name":"a-backup"},{"name":"a"}]`},
			[]string{"guestbooks[0].name a-backup a"},
		},
		{
			"two guestbooks in a namespace",
			map[string]string{"guestbooks": `[{"name":"a"},{"name":"b","namespace":"a"}]`},
			[]string{"guestbooks[1].namespace a"},
		},
		{
			"address of two guestbooks",
			map[string]string{"guestbooks": `[{"name":"a"},{"name":"b"}]`, "reservedAddress": "192.0.2.7"},
			[]string{"guestbooks[1].reservedAddress 192.0.2.7"},
		},
		{"namespace of Kubernetes", map[string]string{"namespace": "kube-system"}, []string{"namespace kube-system"}},
		{"profile", map[string]string{"profile": "hard"}, []string{"profile hard hardened tutorial"}},
		{
			"images on the internet, which the nodes do not reach",
			map[string]string{
				"internetEgress": "none", "frontendImage": "iad.ocir.io/t/guestbook:v1",
				"logDestination": "collector.logs:24224", "networkPolicies": "enforced",
			},
			[]string{
				"mongoImage docker.io/library/mongo internetEgress none", "logAgentImage docker.io internetEgress",
				"networkPolicyImage registry.k8s.io internetEgress",
			},
		},
		{
			"image of a guestbook on the internet",
			map[string]string{
				"internetEgress": "none", "mongoImage": "iad.ocir.io/t/mongo:8.0",
				"guestbooks":    `[{"name":"a","frontendImage":"iad.ocir.io/t/a:v1"},{"name":"b"}]`,
				"frontendImage": "docker.io/t/guestbook:v1", "choresImage": "iad.ocir.io/t/a:v1",
			},
			[]string{"guestbooks[1].frontendImage docker.io/t/guestbook:v1 internetEgress"},
		},
		{
			"image of another region",
			map[string]string{
				"internetEgress": "none", "oci:region": "us-ashburn-1", "mongoImage": "us-ashburn-1.ocir.io/t/mongo:8.0",
				"frontendImage": "ocir.us-phoenix-1.oci.oraclecloud.com/t/a:v1",
			},
			[]string{"frontendImage us-phoenix-1 internetEgress"},
		},
		{"no frontend image", map[string]string{"frontendImage": ""}, []string{"frontendImage hardened"}},
		{
			"latest in production",
			map[string]string{"protect": "true", "mongoImage": "docker.io/library/mongo:latest"},
			[]string{"mongoImage docker.io/library/mongo:latest"},
		},
		{
			"replicas outside the bounds",
			metrics("frontendMinReplicas", "5", "frontendMaxReplicas", "9"),
			[]string{"frontendReplicas 3 frontendMinReplicas 5 frontendMaxReplicas 9"},
		},
		{
			"autoscaler without metrics",
			map[string]string{"frontendMaxReplicas": "9"},
			[]string{"frontendMaxReplicas 9 3 addons KubernetesMetricsServer"},
		},
		{
			"autoscaler without metrics, by its lower bound",
			map[string]string{"clusterType": "enhanced", "addons": `["CertManager"]`, "frontendMinReplicas": "2"},
			[]string{"frontendMaxReplicas 3 2 addons KubernetesMetricsServer"},
		},
		{
			"autoscaler of one of several, without metrics",
			map[string]string{"guestbooks": `[{"name":"a"},{"name":"b","frontendMaxReplicas":4}]`},
			[]string{"guestbooks[1].frontendMaxReplicas 4 3 addons"},
		},
		{
			"bounds the wrong way round",
			map[string]string{"frontendMinReplicas": "9", "frontendMaxReplicas": "5"},
			[]string{"frontendMinReplicas 9 frontendMaxReplicas 5"},
		},
		{"quota of CPU", metrics("quotaCpuMillis", "500"), []string{"quotaCpuMillis 500 1050 12 50 1 250 2 100"}},
		{
			"quota of memory",
			metrics("quotaMemoryMb", "1024"),
			[]string{"quotaMemoryMb 1024 1536 12 64 1 512 2 128"},
		},
		{"privileged port", map[string]string{"frontendPort": "80"}, []string{"frontendPort 1024"}},
		{"key without certificate", map[string]string{"tlsPrivateKey": "x"}, []string{"tlsCertificate tlsPrivateKey"}},
		{
			"certificate that is none",
			map[string]string{"tlsCertificate": "x", "tlsPrivateKey": "y", "loadBalancerPorts": `["80","443"]`},
			[]string{"tlsCertificate PEM", "tlsPrivateKey PEM"},
		},
		{
			"port that the network keeps shut",
			map[string]string{"loadBalancerPorts": `["8080"]`},
			[]string{"loadBalancerPorts 80 guestbook"},
		},
		{
			"internal without a subnet",
			map[string]string{"exposure": "internal"},
			[]string{"exposure internal loadBalancers public"},
		},
	})
}

func TestRefusedRegistries(t *testing.T) {
	with := func(pairs ...string) map[string]string {
		set := map[string]string{"registryUsername": "tenancy/user", "registryPassword": "token"}
		for i := 0; i < len(pairs); i += 2 {
			set[pairs[i]] = pairs[i+1]
		}
		return set
	}
	const two = `[{"name":"a"},{"name":"b","profile":"tutorial","frontendImage":"docker.io/a/gb-frontend:v5"}]`
	checkRefusals(t, []refusal{
		{"password without user", with("registryUsername", ""), []string{"registryUsername registryPassword"}},
		{"user without password", with("registryPassword", ""), []string{"registryPassword registryUsername --secret"}},
		{"registry without credentials", map[string]string{"registry": "iad.ocir.io"}, []string{"registry registryUsername"}},
		{
			"registry of no image", with("registry", "fra.ocir.io"),
			[]string{"registry fra.ocir.io docker.io, iad.ocir.io"},
		},
		{"registry of an image that is not used", with("registry", "ghcr.io"), []string{"registry ghcr.io"}},
		{"registry as an address", with("registry", "https://iad.ocir.io"), []string{"registry https://iad.ocir.io"}},
		{"frontends of several registries", with("guestbooks", two), []string{"registry docker.io, iad.ocir.io"}},
		{"user without the tenancy's namespace", with("registryUsername", "user"), []string{"registryUsername user"}},
		{"user with a colon", with("registryUsername", "tenancy/user:token"), []string{"registryUsername"}},
		{"user with a line's end", with("registryUsername", "tenancy/user\n"), []string{"registryUsername"}},
		{"image that is none", with("frontendImage", "guestbook"), []string{"frontendImage guestbook"}},
	})
}

// TestRegistryOfFrontend expects the credentials for the registry of the frontends' images, unless another is set.
func TestRegistryOfFrontend(t *testing.T) {
	for _, tc := range []struct{ set, want string }{{"", "iad.ocir.io"}, {"docker.io", "docker.io"}} {
		s, err := load(map[string]string{"registryUsername": "tenancy/user", "registryPassword": "token", "registry": tc.set})
		if err != nil {
			t.Error(err)
		} else if s.Registry.Host != tc.want {
			t.Errorf("registry %q is %q, want %q", tc.set, s.Registry.Host, tc.want)
		}
	}
}

func TestRefusedDatabases(t *testing.T) {
	checkRefusals(t, []refusal{
		{
			"more networks than rules",
			map[string]string{"loadBalancerAllowedCidrs": networks(201), "storageGb": "49"},
			[]string{"loadBalancerAllowedCidrs publicLoadBalancers 201 200", "storageGb"},
		},
		{"small volume", map[string]string{"storageGb": "49"}, []string{"storageGb 50 32768 49"}},
		{
			"schedule",
			map[string]string{"clusterType": "enhanced", "backupSchedule": "every day"},
			[]string{"backupSchedule every day"},
		},
		{
			"schedule with a zone",
			map[string]string{"clusterType": "enhanced", "backupSchedule": "TZ=Asia/Seoul 0 3 * * *"},
			[]string{"backupSchedule TZ"},
		},
		{
			"backup on a basic cluster",
			map[string]string{"backupSchedule": "0 3 * * *"},
			[]string{"backupSchedule clusterType"},
		},
		{"restore before the first", map[string]string{"restoreRelease": "0"}, []string{"restoreRelease 1 0"}},
		{"two members", map[string]string{"mongoReplicas": "2"}, []string{"mongoReplicas 1 3 2"}},
		{
			"external database without password",
			map[string]string{"externalDatabase": "mongo.database"},
			[]string{"databasePassword externalDatabase --secret"},
		},
		{
			"external database that is no host",
			map[string]string{"externalDatabase": "mongodb://x", "databasePassword": "p"},
			[]string{"externalDatabase mongodb://x"},
		},
	})
}

// A setting without a usable value is not checked further, nor is what depends on it; everything else is.
func TestUnusableSettingHidesNoOther(t *testing.T) {
	for _, tc := range []struct {
		set  map[string]string
		want []string // for problemtest.Check
	}{
		{
			map[string]string{"frontendReplica": "2", "vcnCidr": "10.0.0.1/16"},
			[]string{"frontendReplica frontendReplicas", "vcnCidr 10.0.0.1/16 10.0.0.0/16"},
		},
		{
			map[string]string{"nodePools": `[{"name":"workers","size":"two"}]`, "storageGb": "49"},
			[]string{"nodePools[0].size", "storageGb 50 32768 49"},
		},
		{
			map[string]string{"guestbooks": `[{"name":"a","frontendReplicas":"many"},{"name":"A"}]`},
			[]string{"guestbooks[0].frontendReplicas", "guestbooks[1].name A 1 63"},
		},
		{map[string]string{"frontendReplicas": "0"}, []string{"frontendReplicas 1 100 0"}},
		{map[string]string{"frontendReplicas": "-1"}, []string{"frontendReplicas 1 100 -1"}},
		{map[string]string{"frontendReplicas": "101"}, []string{"frontendReplicas 1 100 101"}},
		{map[string]string{"frontendMinReplicas": "500"}, []string{"frontendMinReplicas 0 100 500"}},
		{
			map[string]string{"frontendReplicas": "0", "frontendMinReplicas": "-5", "frontendMaxReplicas": "300"},
			[]string{"frontendReplicas 1 100 0", "frontendMinReplicas 0 100 -5", "frontendMaxReplicas 0 200 300"},
		},
		{map[string]string{"guestbooks": `"a"`, "frontendImage": ""}, []string{"guestbooks"}},
	} {
		_, err := load(tc.set)
		problemtest.Check(t, err, tc.want...)
	}
}

// The error's form is that of package problem, after the stack's name.
func TestErrorNamesTheStack(t *testing.T) {
	_, err := load(map[string]string{"frontendReplica": "2", "vcnCidr": "10.0.0.1/16"})
	const want = `stack test: 2 settings need a change:
  - frontendReplica: there is no such setting; did you mean frontendReplicas?
  - vcnCidr: 10.0.0.1/16 has host bits set: the network is 10.0.0.0/16`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

// TestProvidersSettings compares the OCI provider's settings with the SDK's, so that none of a new release is refused.
func TestProvidersSettings(t *testing.T) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/pulumi/pulumi-oci/sdk/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "go", "oci", "config", "config.go"))
	if err != nil {
		t.Fatal(err)
	}
	accepted := map[string]string{"pulumi:tags": "{}"}
	var known []string
	for _, match := range regexp.MustCompile(`"oci:(\w+)"`).FindAllStringSubmatch(string(source), -1) {
		known = append(known, match[1])
		accepted["oci:"+match[1]] = "x"
	}
	if slices.Sort(known); !slices.Equal(known, ociSettings) {
		t.Errorf("the provider has %q", known)
	}
	accepted["oci:auth"] = "ApiKey" // one of those that the kubeconfig can have
	accepted["oci:region"], accepted["oci:fingerprint"] = "iad", strings.Repeat("0a:", 15)+"ff"
	accepted["oci:tenancyOcid"], accepted["oci:userOcid"] = "ocid1.tenancy.oc1..a", "ocid1.user.oc1..a"
	if _, err := load(accepted); err != nil {
		t.Error(err)
	}
	const tenancy, user = "ocidv1:tenancy:oc1:phx:1460406592660:aaaa", "ocidv1:user:oc1:phx:1460406592659:aaaa"
	accepted["oci:tenancyOcid"], accepted["oci:userOcid"] = tenancy, user
	if _, err := load(accepted); err != nil {
		t.Errorf("old OCIDs: %v", err)
	}
	accepted["oci:tenancyOcid"], accepted["oci:userOcid"] = user, "ocidv1:user:oc1:phx"
	_, err = load(accepted)
	problemtest.Check(t, err, "oci:tenancyOcid user tenancy", "oci:userOcid ocidv1:user:oc1:phx")
	// Without an API key, nothing reads its parts.
	accepted["oci:auth"], accepted["oci:fingerprint"] = "InstancePrincipal", "x"
	if _, err := load(accepted); err != nil {
		t.Errorf("an instance principal: %v", err)
	}
}

func TestSecretsInClear(t *testing.T) {
	config := map[string]string{
		"oke-guestbook:compartmentId":            compartmentOCID,
		"oke-guestbook:frontendImage":            "iad.ocir.io/tenancy/guestbook:v1",
		"oke-guestbook:loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
		"oke-guestbook:externalDatabase":         "mongo.database",
		"oke-guestbook:databasePassword":         "example",
		"oke-guestbook:guestbooks":               `[{"name":"a"},{"name":"b","databasePassword":"other"}]`,
		"oke-guestbook:registryUsername":         "tenancy/user",
		"oke-guestbook:registryPassword":         "example",
	}
	const ofGuestbook = "guestbooks[1].databasePassword guestbooks[1].databasePassword" // the advice has the path too
	for secret, want := range map[string][]string{
		"":                               {"databasePassword", ofGuestbook, "registryPassword --secret"},
		"oke-guestbook:databasePassword": {ofGuestbook, "registryPassword --secret"},
	} {
		_, err := Load("oke-guestbook", "test", config, func(key string) bool { return key == secret })
		problemtest.Check(t, err, want...)
		if strings.Contains(err.Error(), "example\"") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
	if _, err := Load("oke-guestbook", "test", config, func(string) bool { return true }); err != nil {
		t.Error(err)
	}
}

// The network is known from the stack's file if its own settings and the node pools are, whatever else is encrypted
// there.
func TestSecretsAroundTheNetwork(t *testing.T) {
	var declared Settings
	network := append(declared.Network.Settings().Keys(), "nodePools", "virtualNodePools", "exposure")
	for _, key := range declared.Settings().Keys() {
		file := map[string]any{"loadBalancerAllowedCidrs": []any{"0.0.0.0/0"}, "loadBalancerPorts": []any{80, 443}}
		file[key] = map[string]any{"secure": "AAAB"}
		var want []string
		if slices.Contains(network, key) {
			want = []string{key + " secret"}
		}
		_, _, err := LoadNetwork("oke-guestbook", "test", file)
		problemtest.Check(t, err, want...)
	}
}
