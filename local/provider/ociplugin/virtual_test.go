package ociplugin

import "oke-guestbook/catalog"

// virtualNodePool is a pool of virtual nodes, in a cluster and a subnet of its own: VCN-native and private.
func (w *world) virtualNodePool() object {
	w.Helper()
	if w.ids["native"] == "" {
		w.create(catalog.Subnet, "pods", object{
			"compartmentId": compartment, "vcnId": w.ids["vcn"], "cidrBlock": "10.0.32.0/20", "displayName": "pods",
			"prohibitPublicIpOnVnic": true,
		})
		w.create(catalog.Cluster, "native", with(w.cluster(), object{
			"name": "native", "clusterPodNetworkOptions": []any{object{"cniType": "OCI_VCN_IP_NATIVE"}},
		}))
	}
	return object{
		"clusterId": w.ids["native"], "compartmentId": compartment, "displayName": "burst", "size": 1.0,
		"placementConfigurations": []any{object{
			"availabilityDomain": ad1, "subnetId": w.ids["pods"], "faultDomains": []any{"FAULT-DOMAIN-1"},
		}},
		"podConfiguration":         object{"shape": "Pod.Standard.E4.Flex", "subnetId": w.ids["pods"]},
		"initialVirtualNodeLabels": []any{object{"key": "team", "value": "web"}},
		"taints":                   []any{object{"key": "team", "value": "web", "effect": "NoSchedule"}},
		"virtualNodeTags":          object{"freeformTags": tagged},
		"freeformTags":             tagged,
	}
}
