package containerengine_test

import (
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

var changed = ocitest.Changed

const (
	clusters = ocitest.OKE + "/clusters"
	pools    = ocitest.OKE + "/nodePools"
)

func TestOKERefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		other := c.Create("vcns", engine.Doc{"cidrBlock": "10.1.0.0/16"}).Str("id")
		otherSubnet := c.Create("subnets", engine.Doc{"vcnId": other, "cidrBlock": "10.1.0.0/24"}).Str("id")
		refuseClusters(c, n, otherSubnet)
		body := changed(ocitest.ClusterBody(n), "kubernetesVersion", "v1.35.2")
		id := c.Succeeded(c.Send("POST", clusters, body, nil))
		refusePools(c, n, id, otherSubnet)
		c.Refuses("downgrade", "PUT "+clusters+"/"+id, engine.Doc{"kubernetesVersion": "v1.34.1"},
			"400 InvalidParameter: Invalid kubernetes version.")
		c.Refuses("VCN of a cluster", "PUT "+clusters+"/"+id, engine.Doc{"vcnId": other}, "400 InvalidParameter: vcnId")
		c.Refuses("endpoint subnet in use", "DELETE /subnets/"+n.API, nil, "409 Conflict: references the VNIC")
	})
}

func refuseClusters(c *ocitest.Cloud, n ocitest.Network, otherSubnet string) {
	body := ocitest.ClusterBody(n)
	c.Refuses("version", "POST "+clusters, changed(body, "kubernetesVersion", "v1.30.1"),
		"400 InvalidParameter: Invalid kubernetes version.")
	c.Refuses("no endpoint subnet", "POST "+clusters, changed(body, "endpointConfig", engine.Doc{}),
		"400 MissingParameter: endpointConfig.subnetId")
	c.Refuses("endpoint in another VCN", "POST "+clusters, changed(body, "endpointConfig.subnetId", otherSubnet),
		"400 InvalidParameter: is not in the VCN")
	c.Refuses("public endpoint in a private subnet", "POST "+clusters,
		changed(body, "endpointConfig.subnetId", n.Workers), "400 InvalidParameter: prohibits public IP")
	c.Refuses("load balancers in another VCN", "POST "+clusters,
		changed(body, "options.serviceLbSubnetIds", []any{otherSubnet}), "400 InvalidParameter: is not in the VCN")
	c.Refuses("pods overlap the VCN", "POST "+clusters,
		changed(body, "options.kubernetesNetworkConfig", engine.Doc{"podsCidr": "10.0.128.0/18"}),
		"400 InvalidParameter: overlaps the VCN")
	c.Refuses("services overlap the VCN", "POST "+clusters,
		changed(body, "options.kubernetesNetworkConfig", engine.Doc{"servicesCidr": "10.0.0.0/16"}),
		"400 InvalidParameter: overlaps the VCN")
	c.Refuses("pods overlap services", "POST "+clusters,
		changed(body, "options.kubernetesNetworkConfig", engine.Doc{"podsCidr": "10.96.0.0/12"}),
		"400 InvalidParameter: overlap")
	c.Refuses("unknown CNI", "POST "+clusters,
		changed(body, "clusterPodNetworkOptions", []any{engine.Doc{"cniType": "CALICO"}}), "400 InvalidParameter: cniType")
	c.Refuses("unknown nested field", "POST "+clusters,
		changed(body, "options.kubernetesNetworkConfig", engine.Doc{"podCidr": "10.244.0.0/16"}),
		"400 InvalidParameter: podCidr")
}

func refusePools(c *ocitest.Cloud, n ocitest.Network, id, otherSubnet string) {
	pool := ocitest.PoolBody(n, id, 1)
	pool["kubernetesVersion"] = "v1.35.2"
	pool.Sub("nodeSourceDetails")["imageId"] = ocitest.ImageFor("v1.35.2", true)
	placement := func(field string, v any) engine.Doc {
		p := engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers}
		p[field] = v
		return changed(pool, "nodeConfigDetails.placementConfigs", []any{p})
	}
	c.Refuses("unknown cluster", "POST "+pools, changed(pool, "clusterId", "ocid1.cluster.oc1.iad.none"),
		"400 RelatedResourceNotAuthorizedOrNotFound: clusterId")
	c.Refuses("user data as plain text", "POST "+pools,
		changed(pool, "nodeMetadata", engine.Doc{"user_data": "#!/bin/bash"}), "400 InvalidParameter: nodeMetadata.user_data")
	c.Refuses("too much metadata", "POST "+pools,
		changed(pool, "nodeMetadata", engine.Doc{"note": strings.Repeat("x", 32000)}), "400 InvalidParameter: 32000")
	c.Refuses("nodes newer than the control plane", "POST "+pools, changed(pool, "kubernetesVersion", "v1.36.4"),
		"400 InvalidParameter: Invalid kubernetes version.")
	c.Refuses("image of another version", "POST "+pools,
		changed(pool, "nodeSourceDetails.imageId", ocitest.ImageFor("v1.36.4", true)),
		"409 Conflict: is for Kubernetes v1.36.4")
	c.Refuses("image of another architecture", "POST "+pools,
		changed(pool, "nodeSourceDetails.imageId", ocitest.ImageFor("v1.35.2", false)),
		"400 InvalidParameter: not compatible with the shape")
	c.Refuses("unknown image", "POST "+pools, changed(pool, "nodeSourceDetails.imageId", "ocid1.image.oc1.iad.none"),
		"400 RelatedResourceNotAuthorizedOrNotFound: imageId")
	c.Refuses("boot volume too small", "POST "+pools, changed(pool, "nodeSourceDetails.bootVolumeSizeInGBs", 49),
		"400 InvalidParameter: from 50 to")
	c.Refuses("unknown shape", "POST "+pools, changed(pool, "nodeShape", "VM.Huge"),
		"400 InvalidParameter: Invalid nodeShape")
	c.Refuses("flexible shape without OCPUs", "POST "+pools, changed(pool, "nodeShapeConfig", nil),
		"400 InvalidParameter: needs ocpus")
	c.Refuses("memory above 64 GB per OCPU", "POST "+pools, changed(pool, "nodeShapeConfig.memoryInGBs", 129),
		"400 InvalidParameter: 1 to 64 GB per OCPU")
	c.Refuses("memory below 1 GB per OCPU", "POST "+pools, changed(pool, "nodeShapeConfig.memoryInGBs", 1.5),
		"400 InvalidParameter: 1 to 64 GB per OCPU")
	c.Refuses("too many OCPUs", "POST "+pools, changed(pool, "nodeShapeConfig.ocpus", 81), "400 InvalidParameter: ocpus")
	c.Refuses("negative size", "POST "+pools, changed(pool, "nodeConfigDetails.size", -1), "400 InvalidParameter: size")
	c.Refuses("no placement", "POST "+pools, changed(pool, "nodeConfigDetails.placementConfigs", []any{}),
		"400 InvalidParameter: placementConfigs")
	c.Refuses("availability domain", "POST "+pools, placement("availabilityDomain", "AD-1"),
		"400 InvalidParameter: availabilityDomain")
	c.Refuses("fault domain", "POST "+pools, placement("faultDomains", []any{"FAULT-DOMAIN-4"}),
		"400 InvalidParameter: faultDomains")
	c.Refuses("workers in another VCN", "POST "+pools, placement("subnetId", otherSubnet),
		"400 InvalidParameter: is not in the VCN")
	c.Refuses("another CNI than the cluster's", "POST "+pools,
		changed(pool, "nodeConfigDetails.nodePoolPodNetworkOptionDetails", engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}),
		"400 InvalidParameter: must be the cluster's")
	refuseShapes(c, pool)
	for _, field := range []string{"maximumSurge", "maximumUnavailable"} {
		c.Refuses(field+" above the size", "POST "+pools, changed(pool, "nodePoolCyclingDetails", engine.Doc{field: "2"}),
			"400 InvalidParameter: "+field+": 2 must be from 0 to the size of the node pool, 1")
	}
	c.Refuses("surge", "POST "+pools, changed(pool, "nodePoolCyclingDetails", engine.Doc{"maximumSurge": "150%"}),
		"400 InvalidParameter: maximumSurge")
}

// refuseShapes tries shapes and sizes that Compute has, and that OKE or Compute do not take for such nodes.
func refuseShapes(c *ocitest.Cloud, pool engine.Doc) {
	pool = changed(pool, "nodeSourceDetails.imageId", ocitest.ImageFor("v1.35.2", false))
	sized := func(shape string, ocpus, memory float64) engine.Doc {
		size := engine.Doc{"ocpus": ocpus, "memoryInGBs": memory}
		return changed(changed(pool, "nodeShape", shape), "nodeShapeConfig", size)
	}
	preemptible := func(pool engine.Doc) engine.Doc {
		pool = pool.Clone()
		for _, placement := range pool.Objects("nodeConfigDetails", "placementConfigs") {
			placement["preemptibleNodeConfig"] = engine.Doc{"preemptionAction": engine.Doc{"type": "TERMINATE"}}
		}
		return pool
	}
	c.Refuses("micro shape", "POST "+pools,
		changed(changed(pool, "nodeShape", "VM.Standard.E2.1.Micro"), "nodeShapeConfig", nil),
		"400 InvalidParameter: is not supported for nodes")
	c.Refuses("DenseIO of another size", "POST "+pools, sized("VM.DenseIO.E4.Flex", 24, 384),
		"400 InvalidParameter: ocpus: 24 must be one of [8 16 32]")
	c.Refuses("DenseIO with other memory", "POST "+pools, sized("VM.DenseIO.E5.Flex", 24, 384),
		"400 InvalidParameter: memoryInGBs: 384 must be 288")
	c.Refuses("preemptible bare metal", "POST "+pools,
		preemptible(changed(changed(pool, "nodeShape", "BM.Standard.E3.128"), "nodeShapeConfig", nil)),
		"400 InvalidParameter: Invalid Preemptible instance shape: BM.Standard.E3.128 (is not supported)")
	c.Refuses("preemptible with extended memory", "POST "+pools, preemptible(sized("VM.Standard.E4.Flex", 65, 1024)),
		"400 InvalidParameter: Invalid Preemptible instance shape: VM.Standard.E4.Flex (is not supported)")
}

// TestNodeLimits expects the limit on a cluster's nodes to hold for all of its pools, by its type and Pod network.
func TestNodeLimits(t *testing.T) {
	config := oci.Config{Limits: map[string]int{"nodes-per-flannel-cluster": 3}}
	ocitest.Run(t, config, func(c *ocitest.Cloud) {
		n := c.Network()
		id := c.Succeeded(c.Send("POST", clusters, ocitest.ClusterBody(n), nil))
		first := c.Succeeded(c.Send("POST", pools, ocitest.PoolBody(n, id, 1), nil))
		c.Refused(400, "LimitExceeded", "would have 1001 nodes, and it has at most 1000", "POST", pools,
			ocitest.PoolBody(n, id, 1000))
		c.Succeeded(c.Send("PUT", clusters+"/"+id, engine.Doc{"type": "ENHANCED_CLUSTER"}, nil))
		c.Succeeded(c.Send("POST", pools, ocitest.PoolBody(n, id, 2), nil))
		size := func(n int) engine.Doc { return engine.Doc{"nodeConfigDetails": engine.Doc{"size": n}} }
		c.Refused(400, "LimitExceeded", "would have 4 nodes, and it has at most 3", "PUT", pools+"/"+first, size(2))
		c.Succeeded(c.Send("PUT", pools+"/"+first, size(0), nil))
	})
}
