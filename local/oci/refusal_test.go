package oci

import (
	"strings"
	"testing"
	"time"
)

// refusal is a request that the service refuses.
type refusal struct {
	name   string
	method string
	path   string // after the base of the core services, unless it begins with "/20"
	body   object
	status int
	code   string
	words  string
}

func (c *testCloud) refuses(cases []refusal) {
	c.t.Helper()
	for _, r := range cases {
		c.t.Run(r.name, func(t *testing.T) {
			here := *c
			here.t = t
			path := r.path
			if !strings.HasPrefix(path, "/20") {
				path = coreBase + path
			}
			if r.method == "POST" && !strings.Contains(r.path, "/actions/") {
				orDefault(r.body, object{"compartmentId": CompartmentID})
			}
			before := len(here.srv.Inventory())
			here.refused(r.status, r.code, r.words, r.method, path, r.body)
			if after := len(here.srv.Inventory()); after != before {
				t.Errorf("the refused request left %d things", after-before)
			}
		})
	}
}

// changed returns a copy of a body with one field set, at a path of names.
func changed(body object, v any, path ...string) object {
	body, _ = clone(body).(map[string]any)
	o := body
	for _, step := range path[:len(path)-1] {
		if o[step] == nil {
			o[step] = object{}
		}
		o = o[step].(map[string]any)
	}
	o[path[len(path)-1]] = v
	return body
}

func TestNetworkRefusals(t *testing.T) {
	inCloudWithoutBubble(t, func(c *testCloud) {
		n := c.network()
		other := str(c.create("vcns", object{"cidrBlock": "10.1.0.0/16"}), "id")
		otherRT := str(c.find(other).Doc, "defaultRouteTableId")
		defaultSL, defaultDHCP := str(c.find(n.vcn).Doc, "defaultSecurityListId"), str(c.find(other).Doc, "defaultDhcpOptionsId")
		dhcp := str(c.create("dhcps", object{"vcnId": n.vcn, "options": []any{object{"type": "SearchDomain", "searchDomainNames": []any{"example.com"}}}}), "id")
		named := str(c.create("subnets", object{"vcnId": n.vcn, "cidrBlock": "10.0.33.0/24", "dhcpOptionsId": dhcp}), "id")
		vcn := object{"cidrBlocks": []any{"10.2.0.0/16"}}
		subnet := object{"vcnId": n.vcn, "cidrBlock": "10.0.64.0/24"}
		table := func(rules ...any) object { return object{"vcnId": n.vcn, "routeRules": rules} }
		rule := func(fields ...any) object {
			o := object{"source": "10.0.0.0/16", "protocol": "6"}
			for i := 0; i < len(fields); i += 2 {
				o[fields[i].(string)] = fields[i+1]
			}
			return object{"vcnId": n.vcn, "ingressSecurityRules": []any{o}, "egressSecurityRules": []any{}}
		}
		lists := []any{}
		for range 6 {
			lists = append(lists, n.sl)
		}
		const bad, invalidParameter = 400, "InvalidParameter"
		c.refuses([]refusal{
			{"VCN with host bits", "POST", "/vcns", changed(vcn, []any{"10.2.0.1/16"}, "cidrBlocks"), bad, invalidParameter, "CIDR IP 10.2.0.1 does not match network IP 10.2.0.0"},
			{"VCN too large", "POST", "/vcns", changed(vcn, []any{"10.0.0.0/15"}, "cidrBlocks"), bad, invalidParameter, "/16 to /30"},
			{"VCN too small", "POST", "/vcns", changed(vcn, []any{"10.0.0.0/31"}, "cidrBlocks"), bad, invalidParameter, "/16 to /30"},
			{"VCN that is no CIDR", "POST", "/vcns", changed(vcn, []any{"ten"}, "cidrBlocks"), bad, invalidParameter, "no IPv4 CIDR"},
			{"VCN without range", "POST", "/vcns", object{}, bad, "MissingParameter", "cidrBlocks"},
			{"VCN ranges overlap", "POST", "/vcns", changed(vcn, []any{"10.2.0.0/16", "10.2.4.0/24"}, "cidrBlocks"), bad, invalidParameter, "overlaps"},
			{"VCN with both fields", "POST", "/vcns", changed(vcn, "10.2.0.0/16", "cidrBlock"), bad, invalidParameter, "together"},
			{"VCN label", "POST", "/vcns", changed(vcn, "1abc", "dnsLabel"), bad, invalidParameter, "dnsLabel"},
			{"VCN label too long", "POST", "/vcns", changed(vcn, "abcdefghijklmnop", "dnsLabel"), bad, invalidParameter, "15"},
			{"unknown field", "POST", "/vcns", changed(vcn, "x", "cidr"), bad, invalidParameter, "cidr"},
			{"field of a wrong type", "POST", "/vcns", changed(vcn, 7, "displayName"), bad, invalidParameter, "displayName"},
			{"strange compartment", "POST", "/vcns", changed(vcn, "ocid1.compartment.oc1..other", "compartmentId"), 404, "NotAuthorizedOrNotFound", "compartment"},
			{"no compartment in a list", "GET", "/vcns", nil, bad, "MissingParameter", "compartmentId"},
			{"unknown VCN", "GET", "/vcns/ocid1.vcn.oc1.iad.none", nil, 404, "NotAuthorizedOrNotFound", "none"},
			{"immutable field", "PUT", "/vcns/" + n.vcn, object{"cidrBlock": "10.9.0.0/16"}, bad, invalidParameter, "cidrBlock"},
			{"VCN with subnets", "DELETE", "/vcns/" + n.vcn, nil, 409, "IncorrectState", "is associated with Subnet"},

			{"second internet gateway", "POST", "/internetGateways", object{"vcnId": n.vcn, "isEnabled": true}, bad, "LimitExceeded", "at most one"},
			{"second NAT gateway", "POST", "/natGateways", object{"vcnId": n.vcn}, bad, "LimitExceeded", "at most one"},
			{"second service gateway", "POST", "/serviceGateways", object{"vcnId": n.vcn, "services": []any{}}, bad, invalidParameter, "at most one"},
			{"gateway in a subnet", "POST", "/natGateways", object{"vcnId": n.api}, bad, invalidParameter, "no OCID of a vcn"},
			{"gateway in no VCN", "POST", "/natGateways", object{"vcnId": "ocid1.vcn.oc1.iad.none"}, bad, "RelatedResourceNotAuthorizedOrNotFound", "vcnId"},
			{"unknown service", "POST", "/serviceGateways", object{"vcnId": other, "services": []any{object{"serviceId": "ocid1.service.oc1.iad.none"}}}, bad, "RelatedResourceNotAuthorizedOrNotFound", "serviceId"},
			{"gateway in use", "DELETE", "/internetGateways/" + n.igw, nil, 409, "Conflict", "references the gateway"},

			{"route to nothing", "POST", "/routeTables", table(object{"destination": "0.0.0.0/0", "networkEntityId": "ocid1.natgateway.oc1.iad.none"}), bad, "RelatedResourceNotAuthorizedOrNotFound", "networkEntityId"},
			{"route to a subnet", "POST", "/routeTables", table(object{"destination": "0.0.0.0/0", "networkEntityId": n.api}), bad, invalidParameter, "no OCID of a gateway"},
			{"route to another VCN", "POST", "/routeTables", object{"vcnId": other, "routeRules": []any{object{"destination": "0.0.0.0/0", "networkEntityId": n.igw}}}, bad, invalidParameter, "another VCN"},
			{"route with host bits", "POST", "/routeTables", table(object{"destination": "10.0.0.1/8", "networkEntityId": n.igw}), bad, invalidParameter, "does not match network IP"},
			{"two routes for a destination", "POST", "/routeTables", table(object{"destination": "0.0.0.0/0", "networkEntityId": n.igw}, object{"destination": "0.0.0.0/0", "networkEntityId": n.nat}), bad, invalidParameter, "already"},
			{"service route by the NAT gateway", "POST", "/routeTables", table(object{"destination": allServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.nat}), bad, invalidParameter, "goes with a service gateway"},
			{"internet and services in one table", "POST", "/routeTables", table(object{"destination": "0.0.0.0/0", "networkEntityId": n.igw}, object{"destination": allServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.sgw}), bad, invalidParameter, "cannot have both"},
			{"service that the gateway has not", "POST", "/routeTables", table(object{"destination": objectStorageCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.sgw}), bad, invalidParameter, "not enabled"},
			{"unknown service label", "POST", "/routeTables", table(object{"destination": "all-phx", "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.sgw}), bad, invalidParameter, "no service CIDR label"},
			{"route table in use", "DELETE", "/routeTables/" + n.publicRT, nil, 409, "IncorrectState", "is associated with Subnet"},
			{"default route table", "DELETE", "/routeTables/" + otherRT, nil, 409, "Conflict", "default of its VCN"},

			{"rule without protocol", "POST", "/securityLists", object{"vcnId": n.vcn, "ingressSecurityRules": []any{object{"source": "0.0.0.0/0"}}, "egressSecurityRules": []any{}}, bad, "MissingParameter", "ingressSecurityRules[0].protocol"},
			{"rule with a protocol's name", "POST", "/securityLists", rule("protocol", "tcp"), bad, invalidParameter, "protocol number"},
			{"rule with host bits", "POST", "/securityLists", rule("source", "10.0.0.9/16"), bad, invalidParameter, "does not match network IP"},
			{"rule with ports turned round", "POST", "/securityLists", rule("tcpOptions", object{"destinationPortRange": object{"min": 90, "max": 80}}), bad, invalidParameter, "no range of ports"},
			{"rule with port 70000", "POST", "/securityLists", rule("tcpOptions", object{"destinationPortRange": object{"min": 80, "max": 70000}}), bad, invalidParameter, "no range of ports"},
			{"UDP options with TCP", "POST", "/securityLists", rule("udpOptions", object{"destinationPortRange": object{"min": 53, "max": 53}}), bad, invalidParameter, "cannot go with protocol 6"},
			{"unknown enumeration value", "POST", "/securityLists", rule("sourceType", "CIDR"), bad, invalidParameter, "must be one of"},
			{"security list in use", "DELETE", "/securityLists/" + n.sl, nil, 409, "IncorrectState", "is associated with subnet"},
			{"default security list", "DELETE", "/securityLists/" + defaultSL, nil, 409, "Conflict", "default of its VCN"},

			{"DHCP options in use", "DELETE", "/dhcps/" + dhcp, nil, 409, "IncorrectState", "is associated with Subnet"},
			{"default DHCP options", "DELETE", "/dhcps/" + defaultDHCP, nil, 409, "Conflict", "default of its VCN"},

			{"subnet outside its VCN", "POST", "/subnets", changed(subnet, "10.1.0.0/24", "cidrBlock"), bad, invalidParameter, "not inside"},
			{"subnet that overlaps", "POST", "/subnets", changed(subnet, "10.0.16.0/24", "cidrBlock"), bad, invalidParameter, "overlaps with this CIDR"},
			{"subnet with host bits", "POST", "/subnets", changed(subnet, "10.0.64.1/24", "cidrBlock"), bad, invalidParameter, "does not match network IP"},
			{"subnet too small", "POST", "/subnets", changed(subnet, "10.0.64.0/31", "cidrBlock"), bad, invalidParameter, "/16 to /30"},
			{"subnet label taken", "POST", "/subnets", changed(subnet, "API", "dnsLabel"), bad, invalidParameter, "is used by"},
			{"subnet label in a VCN without", "POST", "/subnets", object{"vcnId": other, "cidrBlock": "10.1.0.0/24", "dnsLabel": "a"}, bad, invalidParameter, "has none"},
			{"six security lists", "POST", "/subnets", changed(subnet, lists, "securityListIds"), bad, "LimitExceeded", "at most 5"},
			{"another VCN's route table", "POST", "/subnets", changed(subnet, otherRT, "routeTableId"), bad, invalidParameter, "another VCN"},
			{"unknown availability domain", "POST", "/subnets", changed(subnet, "AD-1", "availabilityDomain"), bad, invalidParameter, "availabilityDomain"},
			{"VCN range in use", "POST", "/vcns/" + n.vcn + "/actions/modifyCidr", object{"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": "10.0.0.0/24"}, 409, "Conflict", "uses the CIDR block"},
		})
		// What was refused while it was in use can go afterwards, and the VCN last.
		c.remove("subnets", named)
		c.remove("dhcps", dhcp)
		c.removeNetwork(n)
		c.remove("vcns", other)
	})
}

// find returns a resource as the store has it.
func (c *testCloud) find(id string) *resource {
	var r *resource
	_ = c.srv.view(func(t *tx) error { r = t.find(id).clone(); return nil })
	return r
}

// inCloudWithoutBubble runs a test that has subtests, which the bubble of testing/synctest does not allow, on a fast cloud.
func inCloudWithoutBubble(t *testing.T, test func(*testCloud)) {
	t.Helper()
	c := openCloud(t, Config{Dir: t.TempDir(), Speed: 1e6})
	defer c.srv.Close()
	c.sleep = func(time.Duration) { c.settled() }
	test(c)
}

// settled waits until no task is left, with a limit.
func (c *testCloud) settled() {
	c.t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		left := 0
		_ = c.srv.view(func(t *tx) error { left = len(c.srv.store.tasks); return nil })
		if left == 0 {
			return
		}
	}
	c.t.Fatal("tasks do not end")
}

func TestOKERefusals(t *testing.T) {
	inCloudWithoutBubble(t, func(c *testCloud) {
		n := c.network()
		other := str(c.create("vcns", object{"cidrBlock": "10.1.0.0/16"}), "id")
		otherSubnet := str(c.create("subnets", object{"vcnId": other, "cidrBlock": "10.1.0.0/24"}), "id")
		clusters, pools := okeBase+"/clusters", okeBase+"/nodePools"
		body := clusterBody(n)
		const bad, invalidParameter = 400, "InvalidParameter"
		c.refuses([]refusal{
			{"version", "POST", clusters, changed(body, "v1.30.1", "kubernetesVersion"), bad, invalidParameter, "Invalid kubernetes version."},
			{"no endpoint subnet", "POST", clusters, changed(body, object{}, "endpointConfig"), bad, "MissingParameter", "endpointConfig.subnetId"},
			{"endpoint in another VCN", "POST", clusters, changed(body, otherSubnet, "endpointConfig", "subnetId"), bad, invalidParameter, "is not in the VCN"},
			{"public endpoint in a private subnet", "POST", clusters, changed(body, n.workers, "endpointConfig", "subnetId"), bad, invalidParameter, "prohibits public IP"},
			{"load balancers in another VCN", "POST", clusters, changed(body, []any{otherSubnet}, "options", "serviceLbSubnetIds"), bad, invalidParameter, "is not in the VCN"},
			{"pods overlap the VCN", "POST", clusters, changed(body, object{"podsCidr": "10.0.128.0/18"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlaps the VCN"},
			{"services overlap the VCN", "POST", clusters, changed(body, object{"servicesCidr": "10.0.0.0/16"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlaps the VCN"},
			{"pods overlap services", "POST", clusters, changed(body, object{"podsCidr": "10.96.0.0/12"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "overlap"},
			{"unknown CNI", "POST", clusters, changed(body, []any{object{"cniType": "CALICO"}}, "clusterPodNetworkOptions"), bad, invalidParameter, "cniType"},
			{"unknown nested field", "POST", clusters, changed(body, object{"podCidr": "10.244.0.0/16"}, "options", "kubernetesNetworkConfig"), bad, invalidParameter, "podCidr"},
		})

		creating := c.send("POST", clusters, changed(body, "v1.35.4", "kubernetesVersion"), nil)
		id := c.succeeded(creating)
		pool := poolBody(n, id, 1)
		pool["kubernetesVersion"] = "v1.35.4"
		sub(pool, "nodeSourceDetails")["imageId"] = imageFor("v1.35.4", true)
		placement := func(field string, v any) object {
			p := object{"availabilityDomain": AvailabilityDomains[0], "subnetId": n.workers}
			p[field] = v
			return changed(pool, []any{p}, "nodeConfigDetails", "placementConfigs")
		}
		c.refuses([]refusal{
			{"unknown cluster", "POST", pools, changed(pool, "ocid1.cluster.oc1.iad.none", "clusterId"), bad, "RelatedResourceNotAuthorizedOrNotFound", "clusterId"},
			{"nodes newer than the control plane", "POST", pools, changed(pool, "v1.36.3", "kubernetesVersion"), bad, invalidParameter, "Invalid kubernetes version."},
			{"image of another version", "POST", pools, changed(pool, imageFor("v1.36.3", true), "nodeSourceDetails", "imageId"), 409, "Conflict", "is for Kubernetes v1.36.3"},
			{"image of another architecture", "POST", pools, changed(pool, imageFor("v1.35.4", false), "nodeSourceDetails", "imageId"), bad, invalidParameter, "not compatible with the shape"},
			{"unknown image", "POST", pools, changed(pool, "ocid1.image.oc1.iad.none", "nodeSourceDetails", "imageId"), bad, "RelatedResourceNotAuthorizedOrNotFound", "imageId"},
			{"boot volume too small", "POST", pools, changed(pool, 49, "nodeSourceDetails", "bootVolumeSizeInGBs"), bad, invalidParameter, "from 50 to"},
			{"unknown shape", "POST", pools, changed(pool, "VM.Huge", "nodeShape"), bad, invalidParameter, "Invalid nodeShape"},
			{"flexible shape without OCPUs", "POST", pools, changed(pool, nil, "nodeShapeConfig"), bad, invalidParameter, "needs ocpus"},
			{"memory above 64 GB per OCPU", "POST", pools, changed(pool, 129, "nodeShapeConfig", "memoryInGBs"), bad, invalidParameter, "1 to 64 GB per OCPU"},
			{"memory below 1 GB per OCPU", "POST", pools, changed(pool, 1.5, "nodeShapeConfig", "memoryInGBs"), bad, invalidParameter, "1 to 64 GB per OCPU"},
			{"too many OCPUs", "POST", pools, changed(pool, 81, "nodeShapeConfig", "ocpus"), bad, invalidParameter, "ocpus"},
			{"negative size", "POST", pools, changed(pool, -1, "nodeConfigDetails", "size"), bad, invalidParameter, "size"},
			{"no placement", "POST", pools, changed(pool, []any{}, "nodeConfigDetails", "placementConfigs"), bad, invalidParameter, "placementConfigs"},
			{"availability domain", "POST", pools, placement("availabilityDomain", "AD-1"), bad, invalidParameter, "availabilityDomain"},
			{"fault domain", "POST", pools, placement("faultDomains", []any{"FAULT-DOMAIN-4"}), bad, invalidParameter, "faultDomains"},
			{"workers in another VCN", "POST", pools, placement("subnetId", otherSubnet), bad, invalidParameter, "is not in the VCN"},
			{"another CNI than the cluster's", "POST", pools, changed(pool, object{"cniType": "OCI_VCN_IP_NATIVE"}, "nodeConfigDetails", "nodePoolPodNetworkOptionDetails"), bad, invalidParameter, "must be the cluster's"},
			{"surge", "POST", pools, changed(pool, object{"maximumSurge": "150%"}, "nodePoolCyclingDetails"), bad, invalidParameter, "maximumSurge"},
			{"downgrade", "PUT", clusters + "/" + id, object{"kubernetesVersion": "v1.34.1"}, bad, invalidParameter, "Invalid kubernetes version."},
			{"VCN of a cluster", "PUT", clusters + "/" + id, object{"vcnId": other}, bad, invalidParameter, "vcnId"},
			{"endpoint subnet in use", "DELETE", "/subnets/" + n.api, nil, 409, "Conflict", "references the VNIC"},
		})
	})
}
