package netpol

import (
	"fmt"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"
)

// ruleSet writes the rules that send packets to a queue.
type ruleSet struct{ queue uint16 }

const tableName = "network-policies"

// replace sends the first packets of the connections from and to the addresses to the queue: those of Pods of this node
// that policies select. Each packet is seen after its destination and before its source was translated.
func (s ruleSet) replace(addresses []netip.Addr) error {
	conn, err := nftables.New()
	if err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyIPv4}
	conn.AddTable(table)
	conn.DelTable(table) // with what is in it
	conn.AddTable(table)
	pods := &nftables.Set{Table: table, Name: "pods", KeyType: nftables.TypeIPAddr}
	var elements []nftables.SetElement
	for _, a := range addresses {
		if a.Is4() {
			elements = append(elements, nftables.SetElement{Key: a.AsSlice()})
		}
	}
	if err := conn.AddSet(pods, elements); err != nil {
		return fmt.Errorf("set of Pods: %w", err)
	}
	add := func(chain *nftables.Chain, parts ...[]expr.Any) {
		rule := &nftables.Rule{Table: table, Chain: chain}
		for _, p := range parts {
			rule.Exprs = append(rule.Exprs, p...)
		}
		conn.AddRule(rule)
	}
	forwarded := conn.AddChain(&nftables.Chain{
		Table: table, Name: "postrouting", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookPostrouting,
		Priority: nftables.ChainPriorityRef(*nftables.ChainPriorityNATSource - 5),
	})
	add(forwarded, byRoot, accept) // the kubelet's probes
	add(forwarded, known, accept)
	add(forwarded, in(source, pods), s.judged())
	add(forwarded, in(destination, pods), s.judged())
	local := conn.AddChain(&nftables.Chain{
		Table: table, Name: "input", Type: nftables.ChainTypeFilter, Hooknum: nftables.ChainHookInput,
		Priority: nftables.ChainPriorityFilter,
	})
	add(local, known, accept)
	add(local, in(source, pods), s.judged())
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("nftables: %w", err)
	}
	return nil
}

// Parts of rules. Addresses are at these offsets of an IPv4 header.
const (
	source      = 12
	destination = 16
)

var (
	accept = []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}}
	byRoot = []expr.Any{
		&expr.Meta{Key: expr.MetaKeySKUID, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: make([]byte, 4)},
	}
	known = []expr.Any{
		&expr.Ct{Key: expr.CtKeySTATE, Register: 1},
		&expr.Bitwise{
			SourceRegister: 1, DestRegister: 1, Len: 4, Xor: make([]byte, 4),
			Mask: binaryutil.NativeEndian.PutUint32(expr.CtStateBitESTABLISHED | expr.CtStateBitRELATED),
		},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: make([]byte, 4)},
	}
)

// in matches packets with an address of the set at the offset.
func in(offset uint32, set *nftables.Set) []expr.Any {
	return []expr.Any{
		&expr.Payload{Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: 4, DestRegister: 1},
		&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
	}
}

// judged sends packets to the queue by iptables' target NFQUEUE, revision 3: number of the queue, number of queues,
// flags (Linux, include/uapi/linux/netfilter/xt_NFQUEUE.h).
func (s ruleSet) judged() []expr.Any {
	const bypass = 1 // accept while nobody reads the queue
	info := make(xt.Unknown, 0, unix.SizeofLong)
	for _, field := range []uint16{s.queue, 1, bypass, 0} { // the last fills the structure up
		info = append(info, binaryutil.NativeEndian.PutUint16(field)...)
	}
	return []expr.Any{&expr.Target{Name: "NFQUEUE", Rev: 3, Info: &info}}
}
