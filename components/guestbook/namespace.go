package guestbook

import (
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/workload"
)

func (b *builder) namespace() (err error) {
	all := labels("")
	if b.book.Hardened() {
		for _, mode := range []string{"enforce", "audit", "warn"} {
			all["pod-security.kubernetes.io/"+mode] = pulumi.String("restricted")
		}
	}
	b.g.Namespace, err = corev1.NewNamespace(b.ctx, b.name, &corev1.NamespaceArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(b.book.Namespace), Labels: all},
	}, pulumi.Parent(b.g), pulumi.Protect(b.args.Protect), b.unchanged)
	return err
}

// guardRails limits what the namespace may use, and gives each component an account of its own that may do nothing.
func (b *builder) guardRails() error {
	pods := b.book.Need().Pods
	var err error
	b.quota, err = corev1.NewResourceQuota(b.ctx, b.name, &corev1.ResourceQuotaArgs{
		Metadata: b.meta("guestbook", "", nil),
		Spec: corev1.ResourceQuotaSpecArgs{Hard: pulumi.StringMap{
			"requests.cpu":           millis(b.book.QuotaCPUMillis),
			"requests.memory":        mebibytes(b.book.QuotaMemoryMB),
			"limits.memory":          mebibytes(b.book.QuotaMemoryMB),
			"pods":                   pulumi.String(strconv.Itoa(pods)),
			"persistentvolumeclaims": pulumi.String(strconv.Itoa(b.book.MongoReplicas)),
			"services.loadbalancers": pulumi.String("1"),
		}},
	}, b.within()...)
	if err != nil {
		return err
	}
	_, err = corev1.NewLimitRange(b.ctx, b.name, &corev1.LimitRangeArgs{
		Metadata: b.meta("guestbook", "", nil),
		Spec: corev1.LimitRangeSpecArgs{Limits: corev1.LimitRangeItemArray{corev1.LimitRangeItemArgs{
			Type:           pulumi.String("Container"),
			DefaultRequest: pulumi.StringMap{"cpu": millis(workload.Helper.CPUMillis), "memory": mebibytes(workload.Helper.MemoryMB)},
			Default:        pulumi.StringMap{"memory": mebibytes(workload.Helper.MemoryMB)},
		}}},
	}, b.within()...)
	if err != nil {
		return err
	}
	for _, component := range []string{flows.Frontend, flows.Backend, flows.Setup, flows.Backup} {
		_, err = corev1.NewServiceAccount(b.ctx, b.name+"-"+component, &corev1.ServiceAccountArgs{
			Metadata:                     b.meta(component, component, nil),
			AutomountServiceAccountToken: pulumi.Bool(false),
		}, b.within()...)
		if err != nil {
			return err
		}
	}
	return nil
}

func millis(cpu int) pulumi.StringInput { return pulumi.String(strconv.Itoa(cpu) + "m") }

func mebibytes(memory int) pulumi.StringInput { return pulumi.String(strconv.Itoa(memory) + "Mi") }

// resources are what a container asks for; it may use no more memory than that, and CPU as there is.
func resources(cpu, memory int) corev1.ResourceRequirementsArgs {
	return corev1.ResourceRequirementsArgs{
		Requests: pulumi.StringMap{"cpu": millis(cpu), "memory": mebibytes(memory)},
		Limits:   pulumi.StringMap{"memory": mebibytes(memory)},
	}
}
