package cluster

import (
	"slices"
	"testing"
)

func TestParts(t *testing.T) {
	today := region("v1.34.10", "v1.35.2", "v1.36.0", "v1.36.1", "v1.36.4")
	withdrawn := existing("v1.33.10", "v1.33.1")
	withdrawn.Upgrades = []string{"v1.34.10"}
	for _, tc := range []struct {
		name    string
		running Running
		want    []Part
	}{
		{"no cluster", Running{}, nil},
		{"one minor version behind", existing("v1.35.2", "v1.34.10"), []Part{
			{Name: "control plane", Version: "v1.35.2", Next: "v1.36.4", Ends: "30 days after OKE has v1.38.1"},
			{Name: "node pool pool", Version: "v1.34.10", Next: "v1.35.2", Ends: "30 days after OKE has v1.37.1"},
		}},
		{"one step at a time", existing("v1.34.2", "v1.34.2"), []Part{
			{Name: "control plane", Version: "v1.34.2", Next: "v1.35.2", Ends: "2026-09-22"},
			{Name: "node pool pool", Version: "v1.34.2", Ends: "2026-09-22"},
		}},
		{"newest", existing("v1.36.4", "v1.36.4"), []Part{
			{Name: "control plane", Version: "v1.36.4", Ends: "30 days after OKE has v1.39.1"},
			{Name: "node pool pool", Version: "v1.36.4", Ends: "30 days after OKE has v1.39.1"},
		}},
		{"withdrawn", withdrawn, []Part{
			{Name: "control plane", Version: "v1.33.10", Next: "v1.34.10", Ends: "2026-08-10"},
			{Name: "node pool pool", Version: "v1.33.1", Ends: "2026-08-10"},
		}},
		{"nodes too old for the next", existing("v1.34.10", "v1.31.1"), []Part{
			{
				Name: "control plane", Version: "v1.34.10", Next: "v1.35.2", Ends: "30 days after OKE has v1.37.1",
				Blocked: "node pool pool must be upgraded first",
			},
			{Name: "node pool pool", Version: "v1.31.1", Next: "v1.34.10"},
		}},
	} {
		if got := Parts(today, tc.running); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", tc.name, got, tc.want)
		}
	}
}

// TestPreviewIsNoUpgrade expects the first patch version of a minor version only where it is named.
func TestPreviewIsNoUpgrade(t *testing.T) {
	parts := Parts(region("v1.35.1", "v1.35.2", "v1.36.0"), existing("v1.35.1", "v1.35.1"))
	if parts[0].Next != "v1.35.2" {
		t.Errorf("next is %q", parts[0].Next)
	}
}
