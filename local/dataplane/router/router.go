// Package router carries the packets of the emulator's VCNs. Each instance, load balancer and cluster endpoint has a
// network namespace, each VNIC is an interface in it, and every packet passes the router of its VCN, which decides by
// security rules, route tables and gateways as OCI does. README.md has the rules and their sources.
package router

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/router/ruleset"
)

// Router carries the packets of all VCNs. Its methods may be called at the same time.
type Router struct {
	mu       sync.Mutex // held by Apply and Close, and to read vcns and hosts
	internet *place
	services *place
	vcns     map[string]*vcn             // by OCID
	hosts    map[string]*netns.Namespace // by OCID
	flows    *flowLog
	made     int // VCNs so far
}

// New makes the internet and Oracle's services, and no VCN yet. It needs CAP_NET_ADMIN and CAP_SYS_ADMIN, and nft in
// PATH. Each flow is given to onFlow, which may be nil and must not block.
func New(onFlow func(cloud.Flow)) (*Router, error) {
	r := &Router{vcns: map[string]*vcn{}, hosts: map[string]*netns.Namespace{}, flows: newFlowLog(onFlow)}
	var err error
	if r.internet, err = newPlace(internetName, internetMTU); err != nil {
		return nil, err
	}
	if r.services, err = newPlace(servicesName, vcnMTU); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Apply makes the VCNs be as described. What is as described already is left alone, and a VCN's rules are replaced at
// once, so that no packet is lost. After an error the next Apply completes what this one did not.
func (r *Router) Apply(ctx context.Context, n cloud.Network) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	described := ruleset.ByVCN(n)
	var failed []error
	for id, network := range described {
		if r.vcns[id] == nil {
			made, err := newVCN(id, r)
			if err != nil {
				failed = append(failed, fmt.Errorf("VCN %s: %w", id, err))
				continue
			}
			r.vcns[id] = made
		}
		if err := r.vcns[id].apply(ctx, network, r.host); err != nil {
			failed = append(failed, fmt.Errorf("VCN %s: %w", id, err))
		}
	}
	for id, vcn := range r.vcns {
		if _, ok := described[id]; !ok {
			failed = append(failed, vcn.close())
			delete(r.vcns, id)
		}
	}
	failed = append(failed, r.releaseHosts(n))
	return errors.Join(failed...)
}

// host returns the namespace of a host, and makes it at first.
func (r *Router) host(id string) (*netns.Namespace, error) {
	if r.hosts[id] == nil {
		made, err := netns.New()
		if err != nil {
			return nil, err
		}
		if err := made.Do(prepareHost); err != nil {
			return nil, errors.Join(fmt.Errorf("host %s: %w", id, err), made.Close())
		}
		r.hosts[id] = made
	}
	return r.hosts[id], nil
}

// releaseHosts closes the namespaces of hosts that have no VNIC any more.
func (r *Router) releaseHosts(n cloud.Network) error {
	var failed []error
	for id, host := range r.hosts {
		if !slices.ContainsFunc(n.VNICs, func(v cloud.VNIC) bool { return v.Host == id }) {
			failed = append(failed, host.Close())
			delete(r.hosts, id)
		}
	}
	return errors.Join(failed...)
}

// Host returns the namespace of an instance, load balancer or cluster by its OCID; nil if it has no VNIC. Interfaces
// are eth0 for the primary VNIC, then eth1 and so on. An interface has the VNIC's primary address. The other ones are
// routed to it and not configured, as on an instance: they are for Pods. The router keeps the namespace until no VNIC
// of the host is described any more; the caller must not close it.
func (r *Router) Host(id string) *netns.Namespace {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hosts[id]
}

// Internet returns the internet. Every address that no VCN has is its own: a listener on 0.0.0.0 accepts connections to
// any of them, and learns by its connections' LocalAddr which one was dialled. Connections come from ClientAddress
// unless the client binds another one.
func (r *Router) Internet() *netns.Namespace { return r.internet.ns }

// Services returns Oracle's services, which listen as those of Internet do. Only their ranges lead there.
func (r *Router) Services() *netns.Namespace { return r.services.ns }

// Flows returns the last flows, the oldest first: 16384 at most. FlowsAfter leaves those out that were seen.
func (r *Router) Flows() []cloud.Flow {
	flows, _, _ := r.FlowsAfter(0)
	return flows
}

// FlowsAfter returns the flows after the first seen of all, as far as they are kept, and how many there have been. An
// accepted flow is told by its first packet, and by the further ones whenever this is called: do so each second or so,
// because the kernel forgets a connection 10 s after its end.
func (r *Router) FlowsAfter(seen int) (flows []cloud.Flow, total int, err error) {
	r.mu.Lock()
	for _, vcn := range r.vcns {
		more, failed := vcn.count()
		err = errors.Join(err, failed)
		for _, flow := range more {
			r.flows.add(flow)
		}
	}
	r.mu.Unlock()
	flows, total = r.flows.after(seen)
	return flows, total, err
}

// Close ends all VCNs. Namespaces end when nothing uses them any more.
func (r *Router) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failed []error
	for _, vcn := range r.vcns {
		failed = append(failed, vcn.close())
	}
	for host := range maps.Values(r.hosts) {
		failed = append(failed, host.Close())
	}
	for _, p := range []*place{r.internet, r.services} {
		if p != nil {
			failed = append(failed, p.ns.Close())
		}
	}
	r.vcns, r.hosts, r.internet, r.services = nil, nil, nil, nil
	return errors.Join(failed...)
}
