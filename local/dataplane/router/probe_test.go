package router_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/oci"
)

// probe is a connection to try.
type probe struct {
	name     string // for messages: "workers 1 to api 2"
	from, to *netns.Namespace
	address  netip.Addr // of to
	protocol int
	port     int        // of TCP and UDP, which to serves
	kind     [2]byte    // type and code of an ICMP message
	client   netip.Addr // that from sends from; unset: its own
	want     bool
}

func (p probe) String() string {
	if p.protocol == icmp {
		return fmt.Sprintf("%s: ICMP %d/%d", p.name, p.kind[0], p.kind[1])
	}
	return fmt.Sprintf("%s: %s %d", p.name, map[int]string{tcp: "TCP", udp: "UDP"}[p.protocol], p.port)
}

// atOnce is how many probes run at the same time.
const atOnce = 256

// try runs the probes and reports those that went otherwise than wanted. Where nothing should pass, nothing may come
// back, a refusal neither.
func try(t *testing.T, probes []probe) {
	t.Helper()
	slots := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for _, p := range probes {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			limit := patience
			if p.want {
				limit = 10 * time.Second
			}
			err := p.send(limit)
			if p.want && p.protocol == udp && err != nil {
				err = p.send(limit) // a datagram may get lost
			}
			switch {
			case p.want && err != nil:
				t.Errorf("%s does not pass: %v", p, err)
			case !p.want && err == nil:
				t.Errorf("%s passes", p)
			case !p.want && !errors.Is(err, os.ErrDeadlineExceeded) && !isTimeout(err):
				t.Errorf("%s: %v, want a time-out", p, err)
			}
		})
	}
	group.Wait()
}

func isTimeout(err error) bool {
	timeout := net.Error(nil)
	return errors.As(err, &timeout) && timeout.Timeout()
}

// send returns nil when the connection has carried a question and its answer; an ICMP message, when it has arrived.
func (p probe) send(limit time.Duration) error {
	if p.protocol == icmp {
		return p.sendICMP(limit)
	}
	network := map[int]string{tcp: "tcp4", udp: "udp4"}[p.protocol]
	var conn net.Conn
	err := p.from.Do(func() (err error) {
		dialer := net.Dialer{Timeout: limit, FallbackDelay: -1}
		if p.client.IsValid() && p.protocol == tcp {
			dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.client, 0))
		} else if p.client.IsValid() {
			dialer.LocalAddr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(p.client, 0))
		}
		conn, err = dialer.Dial(network, netip.AddrPortFrom(p.address, uint16(p.port)).String())
		return err
	})
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = exchange(conn, limit)
	return err
}

// sendICMP sends a message and waits until a socket of the other end has it. The text tells it from other ones.
func (p probe) sendICMP(limit time.Duration) error {
	var receiver, sender net.PacketConn
	listen := func(conn *net.PacketConn) func() error {
		return func() (err error) {
			*conn, err = net.ListenPacket("ip4:icmp", "0.0.0.0")
			return err
		}
	}
	if err := p.to.Do(listen(&receiver)); err != nil {
		return err
	}
	defer receiver.Close()
	if err := p.from.Do(listen(&sender)); err != nil {
		return err
	}
	defer sender.Close()
	text := fmt.Sprintf("%s %p", p, receiver)
	message := append([]byte{p.kind[0], p.kind[1], 0, 0, 0, 1, 0, 1}, text...)
	sum := checksum(message)
	message[2], message[3] = byte(sum>>8), byte(sum)
	if _, err := sender.WriteTo(message, &net.IPAddr{IP: p.address.AsSlice()}); err != nil {
		return err
	}
	if err := receiver.SetReadDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	buffer := make([]byte, 512)
	for {
		n, _, err := receiver.ReadFrom(buffer)
		if err != nil {
			return err
		}
		if n > 8 && string(buffer[8:n]) == text && buffer[0] == p.kind[0] {
			return nil
		}
	}
}

// checksum is the internet checksum (RFC 1071).
func checksum(message []byte) uint16 {
	var sum uint32
	for i := 0; i < len(message); i += 2 {
		sum += uint32(message[i]) << 8
		if i+1 < len(message) {
			sum += uint32(message[i+1])
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// serve answers on ports of a place or host, TCP and UDP.
func serve(t *testing.T, ns *netns.Namespace, ports ...int) {
	for _, port := range ports {
		serveTCP(t, ns, fmt.Sprintf("0.0.0.0:%d", port), "served")
		serveUDP(t, ns, fmt.Sprintf("0.0.0.0:%d", port), "served")
	}
}

// placeOf returns the namespace of an address outside the VCNs.
func placeOf(r *router.Router, address netip.Addr) *netns.Namespace {
	if servicesRange[0].Contains(address) || address == oci.ServicesAddress {
		return r.Services()
	}
	return r.Internet()
}
