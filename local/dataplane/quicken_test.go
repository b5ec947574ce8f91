package dataplane

import (
	"testing"

	"oke-guestbook/local/cloud"
)

func TestQuicken(t *testing.T) {
	for _, tc := range []struct {
		interval, want int // milliseconds
		speed          float64
	}{
		{10000, 10000, 1},
		{10000, 5000, 2},
		{10000, 1000, 100},
		{500, 500, 100}, // what is faster stays
		{10000, 10000, 0.5},
	} {
		set := cloud.BackendSet{Health: cloud.HealthCheck{IntervalMillis: tc.interval}}
		all := Quicken([]cloud.LoadBalancer{{BackendSets: map[string]cloud.BackendSet{"http": set}}}, tc.speed)
		if got := all[0].BackendSets["http"].Health.IntervalMillis; got != tc.want {
			t.Errorf("%d ms at speed %v: %d ms, want %d", tc.interval, tc.speed, got, tc.want)
		}
	}
}
