package router_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/eventually"
)

func TestSecurityRulesDecideInsideASubnet(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, tcp, 80, vcn), rule(in, tcp, 80, vcn), rule(in, tcp, 81, vcn),
		rule(out, tcp, 83, vcn), rule(out, udp, 80, vcn), rule(in, udp, 80, vcn), rule(out, icmp, 0, vcn),
		rule(in, icmp, 0, prefixes("10.0.1.2/32")))
	n := cloud.Network{
		Subnets: []cloud.Subnet{workers},
		VNICs:   []cloud.VNIC{vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")},
	}
	apply(t, r, n)
	a, b := r.Host("a"), r.Host("b")
	for _, port := range []string{"80", "81", "82", "83"} {
		serveTCP(t, b, "0.0.0.0:"+port, "b")
	}
	serveUDP(t, b, "0.0.0.0:80", "b")
	serveUDP(t, b, "0.0.0.0:81", "b")
	answers(t, a, "tcp4", "10.0.1.3:80", "b 10.0.1.2")
	answers(t, a, "udp4", "10.0.1.3:80", "b 10.0.1.2")
	answers(t, b, "tcp4", "10.0.1.3:82", "b 10.0.1.3") // a host and itself
	timesOut(t, a, "tcp4", "10.0.1.3:81")
	told(t, r, "an egress rule of subnet workers for TCP 81 to 10.0.1.3")
	timesOut(t, a, "tcp4", "10.0.1.3:83")
	told(t, r, "an ingress rule of subnet workers for TCP 83 from 10.0.1.2")
	timesOut(t, a, "udp4", "10.0.1.3:81")
	timesOut(t, a, "tcp4", "10.0.1.9:80") // no VNIC has the address
	timesOut(t, a, "tcp4", "10.0.1.1:80") // the gateway
	if !ping(t, a, "10.0.1.3", 5*time.Second) {
		t.Error("no echo reply")
	}
	if ping(t, b, "10.0.1.2", patience) {
		t.Error("an echo request without ingress rule is answered")
	}
	told(t, r, "an ingress rule of subnet workers for ICMP 8/0 from 10.0.1.3")
}

func TestAllowedFlowsAreToldOnceAtEachEnd(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, -1, 0, vcn), rule(in, -1, 0, vcn))
	apply(t, r, cloud.Network{
		Subnets: []cloud.Subnet{workers},
		VNICs:   []cloud.VNIC{vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")},
	})
	serveTCP(t, r.Host("b"), "0.0.0.0:80", "b")
	for range 3 {
		answers(t, r.Host("a"), "tcp4", "10.0.1.3:80", "b 10.0.1.2")
	}
	timesOut(t, r.Host("a"), "tcp4", "198.51.100.1:80")
	told(t, r, "an egress rule of subnet workers for TCP 80 to 198.51.100.1")
	told := accepted(r, "10.0.1.3:80")
	if len(told) != 6 {
		t.Errorf("3 connections told at %d ends: %v", len(told), told)
	}
}

// end is an end of a connection.
type end struct {
	vnic    string
	ingress bool
	source  netip.AddrPort
}

// size is that of a flow.
type size struct{ packets, bytes int }

// accepted returns how much has been accepted to an address, by the ends of connections.
func accepted(r *router.Router, to string) map[end]size {
	sizes := map[end]size{}
	for _, flow := range r.Flows() {
		if flow.Accepted && flow.Destination == netip.MustParseAddrPort(to) {
			e := end{flow.VNICID, flow.Ingress, flow.Source}
			sizes[e] = size{sizes[e].packets + flow.Packets, sizes[e].bytes + flow.Bytes}
		}
	}
	return sizes
}

// Each packet of an accepted flow is told once at each end, with its size, and by the address of each end.
func TestPacketsOfAllowedFlowsAreCounted(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, -1, 0, anyone), rule(in, -1, 0, anyone))
	workers.Routes = []cloud.Route{{Destinations: anyone, Gateway: cloud.InternetGateway}}
	a, b := vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")
	b.PublicIPs = map[netip.Addr]netip.Addr{addr("10.0.1.3"): addr("192.0.2.3")}
	n := cloud.Network{Subnets: []cloud.Subnet{workers}, VNICs: []cloud.VNIC{a, b}}
	apply(t, r, n)
	serveUDP(t, r.Host("b"), "0.0.0.0:80", "b")
	dial := func(from *netns.Namespace, address string) net.Conn {
		conn, err := from.Dial(t.Context(), "udp4", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	inside, outside := dial(r.Host("a"), "10.0.1.3:80"), dial(r.Internet(), "192.0.2.3:80")
	source := func(conn net.Conn) netip.AddrPort { return conn.LocalAddr().(*net.UDPAddr).AddrPort() }
	for sent := 1; sent <= 3; sent++ { // told once, however often one asks
		for _, conn := range []net.Conn{inside, outside} {
			if _, err := exchange(conn, 5*time.Second); err != nil {
				t.Fatal(err)
			}
		}
		want := size{sent, sent * (20 + 8 + len("hello"))} // headers of IPv4 and UDP
		ends := map[end]size{
			{a.ID, false, source(inside)}: want, {b.ID, true, source(inside)}: want, {b.ID, true, source(outside)}: want,
		}
		eventually.Succeeds(t, 5*time.Second, "told", func(context.Context) error {
			if got := accepted(r, "10.0.1.3:80"); !maps.Equal(got, ends) {
				return fmt.Errorf("accepted %v, want %v", got, ends)
			}
			return nil
		})
	}
	before := accepted(r, "10.0.1.3:80")
	n.VNICs[1].ID, n.VNICs[1].Host = "ocid1.vnic...c", "c" // another instance has the address
	apply(t, r, n)
	if now := accepted(r, "10.0.1.3:80"); !maps.Equal(now, before) {
		t.Errorf("accepted %v after %v, and no packet was sent", now, before)
	}
}

func TestSecurityGroups(t *testing.T) {
	r := newRouter(t)
	peer := func(ingress bool, port int, group string) cloud.SecurityRule {
		one := rule(ingress, tcp, port, nil)
		one.PeerGroupID = group
		return one
	}
	// Of the subnet, nothing is allowed but to leave on port 80.
	apps := subnet("apps", "10.0.1.0/24", rule(out, tcp, 80, vcn))
	web := cloud.RuleSet{ID: "web", Name: "web", Rules: []cloud.SecurityRule{peer(out, 81, "db")}}
	db := cloud.RuleSet{ID: "db", Name: "db", Rules: []cloud.SecurityRule{peer(in, 80, "web"), peer(in, 81, "web")}}
	a, b, c := vnic("a", apps, "10.0.1.2"), vnic("b", apps, "10.0.1.3"), vnic("c", apps, "10.0.1.4")
	a.GroupIDs, b.GroupIDs = []string{"web"}, []string{"db"}
	n := cloud.Network{
		Subnets: []cloud.Subnet{apps}, SecurityGroups: []cloud.RuleSet{web, db}, VNICs: []cloud.VNIC{a, b, c},
	}
	apply(t, r, n)
	serveTCP(t, r.Host("b"), "0.0.0.0:80", "b")
	serveTCP(t, r.Host("b"), "0.0.0.0:81", "b")
	answers(t, r.Host("a"), "tcp4", "10.0.1.3:80", "b 10.0.1.2")
	answers(t, r.Host("a"), "tcp4", "10.0.1.3:81", "b 10.0.1.2")
	timesOut(t, r.Host("c"), "tcp4", "10.0.1.3:80")
	told(t, r, "an ingress rule of subnet apps or network security group db for TCP 80 from 10.0.1.4")

	n.VNICs[2].GroupIDs = []string{"web"} // c joins the group
	apply(t, r, n)
	answers(t, r.Host("c"), "tcp4", "10.0.1.3:81", "b 10.0.1.4")
}

func TestAVNICSendsOnlyFromItsAddresses(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, -1, 0, anyone), rule(in, -1, 0, anyone))
	a, b := vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")
	a.Addresses = append(a.Addresses, addr("10.0.1.20"))
	apply(t, r, cloud.Network{Subnets: []cloud.Subnet{workers}, VNICs: []cloud.VNIC{a, b}})
	addAddress(t, r.Host("a"), "10.0.1.20")
	addAddress(t, r.Host("a"), "10.0.1.99")
	receiver := listenPacket(t, r.Host("b"), "udp4", "0.0.0.0:80")
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("10.0.1.3:80"))
	for _, from := range []string{"10.0.1.99", "10.0.1.20"} { // one that the VNIC does not have, one that it has
		if _, err := listenPacket(t, r.Host("a"), "udp4", from+":0").WriteTo([]byte(from), to); err != nil {
			t.Fatal(err)
		}
	}
	if err := receiver.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	if n, from, err := receiver.ReadFrom(buffer); err != nil || string(buffer[:n]) != "10.0.1.20" {
		t.Errorf("received %q from %v, %v", buffer[:n], from, err)
	}
}

func TestASecondaryVNICAnswersItself(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, -1, 0, vcn), rule(in, -1, 0, vcn))
	pods := subnet("pods", "10.0.2.0/24", rule(in, tcp, 80, vcn))
	second := vnic("a-pods", pods, "10.0.2.2")
	second.Host, second.Primary, second.Addresses = "a", false, append(second.Addresses, addr("10.0.2.3"))
	n := cloud.Network{
		Subnets: []cloud.Subnet{workers, pods},
		VNICs:   []cloud.VNIC{second, vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")},
	}
	apply(t, r, n)
	serveTCP(t, r.Host("a"), "0.0.0.0:80", "a")
	addAddress(t, r.Host("a"), "10.0.2.3") // as a Pod has it
	for _, address := range []string{"10.0.1.2", "10.0.2.2", "10.0.2.3"} {
		answers(t, r.Host("b"), "tcp4", address+":80", "a 10.0.1.3")
	}
	timesOut(t, r.Host("b"), "tcp4", "10.0.2.2:81")
	told(t, r, "an ingress rule of subnet pods for TCP 81 from 10.0.1.3")
	n.VNICs[0].Addresses = n.VNICs[0].Addresses[:1]
	apply(t, r, n)
	timesOut(t, r.Host("b"), "tcp4", "10.0.2.3:80")

	n.VNICs = n.VNICs[1:] // detached
	apply(t, r, n)
	timesOut(t, r.Host("b"), "tcp4", "10.0.2.2:80")
	answers(t, r.Host("b"), "tcp4", "10.0.1.2:80", "a 10.0.1.3")
	n.VNICs = n.VNICs[1:]
	apply(t, r, n)
	if r.Host("a") != nil {
		t.Error("a host without VNIC has a namespace")
	}
}

func TestApplyRefusesWhatCannotBe(t *testing.T) {
	r := newRouter(t)
	s := subnet("s", "10.0.1.0/24")
	for name, n := range map[string]cloud.Network{
		"VNICs ocid1.vnic...a and ocid1.vnic...b both have the address 10.0.1.2": {
			VNICs: []cloud.VNIC{vnic("a", s, "10.0.1.2"), vnic("b", s, "10.0.1.2")},
		},
		"VNIC ocid1.vnic...a has no address": {VNICs: []cloud.VNIC{{ID: "ocid1.vnic...a", SubnetID: s.ID}}},
	} {
		n.Subnets = []cloud.Subnet{s}
		if err := r.Apply(t.Context(), n); err == nil || err.Error() != "VCN ocid1.vcn...one: "+name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
