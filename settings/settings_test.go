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

	"oke-guestbook/plan/layout"
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
		"nodePools":        `[{"name":"arm","size":3,"ocpus":1,"memoryGb":6.5,"labels":{"a/b":"c"}},{"name":"old","size":1,"shape":"VM.Standard2.1"}]`,
		"guestbooks":       `[{"name":"seoul"},{"name":"busan","frontendReplicas":1}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if !s.Protect || s.VcnCIDR != "10.20.0.0/16" || !maps.Equal(s.Tags, map[string]string{"team": "web"}) {
		t.Errorf("got %+v", s)
	}
	arm := s.NodePools[0]
	if arm.Shape != "VM.Standard.A1.Flex" || arm.BootVolumeGB != 50 || arm.MemoryGB != 6.5 || arm.Labels["a/b"] != "c" {
		t.Errorf("a pool keeps the defaults of what it does not say: %+v", arm)
	}
	if s.Guestbooks[0].FrontendReplicas != 5 || s.Guestbooks[1].FrontendReplicas != 1 || s.Guestbooks[1].Namespace != "busan" {
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

func TestBadSettings(t *testing.T) {
	pool := func(rest string) map[string]string {
		return map[string]string{"nodePools": `[{"name":"workers","size":2,` + rest + `}]`}
	}
	cycling := func(surge, unavailable string) map[string]string {
		set := pool(fmt.Sprintf(`"ocpus":1,"memoryGb":6,"maxSurge":%q,"maxUnavailable":%q`, surge, unavailable))
		set["clusterType"] = "enhanced"
		return set
	}
	for _, tc := range []struct {
		name string
		set  map[string]string
		want []string
	}{
		{"compartment missing", map[string]string{"compartmentId": ""}, []string{"compartmentId: is required", "pulumi config set compartmentId"}},
		{"compartment of the wrong kind", map[string]string{"compartmentId": "ocid1.vcn.oc1..a"}, []string{`compartmentId: "ocid1.vcn.oc1..a" is not the OCID of a compartment`}},
		{"CIDR with host bits", map[string]string{"vcnCidr": "10.0.0.1/16"}, []string{"vcnCidr: 10.0.0.1/16 has host bits set: the network is 10.0.0.0/16"}},
		{"CIDR outside /16 to /30", map[string]string{"vcnCidr": "10.0.0.0/15"}, []string{"vcnCidr: 10.0.0.0/15 is outside /16 to /30"}},
		{"CIDR too small", map[string]string{"vcnCidr": "10.0.0.0/28"}, []string{"vcnCidr: 10.0.0.0/28 has no room for the planned subnets"}},
		{"CIDR without room for the nodes", map[string]string{"vcnCidr": "10.0.0.0/24", "nodePools": `[{"name":"w","size":80,"shape":"VM.Standard2.1"}]`}, []string{"subnets.workers: 80 nodes need 80 addresses"}},
		{"overlapping CIDRs", map[string]string{"podsCidr": "10.0.64.0/18"}, []string{"podsCidr: 10.0.64.0/18 overlaps 10.0.0.0/16 of vcnCidr"}},
		{"load balancers for nobody", map[string]string{"loadBalancerAllowedCidrs": "[]"}, []string{"loadBalancerAllowedCidrs:"}},
		{"more networks than rules", map[string]string{"loadBalancerAllowedCidrs": networks(201), "storageGb": "49"}, []string{
			"2 settings need a change",
			"loadBalancerAllowedCidrs: subnet publicLoadBalancers needs 201 ingress rules, and a security list holds 200: allow fewer, wider networks or port ranges",
			"storageGb:",
		}},
		{"typing error in a subnet", map[string]string{"subnets": `{"api":{"prefixLen":29}}`}, []string{"subnets.api.prefixLen: there is no such setting; did you mean prefixLength?"}},
		{"subnet without a size", map[string]string{"subnets": `{"workers":{"prefixLength":0}}`}, []string{"subnets.workers.prefixLength: no subnet has the prefix length 0: leave it out for the planned one"}},
		{"typing error", map[string]string{"frontendReplica": "2"}, []string{"frontendReplica: there is no such setting; did you mean frontendReplicas?"}},
		{"nothing near", map[string]string{"zzzzzzzz": "2"}, []string{"zzzzzzzz: there is no such setting"}},
		{"typing error of the provider's", map[string]string{"oci:regoin": "us-ashburn-1"}, []string{"oci:regoin: the OCI provider has no such setting; did you mean region?"}},
		{"setting of a provider that reads none", map[string]string{"kubernetes:context": "x"}, []string{"kubernetes:context: nothing reads it", "leave it out"}},
		{"setting of nobody", map[string]string{"oke-gestbook:frontendReplicas": "2"}, []string{"oke-gestbook:frontendReplicas: no provider here is called oke-gestbook; settings of this program begin with oke-guestbook:"}},
		{"typing error in a list", pool(`"ocpu":2,"memoryGb":12`), []string{"nodePools[0].ocpu: there is no such setting; did you mean ocpus?"}},
		{"wrong type", map[string]string{"frontendReplicas": "many"}, []string{"frontendReplicas: must be an integer"}},
		{"wrong type in a list", pool(`"ocpus":"two","memoryGb":12`), []string{"nodePools[0].ocpus: must be a number, not string"}},
		{"no list", map[string]string{"nodePools": `{"name":"workers"}`}, []string{"nodePools: must be a list, not object"}},
		{"flexible shape without OCPUs", pool(`"shape":"VM.Standard.E4.Flex","memoryGb":16`), []string{"nodePools[0].shape: VM.Standard.E4.Flex is flexible and needs ocpus"}},
		{"too much memory", pool(`"ocpus":1,"memoryGb":65`), []string{"nodePools[0].shape", "memoryGb from 1 to 64", "(got 65)"}},
		{"too little memory", pool(`"ocpus":4,"memoryGb":2`), []string{"memoryGb from 4 to 256"}},
		{"zero nodes", map[string]string{"nodePools": `[{"name":"workers","size":0,"ocpus":1,"memoryGb":6}]`}, []string{"nodePools[0].size: must be from 1 to 1000 (got 0)"}},
		{"negative boot volume", pool(`"ocpus":1,"memoryGb":6,"bootVolumeGb":-1`), []string{"nodePools[0].bootVolumeGb: must be from 50 to 32768 (got -1)"}},
		{"no node pool", map[string]string{"nodePools": "[]"}, []string{"nodePools: needs at least one"}},
		{"two pools of a name", map[string]string{"nodePools": `[{"name":"a","size":1,"shape":"VM.Standard2.1"},{"name":"a","size":1,"shape":"VM.Standard2.1"}]`}, []string{`nodePools[1].name: "a" is the name of nodePools[0] too`}},
		{"cycling on a basic cluster", pool(`"ocpus":1,"memoryGb":6,"maxSurge":"1"`), []string{"nodePools[0].maxSurge: needs clusterType enhanced"}},
		{"cycling without a step", cycling("0", "0"), []string{"nodePools[0].maxSurge: no node can be replaced while maxUnavailable is 0 too: set one of the two to 1 or more"}},
		{"cycling without a step by default", cycling("0%", ""), []string{"nodePools[0].maxSurge: no node can be replaced"}},
		{"no Pods", pool(`"ocpus":1,"memoryGb":6,"maxPodsPerNode":0`), []string{"nodePools[0].maxPodsPerNode: must be from 1 to 110 (got 0)"}},
		{"bad label", pool(`"ocpus":1,"memoryGb":6,"labels":{"a b":"c"}`), []string{"nodePools[0].labels: a b=c is not a Kubernetes label"}},
		{"bad domain", map[string]string{"availabilityDomains": "[4]"}, []string{"availabilityDomains: must hold numbers from 1 to 3 (got 4)"}},
		{"version", map[string]string{"kubernetesVersion": "1.36"}, []string{"kubernetesVersion: \"1.36\" is not a Kubernetes version"}},
		{"nodes newer than the control plane", pool(`"ocpus":1,"memoryGb":6,"kubernetesVersion":"v1.37.0"`), []string{"nodePools[0].kubernetesVersion: v1.37.0 is newer"}},
		{"cluster type", map[string]string{"clusterType": "free"}, []string{`clusterType: "free" is not one of basic, enhanced`}},
		{"small volume", map[string]string{"storageGb": "49"}, []string{"storageGb: must be from 50 to 32768 (got 49)"}},
		{"image without a host", map[string]string{"frontendImage": "paulczar/gb-frontend:v5"}, []string{`frontendImage: "paulczar/gb-frontend:v5" has no registry host`}},
		{"short image", map[string]string{"mongoImage": "mongo:4.2"}, []string{"mongoImage: \"mongo:4.2\" has no registry host"}},
		{"image in a list", map[string]string{"guestbooks": `[{"name":"a","mongoImage":"mongo:4.2"}]`}, []string{"guestbooks[0].mongoImage: \"mongo:4.2\" has no registry host"}},
		{"two guestbooks of a name", map[string]string{"guestbooks": `[{"name":"a"},{"name":"a"}]`}, []string{`guestbooks[1].name: "a" is the name of another guestbook`}},
		{"guestbook and the backup of another", map[string]string{"guestbooks": `[{"name":"a-backup"},{"name":"a"}]`}, []string{`guestbooks[0].name: "a-backup" is taken by what belongs to the backup of guestbook "a"`}},
		{"two guestbooks in a namespace", map[string]string{"guestbooks": `[{"name":"a"},{"name":"b","namespace":"a"}]`}, []string{`guestbooks[1].namespace: "a" is the namespace of another guestbook`}},
		{"namespace of Kubernetes", map[string]string{"namespace": "kube-system"}, []string{`namespace: "kube-system" belongs to Kubernetes`}},
		{"profile", map[string]string{"profile": "hard"}, []string{`profile: "hard" is not one of hardened, tutorial`}},
		{"no frontend image", map[string]string{"frontendImage": ""}, []string{"frontendImage: is required in profile hardened", "make push"}},
		{"latest in production", map[string]string{"protect": "true", "mongoImage": "docker.io/library/mongo:latest"}, []string{`mongoImage: "docker.io/library/mongo:latest" is a moving tag`}},
		{"replicas outside the bounds", map[string]string{"frontendMinReplicas": "5", "frontendMaxReplicas": "9"}, []string{"frontendReplicas: 3 is outside the autoscaler's bounds, frontendMinReplicas 5 to frontendMaxReplicas 9"}},
		{"bounds the wrong way round", map[string]string{"frontendMinReplicas": "9", "frontendMaxReplicas": "5"}, []string{"frontendMinReplicas: 9 is above frontendMaxReplicas, 5"}},
		{"quota of CPU", map[string]string{"quotaCpuMillis": "500"}, []string{"quotaCpuMillis: 500 is below what the replicas need, 1050: 12 frontends of 50 + 1 databases of 250 + 2 jobs of 100"}},
		{"quota of memory", map[string]string{"quotaMemoryMb": "1024"}, []string{"quotaMemoryMb: 1024 is below what the replicas need, 1792: 12 frontends of 64 + 1 databases of 512 + 2 jobs of 256"}},
		{"schedule", map[string]string{"clusterType": "enhanced", "backupSchedule": "every day"}, []string{`backupSchedule: "every day" is no schedule such as 0 3 * * *`}},
		{"schedule with a zone", map[string]string{"clusterType": "enhanced", "backupSchedule": "TZ=Asia/Seoul 0 3 * * *"}, []string{"backupSchedule:", "takes no TZ"}},
		{"backup on a basic cluster", map[string]string{"backupSchedule": "0 3 * * *"}, []string{"backupSchedule: needs clusterType enhanced"}},
		{"two members", map[string]string{"mongoReplicas": "2"}, []string{"mongoReplicas: must be 1 or 3 (got 2)"}},
		{"members without nodes", map[string]string{"mongoReplicas": "3"}, []string{"mongoReplicas: 3 members need a node each, and nodePools have 2 together"}},
		{"replica set of the tutorial", map[string]string{"profile": "tutorial", "mongoReplicas": "3"}, []string{"mongoReplicas: must be 1 in profile tutorial"}},
		{"external database without password", map[string]string{"externalDatabase": "mongo.example.com"}, []string{"databasePassword: is required with externalDatabase", "--secret"}},
		{"external database that is no host", map[string]string{"externalDatabase": "mongodb://x", "databasePassword": "p"}, []string{`externalDatabase: "mongodb://x" is not a host name`}},
		{"privileged port", map[string]string{"frontendPort": "80"}, []string{"frontendPort: must be 1024 or more"}},
		{"key without certificate", map[string]string{"tlsPrivateKey": "x"}, []string{"tlsCertificate: goes together with tlsPrivateKey"}},
		{"certificate that is none", map[string]string{"tlsCertificate": "x", "tlsPrivateKey": "y", "loadBalancerPorts": `["443"]`}, []string{"tlsCertificate: does not go with tlsPrivateKey"}},
		{"port that the network keeps shut", map[string]string{"loadBalancerPorts": `["8080"]`}, []string{"loadBalancerPorts: must hold 80, the port of guestbook guestbook"}},
		{"internal without a subnet", map[string]string{"exposure": "internal"}, []string{"exposure: internal needs a subnet for such load balancers, and loadBalancers is public"}},
		{"add-ons of a basic cluster", map[string]string{"addons": `["CertManager"]`}, []string{"addons: need clusterType enhanced"}},
		{"add-on twice", map[string]string{"clusterType": "enhanced", "addons": `["CertManager","CertManager"]`}, []string{`addons: "CertManager" is named twice`}},
		{"logs to nowhere", map[string]string{"logDestination": "logs.example.com"}, []string{`logDestination: "logs.example.com" is not a host and port`}},
		{"logs to a name of a port", map[string]string{"logDestination": "x:abc"}, []string{`logDestination: "x:abc" is not a host and port (1 to 65535)`}},
		{"logs to port 0", map[string]string{"logDestination": "x:0"}, []string{`logDestination: "x:0" is not a host and port`}},
		{"logs to a port out of range", map[string]string{"logDestination": "x:65536"}, []string{`logDestination: "x:65536" is not a host and port`}},
		{"home region", map[string]string{"homeRegion": "Ashburn"}, []string{`homeRegion: "Ashburn" is not a region such as us-ashburn-1`}},
		{"reserved tag", map[string]string{"tags": `{"stack":"x"}`}, []string{`tags: "stack" is set by the program`}},
		{"all at once", map[string]string{"compartmentId": "", "storageGb": "0", "mongoImage": "mongo"}, []string{"3 settings need a change", "compartmentId:", "storageGb:", "mongoImage:"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := load(tc.set)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range tc.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want it to say %q", err, want)
				}
			}
		})
	}
}

// What cannot be read cannot be judged, nor what follows from it or from a bad number; everything else is.
func TestUnreadableSettingHidesNoOther(t *testing.T) {
	for _, tc := range []struct {
		set  map[string]string
		want string
	}{
		{
			map[string]string{"frontendReplica": "2", "vcnCidr": "10.0.0.1/16"},
			`stack test: 2 settings need a change:
  - frontendReplica: there is no such setting; did you mean frontendReplicas?
  - vcnCidr: 10.0.0.1/16 has host bits set: the network is 10.0.0.0/16`,
		},
		{
			map[string]string{"nodePools": `[{"name":"workers","size":"two"}]`, "storageGb": "49"},
			`stack test: 2 settings need a change:
  - nodePools[0].size: must be an integer, not string
  - storageGb: must be from 50 to 32768 (got 49)`,
		},
		{
			map[string]string{"guestbooks": `[{"name":"a","frontendReplicas":"many"},{"name":"A"}]`},
			`stack test: 2 settings need a change:
  - guestbooks[0].frontendReplicas: must be an integer, not string
  - guestbooks[1].name: "A" is not a name of 1 to 63 lower-case letters, digits and hyphens that begins with a letter`,
		},
		{map[string]string{"frontendReplicas": "0"}, `stack test: frontendReplicas: must be from 1 to 100 (got 0)`},
		{map[string]string{"frontendReplicas": "-1"}, `stack test: frontendReplicas: must be from 1 to 100 (got -1)`},
		{map[string]string{"frontendReplicas": "101"}, `stack test: frontendReplicas: must be from 1 to 100 (got 101)`},
		{map[string]string{"frontendMinReplicas": "500"}, `stack test: frontendMinReplicas: must be from 0 to 100 (got 500)`},
		{
			map[string]string{"frontendReplicas": "0", "frontendMinReplicas": "-5", "frontendMaxReplicas": "300"},
			`stack test: 3 settings need a change:
  - frontendReplicas: must be from 1 to 100 (got 0)
  - frontendMinReplicas: must be from 0 to 100 (got -5)
  - frontendMaxReplicas: must be from 0 to 200 (got 300)`,
		},
		{map[string]string{"guestbooks": `"a"`, "frontendImage": ""}, `stack test: guestbooks: must be a list, not string`},
	} {
		if _, err := load(tc.set); err == nil || err.Error() != tc.want {
			t.Errorf("got\n%v\nwant\n%s", err, tc.want)
		}
	}
}

// TestProvidersSettings holds the OCI provider's settings against the SDK's, so that none is refused which a new release knows.
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
	if _, err := load(accepted); err != nil {
		t.Error(err)
	}
}

func TestSecretsInClear(t *testing.T) {
	config := map[string]string{
		"oke-guestbook:compartmentId":            compartmentOCID,
		"oke-guestbook:frontendImage":            "iad.ocir.io/tenancy/guestbook:v1",
		"oke-guestbook:loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
		"oke-guestbook:externalDatabase":         "mongo.example.com",
		"oke-guestbook:databasePassword":         "example",
		"oke-guestbook:guestbooks":               `[{"name":"a"},{"name":"b","databasePassword":"other"}]`,
	}
	for _, tc := range []struct{ secret, want string }{
		{"", "databasePassword: is in the stack's file in clear"},
		{"oke-guestbook:databasePassword", "guestbooks[1].databasePassword: is in the stack's file in clear: pulumi config set --secret --path 'guestbooks[1].databasePassword'"},
	} {
		_, err := Load("oke-guestbook", "test", config, func(key string) bool { return key == tc.secret })
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "example\"") {
			t.Errorf("got %v, want it to say %q", err, tc.want)
		}
	}
	if _, err := Load("oke-guestbook", "test", config, func(string) bool { return true }); err != nil {
		t.Error(err)
	}
}

// The network is known from the stack's file if its own settings and the node pools are, whatever else is encrypted there.
func TestSecretsAroundTheNetwork(t *testing.T) {
	table, err := Table()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range table {
		isNetwork := s.Key == "nodePools" || s.Key == "exposure" || slices.ContainsFunc(layout.Settings, func(n layout.Setting) bool { return n.Key == s.Key })
		file := map[string]any{"loadBalancerAllowedCidrs": []any{"0.0.0.0/0"}, "loadBalancerPorts": []any{80, 443}}
		file[s.Key] = map[string]any{"secure": "AAAB"}
		want := ""
		if isNetwork {
			want = "stack test: " + s.Key + ": is a secret, which only pulumi can read: the network is not known without it"
		}
		got := ""
		if _, _, err := LoadNetwork("oke-guestbook", "test", file); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", s.Key, got, want)
		}
	}
}
