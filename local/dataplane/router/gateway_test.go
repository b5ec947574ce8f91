package router_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/eventually"
)

// Addresses outside the VCN.
const (
	natIP   = "192.0.2.1"
	hostIP  = "192.0.2.2"
	service = "134.70.1.2"
)

var (
	servicesRange = prefixes("134.70.0.0/17")

	toInternet = cloud.Route{Destinations: anyone, Gateway: cloud.InternetGateway}
	toNAT      = cloud.Route{Destinations: anyone, Gateway: cloud.NATGateway, PublicIP: addr(natIP)}
	toServices = cloud.Route{Destinations: servicesRange, Gateway: cloud.ServiceGateway}
)

// open is a subnet whose rules allow everything.
func open(name, cidr string, routes ...cloud.Route) cloud.Subnet {
	s := subnet(name, cidr, rule(out, -1, 0, anyone), rule(in, -1, 0, anyone))
	s.Routes = routes
	return s
}

// with returns the route with a change.
func with(r cloud.Route, change func(*cloud.Route)) cloud.Route {
	change(&r)
	return r
}

func blocked(r *cloud.Route) { r.Blocked = true }

func public(v cloud.VNIC, address string) cloud.VNIC {
	v.PublicIPs = map[netip.Addr]netip.Addr{v.Addresses[0]: addr(address)}
	return v
}

func TestRoutesDecideWhatLeaves(t *testing.T) {
	for name, c := range map[string]struct {
		routes            []cloud.Route
		public            bool
		internet, service string // the answer with the address that is seen there; else what is missing
	}{
		"no route": {
			internet: "a route rule of subnet s for 203.0.113.7", service: "a route rule of subnet s for 134.70.1.2",
		},
		"internet gateway": {
			routes: []cloud.Route{toInternet}, public: true,
			internet: "internet 192.0.2.2", service: "services 192.0.2.2",
		},
		"internet gateway, no public address": {
			routes:   []cloud.Route{toInternet},
			internet: "a public IP address of 10.0.1.2, without which the internet gateway lets nothing pass",
			service:  "a public IP address of 10.0.1.2, without which the internet gateway lets nothing pass",
		},
		"NAT gateway": {
			routes: []cloud.Route{toNAT}, internet: "internet 192.0.2.1", service: "services 192.0.2.1",
		},
		"service gateway": {
			routes:   []cloud.Route{toServices},
			internet: "a route rule of subnet s for 203.0.113.7", service: "services 198.18.0.1",
		},
		"NAT and service gateway": {
			routes: []cloud.Route{toNAT, toServices}, internet: "internet 192.0.2.1", service: "services 198.18.0.1",
		},
		"a blocked gateway is not passed by": {
			routes:   []cloud.Route{toNAT, with(toServices, blocked)},
			internet: "internet 192.0.2.1",
			service:  "a gateway that is enabled: that of subnet s for 134.70.1.2 blocks traffic",
		},
		"the longest prefix decides": {
			routes: []cloud.Route{toNAT, with(toInternet, func(r *cloud.Route) {
				r.Destinations = prefixes("203.0.113.0/24")
			})},
			public: true, internet: "internet 192.0.2.2", service: "services 192.0.2.1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			s := open("s", "10.0.1.0/24", c.routes...)
			v := vnic("a", s, "10.0.1.2")
			if c.public {
				v = public(v, hostIP)
			}
			apply(t, r, cloud.Network{
				Subnets: []cloud.Subnet{s}, VNICs: []cloud.VNIC{v}, ServiceCIDRs: servicesRange,
			})
			serveTCP(t, r.Internet(), "0.0.0.0:443", "internet")
			serveTCP(t, r.Services(), "0.0.0.0:443", "services")
			for address, want := range map[string]string{"203.0.113.7:443": c.internet, service + ":443": c.service} {
				if got, err := ask(r.Host("a"), "tcp4", address, patience); err == nil && got != want {
					t.Errorf("%s: %q, want %q", address, got, want)
				} else if err != nil {
					told(t, r, want)
				}
			}
		})
	}
}

func TestPrivateNetworksAreNotOnTheInternet(t *testing.T) {
	r := newRouter(t)
	s := open("s", "10.0.1.0/24", toNAT)
	apply(t, r, cloud.Network{Subnets: []cloud.Subnet{s}, VNICs: []cloud.VNIC{vnic("a", s, "10.0.1.2")}})
	serveTCP(t, r.Internet(), "0.0.0.0:443", "internet")
	if !ping(t, r.Host("a"), "203.0.113.7", 5*time.Second) {
		t.Error("no echo reply through the NAT gateway")
	}
	timesOut(t, r.Host("a"), "tcp4", "192.168.1.1:443")
	told(t, r, "a route rule of subnet s for the private address 192.168.1.1")
}

func TestTheInternetReachesPublicAddresses(t *testing.T) {
	r := newRouter(t)
	lb := open("lb", "10.0.1.0/24", toInternet)
	lb.SecurityLists = []cloud.RuleSet{list("lb", rule(in, tcp, 80, prefixes("198.51.100.0/24")))}
	nodes := open("nodes", "10.0.2.0/24", toNAT)
	n := cloud.Network{Subnets: []cloud.Subnet{lb, nodes}, VNICs: []cloud.VNIC{
		public(vnic("lb", lb, "10.0.1.2"), hostIP), vnic("node", nodes, "10.0.2.2"),
	}}
	apply(t, r, n)
	serveTCP(t, r.Host("lb"), "0.0.0.0:80", "lb")
	serveTCP(t, r.Host("node"), "0.0.0.0:80", "node")
	answers(t, r.Internet(), "tcp4", hostIP+":80", "lb "+router.ClientAddress.String())
	timesOut(t, r.Internet(), "tcp4", hostIP+":81")
	told(t, r, "an ingress rule of subnet lb for TCP 81 from 198.51.100.1")
	timesOut(t, r.Internet(), "tcp4", natIP+":80") // the NAT gateway lets no connection in
	// From the VCN, the public address is on the internet: the answer comes through both gateways.
	timesOut(t, r.Host("node"), "tcp4", hostIP+":80")
	told(t, r, "an ingress rule of subnet lb for TCP 80 from 192.0.2.1")
	n.Subnets[0].SecurityLists = []cloud.RuleSet{list("lb", rule(in, tcp, 80, anyone))}
	apply(t, r, n)
	answers(t, r.Host("node"), "tcp4", hostIP+":80", "lb "+natIP)

	n.Subnets[0].Routes = []cloud.Route{with(toInternet, func(r *cloud.Route) { r.Destinations = prefixes("8.0.0.0/8") })}
	apply(t, r, n)
	timesOut(t, r.Internet(), "tcp4", hostIP+":80")
	told(t, r, "a route rule of subnet lb to the internet gateway for 198.51.100.1")
	n.Subnets[0].Routes = []cloud.Route{with(toInternet, blocked)}
	apply(t, r, n)
	timesOut(t, r.Internet(), "tcp4", hostIP+":80")
	n.Subnets[0].Routes = []cloud.Route{toInternet}
	apply(t, r, n)
	answers(t, r.Internet(), "tcp4", hostIP+":80", "lb 198.51.100.1")
	n.VNICs[0].PublicIPs = nil
	apply(t, r, n)
	if _, err := ask(r.Internet(), "tcp4", hostIP+":80", patience); err == nil {
		t.Error("a public address that was taken away answers")
	}
}

// Two stacks have the same addresses by default.
func TestVCNsWithTheSameAddresses(t *testing.T) {
	r := newRouter(t)
	one, two := open("one", "10.0.1.0/24", toInternet), open("two", "10.0.1.0/24", toInternet)
	two.VcnID = "ocid1.vcn...two"
	a, b, c := vnic("a", one, "10.0.1.2"), vnic("b", one, "10.0.1.3"), vnic("c", two, "10.0.1.2")
	both := []cloud.Subnet{one, two}
	apply(t, r, cloud.Network{Subnets: both, VNICs: []cloud.VNIC{public(a, hostIP), b, public(c, "192.0.2.3")}})
	for _, name := range []string{"a", "b", "c"} {
		serveTCP(t, r.Host(name), "0.0.0.0:80", name)
	}
	answers(t, r.Host("b"), "tcp4", "10.0.1.2:80", "a 10.0.1.3")
	timesOut(t, r.Host("c"), "tcp4", "10.0.1.3:80")
	answers(t, r.Host("c"), "tcp4", hostIP+":80", "a 192.0.2.3")
	// A reserved address moves from one VCN to the other, in both orders.
	for range 4 {
		apply(t, r, cloud.Network{Subnets: both, VNICs: []cloud.VNIC{a, b, public(c, hostIP)}})
		answers(t, r.Internet(), "tcp4", hostIP+":80", "c 198.51.100.1")
		apply(t, r, cloud.Network{Subnets: both, VNICs: []cloud.VNIC{public(a, hostIP), b, c}})
		answers(t, r.Internet(), "tcp4", hostIP+":80", "a 198.51.100.1")
	}
	apply(t, r, cloud.Network{Subnets: []cloud.Subnet{two}, VNICs: []cloud.VNIC{public(c, "192.0.2.3")}})
	answers(t, r.Internet(), "tcp4", "192.0.2.3:80", "c 198.51.100.1")
	if r.Host("a") != nil {
		t.Error("the host of a VCN that is gone has a namespace")
	}
	nl, err := r.Internet().Netlink()
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	eventually.Succeeds(t, 10*time.Second, "the link to the VCN is gone", func(context.Context) error {
		links, err := nl.LinkList()
		if err == nil && len(links) != 2 { // the loopback interface and the other VCN's
			err = fmt.Errorf("%d links", len(links))
		}
		return err
	})
}

// The internet takes packets of 1500 bytes, the VCN of 9000. A stateful rule lets the message back in that says so;
// with a stateless one it needs a rule (Oracle,
// "Security Rules", Enabling Path MTU Discovery Messages for Stateless Rules).
func TestPathMTUDiscovery(t *testing.T) {
	tooBig := rule(in, icmp, 0, anyone)
	tooBig.ICMPType, tooBig.ICMPCode = 3, 4
	for name, c := range map[string]struct {
		rules []cloud.SecurityRule
		want  bool
	}{
		"stateful":                    {[]cloud.SecurityRule{rule(out, udp, 0, anyone)}, true},
		"stateless":                   {[]cloud.SecurityRule{stateless(rule(out, udp, 0, anyone))}, false},
		"stateless, messages allowed": {[]cloud.SecurityRule{stateless(rule(out, udp, 0, anyone)), tooBig}, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			s := subnet("s", "10.0.1.0/24", c.rules...)
			s.Routes = []cloud.Route{toNAT}
			apply(t, r, cloud.Network{Subnets: []cloud.Subnet{s}, VNICs: []cloud.VNIC{vnic("a", s, "10.0.1.2")}})
			conn, err := r.Host("a").Dial(t.Context(), "udp4", "203.0.113.7:443")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			setOption(t, conn.(*net.UDPConn), unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DO)
			if got := isRefusedAsTooBig(conn); got != c.want {
				t.Errorf("told to send smaller packets: %t, want %t", got, c.want)
			}
		})
	}
}

// isRefusedAsTooBig sends a large packet until the host knows that it is too large, or for a while.
func isRefusedAsTooBig(conn net.Conn) bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if _, err := conn.Write(make([]byte, 3000)); errors.Is(err, syscall.EMSGSIZE) {
			return true
		}
	}
	return false
}
