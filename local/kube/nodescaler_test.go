package kube

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci"
)

// TestNodesFollowPods expects the autoscaler add-on to add nodes up to the maximum while Pods have no room, and to
// remove them down to the minimum after, but nothing without a policy, and no node for a Pod that none would hold.
func TestNodesFollowPods(t *testing.T) {
	c := newCloud(t)
	_, header := c.do(http.MethodPost, "/20180222/clusters", object{
		"name": "oke", "compartmentId": oci.CompartmentID, "vcnId": c.vcn, "kubernetesVersion": "v1.36.4",
		"type": "ENHANCED_CLUSTER", "endpointConfig": object{"subnetId": c.apiSubnet, "isPublicIpEnabled": true},
		"options": object{"kubernetesNetworkConfig": object{"podsCidr": "10.244.0.0/16", "servicesCidr": "10.96.0.0/16"}},
	})
	cluster := c.work(header)
	pool := c.pool(cluster, "v1.36.4", 1)
	api := c.api(cluster)
	nodes := func() int {
		doc, _ := c.do(http.MethodGet, "/20180222/nodePools/"+pool, nil)
		if doc["lifecycleState"] != "ACTIVE" {
			return -1
		}
		return len(doc["nodes"].([]any))
	}
	create := func(name string, cpu string, count int) {
		for i := range count {
			_, err := api.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint(name, i), Labels: map[string]string{"for": name}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "app", Image: "registry.example/app:v1",
					Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse(cpu)}},
				}}},
			}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	until := func(want int) {
		t.Helper()
		eventually.Succeeds(t, 2*time.Minute, fmt.Sprintf("%d nodes", want), func(context.Context) error {
			if got := nodes(); got != want {
				return fmt.Errorf("there are %d", got)
			}
			return nil
		})
	}

	// never polls for several scans, in which a condition must not become true.
	never := func(what string, happens func() bool) {
		t.Helper()
		err := wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 3*time.Second, true,
			func(context.Context) (bool, error) { return happens(), nil })
		if err == nil {
			t.Fatalf("there is %s", what)
		}
	}

	create("large", "1500m", 4) // a node holds one
	create("vast", "64", 1)
	_, header = c.do(http.MethodPost, "/20180222/clusters/"+cluster+"/addons", object{
		"addonName": "ClusterAutoscaler", "configurations": []object{
			{"key": "authType", "value": "workload"},
			{"key": "nodes", "value": "1:3:" + pool},
			{"key": "scaleDownUnneededTime", "value": "1m"},
			{"key": "scaleDownDelayAfterAdd", "value": "1m"},
		},
	})
	c.work(header)
	policy := func(cluster string) (statements []string) {
		for _, allow := range []string{
			"manage cluster-node-pools", "manage instance-family", "use subnets", "use vnics", "read virtual-network-family",
		} {
			statements = append(statements, fmt.Sprintf("Allow any-user to %s in compartment id %s where all {"+
				"request.principal.type = 'workload', request.principal.namespace = 'kube-system', "+
				"request.principal.service_account = 'cluster-autoscaler', request.principal.cluster_id = '%s'}",
				allow, oci.CompartmentID, cluster))
		}
		return statements
	}
	c.do(http.MethodPost, "/20160918/policies", object{
		"compartmentId": oci.CompartmentID, "name": "other", "description": "of another cluster",
		"statements": policy("ocid1.cluster.oc1.iad.other"),
	})
	never("a node without a policy", func() bool { return nodes() > 1 })
	c.do(http.MethodPost, "/20160918/policies", object{
		"compartmentId": oci.CompartmentID, "name": "autoscaler", "description": "of this cluster",
		"statements": policy(cluster),
	})
	until(3)
	never("a node above the maximum", func() bool { return nodes() > 3 })
	err := api.CoreV1().Pods("default").DeleteCollection(t.Context(), metav1.DeleteOptions{},
		metav1.ListOptions{LabelSelector: "for=large"})
	if err != nil {
		t.Fatal(err)
	}
	until(1)
	never("a node for a Pod that none holds, or none at all", func() bool {
		n := nodes()
		return n == 0 || n > 1
	})
}
