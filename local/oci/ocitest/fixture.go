package ocitest

import (
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// Network is a VCN with all that a cluster needs: the OCIDs of its parts.
type Network struct {
	Vcn, InternetGateway, NatGateway, ServiceGateway string
	PublicRoutes, PrivateRoutes, SecurityList        string
	API, Workers, LBs                                string // subnets
}

// Network creates a network in the compartment of clusters.
func (c *Cloud) Network() Network { return c.NetworkIn(oci.CompartmentID) }

// NetworkIn creates a network in a compartment.
func (c *Cloud) NetworkIn(compartment string) Network {
	c.T.Helper()
	create := func(collection string, body engine.Doc) string {
		body["compartmentId"] = compartment
		return c.Create(collection, body).Str("id")
	}
	var n Network
	n.Vcn = create("vcns", engine.Doc{"cidrBlocks": []any{"10.0.0.0/16"}, "dnsLabel": "oke", "displayName": "oke"})
	n.InternetGateway = create("internetGateways", engine.Doc{"vcnId": n.Vcn, "isEnabled": true})
	n.NatGateway = create("natGateways", engine.Doc{"vcnId": n.Vcn})
	allServices := ""
	for _, service := range c.GetList(Core + "/services") {
		if service["cidrBlock"] == vcn.AllServicesCIDR {
			allServices = service.Str("id")
		}
	}
	n.ServiceGateway = create("serviceGateways", engine.Doc{
		"vcnId": n.Vcn, "services": []any{engine.Doc{"serviceId": allServices}},
	})
	n.PublicRoutes = create("routeTables", engine.Doc{"vcnId": n.Vcn, "routeRules": []any{
		engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.InternetGateway},
	}})
	n.PrivateRoutes = create("routeTables", engine.Doc{"vcnId": n.Vcn, "routeRules": []any{
		engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.NatGateway},
		engine.Doc{
			"destination": vcn.AllServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.ServiceGateway,
		},
	}})
	n.SecurityList = create("securityLists", engine.Doc{
		"vcnId": n.Vcn, "ingressSecurityRules": []any{}, "egressSecurityRules": []any{
			engine.Doc{"destination": "0.0.0.0/0", "protocol": "all"},
		},
	})
	subnet := func(cidr, label, table string, private bool) string {
		return create("subnets", engine.Doc{
			"vcnId": n.Vcn, "cidrBlock": cidr, "dnsLabel": label, "routeTableId": table,
			"securityListIds": []any{n.SecurityList}, "prohibitPublicIpOnVnic": private,
		})
	}
	n.API = subnet("10.0.0.0/29", "api", n.PublicRoutes, false)
	n.Workers = subnet("10.0.16.0/20", "workers", n.PrivateRoutes, true)
	n.LBs = subnet("10.0.32.0/24", "lbs", n.PublicRoutes, false)
	return n
}

// RemoveNetwork deletes all of a network.
func (c *Cloud) RemoveNetwork(n Network) {
	c.T.Helper()
	for _, id := range []string{n.API, n.Workers, n.LBs} {
		c.Remove("subnets", id)
	}
	c.Remove("securityLists", n.SecurityList)
	c.Remove("routeTables", n.PublicRoutes)
	c.Remove("routeTables", n.PrivateRoutes)
	c.Remove("internetGateways", n.InternetGateway)
	c.Remove("natGateways", n.NatGateway)
	c.Remove("serviceGateways", n.ServiceGateway)
	c.Remove("vcns", n.Vcn)
}

// Key creates a key of an algorithm, of a length in bytes, in a new vault.
func (c *Cloud) Key(algorithm string, length int) string {
	c.T.Helper()
	c.Want(200, "POST", Vault+"/vaults", engine.Doc{
		"compartmentId": oci.CompartmentID, "displayName": "keys", "vaultType": "DEFAULT",
	})
	return c.Want(200, "POST", Vault+"/keys", engine.Doc{
		"compartmentId": oci.CompartmentID, "displayName": "key",
		"keyShape": engine.Doc{"algorithm": algorithm, "length": length},
	}).Object().Str("id")
}

// Namespace creates a tag namespace of the tenancy with keys, and returns its OCID.
func (c *Cloud) Namespace(name string, keys ...string) string {
	c.T.Helper()
	const path = Core + "/tagNamespaces"
	id := c.Want(200, "POST", path, engine.Doc{
		"compartmentId": oci.TenancyID, "name": name, "description": "d",
	}).Object().Str("id")
	for _, key := range keys {
		c.Want(200, "POST", path+"/"+id+"/tags", engine.Doc{"name": key, "description": "d"})
	}
	return id
}

// Reservation creates a capacity reservation for machines of PoolBody in an availability domain.
func (c *Cloud) Reservation(domain string) string {
	c.T.Helper()
	return c.Create("computeCapacityReservations", engine.Doc{
		"availabilityDomain": domain, "instanceReservationConfigs": []any{engine.Doc{
			"instanceShape": "VM.Standard.A1.Flex", "reservedCount": 2,
			"instanceShapeConfig": engine.Doc{"ocpus": 2, "memoryInGBs": 12},
		}},
	}).Str("id")
}

// ClusterBody is the body of a new cluster.
func ClusterBody(n Network) engine.Doc {
	return engine.Doc{
		"name": "oke", "compartmentId": oci.CompartmentID, "vcnId": n.Vcn, "kubernetesVersion": "v1.36.4",
		"endpointConfig": engine.Doc{"subnetId": n.API, "isPublicIpEnabled": true},
		"options":        engine.Doc{"serviceLbSubnetIds": []any{n.LBs}},
	}
}

// PoolBody is the body of a new node pool.
func PoolBody(n Network, cluster string, size int) engine.Doc {
	placements := []any{}
	for _, ad := range oci.AvailabilityDomains {
		placements = append(placements, engine.Doc{"availabilityDomain": ad, "subnetId": n.Workers})
	}
	return engine.Doc{
		"name": "workers", "compartmentId": oci.CompartmentID, "clusterId": cluster, "kubernetesVersion": "v1.36.4",
		"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": engine.Doc{"ocpus": 2, "memoryInGBs": 12},
		"nodeSourceDetails": engine.Doc{
			"sourceType": "IMAGE", "imageId": ImageFor("v1.36.4", true), "bootVolumeSizeInGBs": 50,
		},
		"nodeConfigDetails": engine.Doc{"size": size, "placementConfigs": placements},
		"initialNodeLabels": []any{engine.Doc{"key": "pool", "value": "workers"}},
	}
}

// ImageFor returns the OCID of the image for a Kubernetes version and an architecture.
func ImageFor(version string, arm bool) string {
	for _, img := range compute.Images {
		if img.Version == version && img.Arm == arm {
			return img.ID
		}
	}
	return ""
}
