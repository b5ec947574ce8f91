package cluster

import (
	"slices"
	"strings"

	"oke-guestbook/plan/problem"
)

// FoundKey is a key of Vault as the cloud has it.
type FoundKey struct{ State, Algorithm string }

// CheckFound adds why the key cannot be used.
func (k Key) CheckFound(list *problem.List, found FoundKey) {
	switch {
	case found.State != "ENABLED":
		list.Add(k.Setting, "the key %s is %s, and must be ENABLED", k.ID, found.State)
	case k.Algorithm != "" && found.Algorithm != "" && found.Algorithm != k.Algorithm:
		list.Add(k.Setting, "the key %s is an %s key, and an %s key is needed", k.ID, found.Algorithm, k.Algorithm)
	}
}

// FoundReservation is a capacity reservation as the cloud has it.
type FoundReservation struct {
	AvailabilityDomain string
	Machines           []Machine
}

// Machine is a kind of machine. One of a fixed shape has no size.
type Machine struct {
	Shape           string
	OCPUs, MemoryGB float64
}

// CheckReservation adds why nodes of the pool cannot use the reservation that its setting names. How much of it is left
// is not judged: the pool's own nodes use it. The domains are those of the pool.
func (p NodePool) CheckReservation(list *problem.List, setting string, found FoundReservation, domains []string) {
	for _, domain := range domains {
		if !strings.EqualFold(domain, found.AvailabilityDomain) {
			list.Add(setting, "the reservation is in %s, and the pool in %s", found.AvailabilityDomain, domain)
		}
	}
	if !slices.ContainsFunc(found.Machines, p.suits) {
		list.Add(setting, "the reservation holds no machines as the pool's, %s with %v OCPUs and %v GB",
			p.Shape, p.OCPUs, p.MemoryGB)
	}
}

// suits reports whether a reservation's machines are those of the pool.
func (p NodePool) suits(m Machine) bool {
	if m.Shape != p.Shape || m.OCPUs == 0 || p.OCPUs == 0 {
		return m.Shape == p.Shape
	}
	return m.OCPUs == p.OCPUs && m.MemoryGB == p.MemoryGB
}

// CheckGroup adds that a network security group of nodes is of a VCN that is not the stack's.
func CheckGroup(list *problem.List, setting, vcnID string) {
	list.Add(setting, "the group is of VCN %s, which is not the stack's: nodes can be in groups of their VCN only",
		vcnID).DependsOn("vcnId")
}
