package mocks

import "oke-guestbook/catalog"

// Kind returns the kind in the OCIDs of a type's resources, such as "vcn", or nothing for types that are not OCI's.
func Kind(token string) string {
	kind, _ := catalog.Lookup(token)
	return kind.Name
}

// others are the program's types that are not OCI's.
var others = []string{
	"oke-guestbook:network:Network",
	"oke-guestbook:oke:Cluster",
	"oke-guestbook:guestbook:Guestbook",
	"oke-guestbook:logs:Agents",
	"oke-guestbook:policies:Enforcer",
	"oke-guestbook:containerlogs:Logs",
	"oke-guestbook:budget:Budget",
	"oke-guestbook:rights:Rights",
	"oke-guestbook:alarms:Alarms",
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
	"kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
	"kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
}
