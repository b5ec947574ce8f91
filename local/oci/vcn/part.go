package vcn

import "oke-guestbook/local/oci/engine"

// The service's kinds.
const (
	vcnKind             = "vcn"
	internetGatewayKind = "internetgateway"
	natGatewayKind      = "natgateway"
	serviceGatewayKind  = "servicegateway"
	drgKind             = "drg"
	drgAttachmentKind   = "drgattachment"
	routeTableKind      = "routetable"
	securityListKind    = "securitylist"
	dhcpOptionsKind     = "dhcpoptions"
	securityGroupKind   = "networksecuritygroup"
	vnicKind            = "vnic"
	privateIPKind       = "privateip"
	publicIPKind        = "publicip"

	// SubnetKind is for the services that place something in a subnet.
	SubnetKind = "subnet"
)

// inVcn returns the resources of a kind in a VCN.
func inVcn(t *engine.Tx, kind, vcnID string) []*engine.Resource {
	return t.All(kind, engine.With("vcnId", vcnID))
}

// checkVcn checks the VCN of a new resource.
func checkVcn(c *engine.Call, doc engine.Doc) error {
	_, err := c.Live(vcnKind, "vcnId", doc.Str("vcnId"))
	return err
}

// partState is what the service remembers of a route table, security list or set of DHCP options.
type partState struct {
	Default bool // created and deleted with its VCN
}

func isDefault(r *engine.Resource) bool { return engine.Private[partState](r).Default }

// checkUnused refuses to delete a default, or what a subnet names in the field.
func checkUnused(t *engine.Tx, r *engine.Resource, title, field string) error {
	if isDefault(r) {
		return engine.Conflict("%s is the default of its VCN and is deleted with it", r.ID)
	}
	for _, subnet := range inVcn(t, SubnetKind, r.Doc.Str("vcnId")) {
		if subnet.Doc.Str(field) == r.ID {
			return engine.IncorrectState("%s %s is associated with Subnet %s that is in use", title, r.ID, subnet.ID)
		}
	}
	return nil
}
