package vcn

import (
	"net/netip"
	"slices"
	"strconv"

	"oke-guestbook/local/oci/engine"
)

// checkSecurityRule checks and completes a rule of a security list or network security group; end is "source" or
// "destination".
func checkSecurityRule(t *engine.Tx, path, end string, rule engine.Doc) error {
	rule.Default(engine.Doc{"isStateless": false, end + "Type": "CIDR_BLOCK"})
	field, value := path+"."+end, rule.Str(end)
	switch rule.Str(end + "Type") {
	case "CIDR_BLOCK":
		p, err := netip.ParsePrefix(value) // IPv6 is allowed
		if err != nil {
			return engine.Invalid("%s: %q is no CIDR block", field, value)
		}
		if p.Masked() != p {
			return hostBits(field, p)
		}
	case "SERVICE_CIDR_BLOCK":
		if err := checkServiceLabel(field, value); err != nil {
			return err
		}
	case "NETWORK_SECURITY_GROUP":
		if _, err := t.Live(securityGroupKind, field, value); err != nil {
			return err
		}
	}
	return checkProtocol(path, rule)
}

// checkProtocol checks that a rule's options are those of its protocol: a number of IANA's list, or "all".
func checkProtocol(path string, rule engine.Doc) error {
	protocol := rule.Str("protocol")
	if n, err := strconv.Atoi(protocol); protocol != "all" && (err != nil || n < 0 || n > 255) {
		return engine.Invalid("%s.protocol: %q must be all or a protocol number", path, protocol)
	}
	for _, o := range []struct {
		field     string
		protocols []string
	}{{"tcpOptions", []string{"6"}}, {"udpOptions", []string{"17"}}, {"icmpOptions", []string{"1", "58"}}} {
		options := rule.Sub(o.field)
		if options == nil {
			continue
		}
		if !slices.Contains(o.protocols, protocol) {
			return engine.Invalid("%s: %s cannot go with protocol %s", path, o.field, protocol)
		}
		if err := checkPorts(path+"."+o.field, options); err != nil {
			return err
		}
		typ, code := options.Num("type"), options.Num("code")
		if typ < 0 || typ > 255 || code < 0 || code > 255 {
			return engine.Invalid("%s.icmpOptions: type and code must be from 0 to 255", path)
		}
	}
	return nil
}

func checkPorts(path string, options engine.Doc) error {
	for _, field := range []string{"destinationPortRange", "sourcePortRange"} {
		ports := options.Sub(field)
		if ports == nil {
			continue
		}
		if low, high := ports.Num("min"), ports.Num("max"); low < 1 || high > 65535 || low > high {
			return engine.Invalid("%s.%s: %v to %v is no range of ports from 1 to 65535", path, field, low, high)
		}
	}
	return nil
}
