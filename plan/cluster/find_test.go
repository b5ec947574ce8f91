package cluster

import (
	"slices"
	"strings"
	"testing"
)

var stackTags = map[string]string{"project": "book", "stack": "dev", "team": "web"}

// TestFind expects the stack's cluster whatever it is called, or one of its name where no cluster has the stack's tags.
func TestFind(t *testing.T) {
	own := map[string]string{"project": "book", "stack": "dev", "team": "another"}
	foreign := map[string]string{"project": "book", "stack": "prod"}
	cluster := func(id, name, state, version string, tags map[string]string) Listed {
		return Listed{ID: id, Name: name, State: state, Version: version, Tags: tags}
	}
	a := cluster("a", "book-dev", "ACTIVE", "v1.35.2", own)
	for _, tc := range []struct {
		what string
		more []Listed // listed before and after a
		want string
	}{
		{"alone", nil, "a"},
		{"another stack's", []Listed{cluster("b", "book-prod", "ACTIVE", "v1.36.4", foreign)}, "a"},
		{"the name without tags", []Listed{cluster("b", "book-dev", "ACTIVE", "v1.36.4", nil)}, "a"},
		{"the name with others' tags", []Listed{cluster("b", "book-dev", "ACTIVE", "v1.36.4", foreign)}, "a"},
		{"a deleted one", []Listed{cluster("b", "book-dev", "DELETED", "v1.36.4", own)}, "a"},
		{"a failed one", []Listed{cluster("b", "book-dev", "FAILED", "v1.36.4", own)}, "a"},
		{"a copy with the tags", []Listed{cluster("b", "copy", "ACTIVE", "v1.36.4", own)}, "a"},
		{"another one of that version", []Listed{cluster("b", "book-dev", "ACTIVE", "v1.35.2", own)}, "a b"},
		{"another one of another version", []Listed{cluster("b", "book-dev", "ACTIVE", "v1.36.4", own)}, "error"},
	} {
		before, after := append(slices.Clone(tc.more), a), append([]Listed{a}, tc.more...)
		for _, all := range [][]Listed{before, after} {
			if got := idsFound(t, all); got != tc.want {
				t.Errorf("%s: found %q, want %q", tc.what, got, tc.want)
			}
		}
	}
	renamed := cluster("a", "renamed", "ACTIVE", "v1.35.2", own)
	for _, tc := range []struct {
		what string
		all  []Listed
		want string
	}{
		{"renamed", []Listed{renamed}, "a"},
		{"renamed, and a failed one", []Listed{renamed, cluster("b", "book-dev", "FAILED", "v1.36.4", own)}, "a"},
		{"renamed, and another of the name", []Listed{renamed, cluster("b", "book-dev", "ACTIVE", "v1.36.4", nil)}, "a"},
		{"a failed one alone", []Listed{cluster("a", "book-dev", "FAILED", "v1.35.2", own)}, "a"},
		{"without its tags", []Listed{cluster("a", "book-dev", "ACTIVE", "v1.35.2", nil)}, "a"},
		{"with another name and no tags", []Listed{cluster("a", "renamed", "ACTIVE", "v1.35.2", nil)}, ""},
		{"two with another name", []Listed{renamed, cluster("b", "copy", "ACTIVE", "v1.36.4", own)}, "error"},
		{"none", nil, ""},
	} {
		if got := idsFound(t, tc.all); got != tc.want {
			t.Errorf("%s: found %q, want %q", tc.what, got, tc.want)
		}
	}
}

// idsFound returns the OCIDs of the clusters of stack dev in order, or "error" if two can be the stack's.
func idsFound(t *testing.T, all []Listed) string {
	t.Helper()
	found, err := Find(all, "book-dev", stackTags)
	if err != nil {
		for _, part := range []string{
			"a, named", "b, named", "v1.35.2", "v1.36.4", "rename it, and name this stack's book-dev",
		} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("the error does not say %q: %v", part, err)
			}
		}
		return "error"
	}
	var ids []string
	for _, c := range found {
		ids = append(ids, c.ID)
	}
	slices.Sort(ids)
	return strings.Join(ids, " ")
}

// TestNamesOfPools expects a pool by its tag before its name, in any order of the list.
func TestNamesOfPools(t *testing.T) {
	type pool struct{ name, tag, version string }
	for _, tc := range []struct {
		what string
		all  []pool
		want string // version of pool "workers"
	}{
		{"without a tag", []pool{{"workers", "", "v1.35.2"}}, "v1.35.2"},
		{"with a tag", []pool{{"workers", "workers", "v1.35.2"}}, "v1.35.2"},
		{"renamed", []pool{{"renamed", "workers", "v1.35.2"}}, "v1.35.2"},
		{"renamed, and another so called", []pool{{"renamed", "workers", "v1.35.2"}, {"workers", "", "v1.36.4"}}, "v1.35.2"},
		{"renamed like another pool", []pool{{"workers", "other", "v1.36.4"}, {"other", "workers", "v1.35.2"}}, "v1.35.2"},
		{"renamed without a tag", []pool{{"renamed", "", "v1.35.2"}}, ""},
	} {
		for range 2 {
			running := Running{Pools: map[string]RunningPool{}}
			for _, p := range tc.all {
				running.Add(p.name, map[string]string{PoolTag: p.tag}, RunningPool{Version: p.version})
			}
			if got := running.Pools["workers"].Version; got != tc.want {
				t.Errorf("%s: the pool has %q, want %q", tc.what, got, tc.want)
			}
			slices.Reverse(tc.all)
		}
	}
}
