package netpol_test

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"

	"github.com/vishvananda/netlink"

	"oke-guestbook/local/dataplane/netns"
)

// newHost makes a host behind the node, in a network of four addresses of which the node has the first.
func newHost(t testing.TB, node *netns.Namespace, address netip.Addr) *netns.Namespace {
	t.Helper()
	host := newNamespace(t)
	name := fmt.Sprintf("v%x", address.As4())
	must(t, node.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "eth0", PeerNamespace: netlink.NsFd(host.FD()),
		})
	}))
	must(t, setUp(node, name, address.Prev(), netip.Addr{}))
	must(t, setUp(host, "eth0", address, address.Prev()))
	for _, port := range ports {
		listener, err := host.Listen(t.Context(), "tcp", ":"+strconv.Itoa(port))
		must(t, err)
		t.Cleanup(func() { listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(io.Discard, conn)
					conn.Close()
				}()
			}
		}()
	}
	return host
}

// setUp gives an interface its address, and the namespace a default route if gateway is valid.
func setUp(n *netns.Namespace, name string, address, gateway netip.Addr) error {
	return n.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		network := &net.IPNet{IP: address.AsSlice(), Mask: net.CIDRMask(30, 32)}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: network}); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil || !gateway.IsValid() {
			return err
		}
		return netlink.RouteAdd(&netlink.Route{LinkIndex: link.Attrs().Index, Gw: gateway.AsSlice()})
	})
}
