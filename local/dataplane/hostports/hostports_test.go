package hostports

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/freeport"
)

// answering is a dialer whose connections say which address was dialled.
func answering(_ context.Context, address string) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		_, _ = io.WriteString(far, address)
		far.Close()
	}()
	return near, nil
}

func balancer(private bool, port int) cloud.LoadBalancer {
	return cloud.LoadBalancer{
		Name: "web", Private: private, PublicIP: netip.MustParseAddr("203.0.113.7"),
		Listeners: []cloud.Listener{{Name: "http", Port: port}},
	}
}

func TestAListenerKeepsItsPort(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports.json")
	var first string
	for range 2 {
		p, err := New(file, 0, answering)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Apply([]cloud.LoadBalancer{balancer(false, 80)}); err != nil {
			t.Fatal(err)
		}
		list := p.List()
		if len(list) != 1 || list[0].Public != "203.0.113.7:80" {
			t.Fatalf("ports %+v", list)
		}
		if first == "" {
			first = list[0].Local
		}
		if list[0].Local != first {
			t.Errorf("the port is %s after a restart, and was %s", list[0].Local, first)
		}
		conn, err := net.Dial("tcp", list[0].Local)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(conn); err != nil || string(text) != "203.0.113.7:80" {
			t.Errorf("the connection goes to %q, %v", text, err)
		}
		conn.Close()
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOnlyPublicListenersHavePorts(t *testing.T) {
	p, err := New(filepath.Join(t.TempDir(), "ports.json"), 0, answering)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Apply([]cloud.LoadBalancer{balancer(true, 80)}); err != nil || len(p.List()) != 0 {
		t.Errorf("a private load balancer has %+v, %v", p.List(), err)
	}
	if err := p.Apply([]cloud.LoadBalancer{balancer(false, 80)}); err != nil {
		t.Fatal(err)
	}
	local := p.List()[0].Local
	if err := p.Apply(nil); err != nil || len(p.List()) != 0 {
		t.Errorf("after the end of the load balancer: %+v, %v", p.List(), err)
	}
	if l, err := net.Listen("tcp", local); err != nil {
		t.Errorf("the port of a removed load balancer is not free: %v", err)
	} else {
		l.Close()
	}
}

// TestATakenPort has another program take a port while the local cloud is restarted: the listener moves, says so, and
// stays where it is then.
func TestATakenPort(t *testing.T) {
	first, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ports.json")
	start := func() (p *Ports, local, moved string) {
		p, err := New(file, first, answering)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Apply([]cloud.LoadBalancer{balancer(false, 80)}); err != nil {
			t.Fatal(err)
		}
		return p, p.List()[0].Local, p.List()[0].Moved
	}
	p, local, moved := start()
	if want := fmt.Sprintf("127.0.0.1:%d", first); local != want || moved != "" {
		t.Errorf("port %s (%s), want %s", local, moved, want)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", local)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p, elsewhere, moved := start()
	if elsewhere == local || !strings.Contains(moved, fmt.Sprintf("fuser -v %d/tcp", first)) {
		t.Errorf("port %s, %q; another program has %s", elsewhere, moved, local)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	p, again, moved := start()
	defer p.Close()
	if again != elsewhere || moved != "" {
		t.Errorf("port %s (%s), and was %s", again, moved, elsewhere)
	}
}

// TestNoPortIsFree has a listener that gets no port until another program ends. The last port has none after it.
func TestNoPortIsFree(t *testing.T) {
	const last = 1<<16 - 1
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", last))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p, err := New(filepath.Join(t.TempDir(), "ports.json"), last, answering)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	all := []cloud.LoadBalancer{balancer(false, 80)}
	err = p.Apply(all)
	want := fmt.Sprintf("fuser -v %d/tcp", last)
	if list := p.List(); err == nil || len(list) != 1 || list[0].Local != "" || list[0].Problem != err.Error() ||
		!strings.Contains(list[0].Problem, want) {
		t.Errorf("ports %+v, %v; want a problem with %q", list, err, want)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	err = p.Apply(all)
	if now := p.List()[0]; err != nil || now.Local != fmt.Sprintf("127.0.0.1:%d", last) || now.Problem != "" {
		t.Errorf("port %+v, %v", now, err)
	}
}

// TestTheFirstPortIsTaken says that a listener's usual port is another program's, but not that it is its neighbour's.
func TestTheFirstPortIsTaken(t *testing.T) {
	first, err := freeport.Pick()
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	p, err := New(filepath.Join(t.TempDir(), "ports.json"), first, answering)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	lb := balancer(false, 80)
	if err := p.Apply([]cloud.LoadBalancer{lb}); err != nil {
		t.Fatal(err)
	}
	if moved := p.List()[0].Moved; !strings.Contains(moved, fmt.Sprintf("fuser -v %d/tcp", first)) {
		t.Errorf("%q does not say who has port %d", moved, first)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	lb.Listeners = append(lb.Listeners, cloud.Listener{Name: "a", Port: 1}, cloud.Listener{Name: "b", Port: 2})
	if err := p.Apply([]cloud.LoadBalancer{lb}); err != nil {
		t.Fatal(err)
	}
	for _, port := range p.List() {
		if port.Listener != "http" && port.Moved != "" {
			t.Errorf("%+v: no other program has a port", port)
		}
	}
}
