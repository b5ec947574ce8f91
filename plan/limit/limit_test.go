package limit

import (
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

var domains = []string{"AD-1", "AD-2", "AD-3"}

// find returns the need of a limit in an availability domain.
func find(t *testing.T, needs []Need, name, domain string) Need {
	t.Helper()
	i := slices.IndexFunc(needs, func(n Need) bool { return slices.Contains(n.Names, name) && n.Domain == domain })
	if i < 0 {
		t.Fatalf("nothing needs %s in %q: %+v", name, domain, needs)
	}
	return needs[i]
}

// TestNodes expects the nodes that a new stack has, and those that it may come to have.
func TestNodes(t *testing.T) {
	pool := cluster.NodePool{
		Name: "a", Size: 3, Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BootVolumeGB: 50,
	}
	bounded, cycled, fixed := pool, pool, pool
	bounded.MinSize, bounded.MaxSize = 3, 7
	cycled.MaxSurge = "3"
	fixed.Shape, fixed.OCPUs, fixed.MemoryGB = "VM.Standard2.4", 0, 0
	for _, test := range []struct {
		name         string
		pools        []cluster.NodePool
		limit        string
		amount, most float64
	}{
		{"cores", []cluster.NodePool{pool}, "standard-a1-core-count", 2, 2},
		{"cores of the region", []cluster.NodePool{cycled}, "standard-a1-core-regional-count", 6, 12},
		{"two pools", []cluster.NodePool{pool, pool}, "standard-a1-memory-count", 24, 24},
		{"maxSize", []cluster.NodePool{bounded}, "standard-a1-core-count", 2, 6},
		{"maxSurge", []cluster.NodePool{cycled}, "standard-a1-core-count", 2, 4},
		{"storage", []cluster.NodePool{bounded}, "total-storage-gb", 100, 200},
		{"a shape of one size", []cluster.NodePool{fixed}, "standard2-core-count", 4, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := Stack{
				Cluster: cluster.Spec{NodePools: test.pools}, Domains: domains,
				Guestbooks: []workload.Guestbook{{Spec: workload.Spec{MongoReplicas: 1, StorageGB: 50}}},
				Sizes:      map[string]Size{"VM.Standard2.4": {OCPUs: 4, MemoryGB: 60}},
			}
			domain := domains[0]
			if strings.Contains(test.limit, "regional") {
				domain = ""
			}
			got := find(t, s.Needs(), test.limit, domain)
			if got.Amount != test.amount || got.Most != test.most {
				t.Errorf("%v now and %v at most, want %v and %v", got.Amount, got.Most, test.amount, test.most)
			}
		})
	}
}

func TestZero(t *testing.T) {
	one := Need{Service: "compute", Names: []string{"a", "b"}, Domain: "AD-1", Amount: 2}
	for _, test := range []struct {
		name   string
		amount float64
		known  []Value
		zero   bool
	}{
		{"no limit", 2, nil, false},
		{"another limit", 2, []Value{{Name: "c"}}, false},
		{"0", 2, []Value{{Name: "a", Scope: "REGION"}}, true},
		{"0, and nothing is needed", 0, []Value{{Name: "a", Scope: "REGION"}}, false},
		{"less than is needed", 2, []Value{{Name: "a", Scope: "REGION", Value: 1}}, false},
		{"0 here", 2, []Value{{Name: "a", Scope: "AD", AvailabilityDomain: "AD-1"}}, true},
		{"0 elsewhere", 2, []Value{{Name: "a", Scope: "AD", AvailabilityDomain: "AD-2"}}, false},
		{"0 by one name", 2, []Value{{Name: "a", Scope: "REGION"}, {Name: "b", Scope: "REGION", Value: 4}}, false},
	} {
		need := one
		need.Amount = test.amount
		if got := Zero([]Need{need}, map[string][]Value{"compute": test.known}); (len(got) > 0) != test.zero {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func TestCoreLimits(t *testing.T) {
	for shape, want := range map[string]string{
		"VM.Standard.A1.Flex": "standard-a1-core-count", "VM.Standard3.Flex": "standard3-core-count",
		"VM.Standard2.4": "standard2-core-count", "VM.Optimized3.Flex": "optimized3-core-count", "BM.GPU4.8": "",
	} {
		names, inRegion := coreLimits(shape, "core")
		if got := strings.Join(names, ""); !strings.HasPrefix(got, want) || (got == "") != (inRegion == "") {
			t.Errorf("%s: got %q and %q, want %q", shape, names, inRegion, want)
		}
	}
}
