package nodes

import (
	"bytes"
	"cmp"
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

// TestNodesOfAMachine chooses by what the machine lacks.
func TestNodesOfAMachine(t *testing.T) {
	const runc, little = "runc (apt-get install runc)", "MemAvailable:    1572864 kB\n"
	for name, tc := range map[string]struct {
		choice  string
		missing []string
		memory  string
		runPods bool
		says    []string // or the error does
	}{
		"auto, all there":         {environment.Auto, nil, "", true, []string{"they run Pods", "NODES=simulated"}},
		"auto, a program missing": {environment.Auto, []string{runc, "b"}, "", false, []string{"simulated", runc + "; b"}},
		"auto, little memory": {
			environment.Auto, nil, little, false, []string{"simulated", "1.5 GB are available", "NODES=real"},
		},
		"real, all there":     {environment.Real, nil, "", true, []string{"they run Pods"}},
		"real, little memory": {environment.Real, nil, little, true, []string{"they run Pods"}},
		"real, a program missing": {
			environment.Real, []string{runc}, "", false, []string{"NODES=real", runc, "NODES=simulated"},
		},
		"simulated": {environment.Simulated, []string{runc}, "", false, []string{"no container runs\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNodes(t, tc.choice, tc.missing...)
			n.MemoryFile = filepath.Join(t.TempDir(), "meminfo")
			launchtest.Write(t, n.MemoryFile, cmp.Or(tc.memory, "MemTotal: 9 kB\nMemAvailable: 8388608 kB\n"))
			var out bytes.Buffer
			n.Out = progress.New(&out, &out)
			runPods, err := n.Choose()
			wantsError := tc.choice == environment.Real && !tc.runPods
			if runPods != tc.runPods || (err != nil) != wantsError {
				t.Errorf("%v, %v", runPods, err)
			}
			text := out.String()
			if err != nil {
				text = err.Error()
			}
			for _, want := range tc.says {
				if !strings.Contains(text, want) {
					t.Errorf("%q does not say %q", text, want)
				}
			}
		})
	}
}
