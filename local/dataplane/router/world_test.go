package router_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router"
	"oke-guestbook/local/eventually"
)

// patience is how long a test waits for a packet that should not arrive.
const patience = 400 * time.Millisecond

// newRouter makes a router, or skips the test where none can be. In CI it must be.
func newRouter(t testing.TB) *router.Router {
	t.Helper()
	_, missing := exec.LookPath("nft")
	if os.Geteuid() != 0 {
		missing = errors.New("it needs root")
	}
	if missing != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("CI must carry packets: ", missing)
		}
		t.Skip("carries packets: ", missing)
	}
	r, err := router.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func apply(t testing.TB, r *router.Router, n cloud.Network) {
	t.Helper()
	if err := r.Apply(t.Context(), n); err != nil {
		t.Fatal(err)
	}
}

// Short forms for descriptions.
var (
	anyone = prefixes("0.0.0.0/0")
	vcn    = prefixes("10.0.0.0/16")
)

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// rule allows a protocol and a destination port; 0 is every port.
func rule(ingress bool, protocol, port int, peers []netip.Prefix) cloud.SecurityRule {
	return cloud.SecurityRule{
		Ingress: ingress, Peers: peers, Protocol: protocol, DestinationPorts: [2]int{port, port}, ICMPType: -1, ICMPCode: -1,
	}
}

const (
	out, in        = false, true
	icmp, tcp, udp = 1, 6, 17
)

func list(name string, rules ...cloud.SecurityRule) cloud.RuleSet {
	return cloud.RuleSet{ID: "ocid1.securitylist..." + name, Name: name, Rules: rules}
}

func subnet(name, cidr string, rules ...cloud.SecurityRule) cloud.Subnet {
	return cloud.Subnet{
		ID: "ocid1.subnet..." + name, Name: name, VcnID: "ocid1.vcn...one", VcnCIDRs: vcn,
		CIDR: netip.MustParsePrefix(cidr), SecurityLists: []cloud.RuleSet{list(name, rules...)},
	}
}

// vnic is the only VNIC of a host with the same name.
func vnic(name string, s cloud.Subnet, address string) cloud.VNIC {
	return cloud.VNIC{
		ID: "ocid1.vnic..." + name, SubnetID: s.ID, Host: name, Primary: true, Addresses: []netip.Addr{addr(address)},
	}
}

// serveTCP answers each line with the name and the client's address, until the test ends.
func serveTCP(t testing.TB, ns *netns.Namespace, address, name string) {
	t.Helper()
	listener, err := ns.Listen(t.Context(), "tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				buffer := make([]byte, 64)
				for {
					if _, err := conn.Read(buffer); err != nil {
						return
					}
					fmt.Fprintf(conn, "%s %s", name, conn.RemoteAddr().(*net.TCPAddr).IP)
				}
			}()
		}
	}()
}

// ask connects, sends a line and returns what is answered.
func ask(ns *netns.Namespace, network, address string, limit time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := ns.Dial(ctx, network, address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	return exchange(conn, limit)
}

func exchange(conn net.Conn, limit time.Duration) (string, error) {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return "", err
	}
	if _, err := io.WriteString(conn, "hello"); err != nil {
		return "", err
	}
	buffer := make([]byte, 64)
	n, err := conn.Read(buffer)
	return string(buffer[:n]), err
}

// answers fails the test unless the answer is as wanted.
func answers(t testing.TB, ns *netns.Namespace, network, address, want string) {
	t.Helper()
	if got, err := ask(ns, network, address, 5*time.Second); err != nil || got != want {
		t.Errorf("%s %s: %q, %v; want %q", network, address, got, err, want)
	}
}

// timesOut fails the test unless nothing comes back: neither an answer nor a refusal.
func timesOut(t testing.TB, ns *netns.Namespace, network, address string) {
	t.Helper()
	got, err := ask(ns, network, address, patience)
	if timeout := net.Error(nil); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%s %s: %q, %v; want a time-out", network, address, got, err)
	}
}

// serveUDP answers each packet with the name and the client's address, until the test ends. Answers come from the
// address that was asked, of which a place outside has more than one.
func serveUDP(t testing.TB, ns *netns.Namespace, address, name string) {
	t.Helper()
	conn := listenPacket(t, ns, "udp4", address).(*net.UDPConn)
	setOption(t, conn, unix.IP_PKTINFO, 1)
	go func() {
		buffer, control := make([]byte, 64), make([]byte, unix.CmsgSpace(unix.SizeofInet4Pktinfo))
		for {
			_, _, _, from, err := conn.ReadMsgUDPAddrPort(buffer, control)
			if err != nil {
				return
			}
			info := control[unix.CmsgLen(0):] // the interface, the source of an answer, the destination (ip(7))
			copy(info[:8], append([]byte{0, 0, 0, 0}, info[8:12]...))
			_, _, _ = conn.WriteMsgUDPAddrPort(fmt.Appendf(nil, "%s %s", name, from.Addr()), control, from)
		}
	}()
}

// setOption sets a socket option of IP.
func setOption(t testing.TB, conn syscall.Conn, option, value int) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, option, value) })
	if err := errors.Join(err, failed); err != nil {
		t.Fatal(err)
	}
}

func listenPacket(t testing.TB, ns *netns.Namespace, network, address string) (conn net.PacketConn) {
	t.Helper()
	err := ns.Do(func() (err error) {
		conn, err = net.ListenPacket(network, address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ping sends an ICMP message and reports whether an echo reply comes back.
func ping(t testing.TB, ns *netns.Namespace, to string, limit time.Duration) bool {
	t.Helper()
	conn := listenPacket(t, ns, "ip4:icmp", "0.0.0.0")
	defer conn.Close()
	message := []byte{8, 0, 0xf7, 0xfd, 0, 1, 0, 1} // echo request, checksum, identifier, number
	if _, err := conn.WriteTo(message, &net.IPAddr{IP: net.ParseIP(to)}); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 64)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return false
		}
		if from.String() == to && n >= 1 && buffer[0] == 0 {
			return true
		}
	}
}

// told fails the test unless a flow is told whose text is as wanted. Flows arrive a moment later than their packets.
func told(t testing.TB, r *router.Router, missing string) {
	t.Helper()
	eventually.Succeeds(t, 5*time.Second, "told", func(context.Context) error {
		var all []string
		for _, flow := range r.Flows() {
			if !flow.Accepted && flow.Missing == missing {
				return nil
			}
			all = append(all, flow.Missing)
		}
		return fmt.Errorf("%q is not among %q", missing, all)
	})
}

// addAddress gives the loopback interface of a host an address, as a Pod of it would have it.
func addAddress(t testing.TB, ns *netns.Namespace, address string) {
	t.Helper()
	nl, err := ns.Netlink()
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	loopback, err := nl.LinkByName("lo")
	if err == nil {
		err = nl.AddrAdd(loopback, &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)}})
	}
	if err != nil {
		t.Fatal(err)
	}
}
