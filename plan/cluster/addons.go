package cluster

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// AddonOptions are what an add-on is installed with.
type AddonOptions struct {
	Version       string
	Configuration map[string]string
}

func (o *AddonOptions) settings() setting.Group {
	return setting.Group{
		setting.Of(&o.Version, "version", "", "Version, such as v0.7.2. Empty for the newest, which OKE keeps up to date",
			setting.Optional(addonVersion)),
		setting.Texts(&o.Configuration, "configuration",
			"Arguments of the add-on, each a text: Oracle documentation, \"Cluster Add-on Configuration Arguments\"",
			setting.Func("", checkArguments)),
	}
}

// addons are the cluster add-ons by name, with the one that each needs (Oracle documentation, "Cluster Add-on
// Configuration Arguments" and the pages of the add-ons, 2026-09-05; their names in the API as public configurations
// have them, read 2026-11-28).
var addons = map[string]string{
	"AmdGpuPlugin": "", "CertManager": "", Autoscaler: "", "CoreDNS": "", "Flannel": "", "Istio": "", "KubeProxy": "",
	"KubernetesDashboard": "", "KubernetesMetricsServer": certManager, "NativeIngressController": "",
	"NodeFeatureDiscovery": "", "NodeProblemDetector": "", "NvidiaGpuOperator": "NodeFeatureDiscovery",
	"NvidiaGpuPlugin": "", "ObservabilityAgent": "", "OciVcnIpNative": "", "OracleDatabaseOperator": certManager,
	"Tiller": "", "WeblogicKubernetesOperator": "",
}

// addonsAsOf is the date of the table above.
const addonsAsOf = "September 2026"

const certManager = "CertManager"

// ingress is the add-on whose installation fails without cert-manager, as an add-on or otherwise (Oracle documentation,
// "Prerequisites for Deploying the OCI Native Ingress Controller as a Cluster Add-on", read 2026-11-29).
const ingress = "NativeIngressController"

// skipsCheck are the arguments that say that something else than an add-on has what an add-on needs, by what it needs.
var skipsCheck = map[string]string{
	certManager: "skipAddonDependenciesCheck", "NodeFeatureDiscovery": "skipNodeFeatureDiscoveryDependencyCheck",
}

var addonVersion = setting.Match(regexp.MustCompile(`^v?\d+\.\d+(\.\d+)?([-+.][0-9A-Za-z.-]+)?$`),
	"a version of an add-on such as v0.7.2")

// AddonNames returns the names of the add-ons in order.
func AddonNames() []string { return slices.Sorted(maps.Keys(addons)) }

var addonName = setting.Func("", func(name string) error {
	names := AddonNames()
	if slices.Contains(names, name) {
		return nil
	}
	hint := setting.Nearest(name, names)
	if hint == "" {
		hint = "; there are " + strings.Join(names, ", ")
	}
	return fmt.Errorf("OKE has no add-on %q as of %s%s", name, addonsAsOf, hint)
})

func checkArguments(arguments map[string]string) error {
	var all []error
	for _, key := range slices.Sorted(maps.Keys(arguments)) {
		if key == "" || strings.TrimSpace(key) != key {
			all = append(all, fmt.Errorf("%q is no name of an argument", key))
		}
	}
	return errors.Join(all...)
}

// validateAddons checks that the cluster takes the add-ons, and that each has what it needs.
func (s *Spec) validateAddons(list *problem.List) {
	if len(s.Addons) > 0 && s.ClusterType == Basic {
		list.Add("addons", "need clusterType enhanced").DependsOn("clusterType")
	}
	for i, name := range s.Addons {
		if name == ingress && slices.Contains(s.Addons[i:], certManager) {
			list.Add("addons", "%s needs %s before it in the list: its installation fails otherwise", name, certManager)
		}
		needed := addons[name]
		if needed == "" || slices.Contains(s.Addons[:i], needed) ||
			s.AddonOptions[name].Configuration[skipsCheck[needed]] == "true" {
			continue
		}
		list.Add("addons", "%s needs %s before it in the list; if the cluster has that otherwise, set %s to true in "+
			"addonOptions.%s.configuration", name, needed, skipsCheck[needed], name).DependsOn("addonOptions")
	}
	for _, name := range slices.Sorted(maps.Keys(s.AddonOptions)) {
		if !slices.Contains(s.Addons, name) && (name != Autoscaler || len(s.Bounded()) == 0) {
			list.Add("addonOptions."+name, "is for an add-on that is not in addons").DependsOn("addons", "nodePools")
		}
	}
}

// AddonOffer is what the region has of an add-on for a Kubernetes version.
type AddonOffer struct {
	Name     string
	Versions []string // such as "v0.7.2"
}

// CheckAddon adds a version of an add-on that the region does not have for the control plane's version. An offer
// without versions says nothing.
func (s *Spec) CheckAddon(list *problem.List, offer AddonOffer, controlPlane string) {
	want := strings.TrimPrefix(s.AddonOptions[offer.Name].Version, "v")
	has := func(v string) bool { return strings.TrimPrefix(v, "v") == want }
	if want != "" && len(offer.Versions) > 0 && !slices.ContainsFunc(offer.Versions, has) {
		list.Add("addonOptions."+offer.Name+".version", "OKE does not offer %s %s for Kubernetes %s here; it offers %s",
			offer.Name, s.AddonOptions[offer.Name].Version, controlPlane, strings.Join(offer.Versions, ", ")).
			DependsOn("kubernetesVersion")
	}
}
