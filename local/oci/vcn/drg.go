package vcn

import (
	"time"

	"oke-guestbook/local/oci/engine"
)

// registerDrgs adds the dynamic routing gateway and its attachment to a VCN. What lies behind it is not emulated.
func registerDrgs(api engine.API) {
	api.Serve(&engine.Kind{
		Name: drgKind, Path: "/drgs", Create: "core.CreateDrgDetails", Update: "core.UpdateDrgDetails", Model: "core.Drg",
		States: engine.CoreStates, CreateTime: 2 * time.Second, DeleteTime: 2 * time.Second, OnDelete: checkDetached,
	})
	api.Serve(&engine.Kind{
		Name: drgAttachmentKind, Path: "/drgAttachments", Create: "core.CreateDrgAttachmentDetails",
		Update: "core.UpdateDrgAttachmentDetails", Model: "core.DrgAttachment",
		Filters: []string{"vcnId", "drgId", "drgRouteTableId", "drgNatPolicyId"},
		Selects: map[string]func(engine.Doc, string) bool{
			"networkId": engine.At("networkDetails", "id"),
			"attachmentType": func(doc engine.Doc, value string) bool {
				return value == "ALL" || value == doc.Str("networkDetails", "type")
			},
		},
		States: engine.AttachStates, CreateTime: 2 * time.Second, DeleteTime: 2 * time.Second,
		OnCreate: createDrgAttachment, Check: checkGatewayRouteTable,
		OnDelete: func(t *engine.Tx, r *engine.Resource) error {
			return checkNotRouted(t, r.Doc.Str("vcnId"), r.Doc.Str("drgId"))
		},
	})
	api.Handle("GET /drgs/{id}/redundancyStatus", "",
		engine.OnNamed(drgKind, func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
			return &engine.Answer{Body: engine.Doc{"id": r.ID, "status": "NOT_REDUNDANT_NO_CONNECTION"}}, nil
		}))
	api.Handle("POST /drgAttachments/{id}/actions/removeExportDrgRouteDistribution", "",
		engine.OnChangeable(drgAttachmentKind, func(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) {
			delete(r.Doc, "exportDrgRouteDistributionId")
			return r.Answer(), nil
		}, engine.AttachStates.Live))
}

// createDrgAttachment attaches a VCN, which can have one attachment (Oracle: "Dynamic Routing Gateways").
func createDrgAttachment(c *engine.Call, doc engine.Doc) error {
	if _, err := c.Live(drgKind, "drgId", doc.Str("drgId")); err != nil {
		return err
	}
	// vcnId is an older name for networkDetails.id.
	field, details := "networkDetails.id", doc.Sub("networkDetails")
	if details == nil {
		field, details = "vcnId", engine.Doc{"type": "VCN", "id": doc["vcnId"]}
		doc["networkDetails"] = details
	}
	vcn, err := c.Live(vcnKind, field, details.Str("id"))
	if err != nil {
		return err
	}
	if others := inVcn(c.Tx, drgAttachmentKind, vcn.ID); len(others) > 0 {
		return engine.Conflict("%s is attached to %s already, by %s", vcn.ID, others[0].Doc.Str("drgId"), others[0].ID)
	}
	doc["compartmentId"], doc["vcnId"] = vcn.Doc["compartmentId"], vcn.ID
	details.Default(engine.Doc{"vcnRouteType": "SUBNET_CIDRS"})
	return nil
}

func checkDetached(t *engine.Tx, r *engine.Resource) error {
	if attached := t.All(drgAttachmentKind, engine.With("drgId", r.ID)); len(attached) > 0 {
		return engine.IncorrectState("%s has the attachment %s", r.ID, attached[0].ID)
	}
	return nil
}
