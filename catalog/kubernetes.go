package catalog

import "slices"

type groupKind struct{ group, kind string }

// ObjectForceNew returns the fields of a Kubernetes object whose change replaces it, as Pulumi's kubernetes provider
// (v4.33.0, provider/pkg/provider/diff.go) has them. The rules that depend on an object's immutability or on the
// provider's settings, for the data of ConfigMaps and Secrets, are not among them.
func ObjectForceNew(group, kind string) Fields {
	return slices.Concat(Fields{"metadata.name", "metadata.namespace"}, objectForceNew[groupKind{group, kind}])
}

var objectForceNew = map[groupKind]Fields{
	{"", "PersistentVolume"}: {
		"spec.awsElasticBlockStore", "spec.azureDisk", "spec.azureFile", "spec.cephfs", "spec.cinder", "spec.csi", "spec.fc",
		"spec.flexVolume", "spec.flocker", "spec.gcePersistentDisk", "spec.glusterfs", "spec.hostPath", "spec.iscsi",
		"spec.local", "spec.nfs", "spec.photonPersistentDisk", "spec.portworxVolume", "spec.quobyte", "spec.rbd",
		"spec.scaleIO", "spec.storageos", "spec.vsphereVolume",
	},
	{"", "PersistentVolumeClaim"}: {"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"},
	{"", "Pod"}: slices.Concat(Fields{
		"spec.affinity", "spec.automountServiceAccountToken", "spec.dnsConfig", "spec.dnsPolicy", "spec.enableServiceLinks",
		"spec.hostAliases", "spec.hostIPC", "spec.hostNetwork", "spec.hostPID", "spec.hostname", "spec.imagePullSecrets",
		"spec.nodeName", "spec.nodeSelector", "spec.overhead", "spec.preemptionPolicy", "spec.priority",
		"spec.priorityClassName", "spec.readinessGates", "spec.restartPolicy", "spec.runtimeClassName", "spec.schedulerName",
		"spec.securityContext", "spec.serviceAccount", "spec.serviceAccountName", "spec.shareProcessNamespace",
		"spec.subdomain", "spec.terminationGracePeriodSeconds", "spec.volumes",
	}, containerFields("spec.containers"), containerFields("spec.initContainers")),
	{"", "ResourceQuota"}:  {"spec.scopes"},
	{"", "Secret"}:         {"type"},
	{"", "Service"}:        {"spec.clusterIP"},
	{"apps", "DaemonSet"}:  {"spec.selector"},
	{"apps", "Deployment"}: {"spec.selector"},
	{"apps", "StatefulSet"}: {
		"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName",
		"spec.volumeClaimTemplates",
	},
	{"batch", "Job"}: {"spec.completions", "spec.parallelism", "spec.selector", "spec.template"},
	{"rbac.authorization.k8s.io", "ClusterRoleBinding"}: {"roleRef"},
	{"rbac.authorization.k8s.io", "RoleBinding"}:        {"roleRef"},
	{"storage.k8s.io", "StorageClass"}:                  {"parameters", "provisioner"},
}

func containerFields(list string) Fields {
	fields := Fields{
		"args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports", "readinessProbe",
		"resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath", "terminationMessagePolicy", "tty",
		"volumeDevices", "volumeMounts", "workingDir",
	}
	for i, f := range fields {
		fields[i] = list + "." + f
	}
	return fields
}
