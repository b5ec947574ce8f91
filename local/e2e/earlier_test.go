package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/cert"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/oci"
)

// earlierCommit is the variable with the commit whose program TestEarlierProgram runs.
const earlierCommit = "E2E_EARLIER"

// earlierCase shows what was wrong, by rows of docs/oracle-cloud.md.
type earlierCase struct {
	rows     string
	run      func(*stack)
	official bool // the stand-ins of the plugins do not show it
}

// earlierCases are by stack: those of one stack run one after the other.
var earlierCases = [][]earlierCase{
	{{rows: "A2, C1.4, F4", run: (*stack).certificateIsNotRenewed}, {rows: "F25", run: (*stack).httpIsNotServed}},
	{{rows: "A3, B12, F1", run: (*stack).nodesAreNotFree}, {rows: "A19", run: (*stack).clustersAreLimited}},
	{{rows: "A4, F19", run: (*stack).accountIsNotUpgraded}},
	{{rows: "A6, F3", run: (*stack).imageIsPrivate}},
	{{rows: "A7", run: (*stack).versionIsUnknown}},
	{{rows: "A9", run: (*stack).capacityIsMissing}, {rows: "A9, B5 (retry)", run: (*stack).poolIsLost}},
	{
		{rows: "A10, F6", run: (*stack).disksAreNotGrown},
		{rows: "F16", run: (*stack).imagesHaveNoRoute},
		{rows: "F7", run: (*stack).versionIsWithdrawn},
	},
	{{rows: "A12, F20", run: (*stack).keyLacksItsPolicy}, {rows: "A9, B5 (retry)", run: (*stack).failedClusterStays}},
	{{rows: "A13, F20", run: (*stack).networkLacksItsPolicy}},
	{
		{rows: "A15, F26", run: (*stack).autoscalerHasNoMetrics},
		{rows: "C1.6", run: (*stack).refreshesDiffer, official: true},
		{rows: "A11, F12", run: (*stack).addressIsTaken},
	},
	{{rows: "A18, F17", run: (*stack).podsLackAddresses}, {rows: "C1.2, C1.10", run: (*stack).imageIsUnknown}},
	{
		{rows: "F14", run: (*stack).addonsLackSomething},
		{rows: "B2", run: (*stack).cyclingStrandsVolume},
		{rows: "C1.5, F8", run: (*stack).poolCyclesWhileItMoves},
	},
	{{rows: "B3, F9", run: (*stack).volumeIsStranded}},
	{
		{rows: "F22, F23, F24, F27, F44", run: (*stack).settingsAreMissing},
		{rows: "C1.2, C1.10", run: (*stack).idsAreUnknown},
	},
	{{rows: "F10", run: (*stack).killedUpdateMakesTwo}},
}

// TestEarlierProgram runs the program of an earlier commit on today's local cloud, and shows what was wrong with it.
// The findings in docs/oracle-cloud.md are about commit 2cd911c.
func TestEarlierProgram(t *testing.T) {
	commit := os.Getenv(earlierCommit)
	if commit == "" {
		t.Skip("compiles the program of another commit: " + earlierCommit + "=2cd911c runs it")
	}
	e := earlier{t.TempDir()}
	e.compile(t, commit)
	for _, cases := range earlierCases {
		var rows []string
		for _, c := range cases {
			rows = append(rows, c.rows)
		}
		t.Run(strings.Join(rows, ", "), func(t *testing.T) {
			t.Parallel()
			s := e.stack(t)
			for _, c := range cases {
				if c.official && s.o.Plugins != environment.Official {
					t.Logf("left out: %s: needs PLUGINS=official", c.rows)
					continue
				}
				step(t, c.rows, func() { c.run(s) })
			}
		})
	}
}

// earlier is the directory of an earlier commit, with its program.
type earlier struct{ dir string }

func (e earlier) program() string { return filepath.Join(e.dir, "oke-guestbook") }

// compile exports the commit, and compiles its program.
func (e earlier) compile(t *testing.T, commit string) {
	t.Helper()
	script := `git -C ../.. archive "$1" | tar -x -C "$2" && cd "$2" && go build -buildvcs=false -o oke-guestbook .`
	if out, err := exec.CommandContext(t.Context(), "sh", "-ec", script, "-", commit, e.dir).CombinedOutput(); err != nil {
		t.Fatalf("compile the program of %s: %v\n%s", commit, err, out)
	}
}

// stack returns a stack of the earlier program, with its settings for the local cloud.
func (e earlier) stack(t *testing.T) *stack {
	t.Helper()
	s := newStack(t)
	s.runs(e.program(), e.dir)
	s.adoptSettings("local")
	return s
}

// adoptSettings gives the stack the settings of another one of its project.
func (s *stack) adoptSettings(name string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.o.Root, "Pulumi."+name+".yaml"))
	s.must(err)
	s.must(os.WriteFile(s.config, data, 0o600))
}

// offered starts the local cloud, and sets a Kubernetes version that it offers.
func (s *stack) offered() {
	s.t.Helper()
	s.must(s.o.Prepare(s.t.Context()))
	s.settings("kubernetesVersion=" + newer)
}

// deployed runs `pulumi up`, which must succeed.
func (s *stack) deployed() {
	s.t.Helper()
	s.mustUp()
	kubeconfig, err := s.pulumi("stack", "output", "--stack", "local", "--show-secrets", "kubeconfig")
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.o.Dir, "kubeconfig"), []byte(kubeconfig), 0o600))
}

func (s *stack) versionIsUnknown() {
	s.must(s.o.Prepare(s.t.Context()))
	s.cancelledAfter("OKE does not offer v1.36.3 here")
}

// limited gives the stack the settings of stack dev, and the account limits.
func (s *stack) limited(limits string) {
	s.o.Limits = limits
	s.adoptSettings("dev")
	s.offered()
	s.settings("compartmentId="+oci.CompartmentID, "apiAllowedCidrs[0]=203.0.113.0/24",
		"frontendImage=registry.local/guestbook:v1")
}

// exceeded begins what the service says about limits.
const exceeded = "The following service limits were exceeded: "

func (s *stack) nodesAreNotFree() {
	s.limited(environment.Free)
	s.cancelledAfter(exceeded + "standard-a1-")
	if got := s.inventory(); got["vcn"] != 1 || got["cluster"] != 1 { // nothing has asked before
		s.t.Errorf("the cloud holds %v", got)
	}
}

func (s *stack) accountIsNotUpgraded() {
	s.limited(environment.NotUpgraded)
	s.endsWith(exceeded+"nat-gateway-count", exceeded+"service-gateway-count")
	if got := s.inventory(); got["vcn"] != 1 {
		s.t.Errorf("the cloud holds %v", got)
	}
}

func (s *stack) clustersAreLimited() {
	if out, err := s.pulumi("stack", "init", "second"); err != nil {
		s.t.Fatalf("stack init: %v\n%s", err, out)
	}
	out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "second")
	if err == nil || !strings.Contains(out, exceeded+"cluster-count") {
		s.t.Errorf("up: %v\n%s", err, out)
	}
	if got := s.inventory(); got["vcn"] != 2 {
		s.t.Errorf("the cloud holds %v", got)
	}
}

func (s *stack) certificateIsNotRenewed() {
	s.offered()
	var certificates []string
	for range 2 {
		certificate, key, err := cert.GenerateSelfSignedCertKey("book.example.com", nil, nil)
		s.must(err)
		certificates = append(certificates, string(certificate))
		s.settings("tlsCertificate="+string(certificate), "loadBalancerPorts[0]=443-443",
			fmt.Sprint("loadBalancerMbps=", 10*len(certificates)))
		s.secret("tlsPrivateKey=" + string(key))
		s.deployed()
	}
	var secret corev1.Secret
	s.kubectl(&secret, "get", "secret", "frontend-tls", "-n", "guestbook")
	if got := string(secret.Data[corev1.TLSCertKey]); got != certificates[1] {
		s.t.Errorf("the Secret has\n%s", got)
	}
	s.eventually(time.Minute, "the load balancer's new shape", func() (bool, string) {
		lb := s.balancers()[0]
		return lb.ShapeDetails.MaximumBandwidthInMbps == 20, fmt.Sprintf("%+v", lb)
	})
	if got := s.served(s.balancers()[0].IPAddresses[0].IPAddress); got != certificates[0] {
		s.t.Errorf("the load balancer serves\n%s", got)
	}
}

func (s *stack) httpIsNotServed() {
	listeners := slices.Collect(maps.Values(s.balancers()[0].Listeners))
	if len(listeners) != 1 || listeners[0].Port != 443 {
		s.t.Errorf("the load balancer has the listeners %+v", listeners)
	}
}

func (s *stack) imageIsPrivate() {
	const image = "iad.ocir.io/" + oci.Namespace + "/guestbook:v1"
	s.offered()
	book{s, "guestbook"}.push(image)
	s.settings("frontendImage=" + image)
	s.cancelledAfter("ImagePull")
}

func (s *stack) capacityIsMissing() {
	s.offered()
	s.fault(`{"workRequest": "LAUNCH_INSTANCE", "message": "Out of host capacity."}`)
	said := s.cancelledWhen("an update that waits for Pods without a node", func(said string) (bool, string) {
		if !strings.Contains(said, "local-workers **creating failed**") || strings.Contains(said, "\nResources:\n") {
			return false, said
		}
		s.usesAdministrator()
		out, _ := book{s, "guestbook"}.run("", "get", "pods", "-o", "jsonpath={.items[*].status.conditions[*].message}")
		return strings.Contains(out, "no nodes available to schedule pods"), out
	})
	if !strings.Contains(said, "Out of host capacity.") {
		s.t.Errorf("up says\n%s", said)
	}
}

func (s *stack) poolIsLost() {
	s.clearFaults()
	said := s.cancelledWhen("an update of the pool", func(said string) (bool, string) {
		return strings.Contains(said, "local-workers **updating failed**"), said
	})
	if !strings.Contains(said, "NotAuthorizedOrNotFound") {
		s.t.Errorf("up says\n%s", said)
	}
}

func (s *stack) clearFaults() {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodDelete, s.o.Endpoint()+"/admin/faults", nil)
	s.must(err)
	resp, err := http.DefaultClient.Do(req)
	s.must(err)
	s.must(resp.Body.Close())
}

// usesAdministrator has kubectl use the administrator's kubeconfig, as a stack whose update fails has no outputs.
func (s *stack) usesAdministrator() {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.o.Dir, "kube", "*", "admin.kubeconfig"))
	if s.must(err); len(found) != 1 {
		s.t.Fatalf("kubeconfigs of administrators: %v", found)
	}
	kubeconfig, err := os.ReadFile(found[0])
	s.must(err)
	s.must(os.WriteFile(filepath.Join(s.o.Dir, "kubeconfig"), kubeconfig, 0o600))
}

func (s *stack) disksAreNotGrown() {
	s.offered()
	s.settings("nodePools[0].bootVolumeGb=100", "internetEgress=none")
	s.deployed()
	var nodes list[node]
	s.kubectl(&nodes, "get", "nodes")
	for _, n := range nodes.Items {
		if got := n.Status.Capacity["ephemeral-storage"]; got != "36352Mi" { // of the image's 46.6 GB
			s.t.Errorf("a node has %s", got)
		}
	}
}

func (s *stack) imagesHaveNoRoute() {
	var pod corev1.Pod
	s.kubectl(&pod, "get", "pod", "mongo-0", "-n", "guestbook")
	image, gateways := pod.Spec.Containers[0].Image, s.inventory()["natgateway"]
	if !strings.HasPrefix(image, "docker.io/") || gateways > 0 {
		s.t.Errorf("image %s, and %d NAT gateways", image, gateways)
	}
}

// refreshesDiffer compares two refreshes of the official plugin. With the stand-in no refresh updates.
func (s *stack) refreshesDiffer() {
	for _, changes := range []bool{false, true} {
		out, err := s.pulumi("refresh", "--yes", "--skip-preview", "--stack", "local")
		if err != nil || strings.Contains(out, "~ 2 updated") != changes {
			s.t.Errorf("refresh: %v, want updates: %t\n%s", err, changes, out)
		}
	}
}

// versionIsWithdrawn goes on with a cloud that no longer offers the cluster's version, in this process.
func (s *stack) versionIsWithdrawn() {
	s.must(s.o.Stop(s.t.Context()))
	offered := oci.KubernetesVersions
	oci.KubernetesVersions = []string{older}
	s.t.Cleanup(func() { oci.KubernetesVersions = offered })
	s.serveInProcess(1000)
	s.settings("frontendReplicas=2")
	s.endsWith("kubernetesVersion: OKE does not offer "+newer+" here; it offers "+older,
		"nodePools[0].kubernetesVersion: OKE offers no image for Kubernetes "+newer)
}

func (s *stack) keyLacksItsPolicy() {
	s.offered()
	_, key := s.key(oci.CompartmentID)
	s.settings("kmsKeyId=" + key)
	s.endsWith("Authorization failed or requested resource not found")
}

func (s *stack) failedClusterStays() { s.endsWith("is FAILED") }

func (s *stack) networkLacksItsPolicy() {
	s.offered()
	rest := s.rest()
	vcn := s.post(rest, core+"/vcns", object{"compartmentId": oci.TenancyID, "cidrBlocks": []any{"10.20.0.0/16"}})
	subnet := s.post(rest, core+"/subnets", object{
		"compartmentId": oci.TenancyID, "vcnId": vcn, "cidrBlock": "10.20.64.0/20", "prohibitPublicIpOnVnic": true,
	})
	s.settings("vcnId="+vcn, "vcnCidr=10.20.0.0/16", "subnets.workers.id="+subnet, "subnets.workers.cidr=10.20.64.0/20",
		"securityBy=groups")
	s.cancelledAfter("Authorization failed or requested resource not found while provisioning node(s)")
}

func (s *stack) autoscalerHasNoMetrics() {
	s.offered()
	s.settings("frontendMaxReplicas=6")
	s.deployed()
	s.eventually(time.Minute, "an autoscaler without metrics", func() (bool, string) {
		var scaler autoscalingv2.HorizontalPodAutoscaler
		s.kubectl(&scaler, "get", "hpa", "frontend", "-n", "guestbook")
		lacks := func(c autoscalingv2.HorizontalPodAutoscalerCondition) bool {
			return c.Type == autoscalingv2.ScalingActive && c.Reason == "FailedGetResourceMetric"
		}
		return slices.ContainsFunc(scaler.Status.Conditions, lacks), fmt.Sprint(scaler.Status.Conditions)
	})
}

func (s *stack) addressIsTaken() {
	rest := s.rest()
	var reserved struct{ ID, IPAddress string }
	s.get(rest, core+"/publicIps/"+s.post(rest, core+"/publicIps", with(object{"lifetime": "RESERVED"})), &reserved)
	vcn := s.post(rest, core+"/vcns", with(object{"cidrBlocks": []string{"192.168.0.0/24"}}))
	s.settings("reservedAddress="+reserved.IPAddress, "guestbooks[0].name=one", "guestbooks[1].name=another")
	if got := s.changes(); got["create"] == 0 { // both have the address, and the preview succeeds
		s.t.Errorf("the preview has the changes %v", got)
	}
	s.unset("guestbooks")
	s.post(rest, core+"/natGateways", with(object{"vcnId": vcn, "publicIpId": reserved.ID}))
	if n := len(s.balancers()); n != 1 {
		s.t.Errorf("%d load balancers", n)
	}
	s.cancelledWhen("a guestbook without its load balancer", func(said string) (bool, string) {
		out, _ := book{s, "guestbook"}.run("", "get", "events", "-o", "jsonpath={.items[*].message}")
		return strings.Contains(out, "is ASSIGNED, not AVAILABLE") && len(s.balancers()) == 0, said + out
	})
}

func (s *stack) podsLackAddresses() {
	s.offered()
	s.settings("podNetwork=vcn-native", "nodePools[0].maxPodsPerNode=60")
	s.cancelledAfter("maxPodsPerNode: 60 must be from 1 to 31 for a shape with 2 VNICs")
	if got := s.inventory(); got["cluster"] != 1 {
		s.t.Errorf("the cloud holds %v", got)
	}
}

func (s *stack) imageIsUnknown() {
	s.settings("nodePools[0].maxPodsPerNode=31", "nodePools[0].imageId=ocid1.image.oc1.iad.aaaaaaaaofsomebodyelse")
	s.cancelledAfter("nodeSourceDetails.imageId")
}

func (s *stack) addonsLackSomething() {
	s.offered()
	s.settings("clusterType=enhanced", "nodePools[0].size=1", "nodePools[0].maxSurge=100%")
	s.deployed()
	for _, addon := range []struct{ name, says string }{
		{"ClusterAutoscaler", "unexpected state"}, // the plugins leave out what the service says
		{"ClusterAutoscalr", `addonName: "ClusterAutoscalr" must be one of`},
	} {
		s.settings("addons[0]=" + addon.name)
		if got := s.changes(); got["create"] != 1 { // the preview succeeds
			s.t.Errorf("the preview has the changes %v", got)
		}
		s.endsWith(addon.says)
	}
	s.unset("addons")
}

func (s *stack) cyclingStrandsVolume() {
	s.settings("nodePools[0].bootVolumeGb=60")
	s.deployed()
	s.databaseLacksNode()
}

func (s *stack) poolCyclesWhileItMoves() {
	s.settings("availabilityDomains[0]=1")
	s.cancelledAfter("409", "nodepool cycling")
}

func (s *stack) volumeIsStranded() {
	s.offered()
	s.deployed()
	var pod corev1.Pod
	s.kubectl(&pod, "get", "pod", "mongo-0", "-n", "guestbook")
	var home node
	s.kubectl(&home, "get", "node", pod.Spec.NodeName)
	other := 1
	if strings.HasSuffix(home.Metadata.Labels[corev1.LabelTopologyZone], "1") {
		other = 2
	}
	s.settings(fmt.Sprintf("availabilityDomains[0]=%d", other))
	s.deployed()
	s.databaseLacksNode()
}

// databaseLacksNode waits until no node is in the availability domain of the database's volume.
func (s *stack) databaseLacksNode() {
	s.t.Helper()
	s.eventually(time.Minute, "a database without a node", func() (bool, string) {
		var pod corev1.Pod
		s.kubectl(&pod, "get", "pod", "mongo-0", "-n", "guestbook")
		text := fmt.Sprint(pod.Status.Conditions)
		lacks := strings.Contains(text, "didn't match PersistentVolume's node affinity")
		return pod.Status.Phase == corev1.PodPending && lacks, text
	})
}

// missingSettings are settings of today that the program did not have.
var missingSettings = []string{
	"acmeDirectory", "addonOptions", "clusterPolicy", "definedTags", "loadBalancerType", "networkPolicies", "oidcIssuers",
	"registryUsername", "tlsCertificateId", "vaultIds", "virtualNodePools",
	"nodePools[0].bootVolumeKmsKeyId", "nodePools[0].capacityReservationId", "nodePools[0].cloudInit",
	"nodePools[0].cycleBy", "nodePools[0].minSize", "nodePools[0].nsgIds", "nodePools[0].sshPublicKey",
	"nodePools[0].taints",
}

func (s *stack) settingsAreMissing() {
	s.offered()
	s.settings("nodePools[0].size=0")
	s.endsWith("nodePools[0].size: must be from 1 to 1000 (got 0)")
	pairs := []string{"kubernetesVersion=v1.36"}
	problems := []string{`"v1.36" is not a Kubernetes version; write it in full`}
	for _, key := range missingSettings {
		pairs = append(pairs, key+"=a")
		problems = append(problems, key+": there is no such setting")
	}
	s.settings(pairs...)
	s.endsWith(problems...)
}

func (s *stack) idsAreUnknown() {
	s.adoptSettings("local")
	s.settings("kubernetesVersion="+newer, "reservedAddress=203.0.113.250")
	s.endsWith("whose lifetime is : reserve one")
	s.unset("reservedAddress")
	s.settings("compartmentId=ocid1.compartment.oc1..aaaaaaaaofsomebodyelse")
	s.endsWith("OKE does not offer " + newer + " here; it offers")
	s.settings("compartmentId="+oci.CompartmentID, "vcnId=ocid1.vcn.oc1.iad.aaaaaaaaofsomebodyelse")
	says := "compartmentId is required" // not that the VCN does not exist
	if s.o.Plugins == environment.Official {
		says = "requires not nil pointer for field: CompartmentId"
	}
	s.endsWith(says)
}

// killedUpdateMakesTwo kills the engine, with all that it has started, before the VCN is in the state.
func (s *stack) killedUpdateMakesTwo() {
	s.offered()
	s.fault(`{"method": "GET", "path": "` + core + `/vcns/*", "latencyMs": 60000}`) // the plugin waits for the VCN
	s.killOnce("vcn", s.command("up", "--yes", "--skip-preview", "--stack", "local"))
	if out, err := s.pulumi("cancel", "--yes", "--stack", "local"); err != nil {
		s.t.Fatalf("cancel: %v\n%s", err, out)
	}
	s.clearFaults()
	s.cancelledWhen("a second VCN", func(said string) (bool, string) { return s.inventory()["vcn"] == 2, said })
}
