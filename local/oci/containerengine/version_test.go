package containerengine_test

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/semver"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// offer sets the versions that OKE offers until the end of the test.
func offer(t *testing.T, versions ...string) {
	before := oci.KubernetesVersions
	t.Cleanup(func() { oci.KubernetesVersions = before })
	oci.KubernetesVersions = versions
}

func TestVersionTable(t *testing.T) {
	offered := compute.OfferedVersions()
	for i, v := range compute.OKEVersions {
		if i > 0 && semver.Compare(compute.OKEVersions[i-1].Number, v.Number) >= 0 {
			t.Errorf("%s is not newer than the version before", v.Number)
		}
		if v.Withdrawn == "" && semver.Canonical(v.Number) != semver.MajorMinor(v.Number)+".0" && len(v.Builds) == 0 {
			t.Errorf("%s has no images", v.Number)
		}
		for _, img := range compute.Images {
			if img.Version == v.Number && img.Withdrawn != v.Withdrawn {
				t.Errorf("%s is withdrawn %q, and its version %q", img.Name, img.Withdrawn, v.Withdrawn)
			}
		}
	}
	if newest := offered[len(offered)-1]; ocitest.ImageFor(newest, true) == "" {
		t.Errorf("no image for %s", newest)
	}
}

func TestVersionOptions(t *testing.T) {
	offer(t, "v1.36.1", "v1.35.2", "v1.36.4")
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		for query, want := range map[string]string{
			"": "[v1.35.2 v1.36.1 v1.36.4]", "?shouldListAllPatchVersions=true": "[v1.35.2 v1.36.1 v1.36.4]",
			"?shouldListAllPatchVersions=false": "[v1.35 v1.36]",
		} {
			for _, of := range []string{"/clusterOptions/all", "/nodePoolOptions/all"} {
				if got := fmt.Sprint(c.Get(ocitest.OKE + of + query)["kubernetesVersions"]); got != want {
					t.Errorf("%s%s: %s, want %s", of, query, got, want)
				}
			}
		}
		for _, source := range c.Get(ocitest.OKE + "/nodePoolOptions/all").Objects("sources") {
			if source["imageId"] == ocitest.ImageFor("v1.34.10", true) {
				t.Errorf("an image of a version that is not offered: %v", source)
			}
		}
		c.Refused(400, "MissingParameter", "kubernetesVersion", "GET", ocitest.OKE+"/addonOptions", nil)
		options := c.GetList(ocitest.OKE + "/addonOptions?kubernetesVersion=v1.36.4")
		for _, option := range options {
			c.Conforms("containerengine.AddonOptionSummary", option)
			newer := []string{ // whose versions are not known here
				"AmdGpuPlugin", "NodeFeatureDiscovery", "NodeProblemDetector", "NvidiaGpuOperator", "NvidiaGpuPlugin",
				"ObservabilityAgent",
			}
			versions := option.Objects("versions")
			if slices.Contains(newer, option.Str("name")) {
				continue
			}
			if len(versions) != 1 || len(versions[0].Str("versionNumber")) < 2 {
				t.Errorf("versions of %v: %v", option["name"], versions)
			}
		}
		if len(options) == 0 {
			t.Error("no add-ons")
		}
	})
}

// TestWithdrawnVersion expects a version that is not offered any more to be refused where it is new only.
func TestWithdrawnVersion(t *testing.T) {
	offer(t, "v1.35.2", "v1.36.4")
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		at := func(version string) engine.Doc {
			return changed(ocitest.ClusterBody(n), "kubernetesVersion", version)
		}
		old := c.Succeeded(c.Send("POST", clusters, at("v1.35.2"), nil))
		body := ocitest.PoolBody(n, old, 1)
		body["kubernetesVersion"] = "v1.35.2"
		body.Sub("nodeSourceDetails")["imageId"] = ocitest.ImageFor("v1.35.2", true)
		pool := c.Succeeded(c.Send("POST", pools, body, nil))

		oci.KubernetesVersions = []string{"v1.36.4"}
		const invalid = "400 InvalidParameter: Invalid kubernetes version. Offered are v1.36.4."
		c.Refuses("new cluster", "POST "+clusters, at("v1.35.2"), invalid)
		c.Refuses("new node pool", "POST "+pools, changed(body, "name", "more"), invalid)
		c.Refuses("upgrade", "PUT "+clusters+"/"+old, engine.Doc{"kubernetesVersion": "v1.36.1"}, invalid)
		c.Succeeded(c.Send("PUT", clusters+"/"+old, engine.Doc{"name": "renamed"}, nil))
		c.Succeeded(c.Send("PUT", pools+"/"+pool, engine.Doc{
			"kubernetesVersion": "v1.35.2", "nodeConfigDetails": engine.Doc{"size": 2},
		}, nil))
		if got := len(c.Get(pools + "/" + pool).List("nodes")); got != 2 {
			t.Errorf("%d nodes, want 2", got)
		}
	})
}

// TestWithdrawnImage expects an image that is not offered any more to be refused where it is new only.
func TestWithdrawnImage(t *testing.T) {
	old, newer := ocitest.ImageFor("v1.36.4", true), ""
	for _, img := range compute.Images {
		if img.Version == "v1.36.4" && img.Arm && img.ID != old {
			newer = img.ID
		}
	}
	image := func(id string) engine.Doc { return engine.Doc{"sourceType": "IMAGE", "imageId": id} }
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", clusters, ocitest.ClusterBody(n), nil))
		body := ocitest.PoolBody(n, cluster, 1)
		pool := c.Succeeded(c.Send("POST", pools, body, nil))

		compute.ImageByID(old).Withdrawn = "2026-11-01"
		t.Cleanup(func() { compute.ImageByID(old).Withdrawn = "" })
		for _, source := range c.Get(ocitest.OKE + "/nodePoolOptions/all").Objects("sources") {
			if source["imageId"] == old {
				t.Errorf("the withdrawn image is offered: %v", source)
			}
		}
		refusal := "400 InvalidParameter: nodeSourceDetails.imageId: the image " + old + " may not exist"
		c.Refuses("new node pool", "POST "+pools, changed(body, "name", "more"), refusal)
		c.Succeeded(c.Send("PUT", pools+"/"+pool, engine.Doc{
			"nodeSourceDetails": image(old), "nodeConfigDetails": engine.Doc{"size": 2},
		}, nil))
		if got := len(c.Get(pools + "/" + pool).List("nodes")); got != 2 {
			t.Errorf("%d nodes, want 2", got)
		}
		c.Succeeded(c.Send("PUT", pools+"/"+pool, engine.Doc{"nodeSourceDetails": image(newer)}, nil))
		c.Refuses("back to the image", "PUT "+pools+"/"+pool, engine.Doc{"nodeSourceDetails": image(old)}, refusal)
		if got := c.Get("/20160918/images/" + old)["lifecycleState"]; got != "AVAILABLE" {
			t.Errorf("the image is %v", got)
		}
	})
}

// TestUpgradeThroughWithdrawnVersion expects that a control plane can pass through a minor version that is withdrawn.
func TestUpgradeThroughWithdrawnVersion(t *testing.T) {
	offer(t, "v1.33.1")
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		id := c.Succeeded(c.Send("POST", clusters, changed(ocitest.ClusterBody(n), "kubernetesVersion", "v1.33.1"), nil))
		oci.KubernetesVersions = []string{"v1.35.2", "v1.36.4"}
		c.Refuses("a minor version skipped", "PUT "+clusters+"/"+id, engine.Doc{"kubernetesVersion": "v1.35.2"},
			"400 InvalidParameter: Invalid kubernetes version.")
		c.Succeeded(c.Send("PUT", clusters+"/"+id, engine.Doc{"kubernetesVersion": "v1.34.10"}, nil))
		got := c.Get(clusters + "/" + id)
		if fmt.Sprintf("%s %s", got["kubernetesVersion"], got["availableKubernetesUpgrades"]) != "v1.34.10 [v1.35.2]" {
			t.Errorf("cluster %v", got)
		}
	})
}

// TestNodeVersions names minor versions, rolls nodes back, and upgrades a control plane with nodes that are too old.
func TestNodeVersions(t *testing.T) {
	offer(t, "v1.33.1", "v1.34.1", "v1.35.2", "v1.36.1", "v1.36.4", "v1.37.1")
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", clusters, changed(ocitest.ClusterBody(n), "kubernetesVersion", "v1.36"), nil))
		if got := c.Get(clusters + "/" + cluster)["kubernetesVersion"]; got != "v1.36.4" {
			t.Errorf("a cluster of v1.36 has %v", got)
		}
		body := ocitest.PoolBody(n, cluster, 1)
		id := c.Succeeded(c.Send("POST", pools, body, nil))
		c.Refuses("another image", "PUT "+pools+"/"+id, engine.Doc{"kubernetesVersion": "v1.35.2"}, "409 Conflict: is for")
		c.Succeeded(c.Send("PUT", pools+"/"+id, engine.Doc{"kubernetesVersion": "v1.35.2", "nodeSourceDetails": engine.Doc{
			"sourceType": "IMAGE", "imageId": ocitest.ImageFor("v1.35.2", true),
		}}, nil))
		if got := c.Get(pools + "/" + id)["kubernetesVersion"]; got != "v1.35.2" {
			t.Errorf("after the rollback, the pool has %v", got)
		}
		plain := ocitest.PoolBody(n, cluster, 0)
		plain["name"], plain["kubernetesVersion"] = "old", "v1.33.1"
		plain.Sub("nodeSourceDetails")["imageId"] = plainImage(t)
		c.Succeeded(c.Send("POST", pools, plain, nil))
		c.Refuses("nodes too old", "PUT "+clusters+"/"+cluster, engine.Doc{"kubernetesVersion": "v1.37.1"},
			"400 InvalidParameter: Invalid kubernetes version.")
		c.Refuses("skew of four", "POST "+pools, changed(changed(plain, "name", "older"), "kubernetesVersion", "v1.32.1"),
			"400 InvalidParameter: Invalid kubernetes version.")
	})
}

// plainImage returns the OCID of an image that is not bound to a Kubernetes version.
func plainImage(t *testing.T) string {
	for _, img := range compute.Images {
		if img.Arm && img.Version == "" {
			return img.ID
		}
	}
	t.Fatal("no image without a version")
	return ""
}
