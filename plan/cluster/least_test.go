package cluster

import "testing"

func TestLeast(t *testing.T) {
	for name, tc := range map[string]struct {
		pool NodePool
		want int
	}{
		"fixed":                        {NodePool{Size: 3}, 3},
		"the program's autoscaler":     {NodePool{Size: 3, MinSize: 1, MaxSize: 4}, 1},
		"an autoscaler of the user's":  {NodePool{Size: 3, Autoscaled: true}, 0},
		"an autoscaler down to no one": {NodePool{Size: 3, MaxSize: 4}, 0},
	} {
		if got := tc.pool.Least(); got != tc.want {
			t.Errorf("%s: %d nodes, want %d", name, got, tc.want)
		}
	}
}
