package oci

import (
	"fmt"
	"slices"
	"strings"
)

func createRouteTable(c *call, doc object) error {
	if err := createInVcn(c, doc); err != nil {
		return err
	}
	return c.checkRoutes(doc)
}

func updateRouteTable(c *call, _, doc object) error { return c.checkRoutes(doc) }

// checkRoutes checks and completes a route table's rules (Oracle: "VCN Route Tables", "Access to Oracle Services:
// Service Gateway").
func (t *tx) checkRoutes(doc object) error {
	rules := objects(doc, "routeRules")
	if n := t.s.limits["route-rules-per-table"]; len(rules) > n {
		return limitExceeded("routeRules: a route table has at most %d rules", n)
	}
	seen := map[string]bool{}
	var internet, oracle bool
	for i, rule := range rules {
		path := fmt.Sprintf("routeRules[%d]", i)
		if block := str(rule, "cidrBlock"); block != "" {
			if str(rule, "destination") != "" {
				return invalid("%s: cidrBlock and destination cannot be used together", path)
			}
			rule["destination"] = block
			delete(rule, "cidrBlock")
		}
		orDefault(rule, object{"destinationType": "CIDR_BLOCK"})
		destination := str(rule, "destination")
		if destination == "" {
			return missingParameter(path + ".destination")
		}
		if seen[destination] {
			return invalid("%s: there is a rule for %s already", path, destination)
		}
		seen[destination] = true
		toService := str(rule, "destinationType") == "SERVICE_CIDR_BLOCK"
		if toService {
			if destination != allServicesCIDR && destination != objectStorageCIDR {
				return invalid("%s.destination: %q is no service CIDR label of this region", path, destination)
			}
		} else if _, err := cidr(path+".destination", destination); err != nil {
			return err
		}
		rule["routeType"] = "STATIC"
		kind, err := t.checkTarget(path, doc, rule, toService)
		if err != nil {
			return err
		}
		internet = internet || kind == "internetgateway"
		oracle = oracle || toService && destination == allServicesCIDR
	}
	if internet && oracle {
		return invalid("routeRules: a route table cannot have both a rule for %s by a service gateway and a rule by an internet gateway", allServicesCIDR)
	}
	return nil
}

// checkTarget says what kind of gateway a rule names, if that is one which the rule can have.
func (t *tx) checkTarget(path string, doc, rule object, toService bool) (string, error) {
	field, id := path+".networkEntityId", str(rule, "networkEntityId")
	kind, _, _ := strings.Cut(strings.TrimPrefix(id, "ocid1."), ".")
	switch kind {
	case "internetgateway", "natgateway", "servicegateway", "drg", "privateip":
	default:
		return "", invalid("%s: %q is no OCID of a gateway or a private IP", field, id)
	}
	target, err := t.live(kind, field, id)
	if err != nil {
		return "", err
	}
	switch {
	case kind == "privateip":
		return kind, nil
	case kind == "drg":
		if attached := t.all("drgattachment", with("drgId", id)); !slices.ContainsFunc(attached, func(a *resource) bool { return a.Doc["vcnId"] == doc["vcnId"] }) {
			return "", invalid("%s: %s is not attached to %s", field, id, doc["vcnId"])
		}
	case target.Doc["vcnId"] != doc["vcnId"]:
		return "", invalid("%s: %s belongs to another VCN", field, id)
	}
	if toService != (kind == "servicegateway") {
		return "", invalid("%s: a service CIDR label goes with a service gateway, and a CIDR block with another target", path)
	}
	if toService {
		for _, s := range objects(target.Doc, "services") {
			if serviceByID(str(s, "serviceId"))["cidrBlock"] == rule["destination"] {
				return kind, nil
			}
		}
		return "", invalid("%s: %s is not enabled for %s", path, id, rule["destination"])
	}
	return kind, nil
}

func deleteRouteTable(t *tx, r *resource) error {
	for _, kind := range []string{"internetgateway", "natgateway", "servicegateway"} {
		for _, gateway := range t.inVcn(kind, str(r.Doc, "vcnId")) {
			if str(gateway.Doc, "routeTableId") == r.ID {
				return incorrectState("Route Table %s is associated with Gateway %s that is in use", r.ID, gateway.ID)
			}
		}
	}
	return deleteUnused(t, r, "Route Table", "routeTableId")
}
