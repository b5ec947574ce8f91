package podnet

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Priorities of routing rules: what goes to a Pod of this node stays on it; answers to what came in by the primary
// interface, such as through a node port, leave by it; all else that a Pod sends leaves by the Pod's VNIC.
const (
	toPodPriority   = 512
	answerPriority  = 1024
	fromPodPriority = 1536
)

// answerMark marks connections that came in by the primary interface. Kube-proxy uses bit 14.
const answerMark = 0x80

// firstTable is the routing table of the first VNIC for Pods. The others follow.
const firstTable = 100

// applyVNICs makes a routing table for each VNIC.
func applyVNICs(vnics []VNIC) error {
	rules := fmt.Sprintf(`chain prerouting {
		type filter hook prerouting priority mangle; policy accept;
		iifname "%s*" ct mark & %#x == %#x meta mark set meta mark | %#x return
		iifname "%s*" return
	`, LinkPrefix, answerMark, answerMark, answerMark, LinkPrefix)
	for i, v := range vnics {
		link, err := netlink.LinkByName(v.Interface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", v.Interface, err)
		}
		// The router asks for the addresses of Pods at once.
		delay := "/proc/sys/net/ipv4/neigh/" + v.Interface + "/proxy_delay"
		if err := os.WriteFile(delay, []byte("0"), 0); err != nil {
			return err
		}
		for _, r := range []*netlink.Route{
			{LinkIndex: link.Attrs().Index, Dst: ipNet(v.Subnet.Masked()), Scope: netlink.SCOPE_LINK, Table: firstTable + i},
			{
				LinkIndex: link.Attrs().Index, Dst: ipNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), Table: firstTable + i,
				Gw: v.Gateway.AsSlice(), Flags: unix.RTNH_F_ONLINK,
			},
		} {
			if err := netlink.RouteReplace(r); err != nil {
				return fmt.Errorf("route to %s by %s: %w", r.Dst, v.Interface, err)
			}
		}
		rules += fmt.Sprintf("iifname %q return\n", v.Interface)
	}
	rule := netlink.NewRule()
	rule.Priority, rule.Table = answerPriority, unix.RT_TABLE_MAIN
	rule.Mark, rule.Mask = answerMark, new(uint32(answerMark))
	if err := netlink.RuleAdd(rule); err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("routing rule for answers: %w", err)
	}
	return nft(rules + fmt.Sprintf("ct state new ct mark set ct mark | %#x\n}\n", answerMark))
}

// exposePod lets a Pod's address be reached at its VNIC, and lets the Pod send by it.
func exposePod(pod netip.Addr, vnics []VNIC) error {
	i := slices.IndexFunc(vnics, func(v VNIC) bool { return slices.Contains(v.Addresses, pod) })
	if i < 0 {
		return fmt.Errorf("no VNIC for Pods has the address %s", pod)
	}
	proxy, err := proxyNeigh(pod, vnics[i])
	if err == nil {
		err = netlink.NeighSet(proxy)
	}
	if err != nil {
		return fmt.Errorf("address %s at %s: %w", pod, vnics[i].Interface, err)
	}
	for _, r := range podRules(pod, firstTable+i) {
		if err := netlink.RuleAdd(r); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("routing rule of %s: %w", pod, err)
		}
	}
	return nil
}

// hidePod undoes exposePod.
func hidePod(pod netip.Addr, vnics []VNIC) error {
	var errs []error
	for i, v := range vnics {
		if !slices.Contains(v.Addresses, pod) {
			continue
		}
		proxy, err := proxyNeigh(pod, v)
		if err != nil {
			return err
		}
		if err := netlink.NeighDel(proxy); err != nil && !absent(err) {
			errs = append(errs, err)
		}
		for _, r := range podRules(pod, firstTable+i) {
			if err := netlink.RuleDel(r); err != nil && !absent(err) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// proxyNeigh makes the kernel answer for a Pod's address at a VNIC.
func proxyNeigh(pod netip.Addr, v VNIC) (*netlink.Neigh, error) {
	link, err := netlink.LinkByName(v.Interface)
	if err != nil {
		return nil, err
	}
	return &netlink.Neigh{
		LinkIndex: link.Attrs().Index, Family: netlink.FAMILY_V4, Flags: netlink.NTF_PROXY, IP: pod.AsSlice(),
	}, nil
}

func podRules(pod netip.Addr, table int) []*netlink.Rule {
	to, from := netlink.NewRule(), netlink.NewRule()
	to.Priority, to.Table, to.Dst = toPodPriority, unix.RT_TABLE_MAIN, host(pod)
	from.Priority, from.Table, from.Src = fromPodPriority, table, host(pod)
	return []*netlink.Rule{to, from}
}
