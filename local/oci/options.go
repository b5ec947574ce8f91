package oci

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

func (s *Server) optionRoutes() {
	s.route("GET "+okeBase+"/clusterOptions/{id}", "", func(c *call) (*answer, error) {
		if err := c.optionID("cluster"); err != nil {
			return nil, err
		}
		return &answer{Body: object{
			"kubernetesVersions":       anys(KubernetesVersions),
			"clusterPodNetworkOptions": []any{object{"cniType": "OCI_VCN_IP_NATIVE"}, object{"cniType": "FLANNEL_OVERLAY"}},
		}}, nil
	})
	s.route("GET "+okeBase+"/nodePoolOptions/{id}", "", func(c *call) (*answer, error) {
		if err := c.optionID("nodepool"); err != nil {
			return nil, err
		}
		arch, version := c.query.Get("nodePoolOsArch"), c.query.Get("nodePoolK8sVersion")
		wanted := func(arm bool) bool { return arch == "" || arm == (arch == "AARCH64") }
		names, sources, ids := []any{}, []any{}, []any{}
		for _, s := range shapes {
			if wanted(s.arm) {
				names = append(names, s.name)
			}
		}
		for _, img := range images {
			if !wanted(img.arm) || version != "" && img.version != version {
				continue
			}
			ids = append(ids, img.name)
			sources = append(sources, object{"sourceType": "IMAGE", "imageId": img.id, "sourceName": img.name})
		}
		return &answer{Body: object{"kubernetesVersions": anys(KubernetesVersions), "shapes": names, "images": ids, "sources": sources}}, nil
	})
}

// optionID allows "all", the OCID of a living resource, and of a cluster.
func (c *call) optionID(kind string) error {
	if c.id() == "all" {
		return nil
	}
	if r := c.find(c.id()); r != nil && r.Gone == nil && (r.Kind == kind || r.Kind == "cluster") {
		return nil
	}
	return noSuch(c.id())
}

// kubeconfig answers with the control plane's kubeconfig.
func kubeconfig(c *call) (*answer, error) {
	cluster, err := c.named("cluster", c.id())
	if err != nil {
		return nil, err
	}
	if state := cluster.state(); cluster.Gone != nil || state != "ACTIVE" && state != "UPDATING" {
		return nil, conflict("the cluster %s is %s", cluster.ID, state)
	}
	public := flag(cluster.Doc, "endpointConfig", "isPublicIpEnabled")
	if str(c.body, "endpoint") == "PUBLIC_ENDPOINT" && !public {
		return nil, invalid("endpoint: the cluster %s has no public endpoint", cluster.ID)
	}
	plane := c.s.config.ControlPlane
	if plane == nil {
		return nil, notImplemented("this local cloud runs no control planes")
	}
	// Asked outside the transaction: the control plane may take its time.
	return &answer{then: func(ctx context.Context) (*answer, error) {
		text, err := plane.Kubeconfig(ctx, cluster.ID)
		return &answer{Body: text, Header: map[string]string{"Content-Type": "application/x-yaml"}}, err
	}}, nil
}

// addons that can be installed (Oracle: "Cluster Add-ons"). Their programs do not run in the local cloud; what is kept
// is what the API shows.
var addons = []string{
	"CertManager", "ClusterAutoscaler", "CoreDNS", "KubeProxy", "KubernetesDashboard", "KubernetesMetricsServer",
	"NativeIngressController", "OciVcnIpNative", "Flannel", "WeblogicKubernetesOperator", "Istio",
}

const addonTime = 30 * time.Second

func (s *Server) addonRoutes() {
	s.kinds["addon"] = &kind{name: "addon", model: "containerengine.Addon", states: okeStates, slow: true, nameKey: "name"}
	s.ops["addonDone"] = op{change: addonDone}
	path := okeBase + "/clusters/{id}/addons"
	s.route("GET "+path, "", func(c *call) (*answer, error) {
		if _, err := c.named("cluster", c.id()); err != nil {
			return nil, err
		}
		var out []any
		for _, r := range c.addonsOf(c.id()) {
			out = append(out, summaryOf("containerengine.AddonSummary")(r.Doc))
		}
		return c.page(out)
	})
	s.route("GET "+path+"/{addon}", "", func(c *call) (*answer, error) {
		r, err := c.addon()
		if err != nil {
			return nil, err
		}
		return c.answerOf(r), nil
	})
	s.route("POST "+path, "containerengine.InstallAddonDetails", func(c *call) (*answer, error) {
		cluster, err := c.enhanced()
		if err != nil {
			return nil, err
		}
		name := str(c.body, "addonName")
		if !slices.Contains(addons, name) {
			return nil, invalid("addonName: %q must be one of %s", name, strings.Join(addons, ", "))
		}
		for _, r := range c.addonsOf(cluster.ID) {
			if r.Doc["name"] == name {
				return nil, conflict("the add-on %s is installed in %s", name, cluster.ID)
			}
		}
		doc := object{"id": newOCID("addon"), "name": name, "configurations": []any{}}
		r, err := c.born(s.kinds["addon"], doc)
		if err != nil {
			return nil, err
		}
		r.hide("cluster", cluster.ID)
		return c.changeAddon(cluster, r, "ENABLE_ADDON", "CREATING"), nil
	})
	s.route("PUT "+path+"/{addon}", "containerengine.UpdateAddonDetails", func(c *call) (*answer, error) {
		cluster, err := c.enhanced()
		if err != nil {
			return nil, err
		}
		r, err := c.addon()
		if err != nil {
			return nil, err
		}
		return c.changeAddon(cluster, c.edit(r.ID), "UPDATE_ADDON", "UPDATING"), nil
	})
	s.route("DELETE "+path+"/{addon}", "", func(c *call) (*answer, error) {
		cluster, err := c.enhanced()
		if err != nil {
			return nil, err
		}
		r, err := c.addon()
		if err != nil {
			return nil, err
		}
		return c.changeAddon(cluster, c.edit(r.ID), "DISABLE_ADDON", "DELETING"), nil
	})
	s.route("GET "+okeBase+"/addonOptions", "", func(c *call) (*answer, error) {
		var out []any
		for _, name := range addons {
			if n := c.query.Get("addonName"); n == "" || n == name {
				out = append(out, object{
					"name": name, "lifecycleState": "ACTIVE", "versions": []any{}, "isEssential": slices.Contains(essentialAddons, name),
					"supportedKubernetesVersions": anys(KubernetesVersions), "addonSchemaVersion": "1.0", "addonGroup": "NETWORKING",
					"freeformTags": object{}, "definedTags": object{},
				})
			}
		}
		return c.page(out)
	})
}

var essentialAddons = []string{"CoreDNS", "KubeProxy", "OciVcnIpNative", "Flannel"}

func (t *tx) addonsOf(cluster string) []*resource {
	return t.all("addon", func(r *resource) bool { return r.Hidden["cluster"] == cluster })
}

func (c *call) addon() (*resource, error) {
	name := c.req.PathValue("addon")
	for _, r := range c.addonsOf(c.id()) {
		if r.Doc["name"] == name {
			return r, nil
		}
	}
	return nil, noSuch(name)
}

// enhanced returns the cluster of the path if its add-ons can be managed.
func (c *call) enhanced() (*resource, error) {
	cluster, err := c.changeableCluster("ACTIVE")
	if err == nil && str(cluster.Doc, "type") != "ENHANCED_CLUSTER" {
		return nil, invalid("add-ons are managed in enhanced clusters only, and %s is a basic one", cluster.ID)
	}
	return cluster, err
}

func (c *call) changeAddon(cluster, r *resource, operation, state string) *answer {
	for _, field := range []string{"version", "configurations"} {
		if c.body[field] != nil {
			r.Doc[field] = c.body[field]
		}
	}
	r.Doc["lifecycleState"] = state
	wr := c.startWork(operation, "cluster", cluster)
	wr.Doc["resources"] = append(list(wr.Doc, "resources"), object{
		"actionType": "IN_PROGRESS", "entityType": "addon", "identifier": r.Doc["name"], "entityUri": "/clusters/" + cluster.ID + "/addons/" + str(r.Doc, "name"),
	})
	c.later(addonTime, "addonDone", r.ID, object{"work": wr.ID})
	return accepted(wr)
}

func addonDone(t *tx, k *task) error {
	r := t.edit(k.Target)
	wr := t.find(str(k.Args, "work"))
	failure := t.s.faults.workRequest(str(wr.Doc, "operationType"))
	switch {
	case failure != nil:
		r.Doc["lifecycleState"] = "NEEDS_ATTENTION"
	case r.state() == "DELETING":
		if err := t.bury(r); err != nil {
			return err
		}
	default:
		r.Doc["lifecycleState"] = "ACTIVE"
		r.Doc["currentInstalledVersion"] = cmp.Or(str(r.Doc, "version"), "v1.0.0")
	}
	t.endWork(wr.ID, failure)
	return nil
}
