package cluster

import (
	"encoding/base64"
	"encoding/json"
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
	jsonText    argument = "JSON, plain or in base64"
	podsOrShare argument = "a whole number or a percentage such as 10%"
)

// commonArguments are those of all add-ons (Oracle documentation, "Cluster Add-on Configuration Arguments", 2024-12-19;
// read 2026-11-29 in a copy of March 2025).
var commonArguments = map[string]argument{
	"affinity": jsonText, "nodeSelectors": jsonText, "numOfReplicas": fromZero, "rollingUpdate": jsonText,
	"tolerations": jsonText, "topologySpreadConstraints": jsonText,
}

// ownArguments are those of an add-on beside the common ones and its ContainerResources, from the same page. Add-ons
// that it does not have are not here, and take any argument.
var ownArguments = map[string]map[string]argument{
	Autoscaler: {
		"annotations": jsonText, "authType": anyText, "balanceSimilarNodeGroups": truth, "balancingIgnoreLabel": anyText,
		"balancingLabel": anyText, "cordonNodeBeforeTerminating": truth, "coresTotal": minMax,
		"daemonsetEvictionForEmptyNodes": truth, "daemonsetEvictionForOccupiedNodes": truth,
		"debuggingSnapshotEnabled": truth, "emitPerNodegroupMetrics": truth, "enforceNodeGroupMinSize": truth,
		"estimator": anyText, "expander": anyText, "expendablePodsPriorityCutoff": integer,
		"ignoreDaemonsetsUtilization": truth, "ignoreMirrorPodsUtilization": truth, "leaderElect": truth,
		"leaderElectLeaseDuration": duration, "leaderElectRenewDeadline": duration, "leaderElectResourceLock": anyText,
		"leaderElectRetryPeriod": duration, "maxAutoprovisionedNodeGroupCount": fromZero, "maxEmptyBulkDelete": fromZero,
		"maxFailingTime": duration, "maxGracefulTerminationSec": fromZero, "maxInactivity": duration,
		"maxNodeProvisionTime": duration, "maxNodesTotal": fromZero, "maxTotalUnreadyPercentage": fromZero,
		"memoryTotal": minMax, "minReplicaCount": fromZero, "nodeGroupAutoDiscovery": anyText, "nodes": anyText,
		"okTotalUnreadyCount": fromZero, "recordDuplicatedEvents": truth, "scaleDownCandidatesPoolMinCount": fromZero,
		"scaleDownCandidatesPoolRatio": ratio, "scaleDownDelayAfterAdd": duration,
		"scaleDownDelayAfterDelete": duration, "scaleDownDelayAfterFailure": duration, "scaleDownEnabled": truth,
		"scaleDownNonEmptyCandidatesCount": integer, "scaleDownUnneededTime": duration, "scaleDownUnreadyTime": duration,
		"scaleDownUtilizationThreshold": ratio, "scanInterval": duration, "skipNodesWithCustomControllerPods": truth,
		"skipNodesWithLocalStorage": truth, "skipNodesWithSystemPods": truth, "statusConfigMapName": anyText,
		"stderrthreshold": anyText, "unremovableNodeRecheckTimeout": duration, "v": fromZero, "writeStatusConfigmap": truth,
	},
	certManager: {},
	"CoreDNS": {
		"coreDnsContainerResources": jsonText, "customizeCoreDNSConfigMap": truth, "minReplica": fromOne,
		"nodesPerReplica": fromOne,
	},
	"Flannel": {},
	"Istio": {
		"customizeConfigMap": truth, "enableIngressGateway": truth, "istio-ingressgateway.Annotations": jsonText,
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
		"authSecretName": anyText, "authType": anyText, "compartmentId": anyText, "controllerClass": anyText,
		"leaseLockName": anyText, "leaseLockNamespace": anyText, "loadBalancerSubnetId": anyText, "logVerbosity": fromZero,
		"metricsBackend": anyText, "metricsPort": fromOne,
	},
	"NvidiaGpuPlugin": {
		"deviceIdStrategy": anyText, "deviceListStrategy": anyText, "driverRoot": anyText, "failOnInitError": truth,
		"migStrategy": anyText, "passDeviceSpecs": truth, "useConfigFile": truth,
	},
	"OciVcnIpNative": {}, "OracleDatabaseOperator": {}, "Tiller": {}, "WeblogicKubernetesOperator": {},
}

// validateArguments adds arguments whose values do not have the form that Oracle documents, and names that look like a
// documented one. Others may be newer than the page.
func (s *Spec) validateArguments(list *problem.List) {
	for _, addon := range slices.Sorted(maps.Keys(s.AddonOptions)) {
		own, documented := ownArguments[addon]
		if !documented {
			continue
		}
		known := maps.Clone(commonArguments)
		maps.Copy(known, own)
		for _, skip := range skipsCheck {
			known[skip] = truth
		}
		key := "addonOptions." + addon + ".configuration"
		arguments := s.AddonOptions[addon].Configuration
		for _, name := range slices.Sorted(maps.Keys(arguments)) {
			form, found := known[name]
			if strings.HasSuffix(name, ".ContainerResources") {
				form, found = jsonText, true
			}
			if hint := setting.Nearest(name, slices.Sorted(maps.Keys(known))); !found && hint != "" {
				list.Add(key, "%s has no argument %s%s", addon, name, hint)
			} else if found && !form.holds(arguments[name]) {
				list.Add(key, "%s must be %s (got %q)", name, form, arguments[name])
			}
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
	case jsonText:
		decoded, err := base64.StdEncoding.DecodeString(text)
		return json.Valid([]byte(text)) || err == nil && json.Valid(decoded)
	case podsOrShare:
		share, err := strconv.Atoi(strings.TrimSuffix(text, "%"))
		return err == nil && share >= 0
	}
	return true
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
