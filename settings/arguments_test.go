package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	"oke-guestbook/plan/problem/problemtest"
)

// withArguments is settings of an enhanced cluster with an add-on, and arguments of it as pairs.
func withArguments(addon string, pairs ...string) map[string]string {
	options, _ := json.Marshal(map[string]any{addon: map[string]any{"configuration": with(pairs...)}})
	return enhanced("addons", `["CertManager","`+addon+`"]`, "addonOptions", string(options))
}

// required is an affinity to nodes with one term.
func required(term string) string {
	return `{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[` + term + `]}}}`
}

// expression is an affinity to nodes by one expression.
func expression(fields string) string { return required(`{"matchExpressions":[{` + fields + `}]}`) }

// spreads is a list of one topology spread constraint.
func spreads(skew int, when string) string {
	return fmt.Sprintf(`[{"maxSkew":%d,"topologyKey":"kubernetes.io/hostname","whenUnsatisfiable":%q}]`, skew, when)
}

// TestArgumentsOfAddons has values that an add-on's programs refuse when they start, or OKE when it installs them, and
// values that pass.
func TestArgumentsOfAddons(t *testing.T) {
	const scaler, ingress, istio, gpus = "ClusterAutoscaler", "NativeIngressController", "Istio", "NvidiaGpuPlugin"
	for _, tc := range []struct{ addon, name, value, want string }{
		{scaler, "expander", "cheapest", "expander random"},
		{scaler, "expander", "price", "expander random"},
		{scaler, "expander", "priority,least-waste", ""},
		{scaler, "estimator", "guess", "estimator binpacking"},
		{scaler, "estimator", "binpacking", ""},
		{scaler, "stderrthreshold", "loud", "stderrthreshold info"},
		{scaler, "stderrthreshold", "warning", ""},
		{scaler, "stderrthreshold", "ERROR", ""},
		{scaler, "stderrthreshold", "2", ""},
		{scaler, "authType", "key", "authType workload"},
		{scaler, "authType", "instance", ""},
		{scaler, "annotations", "5", "annotations object"},
		{scaler, "annotations", `{"a":"b"}`, ""},
		{scaler, "leaderElectLeaseDuration", "5s", "leaderElectRenewDeadline leaderElectLeaseDuration"},
		{scaler, "leaderElectLeaseDuration", "10s", "leaderElectLeaseDuration 10s longer leaderElectRenewDeadline"},
		{scaler, "leaderElectLeaseDuration", "11s", ""},
		{scaler, "leaderElectRetryPeriod", "9s", "leaderElectRenewDeadline 10s longer 1.2 leaderElectRetryPeriod 9s"},
		{scaler, "leaderElectRetryPeriod", "8s", ""},
		{ingress, "tolerations", "{}", "tolerations list"},
		{ingress, "tolerations", "W10=", ""},
		{ingress, "tolerations", "null", ""},
		{ingress, "tolerations", "[1]", "tolerations[0] object"},
		{ingress, "tolerations", `[{"key":"a","operator":"Equals"}]`, "tolerations[0].operator Equals Equal"},
		{ingress, "tolerations", `[{"key":"a","operator":"Exists","value":"b"}]`, "tolerations[0] value Exists"},
		{ingress, "tolerations", `[{"key":"a","effect":"noschedule"}]`, "tolerations[0].effect noschedule NoSchedule"},
		{ingress, "tolerations", `[{"operator":"Equal"}]`, "tolerations[0] key Exists"},
		{ingress, "tolerations", `[{"key":"a b","operator":"Exists"}]`, "tolerations[0].key a b"},
		{ingress, "tolerations", `[{"key":"a","value":"b c"}]`, "tolerations[0].value b c"},
		{ingress, "tolerations", `[{"key":"a","effect":"NoExecute","tolerationSeconds":"60"}]`, "tolerationSeconds number"},
		{ingress, "tolerations", `[{"key":"a","effect":"NoSchedule","tolerationSeconds":60}]`, "tolerations[0] NoExecute"},
		{ingress, "tolerations", `[{"keys":"a"}]`, "tolerations[0] keys key"},
		{ingress, "tolerations", "W3sia2V5cyI6ImEifV0=", "tolerations[0] keys key"},
		{ingress, "tolerations", `[{"operator":"Exists"},{"key":"a","value":"b","effect":"NoSchedule"}]`, ""},
		{ingress, "tolerations", `[{"key":"a","effect":"NoExecute","tolerationSeconds":31536000000}]`, ""},
		{ingress, "tolerations", `[{"key":"a","effect":"NoExecute","tolerationSeconds":-1}]`, ""},
		{ingress, "affinity", `{"nodeaffinity":{}}`, "affinity nodeaffinity nodeAffinity"},
		{ingress, "affinity", `{"nodeAffinity":[]}`, "affinity.nodeAffinity object"},
		{ingress, "affinity", required(""), "nodeSelectorTerms item"},
		{ingress, "affinity", expression(`"key":"a","operator":"in","values":["b"]`), "operator in In"},
		{ingress, "affinity", expression(`"key":"a","operator":"In"`), "matchExpressions[0] values In"},
		{ingress, "affinity", expression(`"key":"a","operator":"Exists","values":["b"]`), "values Exists"},
		{ingress, "affinity", expression(`"key":"a","operator":"Gt","values":["1","2"]`), "one Gt"},
		{ingress, "affinity", expression(`"key":"a","operator":"In","values":["b"]`), ""},
		{ingress, "affinity", expression(`"key":"a","operator":"Exists"`), ""},
		{ingress, "affinity", expression(`"key":"a","operator":"Gt","values":["1"]`), ""},
		{
			ingress, "affinity", `{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":` +
				`[{"weight":100,"preference":{}}]},"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":` +
				`[{"labelSelector":{"matchLabels":{"app":"a"}},"topologyKey":"kubernetes.io/hostname"}]}}`, "",
		},
		{
			ingress, "affinity", `{"nodeAffinity":{"preferredDuringSchedulingIgnoredDuringExecution":` +
				`[{"weight":0,"preference":{}}]}}`, "[0].weight 0 100",
		},
		{
			ingress, "affinity", `{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":` +
				`[{"labelSelector":{"matchLabels":{"app":"a"}}}]}}`, "affinity.podAntiAffinity [0] topologyKey",
		},
		{ingress, "nodeSelectors", `{"a":1}`, "nodeSelectors.a text"},
		{ingress, "nodeSelectors", `{"a b":"c"}`, "nodeSelectors a b"},
		{ingress, "nodeSelectors", `{"a":"b c"}`, "nodeSelectors.a b c"},
		{ingress, "nodeSelectors", `{"example.com/team":"Web_1"}`, ""},
		{ingress, "rollingUpdate", `{"maxSurge":"25%","maxUnavailable":1}`, ""},
		{ingress, "rollingUpdate", `{"MaxSurge":1}`, "rollingUpdate MaxSurge maxSurge"},
		{ingress, "rollingUpdate", `{"maxSurge":0,"maxUnavailable":"0%"}`, "rollingUpdate 0 maxSurge maxUnavailable"},
		{ingress, "rollingUpdate", `{"maxUnavailable":"101%"}`, "rollingUpdate.maxUnavailable 101% 100%"},
		{ingress, "rollingUpdate", `{"maxSurge":"1"}`, "rollingUpdate.maxSurge percentage"},
		{ingress, "rollingUpdate", `{"maxUnavailable":-1}`, "rollingUpdate.maxUnavailable -1"},
		{ingress, "rollingUpdate", `{"maxSurge":"200%","maxUnavailable":0}`, ""},
		{ingress, "topologySpreadConstraints", `[{"maxSkew":1}]`, "topologySpreadConstraints[0] topologyKey"},
		{ingress, "topologySpreadConstraints", spreads(0, "DoNotSchedule"), "[0].maxSkew 0"},
		{ingress, "topologySpreadConstraints", spreads(1, "Never"), "[0].whenUnsatisfiable Never ScheduleAnyway"},
		{ingress, "topologySpreadConstraints", spreads(1, "ScheduleAnyway"), ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"200mb"}}`, "x.ContainerResources.limits.memory 200mb 200Mi"},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"512m"}}`, "x.ContainerResources.limits.memory 512m 500Ki"},
		{ingress, "x.ContainerResources", `{"limits":{"memory":-1}}`, "x.ContainerResources.limits.memory -1"},
		{ingress, "x.ContainerResources", `{"limits":{"cpus":"1"}}`, "x.ContainerResources.limits cpus cpu"},
		{ingress, "x.ContainerResources", `{"limit":{"cpu":"1"}}`, "x.ContainerResources limit limits"},
		{
			ingress, "x.ContainerResources", `{"limits":{"cpu":"100m"},"requests":{"cpu":".5"}}`,
			"x.ContainerResources.requests.cpu .5 100m",
		},
		{
			ingress, "x.ContainerResources", `{"limits":{"cpu":1,"memory":"1e9"},"requests":{"cpu":"500m","memory":"200Mi"}}`,
			"",
		},
		{ingress, "x.ContainerResources", `{"requests":{"memory":"0"}}`, ""},
		{ingress, "x.ContainerResources", `{"requests":{"memory":"512Ki"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"0"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"+100Mi"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"1e+009"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"cpu":"0.5","ephemeral-storage":"5.Gi","nvidia.com/gpu":"1k"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"512Ki"}}`, ""},
		{ingress, "x.ContainerResources", `{"limits":{"memory":"+-1"}}`, "x.ContainerResources.limits.memory +-1"},
		{ingress, "x.ContainerResources", `{"limits":{"nvidia.com/gpu":"0.5"}}`, ".limits.nvidia.com/gpu 0.5"},
		{ingress, "x.ContainerResources", `{"requests":{"memory":"64Gi"}}`, "x.ContainerResources 64Gi any node"},
		{ingress, "x.ContainerResources", `{"requests":{"memory":"12Gi","cpu":2}}`, ""},
		{ingress, "x.ContainerResources", `{"requests":{"memory":"12289Mi"}}`, "x.ContainerResources 12289Mi any node"},
		{ingress, "x.ContainerResources", `{"requests":{"cpu":"2001m"}}`, "x.ContainerResources 2001m any node"},
		{ingress, "x.ContainerResources", `{"limits":{"cpu":"100"}}`, "x.ContainerResources 100 any node"},
		{ingress, "nodeSelectors", `{"kubernetes.io/arch":"amd64"}`, "nodeSelectors kubernetes.io/arch no node"},
		{ingress, "nodeSelectors", `{"kubernetes.io/arch":"arm64","hostname":"a"}`, ""},
		{"NodeProblemDetector", "tolerations", "{}", "tolerations list"},
		{"NodeProblemDetector", "newArgument", "{}", ""},
		{ingress, "x.containerResources", "{}", "x.containerResources .ContainerResources"},
		{ingress, "leaseLockNamespace", "kube system", "leaseLockNamespace kube system"},
		{scaler, "annotations", `{"Example.com/Foo":"b"}`, ""},
		{scaler, "annotations", `{"a b":"c"}`, "annotations a b"},
		{scaler, "annotations", `{"a":1}`, "annotations.a text"},
		{scaler, "balancingLabel", "a b", "balancingLabel label"},
		{scaler, "balancingLabel", "example.com/Team", ""},
		{scaler, "statusConfigMapName", "a.b-c", ""},
		{scaler, "leaderElectResourceLock", "leases", ""},
		{ingress, "leaseLockNamespace", "kube-system", ""},
		{istio, "istiod.PodDisruptionBudgetMinAvailable", "0", ""},
		{gpus, "deviceIdStrategy", "uuid", ""},
		{scaler, "statusConfigMapName", "A_B", "statusConfigMapName A_B"},
		{scaler, "leaderElectResourceLock", "configmaps", "leaderElectResourceLock leases"},
		{scaler, "expander", "least-waste,least-waste", "expander once"},
		{scaler, "expander", "random,least-waste", "expander random last"},
		{scaler, "expander", "least-waste,random", ""},
		{scaler, "nodes", "3:1:ocid1.nodepool.oc1.iad.a", "nodes minimum"},
		{scaler, "nodes", "1:3", "nodes OCID"},
		{scaler, "nodes", "1:3:workers", "nodes OCID"},
		{scaler, "nodes", "1:3:ocid1.cluster.oc1.iad.a", "nodes ocid1.nodepool"},
		{scaler, "nodes", "1:3:ocid1.nodepool.oc1.iad.a,2:5:ocid1.nodepool.oc1.iad.a", "nodes 2:5"},
		{scaler, "nodes", "0:3:ocid1.nodepool.oc1.iad.a, 2:5:ocid1.nodepool.oc1.iad.b", ""},
		{scaler, "nodeGroupAutoDiscovery", "x", "nodeGroupAutoDiscovery clusterId"},
		{
			scaler, "nodeGroupAutoDiscovery", "clusterId:ocid1.cluster.oc1.iad.a,compartmentId:ocid1.compartment.oc1..a," +
				"nodepoolTags:team=web&env=prod,min:1,max:3", "",
		},
		{scaler, "numOfReplicas", "0", ""},
		{scaler, "numOfReplicas", "-1", "numOfReplicas 0"},
		{"CoreDNS", "minReplica", "0", ""},
		{"CoreDNS", "numOfReplicas", "0", ""},
		{"KubernetesMetricsServer", "numOfReplicas", "0", ""},
		{ingress, "numOfReplicas", "0", ""},
		{ingress, "nodeSelectors", "[]", "nodeSelectors object"},
		{ingress, "x.ContainerResources", "[1]", "x.ContainerResources object"},
		{ingress, "metricsPort", "70000", "metricsPort 65535"},
		{ingress, "metricsPort", "8080", ""},
		{ingress, "loadBalancerSubnetId", "ocid1.subnet.oc1.iad.a", ""},
		{ingress, "loadBalancerSubnetId", "ocid1.vcn.oc1.iad.a", "loadBalancerSubnetId subnet"},
		{ingress, "compartmentId", "prod", "compartmentId compartment"},
		{ingress, "compartmentId", "ocid1.compartment.oc1..a", ""},
		{ingress, "authType", "workload", "authType workloadIdentity"},
		{ingress, "authType", "workloadIdentity", ""},
		{istio, "istiod.PodDisruptionBudgetMinAvailable", "200%", "istiod.PodDisruptionBudgetMinAvailable 100%"},
		{gpus, "migStrategy", "both", "migStrategy mixed"},
		{gpus, "migStrategy", "single", ""},
		{gpus, "deviceIdStrategy", "name", "deviceIdStrategy uuid"},
	} {
		t.Run(tc.addon+" "+tc.name+" "+tc.value, func(t *testing.T) {
			arguments := []string{tc.name, tc.value}
			if tc.addon == scaler && tc.name != "nodes" {
				arguments = append(arguments, "nodes", "1:2:ocid1.nodepool.oc1.iad.a")
			}
			_, err := load(withArguments(tc.addon, arguments...))
			var want []string
			if tc.want != "" {
				want = []string{"addonOptions." + tc.addon + ".configuration " + tc.want}
			}
			problemtest.Check(t, err, want...)
		})
	}
	_, err := load(withArguments(istio, "istiod.HorizontalPodAutoscalerMinReplicas", "5",
		"istiod.HorizontalPodAutoscalerMaxReplicas", "2"))
	problemtest.Check(t, err, "addonOptions.Istio.configuration istiod.HorizontalPodAutoscalerMinReplicas")
	frozen := enhanced("nodePools", poolsOf(`"minSize":1,"maxSize":3`, `"size":2`)["nodePools"], "addonOptions",
		`{"ClusterAutoscaler":{"configuration":{"maxNodesTotal":"3"}}}`)
	_, err = load(frozen)
	problemtest.Check(t, err)
	burst := virtual(`[{"name":"v"}]`)
	maps.Copy(burst, withArguments(ingress, "nodeSelectors", `{"kubernetes.io/arch":"amd64"}`))
	burst["podNetwork"] = "vcn-native"
	_, err = load(burst)
	problemtest.Check(t, err)
	_, err = load(enhanced("addons", `["NativeIngressController","CertManager"]`))
	problemtest.Check(t, err, "addons NativeIngressController CertManager")
}
