package cluster

import (
	"slices"
	"testing"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/problem/problemtest"
)

// region offers versions in full, and images for some of them on x86.
func region(versions ...string) Offered {
	o := Offered{ControlPlane: versions, Nodes: versions}
	for _, v := range []string{"1.34.2", "1.35.2", "1.36.1", "1.36.4"} {
		if slices.Contains(versions, "v"+v) {
			o.Images = append(o.Images, Image{ID: "image " + v, Name: "Oracle-Linux-8.10-2026.08.14-0-OKE-" + v + "-1820"})
		}
	}
	return o
}

// existing is a cluster of one version with one pool.
func existing(controlPlane, nodes string) Running {
	return Running{ControlPlane: controlPlane, Pools: map[string]RunningPool{
		"pool": {Version: nodes, Shape: "VM.Standard.E5.Flex", ImageID: "image of the pool"},
	}}
}

// TestStepsAboveWhatIsLeft expects a refusal of steps above the nodes that an autoscaler has left only where the update
// replaces nodes.
func TestStepsAboveWhatIsLeft(t *testing.T) {
	for _, tc := range []struct {
		what   string
		change func(p *NodePool, now *RunningPool)
		want   string
	}{
		{"no change", func(*NodePool, *RunningPool) {}, ""},
		{"nodes left behind", func(_ *NodePool, now *RunningPool) { now.NodeVersions = []string{"v1.35.2"} }, ""},
		{"a change", func(p *NodePool, _ *RunningPool) { p.SSHPublicKey = "a" }, "nodePools[0].maxSurge 3 2 sshPublicKey"},
		{"a version", func(_ *NodePool, now *RunningPool) {
			now.Version = "v1.35.2"
		}, "nodePools[0].maxSurge kubernetesVersion"},
		{"a shape", func(_ *NodePool, now *RunningPool) {
			now.Shape = "VM.Standard.E4.Flex"
		}, "nodePools[0].maxSurge shape"},
		{"missing nodes", func(p *NodePool, _ *RunningPool) {
			p.SSHPublicKey, p.MaxSurge, p.MaxUnavailable, p.MaxSize, p.Autoscaled = "a", "", "3", 0, true
		}, "nodePools[0].maxUnavailable 3 2"},
		{"other steps", func(_ *NodePool, now *RunningPool) { now.MaxSurge = "2" }, "nodePools[0].maxSurge 3 2"},
		{"the same steps", func(_ *NodePool, now *RunningPool) { now.MaxSurge, now.MaxUnavailable = "3", "0" }, ""},
		{"nodes enough", func(p *NodePool, now *RunningPool) { p.SSHPublicKey, now.Size = "a", 3 }, ""},
		{"a percentage", func(p *NodePool, _ *RunningPool) { p.SSHPublicKey, p.MaxSurge = "a", "100%" }, ""},
		{"a fixed size", func(p *NodePool, _ *RunningPool) { p.SSHPublicKey, p.Size, p.MaxSize = "a", 3, 0 }, ""},
		{"a new pool", func(p *NodePool, _ *RunningPool) { p.Name = "other" }, ""},
		{"a new pool of fewer", func(p *NodePool, _ *RunningPool) {
			p.Name, p.Size = "other", 1
		}, "nodePools[0].maxSurge 3 1"},
	} {
		p := NodePool{Name: "pool", Shape: "VM.Standard.E5.Flex", Size: 3, MinSize: 1, MaxSize: 5, MaxSurge: "3"}
		now := RunningPool{Version: "v1.36.4", Shape: p.Shape, Size: 2, UserData: p.UserData()}
		tc.change(&p, &now)
		spec := Spec{KubernetesVersion: "v1.36.4", NodePools: []NodePool{p}}
		var list problem.List
		spec.Choose(&list, region("v1.35.2", "v1.36.4"), Running{
			ControlPlane: "v1.36.4", Pools: map[string]RunningPool{"pool": now},
		})
		t.Run(tc.what, func(t *testing.T) {
			if tc.want == "" {
				problemtest.Check(t, list.Err())
			} else {
				problemtest.Check(t, list.Err(), tc.want)
			}
		})
	}
}

func TestShapesThatAreNotOffered(t *testing.T) {
	spec := Spec{NodePools: []NodePool{{Name: "pool", Shape: "VM.Standard.E5.Flex"}}}
	for _, tc := range []struct {
		name    string
		shapes  []string
		running Running
		want    string
	}{
		{"offered", []string{"VM.Standard.E5.Flex"}, Running{}, ""},
		{"not known", nil, Running{}, ""},
		{
			"not offered",
			[]string{"VM.Standard.A1.Flex"},
			Running{},
			"nodePools[0].shape VM.Standard.E5.Flex VM.Standard.A1.Flex",
		},
		{"withdrawn from a pool that has it", []string{"VM.Standard.A1.Flex"}, existing("v1.36.4", "v1.36.4"), ""},
		{
			"withdrawn from a pool that is replaced",
			[]string{"VM.Standard.A1.Flex"},
			Running{ControlPlane: "v1.36.4", Replacing: "kmsKeyId", Pools: existing("v1.36.4", "v1.36.4").Pools},
			"nodePools[0].shape VM.Standard.E5.Flex VM.Standard.A1.Flex",
		},
	} {
		offered := region("v1.36.4")
		offered.Shapes = tc.shapes
		var list problem.List
		spec.Choose(&list, offered, tc.running)
		t.Run(tc.name, func(t *testing.T) {
			if err := list.Err(); tc.want == "" && err != nil {
				t.Error(err)
			} else if tc.want != "" {
				problemtest.Check(t, err, tc.want)
			}
		})
	}
}

func TestChoose(t *testing.T) {
	today := region("v1.34.10", "v1.35.2", "v1.36.0", "v1.36.1", "v1.36.4")
	minors := today
	minors.ControlPlane, minors.Nodes = []string{"v1.34", "v1.35", "v1.36"}, []string{"v1.34", "v1.35", "v1.36"}
	later := region("v1.37.1", "v1.38.1")
	passing := existing("v1.33.1", "v1.33.1")
	passing.Upgrades = []string{"v1.34.2"}
	// replaced is a cluster with its pool that a change of kmsKeyId replaces.
	replaced := func(controlPlane, nodes string) Running {
		running := existing(controlPlane, nodes)
		running.Replacing = "kmsKeyId"
		return running
	}
	for _, tc := range []struct {
		name            string
		cluster, pool   string // settings
		offered         Offered
		running         Running
		plane, nodes    string
		image, problems string
	}{
		{"new", "", "", today, Running{}, "v1.36.4", "v1.36.4", "image 1.36.4", ""},
		{"new, of a minor version", "v1.35", "", today, Running{}, "v1.35.2", "v1.35.2", "image 1.35.2", ""},
		{"new, in full", "v1.36.1", "", today, Running{}, "v1.36.1", "v1.36.1", "image 1.36.1", ""},
		{"new, older nodes", "", "v1.35", today, Running{}, "v1.36.4", "v1.35.2", "image 1.35.2", ""},
		{
			"nodes of the same minor version", "v1.36.1", "v1.36", today,
			Running{},
			"v1.36.1", "v1.36.1", "image 1.36.1", "",
		},
		{"not offered", "v1.36.3", "", today, Running{}, "", "", "", "kubernetesVersion v1.36.3 v1.36.4"},
		{
			"nodes newer", "v1.36.1", "v1.36.4", today,
			Running{},
			"v1.36.1", "", "", "nodePools[0].kubernetesVersion newer v1.36.1",
		},
		{
			"no image", "v1.34.10", "", today,
			Running{},
			"v1.34.10", "v1.34.10", "", "nodePools[0].kubernetesVersion v1.34.10",
		},

		{"list of minor versions", "", "", minors, Running{}, "v1.36.4", "v1.36.4", "image 1.36.4", ""},
		{
			"list of minor versions, in full", "v1.36.1", "", minors,
			Running{},
			"v1.36.1", "v1.36.1", "image 1.36.1", "",
		},
		{
			"list of minor versions, not offered", "v1.30.1", "", minors,
			Running{},
			"", "", "", "kubernetesVersion v1.30.1 v1.34",
		},
		{
			"list of minor versions without images", "", "",
			Offered{ControlPlane: minors.Nodes},
			Running{},
			"", "", "", "kubernetesVersion full v1.36",
		},

		{"stays", "", "", today, existing("v1.36.1", "v1.36.1"), "v1.36.1", "v1.36.1", "image 1.36.1", ""},
		{
			"stays at the minor version", "v1.36", "", today, existing("v1.36.1", "v1.36.1"),
			"v1.36.1", "v1.36.1", "image 1.36.1", "",
		},
		{
			"withdrawn", "", "", later, existing("v1.34.2", "v1.34.2"),
			"v1.34.2", "v1.34.2", "image of the pool", "",
		},
		{
			"withdrawn, in full", "v1.34.2", "v1.34.2", later, existing("v1.34.2", "v1.34.2"),
			"v1.34.2", "v1.34.2", "image of the pool", "",
		},
		{
			"withdrawn, older nodes", "v1.34.2", "v1.33", later, existing("v1.34.2", "v1.33.1"),
			"v1.34.2", "v1.33.1", "image of the pool", "",
		},
		{
			"withdrawn, a new pool", "", "", later,
			Running{ControlPlane: "v1.34.2"},
			"v1.34.2", "", "", "nodePools[0].kubernetesVersion v1.34.2 v1.37.1",
		},

		{"patch", "v1.36.4", "", today, existing("v1.36.1", "v1.36.1"), "v1.36.4", "v1.36.4", "image 1.36.4", ""},
		{"upgrade", "v1.36", "", today, existing("v1.35.2", "v1.35.2"), "v1.36.4", "v1.36.4", "image 1.36.4", ""},
		{
			"upgrade before the nodes", "v1.36", "v1.35", today, existing("v1.35.2", "v1.35.2"),
			"v1.36.4", "v1.35.2", "image 1.35.2", "",
		},
		{
			"rollback of nodes", "", "v1.35", today, existing("v1.36.4", "v1.36.4"),
			"v1.36.4", "v1.35.2", "image 1.35.2", "",
		},
		{
			"upgrade through a version that is withdrawn", "v1.34", "v1.33.1", later, passing,
			"v1.34.2", "v1.33.1", "image of the pool", "",
		},
		{
			"upgrade to a version that is withdrawn", "v1.36.3", "", today, existing("v1.35.2", "v1.35.2"),
			"", "", "", "kubernetesVersion v1.36.3 v1.36.4",
		},
		{
			"downgrade", "v1.36.1", "", today, existing("v1.36.4", "v1.36.4"),
			"", "", "", "kubernetesVersion back v1.36.1",
		},
		{
			"a minor version skipped", "v1.36", "", today, existing("v1.34.2", "v1.34.2"),
			"", "", "", "kubernetesVersion v1.34.2 v1.35",
		},
		{
			"nodes too old for the upgrade", "v1.37", "v1.37", later, existing("v1.36.4", "v1.33.1"),
			"", "", "", "kubernetesVersion pool v1.33.1",
		},

		{"replaced", "", "", today, replaced("v1.36.1", "v1.36.1"), "v1.36.1", "v1.36.1", "image 1.36.1", ""},
		{
			"replaced, older nodes", "", "v1.35", today, replaced("v1.36.1", "v1.35.2"),
			"v1.36.1", "v1.35.2", "image 1.35.2", "",
		},
		{
			"replaced, withdrawn", "", "", later, replaced("v1.34.2", "v1.34.2"),
			"", "", "", "kmsKeyId v1.34.2 v1.37.1, v1.38.1 kubernetesVersion",
		},
		{
			"replaced, withdrawn, in full", "v1.34.2", "", later, replaced("v1.34.2", "v1.34.2"),
			"", "", "", "kmsKeyId v1.34.2 v1.37.1, v1.38.1 kubernetesVersion",
		},
		{
			"replaced, withdrawn from the minor version", "v1.36", "", today, replaced("v1.36.3", "v1.36.3"),
			"v1.36.4", "v1.36.4", "image 1.36.4", "",
		},
		{
			"replaced, withdrawn, by a version far ahead", "v1.36", "", today, replaced("v1.33.1", "v1.33.1"),
			"v1.36.4", "v1.36.4", "image 1.36.4", "",
		},
		{
			"replaced by an older version", "v1.36.1", "", today, replaced("v1.36.4", "v1.36.4"),
			"v1.36.1", "v1.36.1", "image 1.36.1", "",
		},
		{
			"replaced by a version that is not offered", "v1.30.1", "", later, replaced("v1.34.2", "v1.34.2"),
			"", "", "", "kmsKeyId v1.30.1 v1.37.1, v1.38.1 kubernetesVersion",
		},
		{
			"replaced, list of minor versions", "", "", minors, replaced("v1.36.1", "v1.36.1"),
			"v1.36.1", "v1.36.1", "image 1.36.1", "",
		},
		{
			"replaced, only the nodes' version is withdrawn", "", "v1.36.3", today, replaced("v1.36.4", "v1.36.3"),
			"v1.36.4", "", "", "nodePools[0].kubernetesVersion kmsKeyId v1.36.3 v1.36.1",
		},
		{
			"replaced, only the images are withdrawn", "", "",
			Offered{ControlPlane: []string{"v1.36.1"}, Nodes: []string{"v1.36.1"}},
			replaced("v1.36.1", "v1.36.1"),
			"v1.36.1", "v1.36.1", "", "nodePools[0].kubernetesVersion kmsKeyId image v1.36.1",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := Spec{KubernetesVersion: tc.cluster, NodePools: []NodePool{
				{Name: "pool", Shape: "VM.Standard.E5.Flex", KubernetesVersion: tc.pool},
			}}
			var list problem.List
			c := s.Choose(&list, tc.offered, tc.running)
			if c.ControlPlane != tc.plane || c.Nodes["pool"] != tc.nodes || c.Images["pool"] != tc.image {
				t.Errorf("control plane %q, nodes %q, image %q; want %q, %q, %q",
					c.ControlPlane, c.Nodes["pool"], c.Images["pool"], tc.plane, tc.nodes, tc.image)
			}
			switch err := list.Err(); {
			case tc.problems != "":
				problemtest.Check(t, err, tc.problems)
			case err != nil:
				t.Error(err)
			}
		})
	}
}

// TestChooseImageOfAnotherShape expects no image of the nodes that a pool has for a shape that it does not suit.
func TestChooseImageOfAnotherShape(t *testing.T) {
	s := Spec{NodePools: []NodePool{{Name: "pool", Shape: "VM.Standard.A1.Flex"}}}
	var list problem.List
	s.Choose(&list, region("v1.37.1"), existing("v1.34.2", "v1.34.2"))
	problemtest.Check(t, list.Err(), "nodePools[0].kubernetesVersion v1.34.2 Arm")
}
