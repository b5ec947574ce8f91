package guestbook

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

// guardRails limits what the namespace may use, and makes an account without permissions for each component. It returns
// the quota, which must allow a volume before it is claimed.
func (b *builder) guardRails() (*corev1.ResourceQuota, error) {
	quota, err := corev1.NewResourceQuota(b.ctx, b.name, &corev1.ResourceQuotaArgs{
		Metadata: b.meta("guestbook", "", nil),
		Spec: corev1.ResourceQuotaSpecArgs{Hard: pulumi.StringMap{
			"requests.cpu":           millis(b.book.QuotaCPUMillis),
			"requests.memory":        mebibytes(b.book.QuotaMemoryMB),
			"limits.memory":          mebibytes(b.book.QuotaMemoryMB),
			"pods":                   pulumi.String(strconv.Itoa(b.book.Need().Pods)),
			"persistentvolumeclaims": pulumi.String(strconv.Itoa(b.book.MongoReplicas)),
			"services.loadbalancers": pulumi.String("1"),
		}},
	}, b.namespaced()...)
	if err != nil {
		return nil, err
	}
	cpu, memory := millis(workload.Helper.CPUMillis), mebibytes(workload.Helper.MemoryMB)
	_, err = corev1.NewLimitRange(b.ctx, b.name, &corev1.LimitRangeArgs{
		Metadata: b.meta("guestbook", "", nil),
		Spec: corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{corev1.LimitRangeItemArgs{
			Type:           pulumi.String("Container"),
			DefaultRequest: pulumi.StringMap{"cpu": cpu, "memory": memory},
			Default:        pulumi.StringMap{"memory": memory},
		}}},
	}, b.namespaced()...)
	if err != nil {
		return nil, err
	}
	components := []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup}
	if b.book.Measured {
		components = append(components, flows.Measure)
	}
	for _, component := range components {
		_, err := corev1.NewServiceAccount(b.ctx, b.name+"-"+component, &corev1.ServiceAccountArgs{
			Metadata:                     b.meta(component, component, nil),
			AutomountServiceAccountToken: pulumi.Bool(false),
			ImagePullSecrets:             pull.Names(b.pull),
		}, b.namespaced()...)
		if err != nil {
			return nil, err
		}
	}
	return quota, nil
}
