package balancer

import (
	"fmt"
	"testing"

	"oke-guestbook/local/cloud"
)

func backends(weights ...int) []*backend {
	var out []*backend
	for i, weight := range weights {
		out = append(out, &backend{Backend: cloud.Backend{Name: fmt.Sprint("b", i), Weight: weight}})
	}
	return out
}

func TestRoundRobinSpreadsByWeight(t *testing.T) {
	from := backends(3, 1, 2)
	var order string
	for range 6 {
		order += choose("ROUND_ROBIN", from, "").Name
	}
	if order != "b0b2b0b1b2b0" {
		t.Errorf("turns of weights 3, 1, 2: %s", order)
	}
	if choose("ROUND_ROBIN", nil, "") != nil {
		t.Error("a backend of none")
	}
}

func TestLeastConnections(t *testing.T) {
	from := backends(1, 1, 2)
	for i, active := range []int{2, 1, 3} {
		from[i].active = active
	}
	if got := choose("LEAST_CONNECTIONS", from, ""); got != from[1] {
		t.Errorf("%s with connections 2, 1, 3 and weights 1, 1, 2", got.Name)
	}
	from[2].active = 1
	if got := choose("LEAST_CONNECTIONS", from, ""); got != from[2] {
		t.Errorf("%s with connections 2, 1, 1 and weights 1, 1, 2", got.Name)
	}
}

func TestIPHashKeepsClients(t *testing.T) {
	from := backends(1, 1, 2)
	const clients = 4000
	count := map[*backend]int{}
	for i := range clients {
		client := fmt.Sprintf("10.0.%d.%d", i/250, i%250)
		b := choose("IP_HASH", from, client)
		count[b]++
		if again := choose("IP_HASH", from, client); again != b {
			t.Fatalf("client %s moved from %s to %s", client, b.Name, again.Name)
		}
		if fewer := choose("IP_HASH", from[1:], client); b != from[0] && fewer != b {
			t.Fatalf("client %s moved from %s to %s although its backend is there", client, b.Name, fewer.Name)
		}
	}
	for i, share := range []int{clients / 4, clients / 4, clients / 2} {
		if got := count[from[i]]; got < share*9/10 || got > share*11/10 {
			t.Errorf("%s has %d of %d clients, want about %d", from[i].Name, got, clients, share)
		}
	}
}

func TestRecordNeedsRetriesInARow(t *testing.T) {
	h := newHealth()
	for i, step := range []struct {
		result  string
		healthy bool
	}{
		{resultOK, true}, // the first decides
		{resultTimedOut, true},
		{resultOK, true},
		{resultTimedOut, true},
		{resultTimedOut, true},
		{resultTimedOut, false},
		{resultOK, false},
		{resultOK, false},
		{resultOK, true},
	} {
		was := h.Healthy
		if changed := h.record(step.result, h.At, 3); h.Healthy != step.healthy || changed != (was != h.Healthy) {
			t.Errorf("after result %d: healthy %t, want %t; changed %t", i, h.Healthy, step.healthy, changed)
		}
	}
}

// The policies of network load balancers tell clients apart by address, and FIVE_TUPLE by port, too.
func TestTuplesKeepConnections(t *testing.T) {
	from := backends(1, 1, 1)
	used := map[*backend]bool{}
	for port := range 50 {
		client := fmt.Sprintf("198.51.100.7:%d", 1024+port)
		b := choose(fiveTuple, from, client)
		used[b] = true
		if again := choose(fiveTuple, from, client); again != b {
			t.Fatalf("connection %s moved from %s to %s", client, b.Name, again.Name)
		}
	}
	if len(used) != len(from) {
		t.Errorf("50 connections of one client use %d of %d backends", len(used), len(from))
	}
	if first := choose("TWO_TUPLE", from, "198.51.100.7"); choose("TWO_TUPLE", from, "198.51.100.7") != first {
		t.Error("a client of TWO_TUPLE moves")
	}
}
