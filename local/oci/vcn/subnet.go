package vcn

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// maxSecurityLists of a subnet (Oracle: "Security Lists", limits).
const maxSecurityLists = 5

func registerSubnets(api engine.API) {
	api.Serve(&engine.Kind{
		Name: SubnetKind, Path: "/subnets", Create: "core.CreateSubnetDetails", Update: "core.UpdateSubnetDetails",
		Model: "core.Subnet", Filters: []string{"vcnId"}, Limit: 300,
		States: engine.CoreStates, CreateTime: 3 * time.Second, DeleteTime: 3 * time.Second,
		OnGet:    func(c *engine.Call, r *engine.Resource) error { return c.Needs("SUBNET_READ", r) },
		OnCreate: createSubnet, OnUpdate: updateSubnet, Check: checkSubnet, OnDelete: checkSubnetEmpty,
	})
}

// LiveSubnet returns the subnet of a VCN that a body's field names.
func LiveSubnet(t *engine.Tx, vcnID, field, id string) (*engine.Resource, error) {
	subnet, err := t.Live(SubnetKind, field, id)
	if err == nil && subnet.Doc.Str("vcnId") != vcnID {
		return nil, engine.Invalid("%s: the subnet %s is not in the VCN %s", field, id, vcnID)
	}
	return subnet, err
}

func createSubnet(c *engine.Call, doc engine.Doc) error {
	vcn, err := c.Live(vcnKind, "vcnId", doc.Str("vcnId"))
	if err != nil {
		return err
	}
	if blocks := doc.Texts("ipv4CidrBlocks"); doc.Str("cidrBlock") == "" && len(blocks) == 1 {
		doc["cidrBlock"] = blocks[0]
	}
	if doc.Str("cidrBlock") == "" {
		return engine.MissingParameter("cidrBlock")
	}
	if len(doc.List("ipv4CidrBlocks")) > 1 || doc["ipv6CidrBlock"] != nil || len(doc.List("ipv6CidrBlocks")) > 0 {
		return engine.NotImplemented("the local cloud's subnets have one IPv4 CIDR block")
	}
	ad := doc.Str("availabilityDomain")
	if ad != "" && !slices.Contains(engine.AvailabilityDomains, ad) {
		return engine.Invalid("availabilityDomain: %q must be one of %s",
			ad, strings.Join(engine.AvailabilityDomains, ", "))
	}
	// Two names for the same; either sets the other (API reference, CreateSubnetDetails).
	ingress, public := doc["prohibitInternetIngress"], doc["prohibitPublicIpOnVnic"]
	if ingress != nil && public != nil && ingress != public {
		return engine.Invalid("prohibitInternetIngress and prohibitPublicIpOnVnic must be the same")
	}
	private := ingress == true || public == true
	doc["prohibitInternetIngress"], doc["prohibitPublicIpOnVnic"] = private, private
	doc.Default(engine.Doc{
		"routeTableId": vcn.Doc["defaultRouteTableId"], "dhcpOptionsId": vcn.Doc["defaultDhcpOptionsId"],
	})
	if len(doc.List("securityListIds")) == 0 {
		doc["securityListIds"] = []any{vcn.Doc["defaultSecurityListId"]}
	}
	doc["virtualRouterMac"] = "00:00:17:" + macSuffix(doc.Str("id"))
	return nil
}

// updateSubnet refuses a CIDR block with another network address, or without the addresses that are used: the last one
// of the new block is for broadcasts (SDK 65.129, UpdateSubnetDetails; read 2026-11-29). The codes and words are not
// documented.
func updateSubnet(c *engine.Call, old, doc engine.Doc) error {
	if doc["cidrBlock"] == old["cidrBlock"] {
		return nil
	}
	p, err := parseNetworkCIDR("cidrBlock", doc.Str("cidrBlock"))
	if err != nil {
		return err
	}
	was, err := ParseCIDR("cidrBlock", old.Str("cidrBlock"))
	if err != nil {
		return err
	}
	if p.Addr() != was.Addr() {
		return engine.Invalid("The requested CIDR %s must have the network address of the subnet's CIDR, %s", p, was)
	}
	for _, ip := range c.Tx.All(privateIPKind, engine.With("subnetId", doc.Str("id"))) { // also those of Pods
		addr, err := netip.ParseAddr(ip.Doc.Str("ipAddress"))
		if err != nil || !p.Contains(addr) || !p.Contains(addr.Next()) {
			return engine.Conflict("The Subnet %s references the VNIC %s outside the new CIDR block.",
				doc["id"], ip.Doc.Str("vnicId"))
		}
	}
	return nil
}

func checkSubnet(t *engine.Tx, doc engine.Doc) error {
	vcn := t.Find(doc.Str("vcnId"))
	if err := checkSubnetRange(t, doc, vcn); err != nil {
		return err
	}
	if err := checkSubnetName(t, doc, vcn); err != nil {
		return err
	}
	return checkSubnetParts(t, doc)
}

// checkSubnetRange checks a subnet's CIDR block against its VCN and the other subnets, and sets what follows from it.
func checkSubnetRange(t *engine.Tx, doc engine.Doc, vcn *engine.Resource) error {
	p, err := parseNetworkCIDR("cidrBlock", doc.Str("cidrBlock"))
	if err != nil {
		return err
	}
	blocks := vcn.Doc.Texts("cidrBlocks")
	ranges, err := parseNetworkCIDRs("cidrBlocks", blocks)
	if err != nil {
		return err
	}
	if !inside(p, ranges) {
		return engine.Invalid("The requested CIDR %s is not inside the CIDR blocks of the VCN, %s",
			p, strings.Join(blocks, ", "))
	}
	for _, other := range inVcn(t, SubnetKind, vcn.ID) {
		q, err := ParseCIDR("cidrBlock", other.Doc.Str("cidrBlock"))
		if err == nil && other.ID != doc["id"] && p.Overlaps(q) {
			return engine.Invalid("The requested CIDR %s is invalid: subnet %s with CIDR %s overlaps with this CIDR.",
				p, other.ID, q)
		}
	}
	doc["ipv4CidrBlocks"] = []any{p.String()}
	doc["virtualRouterIp"] = p.Addr().Next().String()
	return nil
}

func checkSubnetName(t *engine.Tx, doc engine.Doc, vcn *engine.Resource) error {
	if err := checkDNSLabel(doc); err != nil {
		return err
	}
	label := doc.Str("dnsLabel")
	if label == "" {
		return nil
	}
	if vcn.Doc.Str("dnsLabel") == "" {
		return engine.Invalid("dnsLabel: %s has none, so its subnets cannot have one", vcn.ID)
	}
	for _, other := range inVcn(t, SubnetKind, vcn.ID) {
		if other.ID != doc["id"] && strings.EqualFold(other.Doc.Str("dnsLabel"), label) {
			return engine.Invalid("dnsLabel: %q is used by %s", label, other.ID)
		}
	}
	doc["subnetDomainName"] = label + "." + vcn.Doc.Str("vcnDomainName")
	return nil
}

// checkSubnetParts checks that the route table, DHCP options and security lists are of the subnet's VCN.
func checkSubnetParts(t *engine.Tx, doc engine.Doc) error {
	lists := doc.Texts("securityListIds")
	if len(lists) > maxSecurityLists {
		return engine.LimitExceeded("securityListIds: a subnet has at most %d security lists", maxSecurityLists)
	}
	type part struct{ kind, field, id string }
	parts := []part{
		{routeTableKind, "routeTableId", doc.Str("routeTableId")},
		{dhcpOptionsKind, "dhcpOptionsId", doc.Str("dhcpOptionsId")},
	}
	for i, id := range lists {
		parts = append(parts, part{securityListKind, fmt.Sprintf("securityListIds[%d]", i), id})
	}
	for _, p := range parts {
		r, err := t.Live(p.kind, p.field, p.id)
		if err != nil {
			return err
		}
		if r.Doc["vcnId"] != doc["vcnId"] {
			return engine.Invalid("%s: %s belongs to another VCN", p.field, p.id)
		}
	}
	return nil
}

// checkSubnetEmpty refuses to delete a subnet with a VNIC (Oracle: "Subnet or VCN Deletion").
func checkSubnetEmpty(t *engine.Tx, r *engine.Resource) error {
	if vnics := vnicsIn(t, r.ID); len(vnics) > 0 {
		return engine.Conflict("The Subnet %s references the VNIC %s. "+
			"You must remove the reference to proceed with this operation.", r.ID, vnics[0].ID)
	}
	return nil
}

// macSuffix makes the last three bytes of a MAC address from the random part of an OCID.
func macSuffix(ocid string) string {
	end := ocid[len(ocid)-3:]
	return fmt.Sprintf("%02x:%02x:%02x", end[0], end[1], end[2])
}
