// Package layout turns the network settings of a stack into a plan: subnets with their CIDRs, route tables and
// gateways. It is pure, so that the plan of a stack can be read, checked and drawn without an engine or a cloud.
package layout

import (
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

// PodNetwork is how Pods get their addresses.
type PodNetwork string

// The Pod networks of OKE.
const (
	Flannel   PodNetwork = "flannel"    // an overlay
	VCNNative PodNetwork = "vcn-native" // an address of the VCN for each Pod
)

// Visibility is from where an endpoint or load balancers can be reached.
type Visibility string

// Private and Public are those of the Kubernetes API endpoint; Public, Internal and Both those of load balancers.
const (
	Private  Visibility = "private"
	Public   Visibility = "public"
	Internal Visibility = "internal"
	Both     Visibility = "both"
)

// SecurityBy is what holds the rules.
type SecurityBy string

// The holders of rules.
const (
	Lists  SecurityBy = "lists"  // security lists of the subnets
	Groups SecurityBy = "groups" // network security groups
)

// Egress is who may open connections to the internet.
type Egress string

// The hosts that may.
const (
	EgressNone           Egress = "none"
	EgressWorkers        Egress = "workers"
	EgressWorkersAndPods Egress = "workers-and-pods"
)

// Anywhere is every IPv4 address, inside the VCN and outside.
const Anywhere = "0.0.0.0/0"

// Spec is the network part of a stack's settings. Settings documents the fields.
type Spec struct {
	VcnCIDR      string
	PodNetwork   PodNetwork
	PodsCIDR     string
	ServicesCIDR string

	APIEndpoint     Visibility
	APIAllowedCIDRs []string

	LoadBalancers                    Visibility
	LoadBalancerAllowedCIDRs         []string
	InternalLoadBalancerAllowedCIDRs []string
	LoadBalancerPorts                []PortRange

	InternetEgress Egress

	Subnets           map[Role]SubnetSpec
	VcnID             string
	InternetGatewayID string
	NATGatewayID      string
	ServiceGatewayID  string
	DrgID             string
	PeerCIDRs         []string

	SecurityBy SecurityBy
	ExtraRules []ExtraRule

	Bastion             bool
	BastionAllowedCIDRs []string
	FlowLogs            []Role

	// Issuers are the OpenID Connect issuers that the API server asks for keys. They follow from the cluster's settings.
	Issuers []Issuer
	// VirtualNodes says that there are virtual nodes, in the Pods' subnet. It follows from the cluster's settings.
	VirtualNodes bool
	// Metrics says that the cluster has a metrics server, whose Pods ask the kubelets. It follows from the cluster's
	// settings.
	Metrics bool
}

// Issuer is where an OpenID Connect issuer answers: its network, or Anywhere for a host name, and its TCP port.
type Issuer struct {
	CIDR string
	Port int
}

// SubnetSpec says where one subnet lies: by prefix length at its place in the plan, by a CIDR of its own, or by the
// OCID and CIDR of an existing subnet.
type SubnetSpec struct {
	PrefixLength PrefixLength
	CIDR         string
	ID           string
}

// PrefixLength is a subnet's. 0 stands for the planned one.
type PrefixLength int

// UnmarshalJSON refuses 0: the planned prefix length is chosen by leaving the setting out.
func (p *PrefixLength) UnmarshalJSON(data []byte) error {
	if string(data) == "0" {
		return errors.New("no subnet has the prefix length 0: leave it out for the planned one")
	}
	return json.Unmarshal(data, (*int)(p))
}

// ExtraRule allows one more flow, in the rules of both ends. From and To are a role of Roles, a CIDR, or OSN; at least
// one is a role.
type ExtraRule struct {
	From        string
	To          string
	Protocol    string // tcp, udp, icmp or all
	Ports       Ports  // "443" or "8000-8010" (tcp, udp); "3/4", type and code (icmp); empty: all
	Description string // of the rules
}

// Ports are those of an ExtraRule as they are written.
type Ports string

// UnmarshalText takes any text: what it means depends on the protocol.
func (p *Ports) UnmarshalText(text []byte) error {
	*p = Ports(text)
	return nil
}

// OSN stands for the all-services entry of the Oracle Services Network, whose addresses only the region knows.
const OSN = "osn"

// PortRange is an inclusive range of TCP or UDP ports, written "443" or "8000-8010". The zero value is every port.
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
	if strings.Contains(text, "+") || errLow != nil || errHigh != nil || from < 1 || to > 65535 || from > to {
		return PortRange{}, fmt.Errorf("%q is neither a port (1 to 65535) nor a range such as 8000-8010", text)
	}
	return PortRange{from, to}, nil
}

// ParseICMP reads an ICMP type, "8", or a type and code, "3/4". A code of -1 stands for every code.
func ParseICMP(text string) (kind, code int, err error) {
	typeText, codeText, hasCode := strings.Cut(strings.TrimSpace(text), "/")
	kind, err = strconv.Atoi(typeText)
	code = -1
	if hasCode && err == nil {
		code, err = strconv.Atoi(codeText)
	}
	if err != nil || kind < 0 || kind > 255 || code > 255 || hasCode && code < 0 {
		return 0, 0, fmt.Errorf("%q is neither an ICMP type such as 8 nor a type and code such as 3/4", text)
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

// MarshalText writes the form that ParsePorts reads.
func (p PortRange) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what ParsePorts reads.
func (p *PortRange) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePorts(string(text))
	return err
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
	case API:
		return slices.ContainsFunc(s.Issuers, func(i Issuer) bool {
			network, err := ParseCIDR(i.CIDR)
			return err == nil && !PrivateNetwork(network) && !s.connected(network)
		})
	}
	return false
}

// isPublic reports whether hosts of the role may have public addresses.
func (s Spec) isPublic(role Role) bool {
	return role == PublicLoadBalancers || role == API && s.APIEndpoint == Public
}

// ParseCIDR reads an IPv4 CIDR. The error for one with host bits names the network that was meant.
func ParseCIDR(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || !prefix.Addr().Is4() {
		return netip.Prefix{}, fmt.Errorf("%q is not an IPv4 CIDR such as 10.0.0.0/16", text)
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
