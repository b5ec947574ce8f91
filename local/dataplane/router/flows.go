package router

import (
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/florianl/go-nflog/v2"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router/ruleset"
)

const (
	keptFlows = 16384 // of a second with thousands of connections
	// copied is how much of a packet is read: the longest IPv4 header and the ports.
	copied = 64
)

// flowLog keeps the last flows of all VCNs.
type flowLog struct {
	mu     sync.Mutex
	ring   [keptFlows]cloud.Flow
	total  int
	onFlow func(cloud.Flow)
}

func newFlowLog(onFlow func(cloud.Flow)) *flowLog { return &flowLog{onFlow: onFlow} }

func (f *flowLog) add(flow cloud.Flow) {
	f.mu.Lock()
	f.ring[f.total%keptFlows] = flow
	f.total++
	f.mu.Unlock()
	if f.onFlow != nil {
		f.onFlow(flow)
	}
}

// after returns the kept flows but the first seen of all, the oldest first, and how many there have been.
func (f *flowLog) after(seen int) (kept []cloud.Flow, total int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := max(seen, f.total-keptFlows); i < f.total; i++ {
		kept = append(kept, f.ring[i%keptFlows])
	}
	return kept, f.total
}

// listen receives the decisions that a VCN's rules log, until stop is called.
func (f *flowLog) listen(v *vcn) (stop func() error, err error) {
	var socket *nflog.Nflog
	err = v.ns.Do(func() (err error) {
		socket, err = nflog.Open(&nflog.Config{
			Group: ruleset.LogGroup, Copymode: nflog.CopyPacket, Bufsize: copied, Timeout: 1, QThresh: 32,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	// A receiver that is too slow loses records instead of ending.
	if err := socket.SetOption(netlink.NoENOBUFS, true); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = socket.RegisterWithErrorFunc(ctx, func(a nflog.Attribute) int {
		if flow, ok := v.flow(a); ok && (!flow.Accepted || v.counts.first(flow)) {
			f.add(flow)
		}
		return 0
	}, func(error) int { return 1 })
	if err != nil {
		cancel()
		return nil, errors.Join(err, socket.Close())
	}
	return func() error {
		cancel()
		return socket.Close()
	}, nil
}

// flow reads a logged packet. It has no answer for a VNIC that has just been removed.
func (v *vcn) flow(a nflog.Attribute) (cloud.Flow, bool) {
	words := v.words.Load()
	if a.Prefix == nil || a.Payload == nil || words == nil {
		return cloud.Flow{}, false
	}
	packet, ok := parse(*a.Payload)
	if !ok {
		return cloud.Flow{}, false
	}
	decision := ruleset.Decision(strings.TrimRight(*a.Prefix, "\x00"))
	device := a.InDev
	if decision.Ingress() {
		device = a.OutDev
	}
	if device == nil {
		return cloud.Flow{}, false
	}
	id, ok := v.vnics.Load(int(*device))
	if !ok {
		return cloud.Flow{}, false
	}
	packet.Time = time.Now()
	packet.VNICID, packet.Ingress, packet.Accepted = id.(string), decision.Ingress(), decision.Accepted()
	return words.Explain(packet, decision), true
}

// parse reads an IPv4 packet's addresses, and ports or the kind of ICMP message.
func parse(packet []byte) (ruleset.Packet, bool) {
	const shortestHeader = 20
	if len(packet) < shortestHeader || packet[0]>>4 != 4 {
		return ruleset.Packet{}, false
	}
	p := ruleset.Packet{Flow: cloud.Flow{
		Protocol: int(packet[9]), Packets: 1, Bytes: int(binary.BigEndian.Uint16(packet[2:])),
	}}
	var source, destination uint16
	if rest := packet[min(int(packet[0]&15)*4, len(packet)):]; len(rest) >= 4 {
		switch p.Protocol {
		case unix.IPPROTO_TCP, unix.IPPROTO_UDP:
			source, destination = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
		case unix.IPPROTO_ICMP:
			p.ICMPType, p.ICMPCode = int(rest[0]), int(rest[1])
		}
	}
	p.Source = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[12:16])), source)
	p.Destination = netip.AddrPortFrom(netip.AddrFrom4([4]byte(packet[16:20])), destination)
	return p, true
}
