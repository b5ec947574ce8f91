package guestbook

import (
	"maps"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/flows"
)

// namespaced returns the options of an object that is deleted with its namespace: one deletion removes all of them, and
// waits until the cloud controller has removed the load balancer.
func (b *builder) namespaced(more ...pulumi.ResourceOption) []pulumi.ResourceOption {
	return append([]pulumi.ResourceOption{pulumi.Parent(b.g), pulumi.DeletedWith(b.g.Namespace)}, more...)
}

// createTimeout is for objects whose Pods may wait for nodes, which an autoscaler makes, and for large images.
func createTimeout() pulumi.ResourceOption {
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: "30m"})
}

// skipAwait tells the provider not to wait for an object: what it depends on is already awaited.
var skipAwait = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}

// meta returns the metadata of a component's object in the guestbook's namespace.
func (b *builder) meta(name, component string, annotations pulumi.StringMap) metav1.ObjectMetaArgs {
	meta := metav1.ObjectMetaArgs{
		Name:      pulumi.String(name),
		Namespace: b.g.Namespace.Metadata.Name().Elem(),
		Labels:    labels(component),
	}
	if len(annotations) > 0 {
		meta.Annotations = annotations
	}
	return meta
}

// applications are the values of the label app.kubernetes.io/name by component.
var applications = map[string]string{
	flows.Frontend: "guestbook", flows.Backend: "mongo", flows.Setup: "mongo-setup", flows.Backup: "mongo-backup",
	flows.Measure: "guestbook-measure",
}

// labels returns the labels of a component's objects, or for "" those of the whole guestbook's (Kubernetes
// documentation, "Recommended Labels").
func labels(component string) pulumi.StringMap {
	all := pulumi.StringMap{
		"app.kubernetes.io/part-of":    pulumi.String("guestbook"),
		"app.kubernetes.io/managed-by": pulumi.String("pulumi"),
	}
	if component != "" {
		maps.Copy(all, podLabels(component))
	}
	return all
}

// podLabels returns the labels that select a component's Pods.
func podLabels(component string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":      pulumi.String(applications[component]),
		"app.kubernetes.io/component": pulumi.String(component),
	}
}

// podSelector selects a component's Pods, or for "" all Pods of the namespace.
func podSelector(component string) metav1.LabelSelectorArgs {
	if component == "" {
		return metav1.LabelSelectorArgs{}
	}
	return metav1.LabelSelectorArgs{MatchLabels: podLabels(component)}
}
