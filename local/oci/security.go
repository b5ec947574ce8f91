package oci

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
)

// defaultSecurityRules are those of a VCN's default security list (Oracle: "Security Lists", default security list).
func defaultSecurityRules(vcnCIDR string) object {
	rule := func(direction, cidr, protocol string) object {
		return object{direction: cidr, direction + "Type": "CIDR_BLOCK", "protocol": protocol, "isStateless": false}
	}
	ssh := rule("source", "0.0.0.0/0", "6")
	ssh["tcpOptions"] = object{"destinationPortRange": object{"min": 22.0, "max": 22.0}}
	fragmentation := rule("source", "0.0.0.0/0", "1")
	fragmentation["icmpOptions"] = object{"type": 3.0, "code": 4.0}
	unreachable := rule("source", vcnCIDR, "1")
	unreachable["icmpOptions"] = object{"type": 3.0}
	return object{
		"ingressSecurityRules": []any{ssh, fragmentation, unreachable},
		"egressSecurityRules":  []any{rule("destination", "0.0.0.0/0", "all")},
	}
}

func createSecurityList(c *call, doc object) error {
	if err := createInVcn(c, doc); err != nil {
		return err
	}
	return c.checkSecurityList(doc)
}

func updateSecurityList(c *call, _, doc object) error { return c.checkSecurityList(doc) }

func (t *tx) checkSecurityList(doc object) error {
	for _, d := range []struct{ rules, end string }{{"ingressSecurityRules", "source"}, {"egressSecurityRules", "destination"}} {
		rules := objects(doc, d.rules)
		if n := t.s.limits["security-rules-per-list-and-direction"]; len(rules) > n {
			return limitExceeded("%s: a security list has at most %d rules a direction", d.rules, n)
		}
		for i, rule := range rules {
			if err := t.checkSecurityRule(fmt.Sprintf("%s[%d]", d.rules, i), d.end, rule); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkSecurityRule checks and completes a rule; end is "source" or "destination".
func (t *tx) checkSecurityRule(path, end string, rule object) error {
	orDefault(rule, object{"isStateless": false, end + "Type": "CIDR_BLOCK"})
	value := str(rule, end)
	switch str(rule, end+"Type") {
	case "CIDR_BLOCK":
		p, err := netip.ParsePrefix(value)
		if err != nil {
			return invalid("%s.%s: %q is no CIDR block", path, end, value)
		}
		if p.Masked() != p {
			return invalid("%s.%s: CIDR IP %s does not match network IP %s", path, end, p.Addr(), p.Masked().Addr())
		}
	case "SERVICE_CIDR_BLOCK":
		if value != allServicesCIDR && value != objectStorageCIDR {
			return invalid("%s.%s: %q is no service CIDR label of this region", path, end, value)
		}
	case "NETWORK_SECURITY_GROUP":
		if _, err := t.live("networksecuritygroup", path+"."+end, value); err != nil {
			return err
		}
	}
	return checkProtocol(path, rule)
}

// checkProtocol checks that the options are those of the protocol: a number of IANA's list, or all.
func checkProtocol(path string, rule object) error {
	protocol := str(rule, "protocol")
	if n, err := strconv.Atoi(protocol); protocol != "all" && (err != nil || n < 0 || n > 255) {
		return invalid("%s.protocol: %q must be all or a protocol number", path, protocol)
	}
	for _, o := range []struct {
		field     string
		protocols []string
	}{{"tcpOptions", []string{"6"}}, {"udpOptions", []string{"17"}}, {"icmpOptions", []string{"1", "58"}}} {
		options := sub(rule, o.field)
		if options == nil {
			continue
		}
		if !slices.Contains(o.protocols, protocol) {
			return invalid("%s: %s cannot go with protocol %s", path, o.field, protocol)
		}
		for _, ports := range []string{"destinationPortRange", "sourcePortRange"} {
			r := sub(options, ports)
			if r == nil {
				continue
			}
			if low, high := num(r, "min"), num(r, "max"); low < 1 || high > 65535 || low > high {
				return invalid("%s.%s.%s: %v to %v is no range of ports from 1 to 65535", path, o.field, ports, low, high)
			}
		}
		if o.field == "icmpOptions" {
			if typ, code := num(options, "type"), num(options, "code"); typ < 0 || typ > 255 || code < 0 || code > 255 {
				return invalid("%s.icmpOptions: type and code must be from 0 to 255", path)
			}
		}
	}
	return nil
}

func deleteSecurityList(t *tx, r *resource) error {
	if isDefault(r) {
		return conflict("%s is the default of its VCN and is deleted with it", r.ID)
	}
	for _, subnet := range t.inVcn("subnet", str(r.Doc, "vcnId")) {
		if slices.Contains(texts(subnet.Doc, "securityListIds"), r.ID) {
			return incorrectState("%s is associated with subnet %s that is in use", r.ID, subnet.ID)
		}
	}
	return nil
}
