package vcn

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

func registerNatGateways(api engine.API) {
	api.Serve(&engine.Kind{
		Name: natGatewayKind, Path: "/natGateways", Create: "core.CreateNatGatewayDetails",
		Update: "core.UpdateNatGatewayDetails", Model: "core.NatGateway", Filters: []string{"vcnId"},
		States: engine.CoreStates, CreateTime: 2 * time.Second, DeleteTime: 2 * time.Second,
		Defaults: engine.Doc{"blockTraffic": false}, OnCreate: createNatGateway,
		Check: checkGatewayRouteTable, OnDelete: checkGatewayUnused,
		Removed: func(t *engine.Tx, r *engine.Resource) error { return ReleasePublicIP(t, r.Doc.Str("publicIpId")) },
	})
}

func createNatGateway(c *engine.Call, doc engine.Doc) error {
	if err := c.Take(natGatewayLimit, "", 1); err != nil {
		return err
	}
	if err := checkFirst(c, doc, natGatewayKind, engine.LimitExceeded); err != nil {
		return err
	}
	user := IPUser{"NAT_GATEWAY", doc.Str("id")}
	var ip *engine.Resource
	var err error
	if id := doc.Str("publicIpId"); id != "" {
		ip, err = AssignReservedIP(c.Tx, "publicIpId", id, user)
	} else {
		ip, err = NewEphemeralIP(c.Tx, doc["compartmentId"], "NAT gateway of "+doc.Str("vcnId"), user)
	}
	if err != nil {
		return err
	}
	doc["publicIpId"], doc["natIp"] = ip.ID, ip.Doc["ipAddress"]
	return nil
}
