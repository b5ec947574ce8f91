package dataplanetest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/eventually"
)

// autoscaler installs the add-on that measures Pods, and scales the page up under load and down after it.
func (c *cloud) autoscaler(t *testing.T, cluster string, api kubernetes.Interface) {
	t.Helper()
	addons := "/20180222/clusters/" + cluster + "/addons"
	for _, name := range []string{"CertManager", "KubernetesMetricsServer"} { // the second needs the first
		_, header := c.do(http.MethodPost, addons, object{"addonName": name})
		c.work(header)
	}
	measured(t, api, "/apis/metrics.k8s.io/v1beta1/nodes")
	measured(t, api, "/apis/metrics.k8s.io/v1beta1/namespaces/default/pods")
	one, most, half, now := int32(1), int32(2), int32(50), int32(0)
	_, err := api.AutoscalingV2().HorizontalPodAutoscalers("default").Create(t.Context(),
		&autoscalingv2.HorizontalPodAutoscaler{
			ObjectMeta: metav1.ObjectMeta{Name: "page"},
			Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
				ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{
					APIVersion: "apps/v1", Kind: "Deployment", Name: "page",
				},
				MinReplicas: &one, MaxReplicas: most,
				Metrics: []autoscalingv2.MetricSpec{{
					Type: autoscalingv2.ResourceMetricSourceType,
					Resource: &autoscalingv2.ResourceMetricSource{
						Name:   corev1.ResourceCPU,
						Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &half},
					},
				}},
				Behavior: &autoscalingv2.HorizontalPodAutoscalerBehavior{
					ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &now},
				},
			},
		}, metav1.CreateOptions{})
	must(t, err)
	load, end := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for load.Err() == nil {
			_ = c.get(load, "/work") // the Pods are ready or not, as the page's test says
		}
	}()
	replicas(t, api, most)
	end()
	<-done
	replicas(t, api, one)
	_, header := c.do(http.MethodDelete, addons+"/KubernetesMetricsServer", nil)
	c.work(header)
	if _, err := api.Discovery().ServerResourcesForGroupVersion("metrics.k8s.io/v1beta1"); !apierrors.IsNotFound(err) {
		t.Errorf("the metrics API without the add-on: %v", err)
	}
}

// measured waits until the metrics API has the usage of everything that it lists, which is something.
func measured(t *testing.T, api kubernetes.Interface, path string) {
	t.Helper()
	eventually.Succeeds(t, time.Minute, path, func(ctx context.Context) error {
		text, err := api.Discovery().RESTClient().Get().AbsPath(path).DoRaw(ctx)
		if err != nil {
			return err
		}
		var list struct {
			Items []struct {
				Usage      map[string]string
				Containers []struct{ Usage map[string]string }
			}
		}
		if err := json.Unmarshal(text, &list); err != nil || len(list.Items) == 0 {
			return fmt.Errorf("%s: %w", text, err)
		}
		for _, item := range list.Items {
			if len(item.Containers) > 0 {
				item.Usage = item.Containers[0].Usage
			}
			if item.Usage["cpu"] == "" || item.Usage["memory"] == "" {
				return fmt.Errorf("%s", text)
			}
		}
		return nil
	})
}

// replicas waits until the page has so many ready Pods, and no others.
func replicas(t *testing.T, api kubernetes.Interface, want int32) {
	t.Helper()
	eventually.Succeeds(t, 3*time.Minute, fmt.Sprintf("the autoscaler makes it %d Pods", want),
		func(ctx context.Context) error {
			d, err := api.AppsV1().Deployments("default").Get(ctx, "page", metav1.GetOptions{})
			if err != nil || d.Status.ReadyReplicas == want && d.Status.Replicas == want {
				return err
			}
			scaler, err := api.AutoscalingV2().HorizontalPodAutoscalers("default").Get(ctx, "page", metav1.GetOptions{})
			return fmt.Errorf("they are %d; %+v; %w", d.Status.Replicas, scaler.Status, err)
		})
}
