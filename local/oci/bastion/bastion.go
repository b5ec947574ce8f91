// Package bastion emulates the Bastion service. No sessions are emulated.
package bastion

import (
	"fmt"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

const (
	base = "/20210331"
	kind = "bastion"
	// entity is the type of bastions in work requests.
	entity = "BastionsResource"
)

// Session times of a bastion in seconds (Oracle: "Creating a Bastion": 30 minutes to 3 hours).
const minSessionTTL, maxSessionTTL = 1800, 10800

// Register adds the Bastion service to an engine.
func Register(e *engine.Engine) {
	work := &engine.WorkRequests{
		API: e.API(base), Kind: "bastionworkrequest", Collections: map[string]string{entity: "/bastions/"},
		FailedAction: "IN_PROGRESS", Percent: true,
	}
	work.Serve()
	work.ServeKind(&engine.Kind{
		Name: kind, Path: "/bastions", Create: "bastion.CreateBastionDetails", Update: "bastion.UpdateBastionDetails",
		Model: "bastion.Bastion", Summary: "bastion.BastionSummary", NameKey: "name", Limit: 20,
		States: engine.ServiceStates, CreateTime: time.Minute, DeleteTime: 30 * time.Second,
		Defaults: engine.Doc{
			"maxSessionTtlInSeconds": 10800.0, "clientCidrBlockAllowList": []any{}, "staticJumpHostIpAddresses": []any{},
			"dnsProxyStatus": "DISABLED",
		},
		Selects: map[string]func(engine.Doc, string) bool{
			"bastionId": engine.At("id"), "bastionLifecycleState": engine.At("lifecycleState"),
		},
		OnCreate: create, Check: check, Created: place,
		Removed: func(t *engine.Tx, r *engine.Resource) error { return vcn.RemoveVnics(t, r.ID) },
	}, "BASTION", entity)
}

func create(c *engine.Call, doc engine.Doc) error {
	if !strings.EqualFold(doc.Str("bastionType"), "standard") {
		return engine.Invalid("bastionType: %q must be STANDARD", doc.Str("bastionType"))
	}
	subnet, err := c.Live(vcn.SubnetKind, "targetSubnetId", doc.Str("targetSubnetId"))
	if err != nil {
		return err
	}
	doc["bastionType"] = strings.ToUpper(doc.Str("bastionType"))
	doc["targetVcnId"], doc["maxSessionsAllowed"] = subnet.Doc["vcnId"], 20
	return nil
}

func check(_ *engine.Tx, doc engine.Doc) error {
	if ttl := doc.Num("maxSessionTtlInSeconds"); ttl < minSessionTTL || ttl > maxSessionTTL {
		return engine.Invalid("maxSessionTtlInSeconds: %v must be from %d to %d", ttl, minSessionTTL, maxSessionTTL)
	}
	for i, text := range doc.Texts("clientCidrBlockAllowList") {
		if _, err := vcn.ParseCIDR(fmt.Sprintf("clientCidrBlockAllowList[%d]", i), text); err != nil {
			return err
		}
	}
	return nil
}

// place creates the VNIC of a new bastion's private endpoint.
func place(t *engine.Tx, r *engine.Resource) error {
	vnic, err := vcn.NewVnic(t, vcn.VnicArgs{
		SubnetID: r.Doc.Str("targetSubnetId"), Owner: r.ID, Name: "Bastion " + r.Doc.Str("name"),
	})
	if err == nil {
		r.Doc["privateEndpointIpAddress"] = vnic.Doc["privateIp"]
	}
	return err
}
