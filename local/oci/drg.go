package oci

import "time"

// drgKinds are the dynamic routing gateway and its attachment to a VCN. What lies behind a gateway is not emulated.
func drgKinds() []*kind {
	return []*kind{
		{
			name: "drg", path: coreBase + "/drgs", create: "core.CreateDrgDetails", update: "core.UpdateDrgDetails", model: "core.Drg",
			states: coreStates, made: 2 * time.Second, deleted: 2 * time.Second, onDelete: deleteDrg,
		},
		{
			name: "drgattachment", path: coreBase + "/drgAttachments", create: "core.CreateDrgAttachmentDetails",
			update: "core.UpdateDrgAttachmentDetails", model: "core.DrgAttachment", filters: []string{"vcnId", "drgId"},
			states: states{"ATTACHING", "ATTACHED", "DETACHING", "DETACHED"}, made: 2 * time.Second, deleted: 2 * time.Second,
			onCreate: createDrgAttachment, onUpdate: updateGateway, onDelete: deleteDrgAttachment,
		},
	}
}

// createDrgAttachment attaches a VCN, which can be attached to one gateway at a time (Oracle: "Dynamic Routing Gateways").
func createDrgAttachment(c *call, doc object) error {
	if _, err := c.live("drg", "drgId", str(doc, "drgId")); err != nil {
		return err
	}
	// vcnId is the older way to say the same.
	field, details := "networkDetails.id", sub(doc, "networkDetails")
	if details == nil {
		field, details = "vcnId", object{"type": "VCN", "id": doc["vcnId"]}
		doc["networkDetails"] = details
	}
	vcn, err := c.live("vcn", field, str(details, "id"))
	if err != nil {
		return err
	}
	if others := c.inVcn("drgattachment", vcn.ID); len(others) > 0 {
		return conflict("%s is attached to %s already, by %s", vcn.ID, str(others[0].Doc, "drgId"), others[0].ID)
	}
	doc["compartmentId"], doc["vcnId"] = vcn.Doc["compartmentId"], vcn.ID
	orDefault(details, object{"vcnRouteType": "SUBNET_CIDRS"})
	return c.gatewayRouteTable(doc)
}

// deleteDrgAttachment refuses while a route rule of the VCN names the gateway.
func deleteDrgAttachment(t *tx, r *resource) error {
	if rules := t.rulesTo(str(r.Doc, "vcnId"), str(r.Doc, "drgId")); len(rules) > 0 {
		return conflict("The Route Table %s references the gateway %s. You must remove the reference to proceed with this operation.", rules[0].table, str(r.Doc, "drgId"))
	}
	return nil
}

func deleteDrg(t *tx, r *resource) error {
	if attached := t.all("drgattachment", with("drgId", r.ID)); len(attached) > 0 {
		return incorrectState("%s has the attachment %s", r.ID, attached[0].ID)
	}
	return nil
}
