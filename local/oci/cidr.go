package oci

import (
	"net/netip"
	"regexp"
)

// vcnPrefixBits are the sizes of a VCN's and a subnet's range (Oracle: "VCNs and Subnets", allowed address ranges).
const minPrefixBits, maxPrefixBits = 16, 30

// cidr reads an IPv4 range and refuses one with host bits, as the service does.
func cidr(field, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return p, invalid("%s: %q is no IPv4 CIDR block", field, text)
	}
	if p.Masked() != p {
		return p, invalid("%s: CIDR IP %s does not match network IP %s", field, p.Addr(), p.Masked().Addr())
	}
	return p, nil
}

// networkCIDR reads the range of a VCN or a subnet.
func networkCIDR(field, text string) (netip.Prefix, error) {
	p, err := cidr(field, text)
	if err == nil && (p.Bits() < minPrefixBits || p.Bits() > maxPrefixBits) {
		return p, invalid("%s: %s must have a prefix from /%d to /%d", field, text, minPrefixBits, maxPrefixBits)
	}
	return p, err
}

func networkCIDRs(field string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		p, err := networkCIDR(field, text)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if p.Overlaps(other) {
				return nil, invalid("%s: %s overlaps %s", field, p, other)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// dnsLabel is the form of a VCN's and a subnet's label (Oracle: "DNS in Your Virtual Cloud Network").
var dnsLabel = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,14}$`)

func checkDNSLabel(o object) error {
	if label, ok := o["dnsLabel"].(string); ok && !dnsLabel.MatchString(label) {
		return invalid("dnsLabel: %q must be letters and digits, begin with a letter, and have at most 15 characters", label)
	}
	return nil
}
