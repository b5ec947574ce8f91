package containerengine

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

const addonTime = 30 * time.Second

// addons can be installed, each with the one that it needs (Oracle documentation, "Cluster Add-on Configuration
// Arguments" and the add-ons' pages, 2026-09-05). Their programs do not run in the local cloud, except that
// local/kube/nodescaler does the autoscaler's work, and KubernetesMetricsServer's runs with nodes that run Pods; the
// service keeps what the API shows.
var addons = map[string]string{
	"AmdGpuPlugin": "", "CertManager": "", autoscaler: "", "CoreDNS": "", "Flannel": "", "Istio": "", "KubeProxy": "",
	"KubernetesDashboard": "", "KubernetesMetricsServer": "CertManager", "NativeIngressController": "",
	"NodeFeatureDiscovery": "", "NodeProblemDetector": "", "NvidiaGpuOperator": "NodeFeatureDiscovery",
	"NvidiaGpuPlugin": "", "ObservabilityAgent": "", "OciVcnIpNative": "", "OracleDatabaseOperator": "CertManager",
	"Tiller": "", "WeblogicKubernetesOperator": "",
}

// AddonNeeds returns the add-on that an add-on needs, or "".
func AddonNeeds(name string) string { return addons[name] }

const autoscaler = "ClusterAutoscaler"

// AddonNames returns the names of the add-ons in order.
func AddonNames() []string { return slices.Sorted(maps.Keys(addons)) }

// EssentialAddons are those that new clusters have, of the last two that of their Pod network.
var EssentialAddons = []string{"CoreDNS", "KubeProxy", "OciVcnIpNative", "Flannel"}

// isEssential reports whether a new cluster has the add-on: all of the essential ones but that of the other Pod network
// (Oracle documentation, "Introducing Cluster Add-ons", section "Essential Add-ons", read 2026-11-29). Until a request
// overrides it, no list here has it.
func isEssential(name string, cluster *engine.Resource) bool {
	others := "OciVcnIpNative"
	if cniType(cluster.Doc) == vcnNative {
		others = "Flannel"
	}
	return name != others && slices.Contains(EssentialAddons, name)
}

// addonState is what the service remembers of an add-on.
type addonState struct{ Cluster string } // OCID

const taskAddonDone engine.Task[workTask] = "addon done"

func (s *Service) registerAddons(api engine.API) {
	api.AddKind(&engine.Kind{
		Name: addonKind, Model: "containerengine.Addon", States: engine.ServiceStates, Async: true, NameKey: "name",
		Private: engine.PrivateOf[addonState](),
	})
	taskAddonDone.OnDueOutside(s.e, s.addonDone)
	const path = "/clusters/{id}/addons"
	api.Handle("GET "+path, "", engine.OnNamed(clusterKind, listAddons))
	api.Handle("GET "+path+"/{addon}", "", func(c *engine.Call) (*engine.Answer, error) {
		r, err := namedAddon(c)
		if err != nil {
			return nil, err
		}
		return r.Answer(), nil
	})
	api.Handle("POST "+path, "containerengine.InstallAddonDetails", onEnhanced(s.installAddon))
	api.Handle("PUT "+path+"/{addon}", "containerengine.UpdateAddonDetails", s.changeNamed("UPDATE_ADDON", "UPDATING"))
	api.Handle("DELETE "+path+"/{addon}", "", s.changeNamed("DISABLE_ADDON", "DELETING"))
	api.Handle("GET /addonOptions", "", s.listAddonOptions)
}

// onEnhanced makes a handler of an active cluster whose add-ons can be managed.
func onEnhanced(h engine.ResourceHandler) engine.Handler {
	return engine.OnChangeable(clusterKind, func(c *engine.Call, cluster *engine.Resource) (*engine.Answer, error) {
		if cluster.Doc.Str("type") != "ENHANCED_CLUSTER" {
			return nil, engine.Invalid("add-ons are managed in enhanced clusters only, and %s is a basic one", cluster.ID)
		}
		return h(c, cluster)
	}, "ACTIVE")
}

func addonsOf(t *engine.Tx, clusterID string) []*engine.Resource {
	return t.All(addonKind, func(r *engine.Resource) bool {
		return engine.Private[addonState](r).Cluster == clusterID
	})
}

// findAddon returns a cluster's add-on with that name, or nil.
func findAddon(t *engine.Tx, clusterID, name string) *engine.Resource {
	for _, r := range addonsOf(t, clusterID) {
		if r.Doc["name"] == name {
			return r
		}
	}
	return nil
}

// namedAddon returns the add-on that the path names.
func namedAddon(c *engine.Call) (*engine.Resource, error) {
	name := c.Path("addon")
	r := findAddon(c.Tx, c.ID(), name)
	if r == nil {
		return nil, engine.NotFound(name)
	}
	return r, nil
}

func listAddons(c *engine.Call, cluster *engine.Resource) (*engine.Answer, error) {
	var out []any
	for _, r := range addonsOf(c.Tx, cluster.ID) {
		out = append(out, engine.Summary("containerengine.AddonSummary", r.Doc))
	}
	return c.Page(out)
}

// addonVersions are the newest versions of add-ons for Kubernetes 1.34 to 1.36, where they are the same (Oracle
// documentation, "Compatibility Matrix", 2026-09-05).
var addonVersions = map[string]string{
	"CertManager": "1.17.1", "ClusterAutoscaler": "1.34.3", "CoreDNS": "1.12.2", "KubernetesDashboard": "2.7.0",
	"KubernetesMetricsServer": "0.7.2", "NativeIngressController": "1.4.5", "OciVcnIpNative": "3.3.0",
	"Flannel": "0.27.3", "WeblogicKubernetesOperator": "4.3.10", "Istio": "1.29.5",
	"OracleDatabaseOperator": "1.2.0", "Tiller": "2.16.0",
}

// addonVersion returns the version of an add-on for a Kubernetes version, such as "v0.7.2"; "" if it is not known here.
func addonVersion(name, kubernetes string) string {
	number := addonVersions[name]
	if name == "KubeProxy" { // has the version of Kubernetes
		number = strings.TrimPrefix(kubernetes, "v")
	}
	if number == "" {
		return ""
	}
	return "v" + number
}

// listAddonOptions lists the add-ons with their versions for a Kubernetes version, which is required.
func (s *Service) listAddonOptions(c *engine.Call) (*engine.Answer, error) {
	kubernetes := c.Query.Get("kubernetesVersion")
	if kubernetes == "" {
		return nil, engine.MissingParameter("kubernetesVersion")
	}
	var out []any
	for _, name := range AddonNames() {
		if n := c.Query.Get("addonName"); n != "" && n != name {
			continue
		}
		versions := []any{}
		if number := addonVersion(name, kubernetes); number != "" {
			versions = append(versions, engine.Doc{
				"versionNumber": number, "status": "ACTIVE", "configurations": []any{},
				"kubernetesVersionFilters": engine.Doc{"exactKubernetesVersions": []any{kubernetes}},
			})
		}
		out = append(out, engine.Doc{
			"name": name, "lifecycleState": "ACTIVE", "isEssential": slices.Contains(EssentialAddons, name),
			"versions":           versions,
			"addonSchemaVersion": "1.0", "addonGroup": "NETWORKING",
			"freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
		})
	}
	return c.Page(out)
}

func (s *Service) installAddon(c *engine.Call, cluster *engine.Resource) (*engine.Answer, error) {
	name := c.Body.Str("addonName")
	if _, known := addons[name]; !known {
		return nil, engine.Invalid("addonName: %q must be one of %s", name, strings.Join(AddonNames(), ", "))
	}
	if err := checkAddonVersion(name, c.Body.Str("version"), cluster); err != nil {
		return nil, err
	}
	existing := findAddon(c.Tx, cluster.ID, name)
	if (existing != nil || isEssential(name, cluster)) && !c.Body.Flag("isOverrideExisting") {
		// The words: oracle-terraform-modules/terraform-oci-oke#974, 2024-12-18.
		return nil, engine.Conflict("addon %s exists", name)
	}
	if existing != nil {
		return s.changeAddon(c, cluster, c.Edit(existing.ID), "ENABLE_ADDON", "UPDATING"), nil
	}
	r, err := c.Insert(addonKind, engine.Doc{"name": name, "configurations": []any{}})
	if err != nil {
		return nil, err
	}
	engine.Private[addonState](r).Cluster = cluster.ID
	return s.changeAddon(c, cluster, r, "ENABLE_ADDON", "CREATING"), nil
}

// changeNamed makes a handler that changes the add-on that the path names.
func (s *Service) changeNamed(operation, state string) engine.Handler {
	return onEnhanced(func(c *engine.Call, cluster *engine.Resource) (*engine.Answer, error) {
		r, err := namedAddon(c)
		if err == nil {
			err = checkAddonVersion(r.Doc.Str("name"), c.Body.Str("version"), cluster)
		}
		if err != nil {
			return nil, err
		}
		return s.changeAddon(c, cluster, c.Edit(r.ID), operation, state), nil
	})
}

// checkAddonVersion refuses versions that the add-on does not have for the cluster. One that is not known here passes.
func checkAddonVersion(name, version string, cluster *engine.Resource) error {
	known := addonVersion(name, cluster.Doc.Str("kubernetesVersion"))
	if version == "" || known == "" || strings.TrimPrefix(version, "v") == strings.TrimPrefix(known, "v") {
		return nil
	}
	return engine.Invalid("version: %s has no version %s for Kubernetes %s; it has %s",
		name, version, cluster.Doc.Str("kubernetesVersion"), known)
}

// unmet returns what an add-on lacks: OKE installs it, and shows it as NEEDS_ATTENTION.
func unmet(t *engine.Tx, addon *engine.Resource) *engine.Failure {
	arguments := map[string]string{}
	for _, c := range addon.Doc.Objects("configurations") {
		arguments[c.Str("key")] = c.Str("value")
	}
	name := addon.Doc.Str("name")
	needed, skips := addons[name], arguments["skipAddonDependenciesCheck"] == "true" ||
		arguments["skipNodeFeatureDiscoveryDependencyCheck"] == "true"
	if needed != "" && !skips && findAddon(t, engine.Private[addonState](addon).Cluster, needed) == nil {
		return engine.Conflict("the add-on %s needs the add-on %s", name, needed)
	}
	if name == autoscaler && arguments["nodes"] == "" && arguments["nodeGroupAutoDiscovery"] == "" {
		return engine.Invalid("the add-on %s needs the argument nodes or nodeGroupAutoDiscovery", name)
	}
	return nil
}

func (s *Service) changeAddon(c *engine.Call, cluster, r *engine.Resource, operation, state string) *engine.Answer {
	for _, field := range []string{"version", "configurations"} {
		if c.Body[field] != nil {
			r.Doc[field] = c.Body[field]
		}
	}
	r.SetState(state)
	wr := s.work.Begin(c.Tx, operation, clusterKind, cluster)
	name := r.Doc.Str("name")
	wr.Doc["resources"] = append(wr.Doc.List("resources"), engine.Doc{
		"actionType": "IN_PROGRESS", "entityType": addonKind, "identifier": name,
		"entityUri": "/clusters/" + cluster.ID + "/addons/" + name,
	})
	taskAddonDone.After(c.Tx, addonTime, r.ID, workTask{wr.ID})
	return engine.Accepted(wr)
}

// addonDone tells the control plane which add-ons there are, and ends the work request.
func (s *Service) addonDone(ctx context.Context, addonID string, args workTask) func(*engine.Tx) error {
	var cluster string
	err := s.e.View(func(t *engine.Tx) error {
		if r := t.Find(addonID); r != nil && (r.State() == "DELETING" || unmet(t, r) == nil) {
			cluster = engine.Private[addonState](r).Cluster
		}
		return nil
	})
	if err == nil && cluster != "" {
		_, err = s.startPlane(ctx, cluster, "")
	}
	return func(t *engine.Tx) error {
		r, failure := t.Edit(addonID), s.work.Failure(t, args.Work)
		if failure == nil && r.State() != "DELETING" {
			failure = unmet(t, r)
		}
		if err != nil {
			failure = engine.Fail(http.StatusInternalServerError, "InternalError", "the add-on did not start: %v", err)
		}
		delete(r.Doc, "addonError")
		switch {
		case failure != nil:
			r.SetState("NEEDS_ATTENTION")
			r.Doc["addonError"] = engine.Doc{"code": failure.Code, "message": failure.Message, "status": "FAILED"}
		case r.State() == "DELETING":
			if err := t.Remove(r); err != nil {
				return err
			}
		default:
			r.SetState("ACTIVE")
			cluster := t.Find(engine.Private[addonState](r).Cluster)
			r.Doc["currentInstalledVersion"] = cmp.Or(r.Doc.Str("version"),
				addonVersion(r.Doc.Str("name"), cluster.Doc.Str("kubernetesVersion")), "v1.0.0")
		}
		s.work.End(t, args.Work, failure)
		return nil
	}
}
