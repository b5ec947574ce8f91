package guestbook

import (
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// scaling makes the frontend's autoscaler if its bounds differ, and in profile hardened the disruption budgets.
func (b *builder) scaling() error {
	if b.book.Autoscales() {
		if err := b.autoscaler(); err != nil {
			return err
		}
	}
	if !b.book.Hardened() {
		return nil
	}
	components := []string{flows.Frontend}
	// A budget for the only Pod of a database would block every drain of its node.
	if b.book.OwnDatabase() && b.book.MongoReplicas > 1 {
		components = append(components, flows.Backend)
	}
	for _, component := range components {
		_, err := policyv1.NewPodDisruptionBudget(b.ctx, b.name+"-"+component, &policyv1.PodDisruptionBudgetArgs{
			Metadata: b.meta(component, component, skipAwait),
			Spec: policyv1.PodDisruptionBudgetSpecArgs{
				Selector:                   podSelector(component),
				MaxUnavailable:             pulumi.Int(1),
				UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"), // an unready Pod serves nobody
			},
		}, b.namespaced()...)
		if err != nil {
			return err
		}
	}
	return nil
}

// autoscaler scales the frontend by its CPU use. Nothing waits for its metrics: without any, as before a metrics server
// runs, it still keeps the number of Pods within its bounds.
func (b *builder) autoscaler() error {
	args := &autoscalingv2.HorizontalPodAutoscalerArgs{
		Metadata: b.meta("frontend", flows.Frontend, skipAwait),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpecArgs{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReferenceArgs{
				ApiVersion: pulumi.String("apps/v1"), Kind: pulumi.String("Deployment"), Name: b.g.Frontend.Metadata.Name().Elem(),
			},
			MinReplicas: pulumi.Int(b.book.FrontendMinReplicas),
			MaxReplicas: pulumi.Int(b.book.FrontendMaxReplicas),
			Metrics: autoscalingv2.MetricSpecArray{autoscalingv2.MetricSpecArgs{
				Type: pulumi.String("Resource"),
				Resource: autoscalingv2.ResourceMetricSourceArgs{
					Name: pulumi.String("cpu"),
					Target: autoscalingv2.MetricTargetArgs{
						Type: pulumi.String("Utilization"), AverageUtilization: pulumi.Int(b.book.AutoscaleCPUPercent),
					},
				},
			}},
		},
	}
	_, err := autoscalingv2.NewHorizontalPodAutoscaler(b.ctx, b.name+"-frontend", args, b.namespaced()...)
	return err
}
