package main

import (
	"net"
	"net/netip"
	"slices"

	"github.com/pires/go-proxyproto"
)

// withVisitors makes a listener whose connections from the given senders have the visitor's address: they must begin
// with the header of the PROXY protocol, as a network load balancer sends it. Nobody else's header is read, as it could
// name any address.
func withVisitors(listener net.Listener, senders []netip.Prefix) net.Listener {
	if len(senders) == 0 {
		return listener
	}
	return &proxyproto.Listener{
		Listener: listener,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			from, err := netip.ParseAddrPort(o.Upstream.String())
			if err == nil && slices.ContainsFunc(senders, func(p netip.Prefix) bool { return p.Contains(from.Addr().Unmap()) }) {
				return proxyproto.REQUIRE, nil
			}
			return proxyproto.SKIP, nil
		},
	}
}
