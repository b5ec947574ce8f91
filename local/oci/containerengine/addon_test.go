package containerengine_test

import (
	"slices"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestAddons(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		body := ocitest.ClusterBody(n)
		basic := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", body, nil))
		c.Refused(400, "InvalidParameter", "enhanced", "POST", ocitest.OKE+"/clusters/"+basic+"/addons",
			engine.Doc{"addonName": "CertManager"})
		c.Succeeded(c.Send("PUT", ocitest.OKE+"/clusters/"+basic, engine.Doc{"type": "ENHANCED_CLUSTER"}, nil))
		c.Refused(400, "InvalidParameter", "cannot become a basic one", "PUT", ocitest.OKE+"/clusters/"+basic,
			engine.Doc{"type": "BASIC_CLUSTER"})
		path := ocitest.OKE + "/clusters/" + basic + "/addons"
		c.Refused(400, "InvalidParameter", "must be one of", "POST", path, engine.Doc{"addonName": "Nothing"})
		c.Succeeded(c.Send("POST", path, engine.Doc{
			"addonName":      "CertManager",
			"configurations": []any{engine.Doc{"key": "numOfReplicas", "value": "1"}},
		}, nil))
		addon := c.Get(path + "/CertManager")
		c.Conforms("containerengine.Addon", addon)
		if addon["lifecycleState"] != "ACTIVE" {
			t.Errorf("add-on %v", addon)
		}
		if got := plane.Clusters[basic].Addons; !slices.Equal(got, []string{"CertManager"}) {
			t.Errorf("the control plane has the add-ons %q", got)
		}
		c.Refused(409, "Conflict", "addon CertManager exists", "POST", path, engine.Doc{"addonName": "CertManager"})
		c.Succeeded(c.Send("POST", path, engine.Doc{
			"addonName": "CertManager", "isOverrideExisting": true,
			"configurations": []any{engine.Doc{"key": "numOfReplicas", "value": "2"}},
		}, nil))
		if got := c.Get(path + "/CertManager").Objects("configurations"); len(got) != 1 || got[0]["value"] != "2" {
			t.Errorf("the add-on has the arguments %v", got)
		}
		c.Refused(409, "Conflict", "addon CoreDNS exists", "POST", path, engine.Doc{"addonName": "CoreDNS"})
		c.Succeeded(c.Send("POST", path, engine.Doc{"addonName": "CoreDNS", "isOverrideExisting": true}, nil))
		c.Succeeded(c.Send("DELETE", path+"/CoreDNS?isRemoveExistingAddOn=false", nil, nil))
		c.Succeeded(c.Send("PUT", path+"/CertManager", engine.Doc{"configurations": []any{}}, nil))
		c.Succeeded(c.Send("DELETE", path+"/CertManager?isRemoveExistingAddOn=true", nil, nil))
		c.Refused(404, "NotAuthorizedOrNotFound", "CertManager", "GET", path+"/CertManager", nil)
		if got := plane.Clusters[basic].Addons; len(got) > 0 {
			t.Errorf("the control plane has the add-ons %q after their removal", got)
		}
		c.Refused(400, "InvalidParameter", "it has v0.7.2", "POST", path,
			engine.Doc{"addonName": "KubernetesMetricsServer", "version": "v9.9.9"})
	})
}

// TestAddonsThatLackSomething expects add-ons to be installed and to need attention.
func TestAddonsThatLackSomething(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		n := c.Network()
		id := c.Succeeded(c.Send("POST", clusters, changed(ocitest.ClusterBody(n), "type", "ENHANCED_CLUSTER"), nil))
		path := clusters + "/" + id + "/addons"
		argument := func(key, value string) []any { return []any{engine.Doc{"key": key, "value": value}} }
		for name, mend := range map[string][]any{
			"KubernetesMetricsServer": argument("skipAddonDependenciesCheck", "true"),
			"NvidiaGpuOperator":       argument("skipNodeFeatureDiscoveryDependencyCheck", "true"),
			"ClusterAutoscaler":       argument("nodes", "1:3:ocid1.nodepool.oc1.iad.a"),
		} {
			wr := c.WorkRequest(c.Send("POST", path, engine.Doc{"addonName": name}, nil))
			addon := c.Get(path + "/" + name)
			if wr["status"] != "FAILED" || addon["lifecycleState"] != "NEEDS_ATTENTION" ||
				addon.Str("addonError", "message") == "" {
				t.Errorf("%s: work request %v, add-on %v", name, wr, addon)
			}
			c.Succeeded(c.Send("PUT", path+"/"+name, engine.Doc{"configurations": mend}, nil))
			if addon := c.Get(path + "/" + name); addon["lifecycleState"] != "ACTIVE" || addon["addonError"] != nil {
				t.Errorf("%s, mended: %v", name, addon)
			}
		}
		c.Succeeded(c.Send("POST", path, engine.Doc{"addonName": "CertManager"}, nil))
		c.Succeeded(c.Send("DELETE", path+"/KubernetesMetricsServer", nil, nil))
		c.Succeeded(c.Send("POST", path, engine.Doc{"addonName": "KubernetesMetricsServer", "version": "v0.7.2"}, nil))
	})
}
