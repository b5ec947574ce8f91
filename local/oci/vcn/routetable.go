package vcn

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

const routeRuleLimit = "route-rules-per-table"

func registerRouteTables(api engine.API) {
	api.AddLimit(routeRuleLimit, 200)
	api.Serve(&engine.Kind{
		Name: routeTableKind, Path: "/routeTables", Create: "core.CreateRouteTableDetails",
		Update: "core.UpdateRouteTableDetails", Model: "core.RouteTable", Filters: []string{"vcnId"}, Limit: 300,
		Private: engine.PrivateOf[partState](), States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		Defaults: engine.Doc{"routeRules": []any{}}, OnDelete: checkRouteTableUnused,
		OnCreate: func(c *engine.Call, doc engine.Doc) error { return cmp.Or(checkOneDestination(c), checkVcn(c, doc)) },
		OnUpdate: func(c *engine.Call, _, _ engine.Doc) error { return checkOneDestination(c) },
		Check:    checkRoutes,
	})
}

// checkOneDestination refuses rules in a request that have a destination by its older name, cidrBlock, too. Answers
// have both.
func checkOneDestination(c *engine.Call) error {
	for i, rule := range c.Body.Objects("routeRules") {
		if rule.Str("cidrBlock") != "" && rule.Str("destination") != "" {
			return engine.Invalid("routeRules[%d]: cidrBlock and destination cannot be used together", i)
		}
	}
	return nil
}

// checkRoutes checks and completes a route table's rules (Oracle: "VCN Route Tables", "Access to Oracle Services:
// Service Gateway").
func checkRoutes(t *engine.Tx, doc engine.Doc) error {
	rules := doc.Objects("routeRules")
	if n := t.Limit(routeRuleLimit); len(rules) > n {
		return engine.LimitExceeded("routeRules: a route table has at most %d rules", n)
	}
	seen := map[string]bool{}
	var internet, oracle bool
	for i, rule := range rules {
		path := fmt.Sprintf("routeRules[%d]", i)
		if err := checkDestination(path, rule); err != nil {
			return err
		}
		destination := rule.Str("destination")
		if seen[destination] {
			return engine.Invalid("%s: there is a rule for %s already", path, destination)
		}
		seen[destination] = true
		rule["routeType"] = "STATIC"
		kind, err := checkTarget(t, path, doc, rule)
		if err != nil {
			return err
		}
		internet = internet || kind == internetGatewayKind
		oracle = oracle || toService(rule) && destination == AllServicesCIDR
	}
	if internet && oracle {
		return engine.Invalid("routeRules: a route table cannot have both a rule for %s by a service gateway "+
			"and a rule by an internet gateway", AllServicesCIDR)
	}
	return nil
}

func toService(rule engine.Doc) bool { return rule.Str("destinationType") == "SERVICE_CIDR_BLOCK" }

// checkDestination checks a rule's destination; cidrBlock is an older name for it.
func checkDestination(path string, rule engine.Doc) error {
	if block := rule.Str("cidrBlock"); block != "" {
		rule["destination"] = block
	}
	rule.Default(engine.Doc{"destinationType": "CIDR_BLOCK"})
	destination := rule.Str("destination")
	if destination == "" {
		return engine.MissingParameter(path + ".destination")
	}
	if toService(rule) {
		return checkServiceLabel(path+".destination", destination)
	}
	_, err := ParseCIDR(path+".destination", destination)
	return err
}

// checkTarget returns the kind of the gateway or private IP that a rule names, if the rule can have it.
func checkTarget(t *engine.Tx, path string, doc, rule engine.Doc) (string, error) {
	field, id := path+".networkEntityId", rule.Str("networkEntityId")
	kind := engine.KindOf(id)
	switch kind {
	case internetGatewayKind, natGatewayKind, serviceGatewayKind, drgKind, privateIPKind:
	default:
		return "", engine.Invalid("%s: %q is no OCID of a gateway or a private IP", field, id)
	}
	target, err := t.Live(kind, field, id)
	if err != nil {
		return "", err
	}
	switch {
	case kind == privateIPKind:
		return kind, nil
	case kind == drgKind:
		attached := func(a *engine.Resource) bool { return a.Doc["vcnId"] == doc["vcnId"] }
		if !slices.ContainsFunc(t.All(drgAttachmentKind, engine.With("drgId", id)), attached) {
			return "", engine.Invalid("%s: %s is not attached to %s", field, id, doc["vcnId"])
		}
	case target.Doc["vcnId"] != doc["vcnId"]:
		return "", engine.Invalid("%s: %s belongs to another VCN", field, id)
	}
	if toService(rule) != (kind == serviceGatewayKind) {
		return "", engine.Invalid("%s: a service CIDR label goes with a service gateway, "+
			"and a CIDR block with another target", path)
	}
	if kind == serviceGatewayKind && !offersService(target.Doc, rule.Str("destination")) {
		return "", engine.Invalid("%s: %s is not enabled for %s", path, id, rule["destination"])
	}
	return kind, nil
}

func checkRouteTableUnused(t *engine.Tx, r *engine.Resource) error {
	for _, kind := range []string{internetGatewayKind, natGatewayKind, serviceGatewayKind} {
		for _, gateway := range inVcn(t, kind, r.Doc.Str("vcnId")) {
			if gateway.Doc.Str("routeTableId") == r.ID {
				return engine.IncorrectState("Route Table %s is associated with Gateway %s that is in use", r.ID, gateway.ID)
			}
		}
	}
	return checkUnused(t, r, "Route Table", "routeTableId")
}

// route is a route rule: its table's OCID, and its destination.
type route struct{ table, destination string }

// routesTo returns the route rules of a VCN with a target.
func routesTo(t *engine.Tx, vcnID, target string) []route {
	var out []route
	for _, table := range inVcn(t, routeTableKind, vcnID) {
		for _, rule := range table.Doc.Objects("routeRules") {
			if rule["networkEntityId"] == target {
				out = append(out, route{table.ID, rule.Str("destination")})
			}
		}
	}
	return out
}

// checkNotRouted refuses to delete the target of a VCN's route rule.
func checkNotRouted(t *engine.Tx, vcnID, target string) error {
	if routes := routesTo(t, vcnID, target); len(routes) > 0 {
		return engine.Conflict("The Route Table %s references the gateway %s. "+
			"You must remove the reference to proceed with this operation.", routes[0].table, target)
	}
	return nil
}
