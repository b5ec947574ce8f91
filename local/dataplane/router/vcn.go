package router

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// vcn is the router of one VCN, in a namespace of its own, because the addresses of two VCNs may be the same.
type vcn struct {
	id     string
	ns     *netns.Namespace
	nl     *netlink.Handle // in ns
	places map[string]*uplink
	rules  string           // what nft was given
	links  map[string]*link // by the VNIC's OCID
	served []netip.Prefix   // Oracle's services, as routes to them
	local  []netip.Addr     // the subnets' gateways, which are the router's own addresses
	vnics  sync.Map         // OCIDs by the index of their interface in the router, for flows
	words  atomic.Pointer[ruleset.Words]
	owners map[netip.Addr]string // OCIDs of VNICs by their addresses
	counts *counts
	stop   func() error // ends the flow log
}

// newVCN makes the router and its links to the internet and to Oracle's services.
func newVCN(id string, r *Router) (*vcn, error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	v := &vcn{id: id, ns: ns, places: map[string]*uplink{}, links: map[string]*link{}, counts: newCounts()}
	if err := v.start(r); err != nil {
		return nil, errors.Join(err, v.close())
	}
	return v, nil
}

func (v *vcn) start(r *Router) (err error) {
	if err = v.ns.Do(prepareRouter); err != nil {
		return err
	}
	if v.nl, err = v.ns.Netlink(); err != nil {
		return err
	}
	r.made++
	for _, p := range []*place{r.internet, r.services} {
		if v.places[p.name], err = v.connect(p, r.made); err != nil {
			return fmt.Errorf("link to %s: %w", p.name, err)
		}
	}
	if err = v.nl.RouteAdd(v.places[internetName].toPlace(everywhere)); err != nil {
		return fmt.Errorf("default route: %w", err)
	}
	v.stop, err = r.flows.listen(v)
	return err
}

// apply makes the VCN be as described: the rules first, so that nothing passes a new interface that they do not allow.
func (v *vcn) apply(ctx context.Context, n cloud.Network, host func(string) (*netns.Namespace, error)) error {
	rules, err := ruleset.Compile(n)
	if err != nil {
		return err
	}
	if rules != v.rules {
		if err := v.ns.Do(func() error { return errors.Join(runNft(ctx, rules), countPackets()) }); err != nil {
			return err
		}
		v.rules = rules
	}
	v.words.Store(ruleset.NewWords(n))
	return errors.Join(v.setOwners(n.VNICs), v.applyGateways(n), v.applyServices(n), v.applyPublic(n),
		v.applyLinks(n, host))
}

// runNft replaces the table. It runs in the router's namespace: the child inherits that of the thread.
func runNft(ctx context.Context, rules string) error {
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(rules)
	if output, err := nft.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// applyLinks makes the interfaces of VNICs and removes those of VNICs that are gone.
func (v *vcn) applyLinks(n cloud.Network, host func(string) (*netns.Namespace, error)) error {
	var failed []error
	wanted := describeInterfaces(n)
	for id, l := range v.links {
		if spec, ok := wanted[id]; !ok || spec != l.interfaceSpec {
			v.vnics.Delete(l.index)
			failed = append(failed, v.removeLink(l))
			delete(v.links, id)
		}
	}
	for _, vnic := range n.VNICs {
		if v.links[vnic.ID] == nil {
			ns, err := host(vnic.Host)
			if err == nil {
				v.links[vnic.ID], err = v.makeLink(vnic.ID, wanted[vnic.ID], ns)
			}
			if err != nil {
				delete(v.links, vnic.ID)
				failed = append(failed, fmt.Errorf("VNIC %s: %w", vnic.ID, err))
				continue
			}
			v.vnics.Store(v.links[vnic.ID].index, vnic.ID)
		}
		if err := v.applySecondary(v.links[vnic.ID], vnic.Addresses[1:]); err != nil {
			failed = append(failed, fmt.Errorf("VNIC %s: %w", vnic.ID, err))
		}
	}
	return errors.Join(failed...)
}

// applyGateways gives the router the first address of each subnet, which hosts have as default gateway.
func (v *vcn) applyGateways(n cloud.Network) error {
	var wanted []netip.Addr
	for _, subnet := range n.Subnets {
		wanted = append(wanted, gatewayOf(subnet))
	}
	loopback, err := v.nl.LinkByName("lo")
	if err != nil {
		return err
	}
	v.local, err = reconcile(v.local, wanted,
		func(a netip.Addr) error { return v.nl.AddrReplace(loopback, &netlink.Addr{IPNet: hostNet(a)}) },
		func(a netip.Addr) error { return v.nl.AddrDel(loopback, &netlink.Addr{IPNet: hostNet(a)}) })
	return err
}

// applyServices routes Oracle's services there instead of to the internet, whichever gateway leads to them.
func (v *vcn) applyServices(n cloud.Network) (err error) {
	wanted := slices.Clone(n.ServiceCIDRs)
	for _, subnet := range n.Subnets {
		for _, route := range subnet.Routes {
			if route.Gateway == cloud.ServiceGateway {
				wanted = append(wanted, route.Destinations...)
			}
		}
	}
	v.served, err = reconcile(v.served, wanted,
		func(p netip.Prefix) error { return v.nl.RouteReplace(v.places[servicesName].toPlace(p)) },
		func(p netip.Prefix) error { return v.nl.RouteDel(v.places[servicesName].toPlace(p)) })
	return err
}

// applyPublic routes the VCN's public addresses from both places to the VCN.
func (v *vcn) applyPublic(n cloud.Network) error {
	var wanted []netip.Addr
	for _, vnic := range n.VNICs {
		for _, address := range vnic.PublicIPs {
			wanted = append(wanted, address)
		}
	}
	for _, subnet := range n.Subnets {
		for _, route := range subnet.Routes {
			if route.Gateway == cloud.NATGateway && route.PublicIP.IsValid() {
				wanted = append(wanted, route.PublicIP)
			}
		}
	}
	var failed []error
	for _, u := range v.places {
		var err error
		u.public, err = reconcile(u.public, wanted, u.addPublic, u.deletePublic)
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// close releases the router. All its links end with its namespace.
func (v *vcn) close() error {
	var failed []error
	if v.stop != nil {
		failed = append(failed, v.stop())
	}
	for _, u := range v.places {
		if u != nil {
			u.far.Close()
		}
	}
	if v.nl != nil {
		v.nl.Close()
	}
	return errors.Join(append(failed, v.ns.Close())...)
}

// reconcile adds what is wanted and not there, and removes what is there and not wanted. It returns what is there now.
func reconcile[T comparable](have, wanted []T, add, remove func(T) error) (now []T, err error) {
	var failed []error
	for _, one := range have {
		if !slices.Contains(wanted, one) {
			if err := remove(one); err != nil {
				failed = append(failed, fmt.Errorf("remove %v: %w", one, err))
				now = append(now, one)
			}
			continue
		}
		now = append(now, one)
	}
	for _, one := range wanted {
		if !slices.Contains(now, one) {
			if err := add(one); err != nil {
				failed = append(failed, fmt.Errorf("add %v: %w", one, err))
				continue
			}
			now = append(now, one)
		}
	}
	return now, errors.Join(failed...)
}
