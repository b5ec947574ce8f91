package nodes

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/progress"
)

func newNodes(t *testing.T, choice string, missing ...string) Nodes {
	t.Helper()
	var out bytes.Buffer
	return Nodes{
		Choice: choice, KindFile: filepath.Join(t.TempDir(), "nodes"), Out: progress.New(&out, &out),
		Probe: func() []string { return missing },
	}
}

func TestALocalCloudKeepsItsNodes(t *testing.T) {
	n := newNodes(t, environment.Real)
	if runPods, err := n.Choose(); err != nil || !runPods {
		t.Fatalf("NODES=real: %v, %v", runPods, err)
	}
	if err := n.Remember(true); err != nil {
		t.Fatal(err)
	}
	n.Choice = environment.Auto
	if runPods, err := n.Choose(); err != nil || !runPods || !n.Kind() {
		t.Errorf("NODES=auto afterwards: %v, %v, want the same nodes", runPods, err)
	}
	n.Choice = environment.Simulated
	_, err := n.Choose()
	launchtest.WantError(t, err, "NODES=simulated", "began with NODES=real", "make down")
	if err := n.Forget(); err != nil {
		t.Fatal(err)
	}
	if runPods, err := n.Choose(); err != nil || runPods || n.Kind() {
		t.Errorf("NODES=simulated after make down: %v, %v", runPods, err)
	}
}

func TestRealNodesNeedWhatTheMachineLacks(t *testing.T) {
	n := newNodes(t, environment.Real, "runc (apt-get install runc)")
	_, err := n.Choose()
	launchtest.WantError(t, err, "NODES=real", "apt-get install runc")
	n.Choice = environment.Auto
	var out bytes.Buffer
	n.Out = progress.New(&out, &out)
	if runPods, err := n.Choose(); err != nil || runPods || !strings.Contains(out.String(), "apt-get install runc") {
		t.Errorf("NODES=auto: %v, %v, want simulated nodes and what is missing:\n%s", runPods, err, &out)
	}
}
