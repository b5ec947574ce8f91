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
		Choice: choice, Images: environment.Auto, KindFile: filepath.Join(t.TempDir(), "nodes"),
		Out:   progress.New(&out, &out),
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

func TestALocalCloudKeepsWhereItsImagesComeFrom(t *testing.T) {
	n := newNodes(t, environment.Real)
	n.Images = environment.Registry
	if err := n.Remember(true); err != nil {
		t.Fatal(err)
	}
	n.Choice, n.Images = environment.Auto, environment.Auto
	if _, err := n.Choose(); err != nil || n.Source() != environment.Registry {
		t.Errorf("IMAGES=auto afterwards: %q, %v, want registry", n.Source(), err)
	}
	n.Images = environment.Built
	_, err := n.Choose()
	launchtest.WantError(t, err, "IMAGES=built", "began with IMAGES=registry", "make down")
	if err := n.Forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Choose(); err != nil || n.Source() != environment.Built {
		t.Errorf("IMAGES=built after make down: %q, %v", n.Source(), err)
	}
	launchtest.Write(t, n.KindFile, "real\n") // of an older version
	if n.Images = environment.Auto; !n.Kind() || n.Source() != environment.Auto {
		t.Errorf("nodes that run Pods: %v, with images from %q", n.Kind(), n.Source())
	}
}

// TestWhatRealNodesLackLater: the advice must be one that is not refused then.
func TestWhatRealNodesLackLater(t *testing.T) {
	n := newNodes(t, environment.Auto, "runc (apt-get install runc)")
	if err := n.Remember(true); err != nil {
		t.Fatal(err)
	}
	_, err := n.Choose()
	launchtest.WantError(t, err, "began with NODES=real", "make down", "runc (apt-get install runc)")
	if strings.Contains(err.Error(), "NODES=simulated") {
		t.Errorf("%v: NODES=simulated is refused", err)
	}
}

// TestMemoryOfAContainer is about control groups, which may leave less memory than the machine has.
func TestMemoryOfAContainer(t *testing.T) {
	const v2, v1 = "sys/fs/cgroup/", "sys/fs/cgroup/memory/"
	for name, tc := range map[string]struct {
		files map[string]string
		says  string // "": enough
	}{
		"no limit": {map[string]string{
			"proc/self/cgroup": "0::/user.slice\n", v2 + "user.slice/memory.max": "max\n",
		}, ""},
		"version 2": {map[string]string{
			"proc/self/cgroup": "0::/\n", v2 + "memory.max": "1073741824\n", v2 + "memory.current": "536870912\n",
			v2 + "memory.stat": "anon 9\ninactive_file 107374182\n",
		}, "memory: 0.6 GB are available"},
		"the group above": {map[string]string{
			"proc/self/cgroup": "0::/a/b\n", v2 + "a/b/memory.max": "8589934592\n", v2 + "a/memory.max": "1073741824\n",
		}, "memory: 1.0 GB are available"},
		"version 1 in a container": {map[string]string{
			"proc/self/cgroup":           "5:cpu:/\n4:memory:/docker/0123\n0::/\n",
			v1 + "memory.limit_in_bytes": "1073741824\n", v1 + "memory.usage_in_bytes": "0\n",
		}, "memory: 1.0 GB are available"},
		"version 1 without a limit": {map[string]string{
			"proc/self/cgroup": "4:memory:/\n", v1 + "memory.limit_in_bytes": "9223372036854771712\n",
		}, ""},
		"more than the limit is in use": {map[string]string{
			"proc/self/cgroup": "0::/\n", v2 + "memory.max": "1073741824\n", v2 + "memory.current": "2147483648\n",
		}, "memory: 0.0 GB are available"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNodes(t, environment.Auto)
			n.Root = t.TempDir()
			launchtest.Write(t, filepath.Join(n.Root, "proc/meminfo"), "MemAvailable: 8388608 kB\n")
			for path, text := range tc.files {
				launchtest.Write(t, filepath.Join(n.Root, path), text)
			}
			var out bytes.Buffer
			n.Out = progress.New(&out, &out)
			runPods, err := n.Choose()
			if err != nil || runPods != (tc.says == "") || !strings.Contains(out.String(), tc.says) {
				t.Errorf("%v, %v: %q, want %q", runPods, err, &out, tc.says)
			}
		})
	}
}

func TestTooMany(t *testing.T) {
	for _, tc := range []struct {
		count     int
		available int64
		says      string
	}{
		{0, 0, ""},
		{2, 1 << 30, ""},
		{20, 8 << 30, ""},
		{3, 2 << 30, "3 nodes that run Pods take 2.1 GB"},
		{20, 3 << 30, "20 nodes that run Pods take 3.9 GB of memory, and more with their Pods: 3.0 GB were available"},
	} {
		if got := TooMany(tc.count, tc.available); !strings.HasPrefix(got, tc.says) || tc.says == "" && got != "" {
			t.Errorf("%d nodes, %d bytes: %q, want %q", tc.count, tc.available, got, tc.says)
		}
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
			n.Root = t.TempDir()
			meminfo := cmp.Or(tc.memory, "MemTotal: 9 kB\nMemAvailable: 8388608 kB\n")
			launchtest.Write(t, filepath.Join(n.Root, "proc/meminfo"), meminfo)
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
