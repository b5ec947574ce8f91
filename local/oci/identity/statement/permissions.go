package statement

import (
	"maps"
	"slices"
)

// verbs are those of statements. Each has the permissions of those before it.
var verbs = []string{"inspect", "read", "use", "manage"}

// byVerb are the permissions that each verb adds to those before it.
type byVerb map[string][]string

// types are the resource types, with those of their permissions that a service asks for here, or that users may look
// for. They follow Oracle's policy reference ("Details for the Core Services", 2024-11-06; "... for Object Storage and
// Archive Storage", "... for Monitoring", "... for Kubernetes Engine", "... for the Vault Service"), of which parts
// were read in November 2026. The name of the permission of capacity reservations was not found, and what "manage" adds
// for certificates is assumed.
var types = map[string]byVerb{
	"objects": {
		"inspect": {"OBJECT_INSPECT"}, "read": {"OBJECT_READ"}, "use": {"OBJECT_OVERWRITE"},
		"manage": {"OBJECT_CREATE", "OBJECT_DELETE"},
	},
	"buckets": {}, "metrics": {"inspect": {"METRIC_INSPECT"}, "read": {"METRIC_READ"}, "use": {"METRIC_WRITE"}},

	"keys":         {"inspect": {"KEY_INSPECT"}, "read": {"KEY_READ"}, "use": {"KEY_ENCRYPT", "KEY_DECRYPT"}},
	"key-delegate": {"use": {"KEY_ASSOCIATE", "KEY_DISASSOCIATE"}}, "vaults": {},

	"vcns":        {"inspect": {"VCN_READ"}, "manage": {"VCN_ATTACH", "VCN_DETACH"}},
	"subnets":     {"inspect": {"SUBNET_READ"}, "use": {"SUBNET_ATTACH", "SUBNET_DETACH"}},
	"vnics":       {"inspect": {"VNIC_READ"}, "use": {"VNIC_CREATE", "VNIC_ATTACH", "VNIC_DETACH", "VNIC_DELETE"}},
	"private-ips": {"inspect": {"PRIVATE_IP_READ"}, "use": {"PRIVATE_IP_CREATE", "PRIVATE_IP_DELETE"}},
	"public-ips":  {"inspect": {"PUBLIC_IP_READ"}, "use": {"PUBLIC_IP_ASSIGN_PUBLIC_IP"}},
	"floating-ips": {
		"read": {"FLOATING_IP_READ"}, "use": {"FLOATING_IP_ASSIGN", "FLOATING_IP_UNASSIGN"},
	},
	"network-security-groups": {
		"read": {"NETWORK_SECURITY_GROUP_READ"}, "use": {"NETWORK_SECURITY_GROUP_UPDATE_MEMBERS"},
	},
	"security-lists": {}, "route-tables": {}, "dhcp-options": {}, "internet-gateways": {}, "nat-gateways": {},
	"service-gateways": {}, "vnic-attachments": {},

	"instances": {
		"inspect": {"INSTANCE_INSPECT"}, "read": {"INSTANCE_READ"}, "use": {"INSTANCE_UPDATE"},
		"manage": {"INSTANCE_CREATE", "INSTANCE_DELETE", "INSTANCE_ATTACH_SECONDARY_VNIC"},
	},
	"instance-images":               {"inspect": {"INSTANCE_IMAGE_INSPECT"}, "read": {"INSTANCE_IMAGE_READ"}},
	"compute-capacity-reservations": {"use": {"CAPACITY_RESERVATION_USE"}},

	"volumes":            {"inspect": {"VOLUME_INSPECT"}, "use": {"VOLUME_WRITE"}, "manage": {"VOLUME_CREATE"}},
	"volume-attachments": {"inspect": {"VOLUME_ATTACHMENT_INSPECT"}, "manage": {"VOLUME_ATTACHMENT_CREATE"}},

	"clusters": {"inspect": {"CLUSTER_INSPECT"}, "read": {"CLUSTER_READ"}, "use": {"CLUSTER_UPDATE"}},
	"cluster-node-pools": {
		"inspect": {"CLUSTER_NODE_POOL_INSPECT"}, "read": {"CLUSTER_NODE_POOL_READ"}, "use": {"CLUSTER_NODE_POOL_UPDATE"},
		"manage": {"CLUSTER_NODE_POOL_CREATE", "CLUSTER_NODE_POOL_DELETE"},
	},
	"cluster-virtualnode-pools": {}, "cluster-work-requests": {},

	"leaf-certificates": {
		"inspect": {"CERTIFICATE_INSPECT"}, "read": {"CERTIFICATE_READ"}, "use": {"CERTIFICATE_UPDATE"},
		"manage": {"CERTIFICATE_CREATE", "CERTIFICATE_DELETE", "CERTIFICATE_MOVE"},
	},
	"tag-namespaces": {"inspect": {"TAG_NAMESPACE_INSPECT"}, "use": {"TAG_NAMESPACE_USE"}},
	"compartments":   {"inspect": {"COMPARTMENT_INSPECT"}},
	"log-content":    {}, "log-groups": {}, "repos": {}, "load-balancers": {}, "network-load-balancers": {},
	"policies": {}, "dynamic-groups": {}, "dns-zones": {}, "dns-records": {}, "ons-topics": {}, "alarms": {},
}

// families are resource types that stand for others.
var families = map[string][]string{
	"all-resources": slices.Collect(maps.Keys(types)),
	"object-family": {"objects", "buckets"},
	"key-family":    {"keys", "key-delegate", "vaults"},
	"key-delegates": {"key-delegate"},
	"virtual-network-family": {
		"vcns", "subnets", "vnics", "private-ips", "public-ips", "network-security-groups", "security-lists", "route-tables",
		"dhcp-options", "internet-gateways", "nat-gateways", "service-gateways", "vnic-attachments",
	},
	"instance-family":         {"instances", "instance-images", "volume-attachments"},
	"volume-family":           {"volumes", "volume-attachments"},
	"cluster-family":          {"clusters", "cluster-node-pools", "cluster-virtualnode-pools", "cluster-work-requests"},
	"leaf-certificate-family": {"leaf-certificates"},
}

// permissions are those of a verb for a resource type or a family.
func permissions(verb, resource string) (all []string, known bool) {
	members := families[resource]
	if _, single := types[resource]; single {
		members = []string{resource}
	}
	for _, member := range members {
		for _, v := range verbs[:slices.Index(verbs, verb)+1] {
			all = append(all, types[member][v]...)
		}
	}
	return all, len(members) > 0
}
