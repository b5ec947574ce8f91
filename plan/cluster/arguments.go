package cluster

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// argument is the form of an add-on's argument.
type argument string

// The forms of arguments.
const (
	anyText     argument = ""
	fromZero    argument = "a whole number from 0"
	fromOne     argument = "a whole number from 1"
	integer     argument = "a whole number"
	ratio       argument = "a number from 0 to 1"
	truth       argument = "true or false"
	duration    argument = "a duration such as 10m"
	minMax      argument = "a minimum and a maximum such as 0:1000"
	podsOrShare argument = "a whole number or a percentage such as 10%, of 100% at most"
	portNumber  argument = "a port from 1 to 65535"
	severity    argument = "info, warning, error, fatal or a whole number"
	oneOf       argument = "one of " // what follows, separated by commas
	someOf      argument = "one or several, separated by commas, each once, random last, of "
	ocidOf      argument = "an OCID of kind " // what follows
	labelOf     argument = "the key of a label"
	configName  argument = "the name of an object: lower-case letters, digits, hyphens and periods"
	nodesOf     argument = "node pools such as 1:5:ocid1.nodepool.oc1.iad.aaaa (minimum, maximum, OCID), with commas"
	discovery   argument = "clusterId:<OCID>,compartmentId:<OCID>,nodepoolTags:<key>=<value>,min:<n>,max:<n>"

	aList                  = "a list of "
	inJSON                 = " in JSON, plain or in base64"
	affinity      argument = "an object of affinities" + inJSON
	annotations   argument = "an object of annotations" + inJSON
	nodeSelectors argument = "an object of labels" + inJSON
	resources     argument = "an object of limits and requests" + inJSON
	rollingUpdate argument = "an object of maxSurge and maxUnavailable" + inJSON
	spread        argument = aList + "topology spread constraints" + inJSON
	tolerations   argument = aList + "tolerations" + inJSON
)

// commonArguments are those of all add-ons (Oracle documentation, "Cluster Add-on Configuration Arguments", 2024-12-19;
// read 2026-11-29 in a copy of March 2025).
var commonArguments = map[string]argument{
	"affinity": affinity, "nodeSelectors": nodeSelectors, "numOfReplicas": fromZero, "rollingUpdate": rollingUpdate,
	"tolerations": tolerations, "topologySpreadConstraints": spread,
}

// expanders are those of the cluster autoscaler (kubernetes/autoscaler, expander/factory) but price, which Oracle's
// page and the source of the cloud provider exclude.
const expanders = "random, most-pods, least-waste, least-nodes, priority, grpc"

// ownArguments are those of an add-on beside the common ones and its ContainerResources, from the same page. Add-ons
// that it does not have are not here, and take any argument besides. Bounds of a HorizontalPodAutoscaler are from 1, as
// there is no scaling to zero by the use of CPUs (Kubernetes, validation of autoscaling, v1.36).
var ownArguments = map[string]map[string]argument{
	Autoscaler: {
		"annotations": annotations, "authType": oneOf + "instance, workload", "balanceSimilarNodeGroups": truth,
		"balancingIgnoreLabel": labelOf, "balancingLabel": labelOf, "cordonNodeBeforeTerminating": truth,
		"coresTotal":                     minMax,
		"daemonsetEvictionForEmptyNodes": truth, "daemonsetEvictionForOccupiedNodes": truth,
		"debuggingSnapshotEnabled": truth, "emitPerNodegroupMetrics": truth, "enforceNodeGroupMinSize": truth,
		"estimator": oneOf + "binpacking", "expander": someOf + expanders, "expendablePodsPriorityCutoff": integer,
		"ignoreDaemonsetsUtilization": truth, "ignoreMirrorPodsUtilization": truth, "leaderElect": truth,
		"leaderElectLeaseDuration": duration, "leaderElectRenewDeadline": duration,
		"leaderElectResourceLock": oneOf + "leases",
		"leaderElectRetryPeriod":  duration, "maxAutoprovisionedNodeGroupCount": fromZero, "maxEmptyBulkDelete": fromZero,
		"maxFailingTime": duration, "maxGracefulTerminationSec": fromZero, "maxInactivity": duration,
		"maxNodeProvisionTime": duration, "maxNodesTotal": fromZero, "maxTotalUnreadyPercentage": fromZero,
		"memoryTotal": minMax, "minReplicaCount": fromZero,
		"nodeGroupAutoDiscovery": discovery, "nodes": nodesOf,
		"okTotalUnreadyCount": fromZero, "recordDuplicatedEvents": truth, "scaleDownCandidatesPoolMinCount": fromZero,
		"scaleDownCandidatesPoolRatio": ratio, "scaleDownDelayAfterAdd": duration,
		"scaleDownDelayAfterDelete": duration, "scaleDownDelayAfterFailure": duration, "scaleDownEnabled": truth,
		"scaleDownNonEmptyCandidatesCount": integer, "scaleDownUnneededTime": duration, "scaleDownUnreadyTime": duration,
		"scaleDownUtilizationThreshold": ratio, "scanInterval": duration, "skipNodesWithCustomControllerPods": truth,
		"skipNodesWithLocalStorage": truth, "skipNodesWithSystemPods": truth, "statusConfigMapName": configName,
		"stderrthreshold":               severity,
		"unremovableNodeRecheckTimeout": duration, "v": fromZero, "writeStatusConfigmap": truth,
	},
	certManager: {},
	"CoreDNS": {
		"coreDnsContainerResources": resources, "customizeCoreDNSConfigMap": truth, "minReplica": fromZero,
		"nodesPerReplica": fromZero,
	},
	"Flannel": {},
	"Istio": {
		"customizeConfigMap": truth, "enableIngressGateway": truth, "istio-ingressgateway.Annotations": annotations,
		"istio-ingressgateway.HorizontalPodAutoscalerMaxReplicas": fromOne,
		"istio-ingressgateway.HorizontalPodAutoscalerMinReplicas": fromOne,
		"istio-ingressgateway.PodDisruptionBudgetMinAvailable":    podsOrShare,
		"istiod.HorizontalPodAutoscalerMaxReplicas":               fromOne,
		"istiod.HorizontalPodAutoscalerMinReplicas":               fromOne,
		"istiod.PodDisruptionBudgetMinAvailable":                  podsOrShare, "profile": anyText,
	},
	"KubeProxy":               {"customizeKubeProxyConfigMap": truth},
	"KubernetesDashboard":     {},
	"KubernetesMetricsServer": {},
	"NativeIngressController": {
		"authSecretName": anyText, "authType": oneOf + "instance, user, workloadIdentity",
		"compartmentId": ocidOf + "compartment, tenancy", "controllerClass": anyText, "leaseLockName": configName,
		"leaseLockNamespace": configName, "loadBalancerSubnetId": ocidOf + "subnet", "logVerbosity": fromZero,
		"metricsBackend": anyText, "metricsPort": portNumber,
	},
	"NvidiaGpuPlugin": {
		"deviceIdStrategy": oneOf + "uuid, index", "deviceListStrategy": anyText, "driverRoot": anyText,
		"failOnInitError": truth,
		"migStrategy":     oneOf + "none, single, mixed", "passDeviceSpecs": truth, "useConfigFile": truth,
	},
	"OciVcnIpNative": {}, "OracleDatabaseOperator": {}, "Tiller": {}, "WeblogicKubernetesOperator": {},
}

// ofContainer ends the name of an argument that begins with that of a container.
const ofContainer = ".ContainerResources"

// validateArguments adds arguments whose values do not have the form that Oracle documents, and names that look like a
// documented one. Others may be newer than the page.
func (s *Spec) validateArguments(list *problem.List) {
	for _, addon := range slices.Sorted(maps.Keys(s.AddonOptions)) {
		own, documented := ownArguments[addon]
		known := maps.Clone(commonArguments)
		maps.Copy(known, own)
		for _, skip := range skipsCheck {
			known[skip] = truth
		}
		key := "addonOptions." + addon + ".configuration"
		arguments := s.AddonOptions[addon].Configuration
		for _, name := range slices.Sorted(maps.Keys(arguments)) {
			form, found := known[name]
			if strings.HasSuffix(name, ofContainer) {
				form, found = resources, true
			}
			hint := setting.Nearest(name, slices.Sorted(maps.Keys(known)))
			if strings.HasSuffix(strings.ToLower(name), strings.ToLower(ofContainer)) {
				hint = ": it ends in " + ofContainer
			}
			switch err := form.checkDocument(arguments[name]); {
			case !found && hint != "" && documented:
				list.Add(key, "%s has no argument %s%s", addon, name, hint)
			case !found:
			case !form.holds(arguments[name]):
				list.Add(key, "%s must be %s (got %q)", name, form, arguments[name])
			case err != nil:
				list.Add(key, "%v", at(name, err))
			}
		}
		checkPairs(list, key, arguments)
		s.checkPlacement(list, key, arguments)
	}
}

// checkPairs adds arguments of which one must not be above the other, bounds of a HorizontalPodAutoscaler (Kubernetes,
// validation of autoscaling), or must be longer, durations of a leader election with their defaults (client-go,
// leaderelection).
func checkPairs(list *problem.List, key string, arguments map[string]string) {
	for _, pods := range []string{"istiod", "istio-ingressgateway"} {
		low, high := pods+".HorizontalPodAutoscalerMinReplicas", pods+".HorizontalPodAutoscalerMaxReplicas"
		least, err := strconv.Atoi(arguments[low])
		most, err2 := strconv.Atoi(arguments[high])
		if err == nil && err2 == nil && least > most {
			list.Add(key, "%s must not be above %s", low, high)
		}
	}
	const lease, renew, retry = "leaderElectLeaseDuration", "leaderElectRenewDeadline", "leaderElectRetryPeriod"
	defaults := map[string]string{lease: "15s", renew: "10s", retry: "2s"}
	for _, pair := range []struct {
		long, short, times string
		factor             float64
	}{{lease, renew, "", 1}, {renew, retry, "1.2 times ", 1.2}} {
		long, err := time.ParseDuration(cmp.Or(arguments[pair.long], defaults[pair.long]))
		short, err2 := time.ParseDuration(cmp.Or(arguments[pair.short], defaults[pair.short]))
		if err == nil && err2 == nil && long.Seconds() <= pair.factor*short.Seconds() {
			list.Add(key, "%s, %s, must be longer than %s%s, %s", pair.long, long, pair.times, pair.short, short)
		}
	}
}

var boundsForm = regexp.MustCompile(`^(\d+):(\d+)$`)

// holds reports whether a text has the form.
func (a argument) holds(text string) bool {
	whole, err := strconv.Atoi(text)
	switch a {
	case fromZero:
		return err == nil && whole >= 0
	case fromOne:
		return err == nil && whole > 0
	case integer:
		return err == nil
	case ratio:
		share, err := strconv.ParseFloat(text, 64)
		return err == nil && share >= 0 && share <= 1
	case truth:
		return text == "true" || text == "false"
	case duration:
		length, err := time.ParseDuration(text)
		return err == nil && length >= 0
	case minMax:
		parts := boundsForm.FindStringSubmatch(text)
		if parts == nil {
			return false
		}
		low, _ := strconv.Atoi(parts[1])
		high, _ := strconv.Atoi(parts[2])
		return low <= high
	case podsOrShare:
		number, percent := strings.CutSuffix(text, "%")
		share, err := strconv.Atoi(number)
		return err == nil && share >= 0 && (!percent || share <= 100)
	case portNumber:
		return err == nil && whole > 0 && whole <= 65535
	case severity: // in any case (klog, -stderrthreshold)
		names := []string{"info", "warning", "error", "fatal"}
		return err == nil || slices.Contains(names, strings.ToLower(text))
	}
	return a.named(text)
}

// named is holds for the forms of names and documents.
func (a argument) named(text string) bool {
	switch a {
	case labelOf:
		return isLabelKey(text)
	case configName:
		return subdomain.MatchString(text) && len(text) <= maxSubdomain
	case nodesOf:
		return areNodes(text)
	case discovery:
		return isDiscovery(text)
	}
	switch _, document := documents[a]; {
	case document && strings.HasPrefix(string(a), aList):
		_, ok := decodeDocument[[]any](text)
		return ok
	case document:
		_, ok := decodeDocument[map[string]any](text)
		return ok
	}
	return a.names(text)
}

var subdomain = regexp.MustCompile(`^` + labelSubdomain + `$`)

// areNodes reports whether a text is the argument nodes (kubernetes/autoscaler, config/dynamic, SpecFromString).
func areNodes(text string) bool {
	var seen []string
	for _, one := range strings.Split(text, ",") {
		parts := strings.SplitN(strings.TrimSpace(one), ":", 3)
		if len(parts) != 3 || !minMax.holds(parts[0]+":"+parts[1]) || !(ocidOf + "nodepool").names(parts[2]) ||
			slices.Contains(seen, parts[2]) {
			return false
		}
		seen = append(seen, parts[2])
	}
	return true
}

// isDiscovery reports whether a text is the argument nodeGroupAutoDiscovery (kubernetes/autoscaler,
// cloudprovider/oci/nodepools, nodeGroupFromArg).
func isDiscovery(text string) bool {
	found := map[string]string{}
	for _, one := range strings.Split(text, ",") {
		key, value, _ := strings.Cut(one, ":")
		found[key] = value
	}
	for _, tag := range strings.Split(found["nodepoolTags"], "&") {
		if key, _, _ := strings.Cut(tag, "="); key == "" || strings.Count(tag, "=") != 1 {
			return false
		}
	}
	return (ocidOf + "cluster").names(found["clusterId"]) &&
		(ocidOf + "compartment, tenancy").names(found["compartmentId"]) &&
		minMax.holds(found["min"]+":"+found["max"])
}

// names reports whether a text is among the values that a form lists, if it lists any.
func (a argument) names(text string) bool {
	if values, found := a.cut(oneOf); found {
		return slices.Contains(values, text)
	}
	if kinds, found := a.cut(ocidOf); found {
		return text != "" && setting.OCID(kinds...).Test(text) == nil
	}
	if values, found := a.cut(someOf); found {
		all := strings.Split(text, ",")
		for i, one := range all {
			// One that chooses by chance leaves nothing to the next ones.
			if !slices.Contains(values, one) || slices.Contains(all[:i], one) || slices.Contains(all[:i], "random") {
				return false
			}
		}
	}
	return true
}

// cut returns the values that a form lists after the prefix, and whether it has the prefix.
func (a argument) cut(prefix argument) (values []string, found bool) {
	rest, found := strings.CutPrefix(string(a), string(prefix))
	return strings.Split(rest, ", "), found
}

// EssentialAddons are in every new cluster, of the last two that of its Pod network, and a cluster does not work
// without them (Oracle documentation, "Introducing Cluster Add-ons", section "Essential Add-ons", read 2026-11-29). To
// enable one is to override it: OKE answers "addon CoreDNS exists" otherwise
// (oracle-terraform-modules/terraform-oci-oke#974, 2024-12).
var EssentialAddons = []string{"CoreDNS", "KubeProxy", "OciVcnIpNative", "Flannel"}

// ValidatePodNetwork adds the add-on of another Pod network than the cluster's: a cluster has one of the two (Oracle
// documentation, "Introducing Cluster Add-ons", section "Essential Add-ons", read 2026-11-29).
func (s *Spec) ValidatePodNetwork(list *problem.List, native bool) {
	other, network := "OciVcnIpNative", "flannel"
	if native {
		other, network = "Flannel", "vcn-native"
	}
	if slices.Contains(s.Addons, other) {
		list.Add("addons", "%s is not for a cluster with podNetwork %s: leave it out", other, network).
			DependsOn("podNetwork")
	}
}
