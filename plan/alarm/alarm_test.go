package alarm

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func names(s Stack) (list []string) {
	for _, d := range Definitions(s) {
		list = append(list, d.Name)
	}
	return list
}

func TestDefinitions(t *testing.T) {
	always := []string{"frontend", "database", "silent", "volume"}
	for what, tc := range map[string]struct {
		stack Stack
		more  []string
	}{
		"nothing else":             {Stack{}, nil},
		"backups":                  {Stack{Backups: true}, []string{"backup"}},
		"certificate":              {Stack{Certificates: true}, []string{"certificate"}},
		"a pool that may be empty": {Stack{Pools: []Pool{{"a", 0}}}, nil},
		"pools": {
			Stack{Pools: []Pool{{"a", 2}, {"b", 0}, {"c", 1}}},
			[]string{"nodes-a", "no-nodes-a", "nodes-c", "no-nodes-c"},
		},
	} {
		if got, want := names(tc.stack), slices.Concat(always, tc.more); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}

// TestPoolsAreWatchedOneByOne expects a query of a pool's own nodes: those of another pool must not make up for them.
func TestPoolsAreWatchedOneByOne(t *testing.T) {
	for _, d := range Definitions(Stack{Name: "s", Pools: []Pool{{"a", 2}}}) {
		if d.Pool == "" {
			if !strings.Contains(d.Query, `{stack = "s"}.groupBy(guestbook).`) || d.Namespace != Guestbook {
				t.Errorf("%s: %s %s", d.Name, d.Namespace, d.Query)
			}
			continue
		}
		want := `KubernetesNodeCondition[1m]{nodepoolId = "ocid", nodeCondition = "Ready"}.groupBy(nodepoolId).sum() < 2`
		if d.Name == "no-nodes-a" {
			want = `KubernetesNodeCondition[10m]{nodepoolId = "ocid", nodeCondition = "Ready"}.groupBy(nodepoolId).absent(3d)`
		}
		if query := fmt.Sprintf(d.Query, "ocid"); query != want || d.Namespace != OKE || d.Pool != "a" {
			t.Errorf("%s of pool %s: %s %s, want %s", d.Name, d.Pool, d.Namespace, query, want)
		}
	}
}
