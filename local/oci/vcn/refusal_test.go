package vcn_test

import (
	"testing"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
	"oke-guestbook/local/oci/vcn"
)

func TestNetworkRefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		other := c.Create("vcns", engine.Doc{"cidrBlock": "10.1.0.0/16"}).Str("id")
		otherRT := c.Stored(other).Str("defaultRouteTableId")
		defaultSL, defaultDHCP := c.Stored(n.Vcn).Str("defaultSecurityListId"), c.Stored(other).Str("defaultDhcpOptionsId")
		dhcp := c.Create("dhcps", engine.Doc{"vcnId": n.Vcn, "options": []any{engine.Doc{"type": "SearchDomain", "searchDomainNames": []any{"example.com"}}}}).Str("id")
		named := c.Create("subnets", engine.Doc{"vcnId": n.Vcn, "cidrBlock": "10.0.33.0/24", "dhcpOptionsId": dhcp}).Str("id")
		body := engine.Doc{"cidrBlocks": []any{"10.2.0.0/16"}}
		subnet := engine.Doc{"vcnId": n.Vcn, "cidrBlock": "10.0.64.0/24"}
		table := func(rules ...any) engine.Doc { return engine.Doc{"vcnId": n.Vcn, "routeRules": rules} }
		rule := func(fields ...any) engine.Doc {
			o := engine.Doc{"source": "10.0.0.0/16", "protocol": "6"}
			for i := 0; i < len(fields); i += 2 {
				o[fields[i].(string)] = fields[i+1]
			}
			return engine.Doc{"vcnId": n.Vcn, "ingressSecurityRules": []any{o}, "egressSecurityRules": []any{}}
		}
		lists := []any{}
		for range 6 {
			lists = append(lists, n.SecurityList)
		}
		const bad, invalidParameter = 400, "InvalidParameter"
		c.Refuses("VCN with host bits", "POST", "/vcns", ocitest.Changed(body, []any{"10.2.0.1/16"}, "cidrBlocks"), bad, invalidParameter, "CIDR IP 10.2.0.1 does not match network IP 10.2.0.0")
		c.Refuses("VCN too large", "POST", "/vcns", ocitest.Changed(body, []any{"10.0.0.0/15"}, "cidrBlocks"), bad, invalidParameter, "/16 to /30")
		c.Refuses("VCN too small", "POST", "/vcns", ocitest.Changed(body, []any{"10.0.0.0/31"}, "cidrBlocks"), bad, invalidParameter, "/16 to /30")
		c.Refuses("VCN that is no CIDR", "POST", "/vcns", ocitest.Changed(body, []any{"ten"}, "cidrBlocks"), bad, invalidParameter, "no IPv4 CIDR")
		c.Refuses("VCN without range", "POST", "/vcns", engine.Doc{}, bad, "MissingParameter", "cidrBlocks")
		c.Refuses("VCN ranges overlap", "POST", "/vcns", ocitest.Changed(body, []any{"10.2.0.0/16", "10.2.4.0/24"}, "cidrBlocks"), bad, invalidParameter, "overlaps")
		c.Refuses("VCN with both fields", "POST", "/vcns", ocitest.Changed(body, "10.2.0.0/16", "cidrBlock"), bad, invalidParameter, "together")
		c.Refuses("VCN label", "POST", "/vcns", ocitest.Changed(body, "1abc", "dnsLabel"), bad, invalidParameter, "dnsLabel")
		c.Refuses("VCN label too long", "POST", "/vcns", ocitest.Changed(body, "abcdefghijklmnop", "dnsLabel"), bad, invalidParameter, "15")
		c.Refuses("unknown field", "POST", "/vcns", ocitest.Changed(body, "x", "cidr"), bad, invalidParameter, "cidr")
		c.Refuses("field of a wrong type", "POST", "/vcns", ocitest.Changed(body, 7, "displayName"), bad, invalidParameter, "displayName")
		c.Refuses("strange compartment", "POST", "/vcns", ocitest.Changed(body, "ocid1.compartment.oc1..other", "compartmentId"), 404, "NotAuthorizedOrNotFound", "compartment")
		c.Refuses("no compartment in a list", "GET", "/vcns", nil, bad, "MissingParameter", "compartmentId")
		c.Refuses("unknown VCN", "GET", "/vcns/ocid1.vcn.oc1.iad.none", nil, 404, "NotAuthorizedOrNotFound", "none")
		c.Refuses("immutable field", "PUT", "/vcns/"+n.Vcn, engine.Doc{"cidrBlock": "10.9.0.0/16"}, bad, invalidParameter, "cidrBlock")
		c.Refuses("VCN with subnets", "DELETE", "/vcns/"+n.Vcn, nil, 409, "IncorrectState", "is associated with Subnet")

		c.Refuses("second internet gateway", "POST", "/internetGateways", engine.Doc{"vcnId": n.Vcn, "isEnabled": true}, bad, "LimitExceeded", "at most one")
		c.Refuses("second NAT gateway", "POST", "/natGateways", engine.Doc{"vcnId": n.Vcn}, bad, "LimitExceeded", "at most one")
		c.Refuses("second service gateway", "POST", "/serviceGateways", engine.Doc{"vcnId": n.Vcn, "services": []any{}}, bad, invalidParameter, "at most one")
		c.Refuses("gateway in a subnet", "POST", "/natGateways", engine.Doc{"vcnId": n.API}, bad, invalidParameter, "no OCID of a vcn")
		c.Refuses("gateway in no VCN", "POST", "/natGateways", engine.Doc{"vcnId": "ocid1.vcn.oc1.iad.none"}, bad, "RelatedResourceNotAuthorizedOrNotFound", "vcnId")
		c.Refuses("unknown service", "POST", "/serviceGateways", engine.Doc{"vcnId": other, "services": []any{engine.Doc{"serviceId": "ocid1.service.oc1.iad.none"}}}, bad, "RelatedResourceNotAuthorizedOrNotFound", "serviceId")
		c.Refuses("gateway in use", "DELETE", "/internetGateways/"+n.InternetGateway, nil, 409, "Conflict", "references the gateway")

		c.Refuses("route to nothing", "POST", "/routeTables", table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": "ocid1.natgateway.oc1.iad.none"}), bad, "RelatedResourceNotAuthorizedOrNotFound", "networkEntityId")
		c.Refuses("route to a subnet", "POST", "/routeTables", table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.API}), bad, invalidParameter, "no OCID of a gateway")
		c.Refuses("route to another VCN", "POST", "/routeTables", engine.Doc{"vcnId": other, "routeRules": []any{engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.InternetGateway}}}, bad, invalidParameter, "another VCN")
		c.Refuses("route with host bits", "POST", "/routeTables", table(engine.Doc{"destination": "10.0.0.1/8", "networkEntityId": n.InternetGateway}), bad, invalidParameter, "does not match network IP")
		c.Refuses("two routes for a destination", "POST", "/routeTables", table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.InternetGateway}, engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.NatGateway}), bad, invalidParameter, "already")
		c.Refuses("service route by the NAT gateway", "POST", "/routeTables", table(engine.Doc{"destination": vcn.AllServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.NatGateway}), bad, invalidParameter, "goes with a service gateway")
		c.Refuses("internet and services in one table", "POST", "/routeTables", table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.InternetGateway}, engine.Doc{"destination": vcn.AllServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.ServiceGateway}), bad, invalidParameter, "cannot have both")
		c.Refuses("service that the gateway has not", "POST", "/routeTables", table(engine.Doc{"destination": vcn.ObjectStorageCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.ServiceGateway}), bad, invalidParameter, "not enabled")
		c.Refuses("unknown service label", "POST", "/routeTables", table(engine.Doc{"destination": "all-phx", "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.ServiceGateway}), bad, invalidParameter, "no service CIDR label")
		c.Refuses("route table in use", "DELETE", "/routeTables/"+n.PublicRoutes, nil, 409, "IncorrectState", "is associated with Subnet")
		c.Refuses("default route table", "DELETE", "/routeTables/"+otherRT, nil, 409, "Conflict", "default of its VCN")

		c.Refuses("rule without protocol", "POST", "/securityLists", engine.Doc{"vcnId": n.Vcn, "ingressSecurityRules": []any{engine.Doc{"source": "0.0.0.0/0"}}, "egressSecurityRules": []any{}}, bad, "MissingParameter", "ingressSecurityRules[0].protocol")
		c.Refuses("rule with a protocol's name", "POST", "/securityLists", rule("protocol", "tcp"), bad, invalidParameter, "protocol number")
		c.Refuses("rule with host bits", "POST", "/securityLists", rule("source", "10.0.0.9/16"), bad, invalidParameter, "does not match network IP")
		c.Refuses("rule with ports turned round", "POST", "/securityLists", rule("tcpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 90, "max": 80}}), bad, invalidParameter, "no range of ports")
		c.Refuses("rule with port 70000", "POST", "/securityLists", rule("tcpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 80, "max": 70000}}), bad, invalidParameter, "no range of ports")
		c.Refuses("UDP options with TCP", "POST", "/securityLists", rule("udpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 53, "max": 53}}), bad, invalidParameter, "cannot go with protocol 6")
		c.Refuses("unknown enumeration value", "POST", "/securityLists", rule("sourceType", "CIDR"), bad, invalidParameter, "must be one of")
		c.Refuses("security list in use", "DELETE", "/securityLists/"+n.SecurityList, nil, 409, "IncorrectState", "is associated with subnet")
		c.Refuses("default security list", "DELETE", "/securityLists/"+defaultSL, nil, 409, "Conflict", "default of its VCN")

		c.Refuses("DHCP options in use", "DELETE", "/dhcps/"+dhcp, nil, 409, "IncorrectState", "is associated with Subnet")
		c.Refuses("default DHCP options", "DELETE", "/dhcps/"+defaultDHCP, nil, 409, "Conflict", "default of its VCN")

		c.Refuses("subnet outside its VCN", "POST", "/subnets", ocitest.Changed(subnet, "10.1.0.0/24", "cidrBlock"), bad, invalidParameter, "not inside")
		c.Refuses("subnet that overlaps", "POST", "/subnets", ocitest.Changed(subnet, "10.0.16.0/24", "cidrBlock"), bad, invalidParameter, "overlaps with this CIDR")
		c.Refuses("subnet with host bits", "POST", "/subnets", ocitest.Changed(subnet, "10.0.64.1/24", "cidrBlock"), bad, invalidParameter, "does not match network IP")
		c.Refuses("subnet too small", "POST", "/subnets", ocitest.Changed(subnet, "10.0.64.0/31", "cidrBlock"), bad, invalidParameter, "/16 to /30")
		c.Refuses("subnet label taken", "POST", "/subnets", ocitest.Changed(subnet, "API", "dnsLabel"), bad, invalidParameter, "is used by")
		c.Refuses("subnet label in a VCN without", "POST", "/subnets", engine.Doc{"vcnId": other, "cidrBlock": "10.1.0.0/24", "dnsLabel": "a"}, bad, invalidParameter, "has none")
		c.Refuses("six security lists", "POST", "/subnets", ocitest.Changed(subnet, lists, "securityListIds"), bad, "LimitExceeded", "at most 5")
		c.Refuses("another VCN's route table", "POST", "/subnets", ocitest.Changed(subnet, otherRT, "routeTableId"), bad, invalidParameter, "another VCN")
		c.Refuses("unknown availability domain", "POST", "/subnets", ocitest.Changed(subnet, "AD-1", "availabilityDomain"), bad, invalidParameter, "availabilityDomain")
		c.Refuses("VCN range in use", "POST", "/vcns/"+n.Vcn+"/actions/modifyCidr", engine.Doc{"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": "10.0.0.0/24"}, 409, "Conflict", "uses the CIDR block")
		// What was refused while it was in use can go afterwards, and the VCN last.
		c.Remove("subnets", named)
		c.Remove("dhcps", dhcp)
		c.RemoveNetwork(n)
		c.Remove("vcns", other)
	})
}
