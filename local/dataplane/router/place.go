package router

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// MTUs in bytes: jumbo frames in a VCN, 1500 on the internet (Oracle,
// "Hanging Connection", overview of MTU; not tried).
const (
	vcnMTU      = 9000
	internetMTU = 1500
)

const (
	internetName = ruleset.Internet
	servicesName = ruleset.Services
)

// ClientAddress is where connections from the internet come from, unless their client binds another address. It is of
// TEST-NET-2 (RFC 5737), like addresses that documentation shows.
var ClientAddress = netip.MustParseAddr("198.51.100.1")

// vcnTable is the routing table of a place that has the addresses of VCNs. Rules consult it before the local table,
// which has all addresses.
const vcnTable = 100

// gatewayAddress is the next hop from every VCN to a place. Links between VCNs and places have addresses of
// 198.18.0.0/15, which no other network uses (RFC 2544).
var gatewayAddress = netip.MustParseAddr("198.19.255.254")

// place is a namespace outside all VCNs.
type place struct {
	ns   *netns.Namespace
	name string // of the interface in a VCN's router that leads here
	mtu  int
}

func newPlace(name string, mtu int) (*place, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	p := &place{ns, name, mtu}
	// A client of one VCN reaches the public addresses of another one.
	err = ns.Do(func() error {
		return errors.Join(setNetworkSettings(map[string]string{
			"ip_forward": "1", "conf/all/rp_filter": "0", "conf/default/rp_filter": "0",
			"conf/all/send_redirects": "0", "conf/default/send_redirects": "0",
		}), p.ownEverything())
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), ns.Close())
	}
	return p, nil
}

// ownEverything makes every address local, except those that vcnTable has.
func (p *place) ownEverything() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	rule := func(priority, table int) *netlink.Rule {
		r := netlink.NewRule()
		r.Priority, r.Table, r.Family = priority, table, unix.AF_INET
		return r
	}
	first := rule(0, unix.RT_TABLE_LOCAL)
	if err := errors.Join(
		netlink.RuleAdd(rule(10, vcnTable)), netlink.RuleAdd(rule(20, unix.RT_TABLE_LOCAL)), netlink.RuleDel(first),
	); err != nil {
		return fmt.Errorf("routing rules: %w", err)
	}
	return errors.Join(
		netlink.AddrAdd(loopback, &netlink.Addr{IPNet: hostNet(ClientAddress)}),
		netlink.RouteAdd(&netlink.Route{
			LinkIndex: loopback.Attrs().Index, Table: unix.RT_TABLE_LOCAL, Type: unix.RTN_LOCAL,
			Scope: unix.RT_SCOPE_HOST, Dst: anywhere,
		}))
}

// prepareHost sets what a host's namespace needs. It runs there. A host with several VNICs answers through the one that
// was asked, by rules (link.go).
func prepareHost() error {
	return setNetworkSettings(map[string]string{"conf/all/rp_filter": "0", "conf/default/rp_filter": "0"})
}

// prepareRouter does the same for a VCN's router. It answers ARP for every address that is behind another interface, so
// that traffic within a subnet passes it too.
func prepareRouter() error {
	return setNetworkSettings(map[string]string{
		"ip_forward": "1", "conf/all/rp_filter": "0", "conf/default/rp_filter": "0",
		"conf/all/send_redirects": "0", "conf/default/send_redirects": "0",
		"conf/all/proxy_arp": "1",
	})
}

// setNetworkSettings writes files below /proc/sys/net/ipv4 of the calling thread's namespace.
func setNetworkSettings(values map[string]string) error {
	for name, value := range values {
		if err := setSetting(filepath.Join("/proc/sys/net/ipv4", name), value); err != nil {
			return err
		}
	}
	return nil
}

func setSetting(path, value string) error { return os.WriteFile(path, []byte(value), 0o644) }

var (
	everywhere = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	anywhere   = ipNet(everywhere)
)

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func hostNet(address netip.Addr) *net.IPNet {
	return ipNet(netip.PrefixFrom(address, address.BitLen()))
}
