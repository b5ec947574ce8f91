package reach

import (
	"fmt"
	"strconv"
	"strings"

	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/rules"
)

// gatewayNames holds the gateways in sentences. The empty gateway is the VCN's own routing.
var gatewayNames = map[layout.Gateway]string{
	"":                     "the VCN's own routing",
	layout.InternetGateway: "the internet gateway",
	layout.NATGateway:      "the NAT gateway",
	layout.ServiceGateway:  "the service gateway",
	layout.DRG:             "the dynamic routing gateway",
}

// Explain puts the answer in words, with a line for each opening and each of its rules.
func (a Answer) Explain() string {
	var text strings.Builder
	switch a.Verdict {
	case No:
		fmt.Fprintf(&text, "no\n  %s\n", a.refusal())
	case Unknown:
		perhaps := a.To
		if a.From.Place == PerhapsInVCN {
			perhaps = a.From
		}
		fmt.Fprintf(&text, "%s: the existing VCN may have %s too\n", a.Verdict, perhaps.Name)
	default:
		fmt.Fprintln(&text, a.Verdict)
	}
	for _, o := range a.Openings {
		path := gatewayNames[o.Via]
		if o.Reply {
			path = "answers to connections of " + a.To.Name
		}
		fmt.Fprintf(&text, "  %s by %s\n", o.Service, path)
		if a.Verdict == Partly {
			fmt.Fprintf(&text, "    from %s to %s only\n", o.From, o.To)
		}
		if o.Egress != nil {
			fmt.Fprintf(&text, "    out %s: %s\n", o.Egress.Key(), o.Egress.Description)
		}
		if o.Ingress != nil {
			fmt.Fprintf(&text, "    in  %s: %s\n", o.Ingress.Key(), o.Ingress.Description)
		}
	}
	return text.String()
}

// refusal puts the reasons for No in words.
func (a Answer) refusal() string {
	if a.NoRoute != nil {
		return "no route: " + a.NoRoute.String()
	}
	var missing []string
	for _, direction := range a.NoRule {
		if direction == rules.Egress {
			missing = append(missing, fmt.Sprintf("subnet %s lets no %s out to %s", a.From.Role, a.Service, a.To.Name))
		} else {
			missing = append(missing, fmt.Sprintf("subnet %s lets no %s in from %s", a.To.Role, a.Service, a.From.Name))
		}
	}
	if len(missing) == 0 {
		return "no rule at one end fits a rule at the other, answers included"
	}
	return "no rule: " + strings.Join(missing, "; ")
}

// routeReasons holds the reasons for a missing route in sentences.
var routeReasons = map[RouteReason]string{
	NeitherInSubnet:  "neither end lies in a subnet of the stack",
	NoRouteOut:       "route table {table} of subnet {subnet} has no route to {other}",
	NoRouteBack:      "route table {table} of subnet {subnet} has no route back to {other}",
	NoPublicAddress:  "the internet gateway needs a public address, which subnet {subnet} does not allow",
	PrivateSubnet:    "subnet {subnet} is private: its hosts have no public address",
	PrivateNetwork:   "{other} is a private network, and no route leads to it",
	OracleOpensNone:  "Oracle's services open no connections to the VCN",
	NATGatewayOneWay: "the NAT gateway lets no connections in",
}

// String puts the reason in words.
func (r NoRoute) String() string {
	return strings.NewReplacer("{table}", strconv.Quote(r.Subnet.RouteTable), "{subnet}", string(r.Subnet.Role),
		"{other}", r.Other.Name).Replace(routeReasons[r.Reason])
}

// Legend explains the words of the matrix.
func (n Network) Legend() string {
	text := fmt.Sprintf("VCN %s. A row may open connections to a column; answers return by themselves.\n"+
		"%q is every address outside, %q is Oracle's services, %q are those of the VCN outside these subnets.\n"+
		"icmp 3/4 is path MTU discovery; with \"answers\", only about connections that the column has opened.\n",
		n.Plan.VCN, Internet, layout.OSN, otherHosts)
	if n.Plan.ExistingVCN != "" {
		text += "A private network that is no peer may be another CIDR of the VCN; its row and column hold only then.\n"
	}
	return text
}
