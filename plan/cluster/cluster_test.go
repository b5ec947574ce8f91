package cluster

import (
	"encoding/json"
	"testing"

	"oke-guestbook/plan/problem"
)

func TestDefaultsAreValid(t *testing.T) {
	s := Defaults()
	var list problem.List
	s.Validate(&list)
	if err := list.Err(); err != nil {
		t.Error(err)
	}
}

// TestDefaultPoolSaysItsDefaults wants the pool of a stack that says nothing to be the one that its JSON says.
func TestDefaultPoolSaysItsDefaults(t *testing.T) {
	want := Defaults().NodePools[0]
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got NodePool
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != want.Name || got.EvictionGraceMinutes != want.EvictionGraceMinutes || got.MaxPodsPerNode != want.MaxPodsPerNode || got.BootVolumeGB != want.BootVolumeGB {
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
