package router_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
)

// A cluster of 200 VNICs, half of them in a group that rules name as peer, comes up and changes fast.
func TestManyVNICs(t *testing.T) {
	r := newRouter(t)
	const many = 200
	member := rule(in, tcp, 80, nil)
	member.PeerGroupID = "group"
	s := subnet("s", "10.0.0.0/22", rule(out, tcp, 80, vcn), member)
	n := cloud.Network{Subnets: []cloud.Subnet{s}, SecurityGroups: []cloud.RuleSet{{ID: "group", Name: "group"}}}
	address := addr("10.0.0.2")
	for i := range many {
		v := vnic(fmt.Sprint("host", i), s, address.String())
		if i%2 == 0 {
			v.GroupIDs = []string{"group"}
		}
		n.VNICs = append(n.VNICs, v)
		address = address.Next()
	}
	timed := func(what string, limit time.Duration) {
		began := time.Now()
		apply(t, r, n)
		took := time.Since(began)
		t.Logf("%s: %s", what, took.Round(time.Millisecond))
		if took > limit {
			t.Errorf("%s took %s, more than %s", what, took, limit)
		}
	}
	timed("200 VNICs", 20*time.Second)
	timed("nothing changed", time.Second)
	n.Subnets[0].SecurityLists[0].Rules = append(n.Subnets[0].SecurityLists[0].Rules, rule(in, tcp, 443, vcn))
	timed("a rule more", 2*time.Second)
	n.VNICs = n.VNICs[:many-1]
	timed("a VNIC less", 2*time.Second)

	last := n.VNICs[many-2]
	serveTCP(t, r.Host(last.Host), "0.0.0.0:80", "last")
	to := netip.AddrPortFrom(last.Addresses[0], 80).String()
	answers(t, r.Host("host0"), "tcp4", to, "last 10.0.0.2")
	timesOut(t, r.Host("host1"), "tcp4", to)
}

// BenchmarkThroughput measures bytes through the router, from one VNIC to another.
func BenchmarkThroughput(b *testing.B) {
	r := newRouter(b)
	pair(b, r, []cloud.SecurityRule{rule(out, tcp, 80, vcn)}, []cloud.SecurityRule{rule(in, tcp, 80, vcn)})
	listener, err := r.Host("b").Listen(b.Context(), "tcp4", "0.0.0.0:80")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	conn, err := r.Host("a").Dial(b.Context(), "tcp4", "10.0.2.2:80")
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	server, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	go func() {
		buffer := make([]byte, 1<<20)
		for {
			if _, err := server.Read(buffer); err != nil {
				return
			}
		}
	}()
	block := make([]byte, 1<<20)
	b.SetBytes(int64(len(block)))
	for b.Loop() {
		if _, err := conn.Write(block); err != nil {
			b.Fatal(err)
		}
	}
}
