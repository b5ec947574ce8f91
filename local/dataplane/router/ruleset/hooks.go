package ruleset

import "strings"

// Decision is what a logged packet met.
type Decision string

// The decisions. Those of routes let nothing pass.
const (
	EgressAccept  Decision = "egress accept"
	EgressReject  Decision = "egress reject"
	IngressAccept Decision = "ingress accept"
	IngressReject Decision = "ingress reject"
	RouteNone     Decision = "route none"     // no route rule of the source's subnet matches
	RouteBlocked  Decision = "route blocked"  // the gateway is disabled or blocks traffic
	RoutePrivate  Decision = "route private"  // a default route does not lead to a private network
	RouteNoPublic Decision = "route nopublic" // the internet gateway passes only VNICs with a public address
	RouteBack     Decision = "route back"     // no route rule of the destination's subnet leads back
)

// Bits of a connection's mark. A VNIC's stateful rule allows the answers; each end has its own tracking, so that one
// end's rule can be stateful and the other's stateless.
//
//	1  the end that opened the connection tracks it: a stateful egress rule has matched
//	2  the other end tracks it: a stateful ingress rule has matched
//	4  egress is allowed, which has been logged
//	8  ingress is allowed, which has been logged

// EgressAllowed and IngressAllowed are the bits that tell which ends have accepted a connection.
const (
	EgressAllowed  = 4
	IngressAllowed = 8
)

// tracking holds the chains in which a rule's match ends. Only packets of the end that opened the connection change its
// mark. A packet that belongs to no connection has no mark, and a rule with "ct mark" does not match it.
var tracking = logs + strings.NewReplacer("LOGGED", "0x4", "DIRECTION", "egress", "TRACKED", "0x1", "UNTRACK",
	"0xfffffffe").Replace(trackingOfOneEnd) +
	strings.NewReplacer("LOGGED", "0x8", "DIRECTION", "ingress", "TRACKED", "0x2", "UNTRACK",
		"0xfffffffd").Replace(trackingOfOneEnd)

const trackingOfOneEnd = `	chain DIRECTION_accept {
		ct mark and LOGGED == LOGGED accept
		limit rate 500/second burst 1000 packets log prefix "DIRECTION accept" group 1
		ct mark set ct mark or LOGGED
		accept
	}
	chain DIRECTION_tracked {
		ct direction original ct mark set ct mark or TRACKED
		goto DIRECTION_accept
	}
	chain DIRECTION_untracked {
		ct direction original ct mark set ct mark and UNTRACK
		goto DIRECTION_accept
	}
	chain DIRECTION_reject {
		limit rate 500/second burst 1000 packets log prefix "DIRECTION reject" group 1
		drop
	}
`

// logs holds the chains of packets that no route leads on.
var logs = func() (text string) {
	for _, decision := range []Decision{RouteNone, RouteBlocked, RoutePrivate, RouteNoPublic, RouteBack} {
		text += "\tchain " + strings.ReplaceAll(string(decision), " ", "_") + " {\n" +
			"\t\tlimit rate 500/second burst 1000 packets log prefix \"" + string(decision) + "\" group 1\n" +
			"\t\tdrop\n\t}\n"
	}
	return text
}()

// hooks holds the chains that packets meet, in this order: source check, egress rules of the source's VNIC, routes,
// ingress rules of the destination's. Their policy is accept, and a rule drops at the end: while one table replaces
// another, a packet may meet chains of either that are empty, and the other's decide.
//
// The end that opened a connection sends packets in the original direction, each of which its rules must allow. Answers
// pass at an end that tracks the connection, else by its rules. An ICMP error about a tracked connection passes too.
//
// The router itself sends nothing but "fragmentation needed", which arrives by the same rules as other packets, so that
// what is dropped or has no host times out. The kernel sends it before the forward hook: egress rules come earlier, to
// have recorded the connection.
const hooks = `	chain source_check {
		type filter hook prerouting priority raw; policy accept;
		iifname != { "lo", "internet", "services" } iifname . ip saddr != @own drop
	}
	chain egress {
		type filter hook prerouting priority mangle; policy accept;
		iifname { "lo", "internet", "services" } accept
		ct direction reply ct mark and 0x2 == 0x2 accept
		ct state related ct mark and 0x1 == 0x1 accept
		iifname vmap @egress_of
		drop
	}
	chain routes {
		type filter hook forward priority filter; policy accept;
		iifname { "internet", "services" } oifname { "internet", "services" } drop
		iifname != { "internet", "services" } oifname != { "internet", "services" } accept
		ct state invalid drop
		ct direction reply accept
		iifname "internet" oifname vmap @back_of
		iifname vmap @routes_of
		drop
	}
	chain arrival {
		ct direction reply ct mark and 0x1 == 0x1 accept
		ct state related ct mark and 0x2 == 0x2 accept
		oifname vmap @ingress_of
		drop
	}
	chain ingress {
		type filter hook forward priority filter + 10; policy accept;
		oifname != { "internet", "services" } goto arrival
	}
	chain own_messages {
		type filter hook output priority filter; policy accept;
		icmp type 3 icmp code 4 oifname { "lo", "internet", "services" } accept
		icmp type 3 icmp code 4 goto arrival
		drop
	}
	chain to_router {
		type filter hook input priority filter; policy accept;
		drop
	}
`
