package e2e

import (
	"fmt"
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

// TestEarlierProgram runs the program of an earlier commit on today's local cloud. The findings in docs/oracle-cloud.md
// are about commit 2cd911c: what was wrong with it shows here as it would on Oracle Cloud.
func TestEarlierProgram(t *testing.T) {
	commit := os.Getenv(earlierCommit)
	if commit == "" {
		t.Skip("compiles the program of another commit: " + earlierCommit + "=2cd911c runs it")
	}
	e := earlier{t.TempDir()}
	e.compile(t, commit)
	for _, c := range []struct {
		rows string
		run  func(*stack)
	}{
		{"A7", (*stack).versionIsUnknown},
		{"A3, A4, F1", (*stack).nodesAreNotFree},
		{"A2, F4, C1.4", (*stack).certificateIsNotRenewed},
		{"A6, F3", (*stack).imageIsPrivate},
		{"A10, F6", (*stack).disksAreNotGrown},
		{"A12, F20", (*stack).keyLacksItsPolicy},
		{"A15, F26", (*stack).autoscalerHasNoMetrics},
		{"A18, F17", (*stack).podsLackAddresses},
		{"B3, F9", (*stack).volumeIsStranded},
		{"C1.2", (*stack).vcnIsUnknown},
		{"C1.5, F8", (*stack).poolCyclesWhileItMoves},
	} {
		t.Run(c.rows, func(t *testing.T) {
			t.Parallel()
			c.run(e.stack(t))
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

func (s *stack) nodesAreNotFree() {
	s.o.Limits = environment.Free
	s.adoptSettings("dev")
	s.offered()
	s.settings("compartmentId="+oci.CompartmentID, "apiAllowedCidrs[0]=203.0.113.0/24",
		"frontendImage=registry.local/guestbook:v1")
	s.cancelledAfter("The following service limits were exceeded: standard-a1-")
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

func (s *stack) imageIsPrivate() {
	const image = "iad.ocir.io/" + oci.Namespace + "/guestbook:v1"
	s.offered()
	book{s, "guestbook"}.push(image)
	s.settings("frontendImage=" + image)
	s.cancelledAfter("ImagePull")
}

func (s *stack) disksAreNotGrown() {
	s.offered()
	s.settings("nodePools[0].bootVolumeGb=100")
	s.deployed()
	var nodes list[node]
	s.kubectl(&nodes, "get", "nodes")
	for _, n := range nodes.Items {
		if got := n.Status.Capacity["ephemeral-storage"]; got != "36352Mi" { // of the image's 46.6 GB
			s.t.Errorf("a node has %s", got)
		}
	}
}

func (s *stack) keyLacksItsPolicy() {
	s.offered()
	_, key := s.key(oci.CompartmentID)
	s.settings("kmsKeyId=" + key)
	s.cancelledAfter("Authorization failed or requested resource not found")
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

func (s *stack) podsLackAddresses() {
	s.offered()
	s.settings("podNetwork=vcn-native", "nodePools[0].maxPodsPerNode=60")
	s.cancelledAfter("maxPodsPerNode: 60 must be from 1 to 31 for a shape with 2 VNICs")
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
	s.eventually(time.Minute, "a database without a node", func() (bool, string) {
		s.kubectl(&pod, "get", "pod", "mongo-0", "-n", "guestbook")
		text := fmt.Sprint(pod.Status.Conditions)
		lacks := strings.Contains(text, "didn't match PersistentVolume's node affinity")
		return pod.Status.Phase == corev1.PodPending && lacks, text
	})
}

func (s *stack) vcnIsUnknown() {
	s.offered()
	s.settings("vcnId=ocid1.vcn.oc1.iad.aaaaaaaaofsomebodyelse")
	s.cancelledAfter("compartmentId is required") // not that the VCN does not exist
}

func (s *stack) poolCyclesWhileItMoves() {
	s.offered()
	s.settings("clusterType=enhanced", "nodePools[0].maxSurge=50%")
	s.deployed()
	s.settings("availabilityDomains[0]=1")
	s.cancelledAfter("nodepool cycling")
}
