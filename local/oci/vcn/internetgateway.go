package vcn

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

func registerInternetGateways(api engine.API) {
	api.Serve(&engine.Kind{
		Name: internetGatewayKind, Path: "/internetGateways", Create: "core.CreateInternetGatewayDetails",
		Update: "core.UpdateInternetGatewayDetails", Model: "core.InternetGateway", Filters: []string{"vcnId"},
		States: engine.CoreStates, CreateTime: time.Second, DeleteTime: time.Second,
		OnCreate: func(c *engine.Call, doc engine.Doc) error {
			if err := c.Take(internetGatewayLimit, "", 1); err != nil {
				return err
			}
			return checkFirst(c, doc, internetGatewayKind, engine.LimitExceeded)
		},
		Check: checkGatewayRouteTable, OnDelete: checkGatewayUnused,
	})
}

// checkFirst refuses a second gateway of a kind in a VCN; refuse makes the code that the service has for it.
func checkFirst(c *engine.Call, doc engine.Doc, kind string, refuse func(string, ...any) *engine.Failure) error {
	vcn, err := c.Live(vcnKind, "vcnId", doc.Str("vcnId"))
	if err != nil {
		return err
	}
	if others := inVcn(c.Tx, kind, vcn.ID); len(others) > 0 {
		return refuse("%s has the %s %s already: a VCN has at most one", vcn.ID, kind, others[0].ID)
	}
	return nil
}

// checkGatewayRouteTable checks the route table that a gateway can have for transit routing.
func checkGatewayRouteTable(t *engine.Tx, doc engine.Doc) error {
	id := doc.Str("routeTableId")
	if id == "" {
		return nil
	}
	table, err := t.Live(routeTableKind, "routeTableId", id)
	if err == nil && table.Doc["vcnId"] != doc["vcnId"] {
		return engine.Invalid("routeTableId: %s belongs to another VCN", id)
	}
	return err
}

func checkGatewayUnused(t *engine.Tx, r *engine.Resource) error {
	return checkNotRouted(t, r.Doc.Str("vcnId"), r.ID)
}
