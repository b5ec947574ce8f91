package containerengine_test

import (
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestOKERefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		other := c.Create("vcns", engine.Doc{"cidrBlock": "10.1.0.0/16"}).Str("id")
		otherSubnet := c.Create("subnets", engine.Doc{"vcnId": other, "cidrBlock": "10.1.0.0/24"}).Str("id")
		clusters, pools := ocitest.OKE+"/clusters", ocitest.OKE+"/nodePools"
		body := ocitest.ClusterBody(n)
		const bad, invalidParameter = 400, "InvalidParameter"
		c.Refuses("version", "POST", clusters, ocitest.Changed(body, "v1.30.1", "kubernetesVersion"), bad, invalidParameter, "Invalid kubernetes version.")
		c.Refuses("no endpoint subnet", "POST", clusters, ocitest.Changed(body, engine.Doc{}, "endpointConfig"), bad, "MissingParameter", "endpointConfig.subnetId")
		c.Refuses("endpoint in another VCN", "POST", clusters, ocitest.Changed(body, otherSubnet, "endpointConfig", "subnetId"), bad, invalidParameter, "is not in the VCN")
		c.Refuses("public endpoint in a private subnet", "POST", clusters, ocitest.Changed(body, n.Workers, "endpointConfig", "subnetId"), bad, invalidParameter, "prohibits public IP")
		c.Refuses("load balancers in another VCN", "POST", clusters, ocitest.Changed(body, []any{otherSubnet}, "options", "serviceLbSubnetIds"), bad, invalidParameter, "is not in the VCN")
		c.Refuses("pods overlap the VCN", "POST", clusters, ocitest.Changed(body, engine.Doc{"podsCidr": "10.0.128.0/18"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlaps the VCN")
		c.Refuses("services overlap the VCN", "POST", clusters, ocitest.Changed(body, engine.Doc{"servicesCidr": "10.0.0.0/16"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlaps the VCN")
		c.Refuses("pods overlap services", "POST", clusters, ocitest.Changed(body, engine.Doc{"podsCidr": "10.96.0.0/12"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlap")
		c.Refuses("unknown CNI", "POST", clusters, ocitest.Changed(body, []any{engine.Doc{"cniType": "CALICO"}}, "clusterPodNetworkOptions"), bad, invalidParameter, "cniType")
		c.Refuses("unknown nested field", "POST", clusters, ocitest.Changed(body, engine.Doc{"podCidr": "10.244.0.0/16"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "podCidr")

		creating := c.Send("POST", clusters, ocitest.Changed(body, "v1.35.4", "kubernetesVersion"), nil)
		id := c.Succeeded(creating)
		pool := ocitest.PoolBody(n, id, 1)
		pool["kubernetesVersion"] = "v1.35.4"
		pool.Sub("nodeSourceDetails")["imageId"] = ocitest.ImageFor("v1.35.4", true)
		placement := func(field string, v any) engine.Doc {
			p := engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers}
			p[field] = v
			return ocitest.Changed(pool, []any{p}, "nodeConfigDetails", "placementConfigs")
		}
		c.Refuses("unknown cluster", "POST", pools, ocitest.Changed(pool, "ocid1.cluster.oc1.iad.none", "clusterId"), bad, "RelatedResourceNotAuthorizedOrNotFound", "clusterId")
		c.Refuses("nodes newer than the control plane", "POST", pools, ocitest.Changed(pool, "v1.36.3", "kubernetesVersion"), bad, invalidParameter, "Invalid kubernetes version.")
		c.Refuses("image of another version", "POST", pools, ocitest.Changed(pool, ocitest.ImageFor("v1.36.3", true), "nodeSourceDetails", "imageId"), 409, "Conflict", "is for Kubernetes v1.36.3")
		c.Refuses("image of another architecture", "POST", pools, ocitest.Changed(pool, ocitest.ImageFor("v1.35.4", false), "nodeSourceDetails", "imageId"), bad, invalidParameter, "not compatible with the shape")
		c.Refuses("unknown image", "POST", pools, ocitest.Changed(pool, "ocid1.image.oc1.iad.none", "nodeSourceDetails", "imageId"), bad, "RelatedResourceNotAuthorizedOrNotFound", "imageId")
		c.Refuses("boot volume too small", "POST", pools, ocitest.Changed(pool, 49, "nodeSourceDetails", "bootVolumeSizeInGBs"), bad, invalidParameter, "from 50 to")
		c.Refuses("unknown shape", "POST", pools, ocitest.Changed(pool, "VM.Huge", "nodeShape"), bad, invalidParameter, "Invalid nodeShape")
		c.Refuses("flexible shape without OCPUs", "POST", pools, ocitest.Changed(pool, nil, "nodeShapeConfig"), bad, invalidParameter, "needs ocpus")
		c.Refuses("memory above 64 GB per OCPU", "POST", pools, ocitest.Changed(pool, 129, "nodeShapeConfig", "memoryInGBs"), bad, invalidParameter, "1 to 64 GB per OCPU")
		c.Refuses("memory below 1 GB per OCPU", "POST", pools, ocitest.Changed(pool, 1.5, "nodeShapeConfig", "memoryInGBs"), bad, invalidParameter, "1 to 64 GB per OCPU")
		c.Refuses("too many OCPUs", "POST", pools, ocitest.Changed(pool, 81, "nodeShapeConfig", "ocpus"), bad, invalidParameter, "ocpus")
		c.Refuses("negative size", "POST", pools, ocitest.Changed(pool, -1, "nodeConfigDetails", "size"), bad, invalidParameter, "size")
		c.Refuses("no placement", "POST", pools, ocitest.Changed(pool, []any{}, "nodeConfigDetails", "placementConfigs"), bad, invalidParameter, "placementConfigs")
		c.Refuses("availability domain", "POST", pools, placement("availabilityDomain", "AD-1"), bad, invalidParameter, "availabilityDomain")
		c.Refuses("fault domain", "POST", pools, placement("faultDomains", []any{"FAULT-DOMAIN-4"}), bad, invalidParameter, "faultDomains")
		c.Refuses("workers in another VCN", "POST", pools, placement("subnetId", otherSubnet), bad, invalidParameter, "is not in the VCN")
		c.Refuses("another CNI than the cluster's", "POST", pools, ocitest.Changed(pool, engine.Doc{"cniType": "OCI_VCN_IP_NATIVE"}, "nodeConfigDetails", "nodePoolPodNetworkOptionDetails"), bad, invalidParameter, "must be the cluster's")
		c.Refuses("surge", "POST", pools, ocitest.Changed(pool, engine.Doc{"maximumSurge": "150%"}, "nodePoolCyclingDetails"), bad, invalidParameter, "maximumSurge")
		c.Refuses("downgrade", "PUT", clusters+"/"+id, engine.Doc{"kubernetesVersion": "v1.34.1"}, bad, invalidParameter, "Invalid kubernetes version.")
		c.Refuses("VCN of a cluster", "PUT", clusters+"/"+id, engine.Doc{"vcnId": other}, bad, invalidParameter, "vcnId")
		c.Refuses("endpoint subnet in use", "DELETE", "/subnets/"+n.API, nil, 409, "Conflict", "references the VNIC")
	})
}
