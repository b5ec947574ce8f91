package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// localCloud is what the cloud holds of stack local as the repository sets it, by kind. Beside what the program asks for:
// the VCN's defaults, the node pool's instances with their boot volumes, the cloud controller's load balancer, and the volume
// of the database's claim. Four things have an address in a subnet (the API endpoint, two nodes, the load balancer), two a
// public one (the NAT gateway and the load balancer).
var localCloud = map[string]int{
	"vcn": 1, "dhcpoptions": 1, "internetgateway": 1, "natgateway": 1, "servicegateway": 1,
	"routetable": 4, "securitylist": 4, "subnet": 3, "vnic": 4, "privateip": 4, "publicip": 2,
	"cluster": 1, "nodepool": 1, "instance": 2, "bootvolume": 2, "loadbalancer": 1, "volume": 1, "volumeattachment": 1,
}

// whole asserts that cloud and state hold all of stack local as the repository sets it, and nothing twice.
func (s *stack) whole() {
	s.t.Helper()
	s.eventually(shortly, "the whole inventory", func() (bool, string) {
		got := s.inventory()
		var differences []string
		for _, kind := range slices.Sorted(maps.Keys(union(got, localCloud))) {
			if got[kind] != localCloud[kind] {
				differences = append(differences, fmt.Sprintf("%d of kind %s, want %d", got[kind], kind, localCloud[kind]))
			}
		}
		return len(differences) == 0, strings.Join(differences, "; ")
	})
	golden, err := os.ReadFile("../../tests/testdata/local.graph")
	s.must(err)
	want := map[string]int{}
	for line := range strings.Lines(string(golden)) {
		fields := strings.Fields(line) // type, name and parent
		want[fields[0]+" "+fields[1]]++
	}
	got := map[string]int{}
	for urn := range s.resources() {
		parts := strings.Split(urn, "::") // urn:pulumi:local, project, types of the parents and its own, name
		types := strings.Split(parts[2], "$")
		got[types[len(types)-1]+" "+parts[3]]++
	}
	for key := range union(got, want) {
		if got[key] != want[key] {
			s.t.Errorf("the state holds %d of %s, the program makes %d", got[key], key, want[key])
		}
	}
}

func union(a, b map[string]int) map[string]int {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}
