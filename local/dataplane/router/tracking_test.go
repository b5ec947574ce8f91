package router_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router"
)

func stateless(r cloud.SecurityRule) cloud.SecurityRule {
	r.Stateless = true
	return r
}

// answer is a stateless rule for what a server on a port sends.
func answer(ingress bool, port int) cloud.SecurityRule {
	r := stateless(rule(ingress, tcp, 0, vcn))
	r.SourcePorts = [2]int{port, port}
	return r
}

// pair applies a network of two subnets with a host each, and returns the network.
func pair(t testing.TB, r *router.Router, client, server []cloud.SecurityRule) cloud.Network {
	t.Helper()
	clients, servers := subnet("clients", "10.0.1.0/24", client...), subnet("servers", "10.0.2.0/24", server...)
	n := cloud.Network{
		Subnets: []cloud.Subnet{clients, servers},
		VNICs:   []cloud.VNIC{vnic("a", clients, "10.0.1.2"), vnic("b", servers, "10.0.2.2")},
	}
	apply(t, r, n)
	return n
}

func TestStatelessRulesNeedOneForAnswers(t *testing.T) {
	request, served := rule(out, tcp, 80, vcn), rule(in, tcp, 80, vcn)
	for name, c := range map[string]struct {
		client, server []cloud.SecurityRule
		want           bool
	}{
		"stateful at both ends": {[]cloud.SecurityRule{request}, []cloud.SecurityRule{served}, true},
		"stateless at the client": {
			[]cloud.SecurityRule{stateless(request)}, []cloud.SecurityRule{served}, false,
		},
		"stateless at the client, answers allowed": {
			[]cloud.SecurityRule{stateless(request), answer(in, 80)}, []cloud.SecurityRule{served}, true,
		},
		"stateless at the server": {
			[]cloud.SecurityRule{request}, []cloud.SecurityRule{stateless(served)}, false,
		},
		"stateless at the server, answers allowed": {
			[]cloud.SecurityRule{request}, []cloud.SecurityRule{stateless(served), answer(out, 80)}, true,
		},
		"stateless at both ends, answers allowed": {
			[]cloud.SecurityRule{stateless(request), answer(in, 80)},
			[]cloud.SecurityRule{stateless(served), answer(out, 80)},
			true,
		},
		"answers allowed by a stateful rule": {
			[]cloud.SecurityRule{request}, []cloud.SecurityRule{stateless(served), rule(out, tcp, 0, vcn)}, true,
		},
		"stateless takes precedence": { // Oracle, "Security Rules", Stateful Versus Stateless Rules
			[]cloud.SecurityRule{request, stateless(request)}, []cloud.SecurityRule{served}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter(t)
			pair(t, r, c.client, c.server)
			serveTCP(t, r.Host("b"), "0.0.0.0:80", "b")
			if c.want {
				answers(t, r.Host("a"), "tcp4", "10.0.2.2:80", "b 10.0.1.2")
			} else {
				timesOut(t, r.Host("a"), "tcp4", "10.0.2.2:80")
			}
		})
	}
}

// Oracle documents that answers pass regardless of rules, and nothing about a connection whose rule is removed: the
// requests stop then.
func TestAConnectionEndsWithItsRule(t *testing.T) {
	r := newRouter(t)
	rules := []cloud.SecurityRule{rule(in, tcp, 80, vcn), rule(in, udp, 80, vcn)}
	n := pair(t, r, []cloud.SecurityRule{rule(out, -1, 0, vcn)}, rules)
	serveTCP(t, r.Host("b"), "0.0.0.0:80", "b")
	serveUDP(t, r.Host("b"), "0.0.0.0:80", "b")
	dial := func(network string) net.Conn {
		conn, err := r.Host("a").Dial(t.Context(), network, "10.0.2.2:80")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := exchange(conn, 5*time.Second); err != nil {
			t.Fatal(network, err)
		}
		return conn
	}
	overTCP, overUDP := dial("tcp4"), dial("udp4")
	n.Subnets[1].SecurityLists = []cloud.RuleSet{list("servers")}
	apply(t, r, n)
	for network, conn := range map[string]net.Conn{"tcp": overTCP, "udp": overUDP} {
		if got, err := exchange(conn, patience); err == nil {
			t.Errorf("%s: %q without a rule", network, got)
		}
	}
	timesOut(t, r.Host("a"), "tcp4", "10.0.2.2:80")
	told(t, r, "an ingress rule of subnet servers for TCP 80 from 10.0.1.2")

	n.Subnets[1].SecurityLists = []cloud.RuleSet{list("servers", rules...)}
	apply(t, r, n)
	for network, conn := range map[string]net.Conn{"tcp": overTCP, "udp": overUDP} {
		if _, err := exchange(conn, 5*time.Second); err != nil {
			t.Errorf("%s: %v although the rule is back", network, err)
		}
	}
}

// Rules are replaced while packets pass: none is lost.
func TestNoPacketIsLostWhenRulesAreReplaced(t *testing.T) {
	r := newRouter(t)
	n := pair(t, r, []cloud.SecurityRule{rule(out, udp, 0, vcn)}, []cloud.SecurityRule{rule(in, udp, 0, vcn)})
	serveUDP(t, r.Host("b"), "0.0.0.0:80", "b")
	var sent, lost atomic.Int64
	var clients sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil { // each time another connection, for which all rules are consulted
				sent.Add(1)
				if _, err := ask(r.Host("a"), "udp4", "10.0.2.2:80", 5*time.Second); err != nil {
					lost.Add(1)
				}
			}
		})
	}
	replaced := 0
	for ; lost.Load() == 0 && (replaced < 50 || sent.Load() < 500); replaced++ {
		n.Subnets[0].SecurityLists = []cloud.RuleSet{
			list("clients", rule(out, tcp, 1+replaced, vcn)), list("more", rule(out, udp, 0, vcn)),
		}
		apply(t, r, n)
	}
	stop()
	clients.Wait()
	if lost.Load() > 0 {
		t.Errorf("%d of %d packets lost", lost.Load(), sent.Load())
	}
	t.Logf("%d packets while rules were replaced %d times", sent.Load(), replaced)
}

// An ICMP error about a tracked connection passes without a rule for ICMP, in either direction.
func TestErrorsAboutAConnectionPass(t *testing.T) {
	r := newRouter(t)
	pair(t, r, []cloud.SecurityRule{rule(out, udp, 80, vcn)}, []cloud.SecurityRule{rule(in, udp, 80, vcn)})
	errorArrives := func(name string, icmpPackets net.PacketConn) {
		t.Helper()
		buffer := make([]byte, 128)
		if err := icmpPackets.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := icmpPackets.ReadFrom(buffer); err != nil || buffer[0] != 3 || buffer[1] != 3 {
			t.Errorf("%s: %v, ICMP %d/%d; want 3/3", name, err, buffer[0], buffer[1])
		}
	}
	atServer := listenPacket(t, r.Host("b"), "ip4:icmp", "0.0.0.0")
	atClient := listenPacket(t, r.Host("a"), "ip4:icmp", "0.0.0.0")
	client, err := r.Host("a").Dial(t.Context(), "udp4", "10.0.2.2:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Write([]byte("hello")); err != nil { // nobody listens yet
		t.Fatal(err)
	}
	errorArrives("at the client", atClient)
	server := listenPacket(t, r.Host("b"), "udp4", "0.0.0.0:80")
	_, _ = client.Write([]byte("hello")) // reports the error
	if _, err := client.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	_, from, err := server.ReadFrom(make([]byte, 64))
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
	if _, err := server.WriteTo([]byte("late"), from); err != nil {
		t.Fatal(err)
	}
	errorArrives("at the server", atServer)
}
