// Package layout turns the network settings of a stack into a plan: subnets with
// their CIDRs, route tables and gateways. It is pure: plain values in, plain
// values out, so that the plan of a stack can be read, checked and drawn without
// an engine or a cloud.
package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Role is what a subnet is for. It is the subnet's key in settings and resource names.
type Role string

// The roles of subnets.
const (
	API                   Role = "api"                   // the Kubernetes API endpoint
	Workers               Role = "workers"               // the node pools' primary addresses
	Pods                  Role = "pods"                  // Pods, with VCN-native pod networking only
	PublicLoadBalancers   Role = "publicLoadBalancers"   // load balancers that have a public address
	InternalLoadBalancers Role = "internalLoadBalancers" // load balancers that have a private address only
	Bastion               Role = "bastion"               // the private endpoint of OCI's Bastion service
)

// Roles lists every role in the order in which plans and matrices show them.
var Roles = []Role{API, Workers, Pods, PublicLoadBalancers, InternalLoadBalancers, Bastion}

// Values of the settings that are a choice.
const (
	Flannel   = "flannel"
	VCNNative = "vcn-native"

	Private = "private"
	Public  = "public"

	Internal = "internal"
	Both     = "both"

	Lists  = "lists"
	Groups = "groups"

	EgressNone           = "none"
	EgressWorkers        = "workers"
	EgressWorkersAndPods = "workers-and-pods"
)

// Anywhere is every IPv4 address, inside the VCN and outside.
const Anywhere = "0.0.0.0/0"

// Spec is the network part of a stack's settings. The JSON names are the keys of
// Pulumi.yaml; Settings describes each.
type Spec struct {
	VcnCIDR      string `json:"vcnCidr"`
	PodNetwork   string `json:"podNetwork"`
	PodsCIDR     string `json:"podsCidr"`
	ServicesCIDR string `json:"servicesCidr"`

	APIEndpoint     string   `json:"apiEndpoint"`
	APIAllowedCIDRs []string `json:"apiAllowedCidrs"`

	LoadBalancers                    string      `json:"loadBalancers"`
	LoadBalancerAllowedCIDRs         []string    `json:"loadBalancerAllowedCidrs"`
	InternalLoadBalancerAllowedCIDRs []string    `json:"internalLoadBalancerAllowedCidrs"`
	LoadBalancerPorts                []PortRange `json:"loadBalancerPorts"`

	InternetEgress string `json:"internetEgress"`

	Subnets           map[Role]SubnetSpec `json:"subnets"`
	VcnID             string              `json:"vcnId"`
	InternetGatewayID string              `json:"internetGatewayId"`
	NATGatewayID      string              `json:"natGatewayId"`
	ServiceGatewayID  string              `json:"serviceGatewayId"`
	DrgID             string              `json:"drgId"`
	PeerCIDRs         []string            `json:"peerCidrs"`

	SecurityBy string      `json:"securityBy"`
	ExtraRules []ExtraRule `json:"extraRules"`

	Bastion             bool     `json:"bastion"`
	BastionAllowedCIDRs []string `json:"bastionAllowedCidrs"`
	FlowLogs            []Role   `json:"flowLogs"`
}

// SubnetSpec says where one subnet lies: by prefix length at its place in the
// plan, by a CIDR of its own, or by the OCID and CIDR of one that exists.
type SubnetSpec struct {
	PrefixLength PrefixLength `json:"prefixLength,omitempty"`
	CIDR         string       `json:"cidr,omitempty"`
	ID           string       `json:"id,omitempty"`
}

// PrefixLength is a subnet's. 0 is the planned one, which is asked for by saying none.
type PrefixLength int

// UnmarshalJSON refuses 0.
func (p *PrefixLength) UnmarshalJSON(data []byte) error {
	if string(data) == "0" {
		return errors.New("no subnet has the prefix length 0: leave it out for the planned one")
	}
	return json.Unmarshal(data, (*int)(p))
}

// ExtraRule lets one more flow through. From and To are a role of Roles, a CIDR,
// or OSN; at least one is a role. Both ends are opened.
type ExtraRule struct {
	From        string `json:"from"`
	To          string `json:"to"`
	Protocol    string `json:"protocol"`    // tcp, udp, icmp or all
	Ports       Ports  `json:"ports"`       // "443" or "8000-8010" (tcp, udp); "3/4", type and code (icmp); empty: every one
	Description string `json:"description"` // becomes the rules' description
}

// Ports are those of an ExtraRule as they are written. JSON numbers are taken too: `pulumi config set --path` makes one of 443.
type Ports string

// UnmarshalJSON takes a string or a number.
func (p *Ports) UnmarshalJSON(data []byte) error {
	var number json.Number
	if json.Unmarshal(data, &number) == nil {
		*p = Ports(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(p))
}

// OSN stands for the all-services entry of the Oracle Services Network, whose
// addresses only the region knows.
const OSN = "osn"

// UnmarshalJSON refuses unknown fields, so that a typing error does not pass for a default.
func (s *SubnetSpec) UnmarshalJSON(data []byte) error {
	type plain SubnetSpec
	if err := strict(data, (*plain)(s)); err != nil {
		return fmt.Errorf("a subnet takes prefixLength, or cidr, or id and cidr: %w", err)
	}
	return nil
}

// UnmarshalJSON refuses unknown fields, so that a typing error does not pass for a default.
func (r *ExtraRule) UnmarshalJSON(data []byte) error {
	type plain ExtraRule
	if err := strict(data, (*plain)(r)); err != nil {
		return fmt.Errorf("an extra rule takes from, to, protocol, ports and description: %w", err)
	}
	return nil
}

func strict(data []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// PortRange is an inclusive range of TCP or UDP ports, written "443" or
// "8000-8010". JSON numbers are taken too. The zero value is every port.
type PortRange struct{ Min, Max int }

// AllPorts is the whole range of port numbers that a rule can name.
var AllPorts = PortRange{1, 65535}

// ParsePorts reads "443" or "8000-8010".
func ParsePorts(text string) (PortRange, error) {
	low, high, isRange := strings.Cut(strings.TrimSpace(text), "-")
	if !isRange {
		high = low
	}
	from, errLow := strconv.Atoi(low)
	to, errHigh := strconv.Atoi(high)
	if errLow != nil || errHigh != nil || from < 1 || to > 65535 || from > to {
		return PortRange{}, fmt.Errorf("%q is no port (1 to 65535) and no range such as 8000-8010", text)
	}
	return PortRange{from, to}, nil
}

// ParseICMP reads an ICMP type, "8", or a type and code, "3/4". The code is -1 when every code is meant.
func ParseICMP(text string) (kind, code int, err error) {
	typeText, codeText, hasCode := strings.Cut(strings.TrimSpace(text), "/")
	kind, err = strconv.Atoi(typeText)
	code = -1
	if hasCode && err == nil {
		code, err = strconv.Atoi(codeText)
	}
	if err != nil || kind < 0 || kind > 255 || code > 255 || hasCode && code < 0 {
		return 0, 0, fmt.Errorf("%q is no ICMP type such as 8, and no type and code such as 3/4", text)
	}
	return kind, code, nil
}

// String is the form that ParsePorts reads.
func (p PortRange) String() string {
	if p.Min == p.Max {
		return strconv.Itoa(p.Min)
	}
	return fmt.Sprintf("%d-%d", p.Min, p.Max)
}

// MarshalJSON writes the form that ParsePorts reads.
func (p PortRange) MarshalJSON() ([]byte, error) { return json.Marshal(p.String()) }

// UnmarshalJSON takes a string or a number.
func (p *PortRange) UnmarshalJSON(data []byte) error {
	parsed, err := ParsePorts(strings.Trim(string(data), `"`))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// Has reports whether the stack has a subnet of this role.
func (s Spec) Has(role Role) bool {
	switch role {
	case API, Workers:
		return true
	case Pods:
		return s.PodNetwork == VCNNative
	case PublicLoadBalancers:
		return s.LoadBalancers == Public || s.LoadBalancers == Both
	case InternalLoadBalancers:
		return s.LoadBalancers == Internal || s.LoadBalancers == Both
	case Bastion:
		return s.Bastion
	}
	return false
}

// EgressToInternet reports whether hosts of the role may open connections to the internet.
func (s Spec) EgressToInternet(role Role) bool {
	switch role {
	case Workers:
		return s.InternetEgress == EgressWorkers || s.InternetEgress == EgressWorkersAndPods
	case Pods:
		return s.InternetEgress == EgressWorkersAndPods
	}
	return false
}

// isPublic reports whether hosts of the role may have public addresses.
func (s Spec) isPublic(role Role) bool {
	return role == PublicLoadBalancers || role == API && s.APIEndpoint == Public
}

// ParseCIDR reads an IPv4 CIDR and refuses host bits, naming the network that was meant.
func ParseCIDR(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("%q is no IPv4 CIDR such as 10.0.0.0/16", text)
	}
	if prefix != prefix.Masked() {
		return netip.Prefix{}, fmt.Errorf("%s has host bits set: the network is %s", text, prefix.Masked())
	}
	return prefix, nil
}

// Within reports whether all of inner lies in outer.
func Within(inner, outer netip.Prefix) bool {
	return inner.Bits() >= outer.Bits() && outer.Contains(inner.Addr())
}

// PrivateNetworks are the addresses that the internet has no route to (RFC 1918 and RFC 6598).
var PrivateNetworks = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
}

// PrivateNetwork reports whether the network lies in one of PrivateNetworks.
func PrivateNetwork(network netip.Prefix) bool {
	return slices.ContainsFunc(PrivateNetworks, func(private netip.Prefix) bool {
		return Within(network, private)
	})
}
