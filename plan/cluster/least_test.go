package cluster

import "testing"

func TestLeastNodes(t *testing.T) {
	for name, tc := range map[string]struct {
		pool NodePool
		want int
	}{
		"fixed":                        {NodePool{Size: 3}, 5},
		"the program's autoscaler":     {NodePool{Size: 3, MinSize: 1, MaxSize: 4}, 3},
		"an autoscaler of the user's":  {NodePool{Size: 3, Autoscaled: true}, 2},
		"an autoscaler down to no one": {NodePool{Size: 3, MaxSize: 4}, 2},
	} {
		s := Spec{NodePools: []NodePool{{Size: 2}, tc.pool}}
		if got := s.LeastNodes(); got != tc.want {
			t.Errorf("%s: %d nodes, want %d", name, got, tc.want)
		}
	}
}
