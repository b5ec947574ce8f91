package balancer_test

import (
	"errors"
	"io"
	"testing"

	"oke-guestbook/local/cloud"
)

// A network load balancer whose backends are all unhealthy passes connections on only if it is to fail open.
func TestFailOpen(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "TCP"}, cloud.BackendSet{
		Policy: "FIVE_TUPLE", Backends: []cloud.Backend{echo(t)}, Health: fastTCP, FailOpen: true,
	})
	set := f.lb.BackendSets["set"]
	set.Health.Port = int(backendOf(t, closedPort(t)).Address.Port())
	apply := func(open bool) {
		set.FailOpen = open
		f.lb.BackendSets = map[string]cloud.BackendSet{"set": set}
		f.apply()
	}
	apply(true)
	f.waitHealth(func(h cloud.BackendHealth) bool { return !h.Healthy })
	say(t, dial(t, f.address()), "hello")
	apply(false)
	if n, err := dial(t, f.address()).Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v of a connection that no backend can have", n, err)
	}
}
