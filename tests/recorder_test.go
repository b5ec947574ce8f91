package tests

import (
	"fmt"
	"slices"

	"oke-guestbook/catalog"
)

// ocidKinds are the kinds in the OCIDs of OCI's resources, by type.
var ocidKinds = func() map[string]string {
	kinds := map[string]string{}
	for _, k := range catalog.Kinds() {
		kinds[k.Token] = k.Name
	}
	return kinds
}()

// others are the types that are not OCI's.
var others = []string{
	"oke-guestbook:network:Network",
	"oke-guestbook:oke:Cluster",
	"oke-guestbook:guestbook:Guestbook",
	"oke-guestbook:logs:Agents",
	"pulumi:index:Stash",
	"pulumi:providers:kubernetes",
	"pulumi:providers:oci",
	"kubernetes:core/v1:Namespace",
	"kubernetes:core/v1:PersistentVolumeClaim",
	"kubernetes:core/v1:Service",
	"kubernetes:core/v1:ConfigMap",
	"kubernetes:core/v1:LimitRange",
	"kubernetes:core/v1:ResourceQuota",
	"kubernetes:core/v1:Secret",
	"kubernetes:core/v1:ServiceAccount",
	"kubernetes:apps/v1:DaemonSet",
	"kubernetes:apps/v1:Deployment",
	"kubernetes:apps/v1:StatefulSet",
	"kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
	"kubernetes:batch/v1:CronJob",
	"kubernetes:batch/v1:Job",
	"kubernetes:networking.k8s.io/v1:NetworkPolicy",
	"kubernetes:policy/v1:PodDisruptionBudget",
}

// kindOf returns the kind in the OCIDs of a type that the program may register, and refuses other types.
func kindOf(token string) (string, error) {
	kind, oci := ocidKinds[token]
	if !oci && !slices.Contains(others, token) {
		return "", fmt.Errorf("unknown type %s", token)
	}
	return kind, nil
}
