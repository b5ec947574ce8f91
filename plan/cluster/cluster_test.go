package cluster

import (
	"encoding/json"
	"reflect"
	"testing"

	"oke-guestbook/plan/problem"
)

func TestDefaultsAreValid(t *testing.T) {
	var s Spec
	s.Settings().ApplyDefaults()
	var list problem.List
	s.Validate(&list)
	if err := list.Err(); err != nil {
		t.Error(err)
	}
}

// TestPoolKeepsDefaults decodes a pool that sets little: the rest is as in the pool of a stack that sets nothing.
func TestPoolKeepsDefaults(t *testing.T) {
	var want, got Spec
	want.Settings().ApplyDefaults()
	got.Settings().ApplyDefaults()
	var list problem.List
	got.Settings().Decode(&list,
		map[string]json.RawMessage{"nodePools": json.RawMessage(`[{"name":"workers","size":1,"ocpus":2,"memoryGb":12}]`)})
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMost(t *testing.T) {
	for _, tc := range []struct {
		size               int
		surge, unavailable string
		want               int
	}{
		{3, "", "", 3},
		{3, "1", "0", 4},
		{3, "", "1", 4},     // OKE adds one by itself
		{10, "25%", "", 13}, // rounded up, as three are more than a quarter
		{4, "100%", "0", 8},
	} {
		p := NodePool{Size: tc.size, MaxSurge: tc.surge, MaxUnavailable: tc.unavailable}
		if got := p.Most(); got != tc.want {
			t.Errorf("%d nodes with surge %q: at most %d, want %d", tc.size, tc.surge, got, tc.want)
		}
	}
}
