package settings

import (
	"encoding/json"
	"testing"

	"oke-guestbook/plan/problem/problemtest"
)

// withArguments is settings of an enhanced cluster with an add-on, and arguments of it as pairs.
func withArguments(addon string, pairs ...string) map[string]string {
	options, _ := json.Marshal(map[string]any{addon: map[string]any{"configuration": with(pairs...)}})
	return enhanced("addons", `["CertManager","`+addon+`"]`, "addonOptions", string(options))
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
			if tc.addon == scaler {
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
	_, err = load(enhanced("addons", `["NativeIngressController","CertManager"]`))
	problemtest.Check(t, err, "addons NativeIngressController CertManager")
}
