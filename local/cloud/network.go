package cloud

import (
	"net/netip"
	"time"
)

// Network is all that decides, on a VCN, where a packet goes and whether it arrives. The emulator describes its
// resources with it; nodes that run Pods carry it out.
type Network struct {
	Subnets        []Subnet
	SecurityGroups []RuleSet // network security groups
	VNICs          []VNIC
	ServiceCIDRs   []netip.Prefix // Oracle's services, besides those that routes to service gateways name
}

// Subnet is a subnet with what its VNICs share.
type Subnet struct {
	ID            string // OCID
	Name          string
	VcnID         string
	VcnCIDRs      []netip.Prefix // reached without a route rule
	CIDR          netip.Prefix
	Routes        []Route
	SecurityLists []RuleSet
	FlowLog       bool // a flow log of the subnet is enabled
}

// RuleSet is a security list or a network security group.
type RuleSet struct {
	ID    string // OCID
	VcnID string // of a network security group
	Name  string
	Rules []SecurityRule
}

// SecurityRule is a rule of a security list or network security group. It allows what it matches.
type SecurityRule struct {
	ID          string // of a network security group's rule; empty in a security list
	Description string
	Ingress     bool
	Peers       []netip.Prefix // the source of an ingress rule, else the destination; of Oracle's services, their ranges
	PeerGroupID string         // the peer's network security group, instead of Peers
	Protocol    int            // number of IANA's list; -1: all
	// Ports from the first to the last, both included; {0, 0}: all.
	SourcePorts, DestinationPorts [2]int
	ICMPType, ICMPCode            int // -1: all
	Stateless                     bool
}

// Gateway is the kind of a route's target.
type Gateway string

// Kinds of gateways.
const (
	InternetGateway Gateway = "internet" // only VNICs with a public address pass it, in both directions
	NATGateway      Gateway = "nat"      // to the internet, and what answers
	ServiceGateway  Gateway = "service"  // to Oracle's services, and what answers
	OtherGateway    Gateway = "other"    // leads out of the local cloud: nothing answers
)

// Route is a route rule. Of the rules that match a destination, the one with the longest prefix decides.
type Route struct {
	Destinations []netip.Prefix // Oracle's services as their ranges
	Gateway      Gateway
	GatewayID    string     // OCID
	Blocked      bool       // the gateway is disabled or blocks traffic
	PublicIP     netip.Addr // of a NAT gateway
}

// VNIC is a virtual network interface card.
type VNIC struct {
	ID        string // OCID
	SubnetID  string
	Host      string // OCID of the instance, load balancer or cluster that it belongs to
	Primary   bool
	Addresses []netip.Addr              // private ones, the primary first
	PublicIPs map[netip.Addr]netip.Addr // by private address
	GroupIDs  []string                  // network security groups
}

// LoadBalancer is a load balancer or network load balancer as it is configured.
type LoadBalancer struct {
	ID              string // OCID
	Name            string
	Network         bool // it is a network load balancer
	Private         bool
	Addresses       []netip.Addr // private addresses of its VNICs; the first one is active
	PublicIP        netip.Addr   // invalid for a private one
	RequestIDHeader string       // that requests and answers get a unique value of; empty: none
	Listeners       []Listener
	BackendSets     map[string]BackendSet
}

// Listener is a listener of a load balancer.
type Listener struct {
	Name          string
	Port          int
	Protocol      string // "HTTP", "HTTP2", "TCP" or "GRPC"
	BackendSet    string
	IdleSeconds   int        // time-out between two reads or writes
	ProxyProtocol int        // version that is sent to the backends of a TCP listener; 0: none
	Redirects     []Redirect // of rule sets; the first one that matches a request answers it
	TLS           *TLS       // nil: without TLS
}

// Redirect is a redirect rule of a listener. The parts of its address may hold the tokens {protocol}, {host}, {port},
// {path} and {query}, which stand for those of the request.
type Redirect struct {
	// Match and MatchPath tell which paths it is for: "EXACT_MATCH", "PREFIX_MATCH", "FORCE_LONGEST_PREFIX_MATCH" or
	// "SUFFIX_MATCH". Empty: all.
	Match, MatchPath                  string
	Code                              int // 301, 302, 303, 307 or 308
	Protocol, Host, Port, Path, Query string
}

// TLS is the TLS configuration of a listener or backend set.
type TLS struct {
	CertificatePEM, PrivateKeyPEM, CACertificatePEM string
	Protocols                                       []string // "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"; empty: TLSv1.2
	Ciphers                                         []string // names of OpenSSL; empty: Go's
	VerifyPeer                                      bool
	VerifyDepth                                     int // of the peer's chain of certificates; 0: any
}

// BackendSet is a set of backends.
type BackendSet struct {
	// Policy is "ROUND_ROBIN", "LEAST_CONNECTIONS" or "IP_HASH"; a network load balancer's is "TWO_TUPLE", "THREE_TUPLE"
	// or "FIVE_TUPLE".
	Policy   string
	Backends []Backend
	Health   HealthCheck
	Session  *Session // nil: no session persistence
	TLS      *TLS     // to the backends; nil: without TLS
	// PreserveSource: the backends of a network load balancer see the clients' addresses.
	PreserveSource bool
	FailOpen       bool // connections are passed on even if no backend is healthy
}

// Session is the session persistence of a backend set.
type Session struct {
	// AppCookie is the cookie of the application that begins a session, "*" for any. Empty: every answer begins one.
	AppCookie       string
	DisableFallback bool   // an unavailable backend fails its sessions' requests
	Cookie          string // the load balancer's own, with these attributes
	Domain, Path    string
	MaxAgeSeconds   int // 0: until the browser ends
	Secure          bool
	HTTPOnly        bool
}

// Backend is a server of a backend set.
type Backend struct {
	Name    string // "10.0.1.2:30080"
	Address netip.AddrPort
	Weight  int
	Backup  bool
	Drain   bool // no new connections
	Offline bool // no connections
}

// HealthCheck is how a load balancer finds out whether a backend can serve.
type HealthCheck struct {
	Protocol       string // "HTTP" or "TCP"
	Port           int    // 0: the backend's
	Path           string
	StatusCode     int // 0: 200
	BodyRegex      string
	PlainText      bool // without TLS although the backend set has it
	IntervalMillis int
	TimeoutMillis  int
	Retries        int // failures in a row after which a backend is unhealthy, and successes after which it is healthy
}

// BackendHealth is the outcome of the health checks of a backend.
type BackendHealth struct {
	Healthy bool      // it gets requests
	Result  string    // of the last check, as the API has it: "OK", "CONNECT_FAILED", ...; "UNKNOWN" before the first
	At      time.Time // of the last check
}

// MeasuredHealth returns the health of a backend set's backends by their names, as a load balancer has measured it. A
// backend that has not been measured is missing.
type MeasuredHealth func(loadBalancerID, backendSet string) map[string]BackendHealth

// Flow is a connection, or an attempt at one, that a security rule or a route decided about.
type Flow struct {
	Time        time.Time
	Accepted    bool
	VNICID      string // of the interface that decided
	Ingress     bool   // decided on the way into the VNIC
	Protocol    int
	Source      netip.AddrPort
	Destination netip.AddrPort
	Packets     int    // since it was told last
	Bytes       int    // of these packets, IP headers included
	Missing     string // what would have let it pass: "an ingress rule of subnet nodes for TCP 30080 from 10.0.0.2"
}
