package oci

import (
	"fmt"
	"time"
)

// The Oracle services network of the region: what GET /services lists.
const (
	allServicesCIDR   = "all-iad-services-in-oracle-services-network"
	objectStorageCIDR = "oci-iad-objectstorage"
)

// Services are those that a service gateway can reach.
var services = []any{
	object{
		"id": "ocid1.service.oc1.iad.aaaaaaaalocalcloudobjectstorage", "name": "OCI IAD Object Storage",
		"cidrBlock": objectStorageCIDR, "description": "OCI IAD Object Storage",
	},
	object{
		"id": "ocid1.service.oc1.iad.aaaaaaaalocalcloudallservices", "name": "All IAD Services In Oracle Services Network",
		"cidrBlock": allServicesCIDR, "description": "All IAD Services In Oracle Services Network",
	},
}

func serviceByID(id string) object {
	for _, v := range services {
		if s := v.(object); s["id"] == id {
			return s
		}
	}
	return nil
}

const coreBase = "/20160918"

func (s *Server) networkRoutes() {
	inVcn := []string{"vcnId"}
	for _, k := range []*kind{
		{
			name: "vcn", path: coreBase + "/vcns", create: "core.CreateVcnDetails", update: "core.UpdateVcnDetails", model: "core.Vcn",
			made: 2 * time.Second, deleted: 2 * time.Second, onCreate: createVcn, created: vcnCreated, onDelete: deleteVcn, removed: vcnRemoved,
		},
		{
			name: "internetgateway", path: coreBase + "/internetGateways", create: "core.CreateInternetGatewayDetails",
			update: "core.UpdateInternetGatewayDetails", model: "core.InternetGateway", filters: inVcn, made: time.Second, deleted: time.Second,
			onCreate: createGateway, onUpdate: updateGateway, onDelete: deleteGateway,
		},
		{
			name: "natgateway", path: coreBase + "/natGateways", create: "core.CreateNatGatewayDetails",
			update: "core.UpdateNatGatewayDetails", model: "core.NatGateway", filters: inVcn, made: 2 * time.Second, deleted: 2 * time.Second,
			defaults: object{"blockTraffic": false}, onCreate: createNatGateway, onUpdate: updateGateway, onDelete: deleteGateway, removed: natGatewayRemoved,
		},
		{
			name: "servicegateway", path: coreBase + "/serviceGateways", create: "core.CreateServiceGatewayDetails",
			update: "core.UpdateServiceGatewayDetails", model: "core.ServiceGateway", filters: inVcn, made: time.Second, deleted: time.Second,
			defaults: object{"blockTraffic": false}, onCreate: createServiceGateway, onUpdate: updateServiceGateway, onDelete: deleteGateway,
		},
		{
			name: "routetable", path: coreBase + "/routeTables", create: "core.CreateRouteTableDetails",
			update: "core.UpdateRouteTableDetails", model: "core.RouteTable", filters: inVcn, made: time.Second, deleted: time.Second,
			defaults: object{"routeRules": []any{}}, onCreate: createRouteTable, onUpdate: updateRouteTable, onDelete: deleteRouteTable,
		},
		{
			name: "securitylist", path: coreBase + "/securityLists", create: "core.CreateSecurityListDetails",
			update: "core.UpdateSecurityListDetails", model: "core.SecurityList", filters: inVcn, made: time.Second, deleted: time.Second,
			onCreate: createSecurityList, onUpdate: updateSecurityList, onDelete: deleteSecurityList,
		},
		{
			name: "dhcpoptions", path: coreBase + "/dhcps", create: "core.CreateDhcpDetails", update: "core.UpdateDhcpDetails",
			model: "core.DhcpOptions", filters: inVcn, made: time.Second, deleted: time.Second,
			defaults: object{"domainNameType": "VCN_DOMAIN"}, onCreate: createInVcn, onDelete: deleteDhcpOptions,
		},
		{
			name: "subnet", path: coreBase + "/subnets", create: "core.CreateSubnetDetails", update: "core.UpdateSubnetDetails",
			model: "core.Subnet", filters: inVcn, made: 3 * time.Second, deleted: 3 * time.Second,
			onCreate: createSubnet, onUpdate: updateSubnet, onDelete: deleteSubnet,
		},
		{
			name: "networksecuritygroup", path: coreBase + "/networkSecurityGroups", create: "core.CreateNetworkSecurityGroupDetails",
			update: "core.UpdateNetworkSecurityGroupDetails", model: "core.NetworkSecurityGroup", filters: inVcn, made: time.Second, deleted: time.Second,
			onCreate: createInVcn, onDelete: deleteNSG,
		},
	} {
		k.states = coreStates
		s.serveKind(k)
	}
	s.route("GET "+coreBase+"/services", "", func(c *call) (*answer, error) { return c.page(services) })
	s.route("GET "+coreBase+"/services/{id}", "", func(c *call) (*answer, error) {
		if service := serviceByID(c.id()); service != nil {
			return &answer{Body: service}, nil
		}
		return nil, noSuch(c.id())
	})
	for action, model := range map[string]string{"addCidr": "AddVcnCidrDetails", "removeCidr": "RemoveVcnCidrDetails", "modifyCidr": "ModifyVcnCidrDetails"} {
		s.route("POST "+coreBase+"/vcns/{id}/actions/"+action, "core."+model, changeVcnCIDRs)
	}
	for action, change := range map[string]func(*call, *resource) error{"attachService": attachService, "detachService": detachService} {
		s.route("POST "+coreBase+"/serviceGateways/{id}/actions/"+action, "core.ServiceIdRequestDetails", func(c *call) (*answer, error) {
			r, err := c.changeable(s.kinds["servicegateway"])
			if err != nil {
				return nil, err
			}
			r = c.edit(r.ID)
			if err := change(c, r); err != nil {
				return nil, err
			}
			return c.answerOf(r), nil
		})
	}
	for _, k := range drgKinds() {
		s.serveKind(k)
	}
	s.vnicRoutes()
	s.nsgRoutes()
}

// inVcn returns the resources of a kind in a VCN.
func (t *tx) inVcn(kind, vcnID string) []*resource { return t.all(kind, with("vcnId", vcnID)) }

// createInVcn checks what every part of a VCN has.
func createInVcn(c *call, doc object) error {
	_, err := c.live("vcn", "vcnId", str(doc, "vcnId"))
	return err
}

// isDefault says whether a VCN brought the resource along.
func isDefault(r *resource) bool { return flag(r.Hidden, "default") }

func createVcn(c *call, doc object) error {
	ranges := texts(doc, "cidrBlocks")
	if single := str(doc, "cidrBlock"); single != "" {
		if len(ranges) > 0 {
			return invalid("cidrBlock and cidrBlocks cannot be used together")
		}
		ranges = []string{single}
	}
	if len(ranges) == 0 {
		return missingParameter("cidrBlocks")
	}
	if len(ranges) > 5 {
		return limitExceeded("cidrBlocks: a VCN has at most 5 CIDR blocks")
	}
	if _, err := networkCIDRs("cidrBlocks", ranges); err != nil {
		return err
	}
	if flag(doc, "isIpv6Enabled") || len(list(doc, "ipv6PrivateCidrBlocks")) > 0 || len(list(doc, "byoipv6CidrDetails")) > 0 {
		return notImplemented("the local cloud has no IPv6")
	}
	if err := checkDNSLabel(doc); err != nil {
		return err
	}
	doc["cidrBlock"], doc["cidrBlocks"] = ranges[0], anys(ranges)
	if label := str(doc, "dnsLabel"); label != "" {
		doc["vcnDomainName"] = label + ".oraclevcn.com"
	}
	return nil
}

// vcnCreated adds the default route table, security list and DHCP options.
func vcnCreated(t *tx, vcn *resource) error {
	name := str(vcn.Doc, "displayName")
	for _, part := range []struct {
		kind, field, title string
		doc                object
	}{
		{"routetable", "defaultRouteTableId", "Route Table", object{"routeRules": []any{}}},
		{"securitylist", "defaultSecurityListId", "Security List", defaultSecurityRules(str(vcn.Doc, "cidrBlock"))},
		{"dhcpoptions", "defaultDhcpOptionsId", "DHCP Options", object{
			"domainNameType": "VCN_DOMAIN",
			"options":        []any{object{"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet", "customDnsServers": []any{}}},
		}},
	} {
		part.doc["id"] = newOCID(part.kind)
		part.doc["compartmentId"] = vcn.Doc["compartmentId"]
		part.doc["vcnId"] = vcn.ID
		part.doc["displayName"] = fmt.Sprintf("Default %s for %s", part.title, name)
		r, err := t.born(t.s.kinds[part.kind], part.doc)
		if err != nil {
			return err
		}
		r.hide("default", true)
		vcn.Doc[part.field] = r.ID
	}
	return nil
}

func changeVcnCIDRs(c *call) (*answer, error) {
	vcn, err := c.changeable(c.s.kinds["vcn"])
	if err != nil {
		return nil, err
	}
	vcn = c.edit(vcn.ID)
	var ranges []string
	drop := str(c.body, "originalCidrBlock")
	add := str(c.body, "newCidrBlock")
	switch c.req.URL.Path[len(coreBase+"/vcns/"+vcn.ID+"/actions/"):] {
	case "addCidr":
		add = str(c.body, "cidrBlock")
	case "removeCidr":
		drop = str(c.body, "cidrBlock")
	}
	found := false
	for _, old := range texts(vcn.Doc, "cidrBlocks") {
		if old == drop {
			found = true
			continue
		}
		ranges = append(ranges, old)
	}
	if drop != "" && !found {
		return nil, invalid("%s is no CIDR block of %s", drop, vcn.ID)
	}
	if add != "" {
		ranges = append(ranges, add)
	}
	if len(ranges) == 0 {
		return nil, invalid("a VCN keeps at least one CIDR block")
	}
	if len(ranges) > 5 {
		return nil, limitExceeded("cidrBlocks: a VCN has at most 5 CIDR blocks")
	}
	prefixes, err := networkCIDRs("cidrBlocks", ranges)
	if err != nil {
		return nil, err
	}
	for _, subnet := range c.inVcn("subnet", vcn.ID) {
		if p, err := cidr("cidrBlock", str(subnet.Doc, "cidrBlock")); err != nil || !inside(p, prefixes) {
			return nil, conflict("the subnet %s uses the CIDR block %s", subnet.ID, drop)
		}
	}
	vcn.Doc["cidrBlock"], vcn.Doc["cidrBlocks"] = ranges[0], anys(ranges)
	return c.answerOf(vcn), nil
}

// deleteVcn refuses while the VCN holds anything that did not come with it.
func deleteVcn(t *tx, vcn *resource) error {
	for _, part := range []struct{ kind, title string }{
		{"subnet", "Subnet"},
		{"internetgateway", "Gateway"},
		{"natgateway", "Gateway"},
		{"servicegateway", "Gateway"},
		{"drgattachment", "DRG Attachment"},
		{"networksecuritygroup", "Network Security Group"},
		{"routetable", "Route Table"},
		{"securitylist", "Security List"},
		{"dhcpoptions", "DHCP Options"},
	} {
		for _, r := range t.inVcn(part.kind, vcn.ID) {
			if !isDefault(r) {
				return incorrectState("%s is associated with %s %s that is in use", vcn.ID, part.title, r.ID)
			}
		}
	}
	return nil
}

func vcnRemoved(t *tx, vcn *resource) error {
	for _, kind := range []string{"routetable", "securitylist", "dhcpoptions"} {
		for _, r := range t.inVcn(kind, vcn.ID) {
			if err := t.bury(t.edit(r.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}

func deleteDhcpOptions(t *tx, r *resource) error {
	return deleteUnused(t, r, "DHCP Options", "dhcpOptionsId")
}

// deleteUnused refuses to delete a default or something that a subnet names in field.
func deleteUnused(t *tx, r *resource, title, field string) error {
	if isDefault(r) {
		return conflict("%s is the default of its VCN and is deleted with it", r.ID)
	}
	for _, subnet := range t.inVcn("subnet", str(r.Doc, "vcnId")) {
		if str(subnet.Doc, field) == r.ID {
			return incorrectState("%s %s is associated with Subnet %s that is in use", title, r.ID, subnet.ID)
		}
	}
	return nil
}
