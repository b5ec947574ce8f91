package netpol

import (
	"context"
	"fmt"
	"time"

	"github.com/florianl/go-nfqueue/v2"
	"sigs.k8s.io/kube-network-policies/pkg/network"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

// headers is how much of a packet is read: as kube-network-policies does, for the addresses and ports.
const headers = 128

// judge accepts and drops the packets of the queue until ctx is done. The kernel accepts those that find no room in the
// queue, and all while nobody judges.
func judge(ctx context.Context, engine *networkpolicy.PolicyEngine, config Config) error {
	queue, err := nfqueue.Open(&nfqueue.Config{
		NfQueue: uint16(config.Queue), Flags: nfqueue.NfQaCfgFlagGSO | nfqueue.NfQaCfgFlagFailOpen,
		MaxPacketLen: headers, MaxQueueLen: 1024, Copymode: nfqueue.NfQnlCopyPacket, WriteTimeout: 100 * time.Millisecond,
	})
	if err != nil {
		return fmt.Errorf("queue %d: %w", config.Queue, err)
	}
	defer queue.Close()
	one := func(a nfqueue.Attribute) int {
		verdict, packet, err := verdictOf(ctx, engine, *a.Payload)
		if err == nil {
			err = queue.SetVerdict(*a.PacketID, verdict)
		}
		if err != nil {
			config.Log.Error("packet", "error", err)
		} else if verdict == nfqueue.NfDrop {
			config.Log.Info("dropped", "from", packet.SrcIP, "to", packet.DstIP, "protocol", packet.Proto,
				"port", packet.DstPort)
		}
		return 0
	}
	err = queue.RegisterWithErrorFunc(ctx, one, func(err error) int {
		if ctx.Err() == nil {
			config.Log.Warn("queue", "error", err)
		}
		return 0
	})
	if err != nil {
		return fmt.Errorf("queue %d: %w", config.Queue, err)
	}
	<-ctx.Done()
	return nil
}

// verdictOf judges a packet. It accepts what it cannot read, as kube-network-policies does where it fails open.
func verdictOf(ctx context.Context, engine *networkpolicy.PolicyEngine, payload []byte) (int, network.Packet, error) {
	packet, err := network.ParsePacket(payload)
	if err != nil {
		return nfqueue.NfAccept, packet, nil
	}
	allowed, err := engine.EvaluatePacket(ctx, &packet)
	if err == nil && !allowed {
		return nfqueue.NfDrop, packet, nil
	}
	return nfqueue.NfAccept, packet, err
}
