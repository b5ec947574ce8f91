package vcn

import (
	"fmt"
	"path"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// maxVcnCIDRs is how many CIDR blocks a VCN can have (Oracle: "VCNs and Subnets", limits).
const maxVcnCIDRs = 5

func registerVcns(api engine.API) {
	api.Serve(&engine.Kind{
		Name: vcnKind, Path: "/vcns", Create: "core.CreateVcnDetails", Update: "core.UpdateVcnDetails", Model: "core.Vcn",
		States: engine.CoreStates, CreateTime: 2 * time.Second, DeleteTime: 2 * time.Second, Limit: 50,
		OnCreate: createVcn, Created: createDefaults, OnDelete: checkVcnEmpty, Removed: removeDefaults,
	})
	for action, model := range map[string]string{
		"addCidr": "AddVcnCidrDetails", "removeCidr": "RemoveVcnCidrDetails", "modifyCidr": "ModifyVcnCidrDetails",
	} {
		api.Handle("POST /vcns/{id}/actions/"+action, "core."+model, changeVcnCIDRs)
	}
}

// Live returns the VCN that a body's field names.
func Live(t *engine.Tx, field, id string) (*engine.Resource, error) {
	return t.Live(vcnKind, field, id)
}

func createVcn(_ *engine.Call, doc engine.Doc) error {
	ranges := doc.Texts("cidrBlocks")
	if single := doc.Str("cidrBlock"); single != "" {
		if len(ranges) > 0 {
			return engine.Invalid("cidrBlock and cidrBlocks cannot be used together")
		}
		ranges = []string{single}
	}
	if len(ranges) == 0 {
		return engine.MissingParameter("cidrBlocks")
	}
	if err := setVcnCIDRs(doc, ranges); err != nil {
		return err
	}
	if doc.Flag("isIpv6Enabled") || len(doc.List("ipv6PrivateCidrBlocks")) > 0 || len(doc.List("byoipv6CidrDetails")) > 0 {
		return engine.NotImplemented("the local cloud has no IPv6")
	}
	if err := checkDNSLabel(doc); err != nil {
		return err
	}
	if label := doc.Str("dnsLabel"); label != "" {
		doc["vcnDomainName"] = label + ".oraclevcn.com"
	}
	return nil
}

func setVcnCIDRs(doc engine.Doc, ranges []string) error {
	if len(ranges) > maxVcnCIDRs {
		return engine.LimitExceeded("cidrBlocks: a VCN has at most %d CIDR blocks", maxVcnCIDRs)
	}
	if _, err := parseNetworkCIDRs("cidrBlocks", ranges); err != nil {
		return err
	}
	doc["cidrBlock"], doc["cidrBlocks"] = ranges[0], engine.List(ranges)
	return nil
}

// createDefaults adds a VCN's default route table, security list and DHCP options.
func createDefaults(t *engine.Tx, vcn *engine.Resource) error {
	for _, part := range []struct {
		kind, field, title string
		doc                engine.Doc
	}{
		{routeTableKind, "defaultRouteTableId", "Route Table", engine.Doc{"routeRules": []any{}}},
		{
			securityListKind, "defaultSecurityListId", "Security List",
			defaultSecurityRules(vcn.Doc.Str("cidrBlock")),
		},
		{dhcpOptionsKind, "defaultDhcpOptionsId", "DHCP Options", defaultDhcpOptions()},
	} {
		part.doc["compartmentId"] = vcn.Doc["compartmentId"]
		part.doc["vcnId"] = vcn.ID
		part.doc["displayName"] = fmt.Sprintf("Default %s for %s", part.title, vcn.Doc.Str("displayName"))
		r, err := t.Insert(part.kind, part.doc)
		if err != nil {
			return err
		}
		engine.Private[partState](r).Default = true
		vcn.Doc[part.field] = r.ID
	}
	return nil
}

// changeVcnCIDRs adds, removes or changes a CIDR block. The blocks must not overlap, and no subnet may be outside
// afterwards (SDK 65.129, ModifyVcnCidr and RemoveVcnCidr; read 2026-11-29). Not checked, of the same: peered VCNs,
// networks on premises, and addresses in route rules.
func changeVcnCIDRs(c *engine.Call) (*engine.Answer, error) {
	vcn, err := c.Changeable(vcnKind)
	if err != nil {
		return nil, err
	}
	drop, add := c.Body.Str("originalCidrBlock"), c.Body.Str("newCidrBlock")
	switch path.Base(c.Request.URL.Path) {
	case "addCidr":
		add = c.Body.Str("cidrBlock")
	case "removeCidr":
		drop = c.Body.Str("cidrBlock")
	}
	ranges := vcn.Doc.Texts("cidrBlocks")
	if drop != "" {
		at := slices.Index(ranges, drop)
		if at < 0 {
			return nil, engine.Invalid("%s is no CIDR block of %s", drop, vcn.ID)
		}
		ranges = slices.Delete(ranges, at, at+1)
	}
	if add != "" {
		ranges = append(ranges, add)
	}
	if len(ranges) == 0 {
		return nil, engine.Invalid("a VCN keeps at least one CIDR block")
	}
	if err := setVcnCIDRs(vcn.Doc, ranges); err != nil {
		return nil, err
	}
	prefixes, err := parseNetworkCIDRs("cidrBlocks", ranges)
	if err != nil {
		return nil, err
	}
	for _, subnet := range inVcn(c.Tx, SubnetKind, vcn.ID) {
		p, err := ParseCIDR("cidrBlock", subnet.Doc.Str("cidrBlock"))
		if err != nil || !inside(p, prefixes) {
			return nil, engine.Conflict("the subnet %s uses the CIDR block %s", subnet.ID, drop)
		}
	}
	return vcn.Answer(), nil
}

// checkVcnEmpty refuses to delete a VCN that holds anything but its defaults.
func checkVcnEmpty(t *engine.Tx, vcn *engine.Resource) error {
	for _, part := range []struct{ kind, title string }{
		{SubnetKind, "Subnet"},
		{internetGatewayKind, "Gateway"},
		{natGatewayKind, "Gateway"},
		{serviceGatewayKind, "Gateway"},
		{drgAttachmentKind, "DRG Attachment"},
		{securityGroupKind, "Network Security Group"},
		{routeTableKind, "Route Table"},
		{securityListKind, "Security List"},
		{dhcpOptionsKind, "DHCP Options"},
	} {
		for _, r := range inVcn(t, part.kind, vcn.ID) {
			if !slices.Contains(defaultKinds, part.kind) || !isDefault(r) {
				return engine.IncorrectState("%s is associated with %s %s that is in use", vcn.ID, part.title, r.ID)
			}
		}
	}
	return nil
}

// defaultKinds are the kinds that a new VCN has a default of.
var defaultKinds = []string{routeTableKind, securityListKind, dhcpOptionsKind}

func removeDefaults(t *engine.Tx, vcn *engine.Resource) error {
	for _, kind := range defaultKinds {
		if err := t.RemoveAll(inVcn(t, kind, vcn.ID)); err != nil {
			return err
		}
	}
	return nil
}
