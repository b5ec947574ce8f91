package vcn

import (
	"net/netip"
	"regexp"
	"slices"

	"oke-guestbook/local/oci/engine"
)

// Prefix lengths of a VCN's and a subnet's range (Oracle: "VCNs and Subnets", allowed address ranges).
const minPrefixBits, maxPrefixBits = 16, 30

// ParseCIDR parses an IPv4 range and refuses one with host bits, as the service does.
func ParseCIDR(field, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return p, engine.Invalid("%s: %q is no IPv4 CIDR block", field, text)
	}
	if p.Masked() != p {
		return p, hostBits(field, p)
	}
	return p, nil
}

func hostBits(field string, p netip.Prefix) error {
	return engine.Invalid("%s: CIDR IP %s does not match network IP %s", field, p.Addr(), p.Masked().Addr())
}

// parseNetworkCIDR parses the range of a VCN or a subnet.
func parseNetworkCIDR(field, text string) (netip.Prefix, error) {
	p, err := ParseCIDR(field, text)
	if err == nil && (p.Bits() < minPrefixBits || p.Bits() > maxPrefixBits) {
		err = engine.Invalid("%s: %s must have a prefix from /%d to /%d", field, text, minPrefixBits, maxPrefixBits)
	}
	return p, err
}

// parseNetworkCIDRs parses ranges that must not overlap.
func parseNetworkCIDRs(field string, list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range list {
		p, err := parseNetworkCIDR(field, text)
		if err != nil {
			return nil, err
		}
		for _, other := range out {
			if p.Overlaps(other) {
				return nil, engine.Invalid("%s: %s overlaps %s", field, p, other)
			}
		}
		out = append(out, p)
	}
	return out, nil
}

// inside reports whether one of the ranges contains p.
func inside(p netip.Prefix, ranges []netip.Prefix) bool {
	return slices.ContainsFunc(ranges, func(r netip.Prefix) bool {
		return r.Bits() <= p.Bits() && r.Contains(p.Addr())
	})
}

// dnsLabel is the form of a VCN's and a subnet's label (Oracle: "DNS in Your Virtual Cloud Network").
var dnsLabel = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{0,14}$`)

func checkDNSLabel(doc engine.Doc) error {
	if label, ok := doc["dnsLabel"].(string); ok && !dnsLabel.MatchString(label) {
		return engine.Invalid("dnsLabel: %q must be letters and digits, begin with a letter, "+
			"and have at most 15 characters", label)
	}
	return nil
}
