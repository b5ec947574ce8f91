package oci

import (
	"fmt"
	"slices"
)

// oneInVcn refuses a second gateway of a kind in a VCN, with the code that the service has for it.
func oneInVcn(c *call, doc object, kind string, refuse func(string, ...any) *Failure) error {
	vcn, err := c.live("vcn", "vcnId", str(doc, "vcnId"))
	if err != nil {
		return err
	}
	if others := c.inVcn(kind, vcn.ID); len(others) > 0 {
		return refuse("%s has the %s %s already: a VCN has at most one", vcn.ID, kind, others[0].ID)
	}
	return c.gatewayRouteTable(doc)
}

// gatewayRouteTable checks the route table that a gateway may name for transit routing.
func (t *tx) gatewayRouteTable(doc object) error {
	id := str(doc, "routeTableId")
	if id == "" {
		return nil
	}
	table, err := t.live("routetable", "routeTableId", id)
	if err == nil && table.Doc["vcnId"] != doc["vcnId"] {
		return invalid("routeTableId: %s belongs to another VCN", id)
	}
	return err
}

func createGateway(c *call, doc object) error {
	return oneInVcn(c, doc, "internetgateway", limitExceeded)
}

func updateGateway(c *call, _, doc object) error { return c.gatewayRouteTable(doc) }

// publicBlocks are where the made-up public addresses come from: the documentation's blocks of RFC 5737, so that they
// are nobody's.
var publicBlocks = []string{"203.0.113", "198.51.100", "192.0.2"}

func createNatGateway(c *call, doc object) error {
	if err := oneInVcn(c, doc, "natgateway", limitExceeded); err != nil {
		return err
	}
	if id := str(doc, "publicIpId"); id != "" {
		ip, err := c.live("publicip", "publicIpId", id)
		if err != nil {
			return err
		}
		if str(ip.Doc, "assignedEntityId") != "" {
			return conflict("%s is assigned to %s", id, str(ip.Doc, "assignedEntityId"))
		}
		c.assignPublicIP(ip.ID, "NAT_GATEWAY", str(doc, "id"))
		doc["natIp"] = ip.Doc["ipAddress"]
		return nil
	}
	ip, err := c.newPublicIP(object{"compartmentId": doc["compartmentId"], "lifetime": "EPHEMERAL", "displayName": "NAT gateway of " + str(doc, "vcnId")})
	if err != nil {
		return err
	}
	c.assignPublicIP(ip.ID, "NAT_GATEWAY", str(doc, "id"))
	doc["publicIpId"], doc["natIp"] = ip.ID, ip.Doc["ipAddress"]
	return nil
}

func natGatewayRemoved(t *tx, r *resource) error { return t.releasePublicIP(str(r.Doc, "publicIpId")) }

func createServiceGateway(c *call, doc object) error {
	if err := oneInVcn(c, doc, "servicegateway", invalid); err != nil {
		return err
	}
	return resolveServices(doc)
}

// resolveServices checks the list of services and adds their names.
func resolveServices(doc object) error {
	var out []any
	for i, item := range objects(doc, "services") {
		id := str(item, "serviceId")
		service := serviceByID(id)
		if service == nil {
			return noSuchRelated(fmt.Sprintf("services[%d].serviceId", i), id)
		}
		out = append(out, object{"serviceId": id, "serviceName": service["name"]})
	}
	if len(out) > 1 {
		return invalid("services: a service gateway has one service CIDR label")
	}
	doc["services"] = append([]any{}, out...)
	return nil
}

func updateServiceGateway(c *call, _, doc object) error {
	if err := resolveServices(doc); err != nil {
		return err
	}
	if err := c.servicesStillRouted(doc); err != nil {
		return err
	}
	return c.gatewayRouteTable(doc)
}

// servicesStillRouted refuses to take a service away whose label a route rule with this gateway names.
func (t *tx) servicesStillRouted(doc object) error {
	for _, rule := range t.rulesTo(str(doc, "vcnId"), str(doc, "id")) {
		routed := func(item object) bool { return serviceByID(str(item, "serviceId"))["cidrBlock"] == rule.destination }
		if !slices.ContainsFunc(objects(doc, "services"), routed) {
			return conflict("Route Table %s has a rule for %s by the Service Gateway %s", rule.table, rule.destination, str(doc, "id"))
		}
	}
	return nil
}

func attachService(c *call, r *resource) error {
	r.Doc["services"] = append(list(r.Doc, "services"), object{"serviceId": c.body["serviceId"]})
	return resolveServices(r.Doc)
}

func detachService(c *call, r *resource) error {
	r.Doc["services"] = slices.DeleteFunc(list(r.Doc, "services"), func(v any) bool {
		return v.(object)["serviceId"] == c.body["serviceId"]
	})
	return c.servicesStillRouted(r.Doc)
}

// deleteGateway refuses while a route rule names the gateway.
func deleteGateway(t *tx, r *resource) error {
	if rules := t.rulesTo(str(r.Doc, "vcnId"), r.ID); len(rules) > 0 {
		return conflict("The Route Table %s references the gateway %s. You must remove the reference to proceed with this operation.", rules[0].table, r.ID)
	}
	return nil
}

type routeTo struct{ table, destination string }

// rulesTo returns the route rules of a VCN that name a target.
func (t *tx) rulesTo(vcnID, target string) []routeTo {
	var out []routeTo
	for _, table := range t.inVcn("routetable", vcnID) {
		for _, rule := range objects(table.Doc, "routeRules") {
			if rule["networkEntityId"] == target {
				out = append(out, routeTo{table.ID, str(rule, "destination")})
			}
		}
	}
	return out
}
