package vcn_test

import (
	"testing"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
	"oke-guestbook/local/oci/vcn"
)

var changed = ocitest.Changed

func TestNetworkRefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		other := c.Create("vcns", engine.Doc{"cidrBlock": "10.1.0.0/16"}).Str("id")
		otherRT := c.Stored(other).Str("defaultRouteTableId")
		dhcp := c.Create("dhcps", engine.Doc{"vcnId": n.Vcn,
			"options": []any{engine.Doc{"type": "SearchDomain", "searchDomainNames": []any{"example.com"}}}}).Str("id")
		named := c.Create("subnets", engine.Doc{"vcnId": n.Vcn, "cidrBlock": "10.0.33.0/24", "dhcpOptionsId": dhcp}).Str("id")
		refuseVcns(c, n)
		refuseGateways(c, n, other)
		refuseRoutes(c, n, other, otherRT)
		refuseSecurityRules(c, n)
		c.Refuses("DHCP options in use", "DELETE /dhcps/"+dhcp, nil, "409 IncorrectState: is associated with Subnet")
		c.Refuses("default DHCP options", "DELETE /dhcps/"+c.Stored(other).Str("defaultDhcpOptionsId"), nil,
			"409 Conflict: default of its VCN")
		refuseSubnets(c, n, other, otherRT)
		// What was in use can be deleted afterwards, the VCN last.
		c.Remove("subnets", named)
		c.Remove("dhcps", dhcp)
		c.RemoveNetwork(n)
		c.Remove("vcns", other)
	})
}

func refuseVcns(c *ocitest.Cloud, n ocitest.Network) {
	body := engine.Doc{"cidrBlocks": []any{"10.2.0.0/16"}}
	c.Refuses("VCN with host bits", "POST /vcns", changed(body, "cidrBlocks", []any{"10.2.0.1/16"}),
		"400 InvalidParameter: CIDR IP 10.2.0.1 does not match network IP 10.2.0.0")
	c.Refuses("VCN too large", "POST /vcns", changed(body, "cidrBlocks", []any{"10.0.0.0/15"}),
		"400 InvalidParameter: /16 to /30")
	c.Refuses("VCN too small", "POST /vcns", changed(body, "cidrBlocks", []any{"10.0.0.0/31"}),
		"400 InvalidParameter: /16 to /30")
	c.Refuses("VCN that is no CIDR", "POST /vcns", changed(body, "cidrBlocks", []any{"ten"}),
		"400 InvalidParameter: no IPv4 CIDR")
	c.Refuses("VCN without range", "POST /vcns", engine.Doc{}, "400 MissingParameter: cidrBlocks")
	c.Refuses("VCN ranges overlap", "POST /vcns", changed(body, "cidrBlocks", []any{"10.2.0.0/16", "10.2.4.0/24"}),
		"400 InvalidParameter: overlaps")
	c.Refuses("VCN with both fields", "POST /vcns", changed(body, "cidrBlock", "10.2.0.0/16"),
		"400 InvalidParameter: together")
	c.Refuses("VCN label", "POST /vcns", changed(body, "dnsLabel", "1abc"), "400 InvalidParameter: dnsLabel")
	c.Refuses("VCN label too long", "POST /vcns", changed(body, "dnsLabel", "abcdefghijklmnop"),
		"400 InvalidParameter: 15")
	c.Refuses("unknown field", "POST /vcns", changed(body, "cidr", "x"), "400 InvalidParameter: cidr")
	c.Refuses("field of a wrong type", "POST /vcns", changed(body, "displayName", 7), "400 InvalidParameter: displayName")
	c.Refuses("unknown compartment", "POST /vcns", changed(body, "compartmentId", "ocid1.compartment.oc1..other"),
		"404 NotAuthorizedOrNotFound: compartment")
	c.Refuses("no compartment in a list", "GET /vcns", nil, "400 MissingParameter: compartmentId")
	c.Refuses("unknown VCN", "GET /vcns/ocid1.vcn.oc1.iad.none", nil, "404 NotAuthorizedOrNotFound: none")
	c.Refuses("immutable field", "PUT /vcns/"+n.Vcn, engine.Doc{"cidrBlock": "10.9.0.0/16"},
		"400 InvalidParameter: cidrBlock")
	c.Refuses("VCN with subnets", "DELETE /vcns/"+n.Vcn, nil, "409 IncorrectState: is associated with Subnet")
}

func refuseGateways(c *ocitest.Cloud, n ocitest.Network, other string) {
	c.Refuses("second internet gateway", "POST /internetGateways", engine.Doc{"vcnId": n.Vcn, "isEnabled": true},
		"400 LimitExceeded: at most one")
	c.Refuses("second NAT gateway", "POST /natGateways", engine.Doc{"vcnId": n.Vcn}, "400 LimitExceeded: at most one")
	c.Refuses("second service gateway", "POST /serviceGateways", engine.Doc{"vcnId": n.Vcn, "services": []any{}},
		"400 InvalidParameter: at most one")
	c.Refuses("gateway in a subnet", "POST /natGateways", engine.Doc{"vcnId": n.API},
		"400 InvalidParameter: no OCID of a vcn")
	c.Refuses("gateway in no VCN", "POST /natGateways", engine.Doc{"vcnId": "ocid1.vcn.oc1.iad.none"},
		"400 RelatedResourceNotAuthorizedOrNotFound: vcnId")
	c.Refuses("unknown service", "POST /serviceGateways",
		engine.Doc{"vcnId": other, "services": []any{engine.Doc{"serviceId": "ocid1.service.oc1.iad.none"}}},
		"400 RelatedResourceNotAuthorizedOrNotFound: serviceId")
	c.Refuses("gateway in use", "DELETE /internetGateways/"+n.InternetGateway, nil,
		"409 Conflict: references the gateway")
}

func refuseRoutes(c *ocitest.Cloud, n ocitest.Network, other, otherRT string) {
	table := func(rules ...any) engine.Doc { return engine.Doc{"vcnId": n.Vcn, "routeRules": rules} }
	defaultTo := func(target string) engine.Doc {
		return engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": target}
	}
	service := func(label, gateway string) engine.Doc {
		return engine.Doc{"destination": label, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": gateway}
	}
	c.Refuses("route to nothing", "POST /routeTables",
		table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": "ocid1.natgateway.oc1.iad.none"}),
		"400 RelatedResourceNotAuthorizedOrNotFound: networkEntityId")
	c.Refuses("route to a subnet", "POST /routeTables",
		table(engine.Doc{"destination": "0.0.0.0/0", "networkEntityId": n.API}),
		"400 InvalidParameter: no OCID of a gateway")
	c.Refuses("route to another VCN", "POST /routeTables",
		engine.Doc{"vcnId": other, "routeRules": []any{defaultTo(n.InternetGateway)}},
		"400 InvalidParameter: another VCN")
	c.Refuses("route with host bits", "POST /routeTables",
		table(engine.Doc{"destination": "10.0.0.1/8", "networkEntityId": n.InternetGateway}),
		"400 InvalidParameter: does not match network IP")
	c.Refuses("two routes for a destination", "POST /routeTables",
		table(defaultTo(n.InternetGateway), defaultTo(n.NatGateway)),
		"400 InvalidParameter: already")
	c.Refuses("service route by the NAT gateway", "POST /routeTables",
		table(service(vcn.AllServicesCIDR, n.NatGateway)),
		"400 InvalidParameter: goes with a service gateway")
	c.Refuses("internet and services in one table", "POST /routeTables",
		table(defaultTo(n.InternetGateway), service(vcn.AllServicesCIDR, n.ServiceGateway)),
		"400 InvalidParameter: cannot have both")
	c.Refuses("service that the gateway lacks", "POST /routeTables",
		table(service(vcn.ObjectStorageCIDR, n.ServiceGateway)),
		"400 InvalidParameter: not enabled")
	c.Refuses("unknown service label", "POST /routeTables",
		table(service("all-phx", n.ServiceGateway)),
		"400 InvalidParameter: no service CIDR label")
	c.Refuses("route table in use", "DELETE /routeTables/"+n.PublicRoutes, nil,
		"409 IncorrectState: is associated with Subnet")
	c.Refuses("default route table", "DELETE /routeTables/"+otherRT, nil, "409 Conflict: default of its VCN")
}

func refuseSecurityRules(c *ocitest.Cloud, n ocitest.Network) {
	rule := func(fields ...any) engine.Doc {
		o := engine.Doc{"source": "10.0.0.0/16", "protocol": "6"}
		for i := 0; i < len(fields); i += 2 {
			o[fields[i].(string)] = fields[i+1]
		}
		return engine.Doc{"vcnId": n.Vcn, "ingressSecurityRules": []any{o}, "egressSecurityRules": []any{}}
	}
	c.Refuses("rule without protocol", "POST /securityLists",
		changed(rule(), "ingressSecurityRules", []any{engine.Doc{"source": "0.0.0.0/0"}}),
		"400 MissingParameter: ingressSecurityRules[0].protocol")
	c.Refuses("rule with a protocol's name", "POST /securityLists", rule("protocol", "tcp"),
		"400 InvalidParameter: protocol number")
	c.Refuses("rule with host bits", "POST /securityLists", rule("source", "10.0.0.9/16"),
		"400 InvalidParameter: does not match network IP")
	c.Refuses("rule with reversed ports", "POST /securityLists",
		rule("tcpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 90, "max": 80}}),
		"400 InvalidParameter: no range of ports")
	c.Refuses("rule with port 70000", "POST /securityLists",
		rule("tcpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 80, "max": 70000}}),
		"400 InvalidParameter: no range of ports")
	c.Refuses("UDP options with TCP", "POST /securityLists",
		rule("udpOptions", engine.Doc{"destinationPortRange": engine.Doc{"min": 53, "max": 53}}),
		"400 InvalidParameter: cannot go with protocol 6")
	c.Refuses("unknown enumeration value", "POST /securityLists", rule("sourceType", "CIDR"),
		"400 InvalidParameter: must be one of")
	c.Refuses("security list in use", "DELETE /securityLists/"+n.SecurityList, nil,
		"409 IncorrectState: is associated with subnet")
	c.Refuses("default security list", "DELETE /securityLists/"+c.Stored(n.Vcn).Str("defaultSecurityListId"), nil,
		"409 Conflict: default of its VCN")
}

func refuseSubnets(c *ocitest.Cloud, n ocitest.Network, other, otherRT string) {
	subnet := engine.Doc{"vcnId": n.Vcn, "cidrBlock": "10.0.64.0/24"}
	lists := []any{}
	for range 6 {
		lists = append(lists, n.SecurityList)
	}
	c.Refuses("subnet outside its VCN", "POST /subnets", changed(subnet, "cidrBlock", "10.1.0.0/24"),
		"400 InvalidParameter: not inside")
	c.Refuses("subnet that overlaps", "POST /subnets", changed(subnet, "cidrBlock", "10.0.16.0/24"),
		"400 InvalidParameter: overlaps with this CIDR")
	c.Refuses("subnet with host bits", "POST /subnets", changed(subnet, "cidrBlock", "10.0.64.1/24"),
		"400 InvalidParameter: does not match network IP")
	c.Refuses("subnet too small", "POST /subnets", changed(subnet, "cidrBlock", "10.0.64.0/31"),
		"400 InvalidParameter: /16 to /30")
	c.Refuses("subnet label taken", "POST /subnets", changed(subnet, "dnsLabel", "API"),
		"400 InvalidParameter: is used by")
	c.Refuses("subnet label in a VCN without one", "POST /subnets",
		engine.Doc{"vcnId": other, "cidrBlock": "10.1.0.0/24", "dnsLabel": "a"}, "400 InvalidParameter: has none")
	c.Refuses("six security lists", "POST /subnets", changed(subnet, "securityListIds", lists),
		"400 LimitExceeded: at most 5")
	c.Refuses("another VCN's route table", "POST /subnets", changed(subnet, "routeTableId", otherRT),
		"400 InvalidParameter: another VCN")
	c.Refuses("unknown availability domain", "POST /subnets", changed(subnet, "availabilityDomain", "AD-1"),
		"400 InvalidParameter: availabilityDomain")
	c.Refuses("VCN range in use", "POST /vcns/"+n.Vcn+"/actions/modifyCidr",
		engine.Doc{"originalCidrBlock": "10.0.0.0/16", "newCidrBlock": "10.0.0.0/24"}, "409 Conflict: uses the CIDR block")
}
