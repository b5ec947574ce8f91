package oci

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// maxSecurityLists of a subnet (Oracle: "Security Lists", limits).
const maxSecurityLists = 5

func inside(p netip.Prefix, ranges []netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return contains(r, p) })
}

func createSubnet(c *call, doc object) error {
	vcn, err := c.live("vcn", "vcnId", str(doc, "vcnId"))
	if err != nil {
		return err
	}
	if blocks := texts(doc, "ipv4CidrBlocks"); str(doc, "cidrBlock") == "" && len(blocks) == 1 {
		doc["cidrBlock"] = blocks[0]
	}
	if str(doc, "cidrBlock") == "" {
		return missingParameter("cidrBlock")
	}
	if len(list(doc, "ipv4CidrBlocks")) > 1 || doc["ipv6CidrBlock"] != nil || len(list(doc, "ipv6CidrBlocks")) > 0 {
		return notImplemented("the local cloud's subnets have one IPv4 CIDR block")
	}
	if err := c.checkSubnetRange(doc, vcn); err != nil {
		return err
	}
	if ad := str(doc, "availabilityDomain"); ad != "" && !slices.Contains(AvailabilityDomains, ad) {
		return invalid("availabilityDomain: %q must be one of %s", ad, strings.Join(AvailabilityDomains, ", "))
	}
	// Either name decides for the other (API reference, CreateSubnetDetails).
	if doc["prohibitInternetIngress"] != nil && doc["prohibitPublicIpOnVnic"] != nil && doc["prohibitInternetIngress"] != doc["prohibitPublicIpOnVnic"] {
		return invalid("prohibitInternetIngress and prohibitPublicIpOnVnic must be the same")
	}
	private := flag(doc, "prohibitInternetIngress") || flag(doc, "prohibitPublicIpOnVnic")
	doc["prohibitInternetIngress"], doc["prohibitPublicIpOnVnic"] = private, private
	orDefault(doc, object{
		"routeTableId": vcn.Doc["defaultRouteTableId"], "dhcpOptionsId": vcn.Doc["defaultDhcpOptionsId"],
	})
	if len(list(doc, "securityListIds")) == 0 {
		doc["securityListIds"] = []any{vcn.Doc["defaultSecurityListId"]}
	}
	doc["virtualRouterMac"] = "00:00:17:" + macOf(str(doc, "id"))
	if err := c.checkSubnetName(doc, vcn); err != nil {
		return err
	}
	return c.checkSubnetParts(doc)
}

func updateSubnet(c *call, old, doc object) error {
	vcn := c.find(str(doc, "vcnId"))
	if doc["cidrBlock"] != old["cidrBlock"] {
		for _, vnic := range c.vnicsIn(str(doc, "id")) {
			p, err := cidr("cidrBlock", str(doc, "cidrBlock"))
			if err != nil {
				return err
			}
			if addr, err := netip.ParseAddr(str(vnic.Doc, "privateIp")); err != nil || !p.Contains(addr) {
				return conflict("The Subnet %s references the VNIC %s outside the new CIDR block.", doc["id"], vnic.ID)
			}
		}
	}
	if err := c.checkSubnetRange(doc, vcn); err != nil {
		return err
	}
	if err := c.checkSubnetName(doc, vcn); err != nil {
		return err
	}
	return c.checkSubnetParts(doc)
}

// checkSubnetRange places a subnet's CIDR block in its VCN, and sets what follows from it.
func (t *tx) checkSubnetRange(doc object, vcn *resource) error {
	p, err := networkCIDR("cidrBlock", str(doc, "cidrBlock"))
	if err != nil {
		return err
	}
	ranges, err := networkCIDRs("cidrBlocks", texts(vcn.Doc, "cidrBlocks"))
	if err != nil {
		return err
	}
	if !inside(p, ranges) {
		return invalid("The requested CIDR %s is not inside the CIDR blocks of the VCN, %s", p, strings.Join(texts(vcn.Doc, "cidrBlocks"), ", "))
	}
	for _, other := range t.inVcn("subnet", vcn.ID) {
		q, err := cidr("cidrBlock", str(other.Doc, "cidrBlock"))
		if err == nil && other.ID != doc["id"] && p.Overlaps(q) {
			return invalid("The requested CIDR %s is invalid: subnet %s with CIDR %s overlaps with this CIDR.", p, other.ID, q)
		}
	}
	doc["ipv4CidrBlocks"] = []any{p.String()}
	doc["virtualRouterIp"] = p.Addr().Next().String()
	return nil
}

func (t *tx) checkSubnetName(doc object, vcn *resource) error {
	if err := checkDNSLabel(doc); err != nil {
		return err
	}
	label := str(doc, "dnsLabel")
	if label == "" {
		return nil
	}
	if str(vcn.Doc, "dnsLabel") == "" {
		return invalid("dnsLabel: %s has none, so its subnets cannot have one", vcn.ID)
	}
	for _, other := range t.inVcn("subnet", vcn.ID) {
		if other.ID != doc["id"] && strings.EqualFold(str(other.Doc, "dnsLabel"), label) {
			return invalid("dnsLabel: %q is used by %s", label, other.ID)
		}
	}
	doc["subnetDomainName"] = label + "." + str(vcn.Doc, "vcnDomainName")
	return nil
}

// checkSubnetParts checks the route table, DHCP options and security lists: of the same VCN, and not too many.
func (t *tx) checkSubnetParts(doc object) error {
	lists := texts(doc, "securityListIds")
	if len(lists) > maxSecurityLists {
		return limitExceeded("securityListIds: a subnet has at most %d security lists", maxSecurityLists)
	}
	parts := []struct{ kind, field, id string }{
		{"routetable", "routeTableId", str(doc, "routeTableId")},
		{"dhcpoptions", "dhcpOptionsId", str(doc, "dhcpOptionsId")},
	}
	for i, id := range lists {
		parts = append(parts, struct{ kind, field, id string }{"securitylist", fmt.Sprintf("securityListIds[%d]", i), id})
	}
	for _, p := range parts {
		r, err := t.live(p.kind, p.field, p.id)
		if err != nil {
			return err
		}
		if r.Doc["vcnId"] != doc["vcnId"] {
			return invalid("%s: %s belongs to another VCN", p.field, p.id)
		}
	}
	return nil
}

// deleteSubnet refuses while a VNIC is in the subnet (Oracle: "Subnet or VCN Deletion").
func deleteSubnet(t *tx, r *resource) error {
	if vnics := t.vnicsIn(r.ID); len(vnics) > 0 {
		return conflict("The Subnet %s references the VNIC %s. You must remove the reference to proceed with this operation.", r.ID, vnics[0].ID)
	}
	return nil
}

// macOf makes the last three bytes of a MAC address from an OCID's random part.
func macOf(id string) string {
	tail := id[len(id)-3:]
	return fmt.Sprintf("%02x:%02x:%02x", tail[0], tail[1], tail[2])
}
