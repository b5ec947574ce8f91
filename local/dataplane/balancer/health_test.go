package balancer_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
)

func TestHealthResults(t *testing.T) {
	page := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/broken":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/", http.StatusFound)
		case "/slow":
			<-r.Context().Done()
		default:
			fmt.Fprint(w, `{"state":"ready"}`)
		}
	})
	noHTTP := tcpServer(t, func(conn *net.TCPConn) { fmt.Fprint(conn, "220 mail.example\r\n") })
	for _, test := range []struct {
		name    string
		backend cloud.Backend
		check   cloud.HealthCheck
		want    string
	}{
		{"page", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/"}, "OK"},
		{
			"regular expression", page,
			cloud.HealthCheck{Protocol: "HTTP", Path: "/", BodyRegex: `"state":"(ready|idle)"`},
			"OK",
		},
		{"another body", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/", BodyRegex: "^OK$"}, "REGEX_MISMATCH"},
		{"status code", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/broken"}, "INVALID_STATUS_CODE"},
		{"wanted status code", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/broken", StatusCode: 503}, "OK"},
		{"redirect", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/moved"}, "INVALID_STATUS_CODE"},
		{"slow", page, cloud.HealthCheck{Protocol: "HTTP", Path: "/slow", TimeoutMillis: 50}, "TIMED_OUT"},
		{"no HTTP", noHTTP, cloud.HealthCheck{Protocol: "HTTP", Path: "/"}, "IO_ERROR"},
		{"nothing listens", backendOf(t, closedPort(t)), cloud.HealthCheck{Protocol: "HTTP", Path: "/"}, "CONNECT_FAILED"},
		{"TCP", noHTTP, cloud.HealthCheck{Protocol: "TCP"}, "OK"},
		{"TCP, nothing listens", backendOf(t, closedPort(t)), cloud.HealthCheck{Protocol: "TCP"}, "CONNECT_FAILED"},
		{
			"port of its own", backendOf(t, closedPort(t)),
			cloud.HealthCheck{Protocol: "HTTP", Path: "/healthz", Port: int(page.Address.Port())},
			"OK",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.check.IntervalMillis = 20
			f := start(t, cloud.Listener{Protocol: "TCP"}, cloud.BackendSet{Health: fastTCP})
			f.lb.BackendSets["set"] = cloud.BackendSet{Backends: []cloud.Backend{test.backend}, Health: test.check}
			f.apply()
			f.waitHealth(func(h cloud.BackendHealth) bool { return h.Result != "UNKNOWN" && !h.At.IsZero() })
			got := f.Health(lbID)["set"][test.backend.Name]
			if got.Result != test.want || got.Healthy != (test.want == "OK") {
				t.Errorf("health %+v, want %s", got, test.want)
			}
		})
	}
}

func TestUnhealthyBackendGetsNothing(t *testing.T) {
	var sick atomic.Bool
	set := webSet(serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" && sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	set.Health.Path, set.Health.Retries = "/healthz", 3
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	for _, step := range []struct {
		sick bool
		want int
	}{{false, 200}, {true, 502}, {false, 200}} {
		sick.Store(step.sick)
		f.waitHealth(func(h cloud.BackendHealth) bool { return h.Healthy != step.sick })
		if status, _ := f.get("/"); status != step.want {
			t.Errorf("answer %d of a set whose only backend is sick: %t", status, step.sick)
		}
	}
}

func TestBackupDrainOffline(t *testing.T) {
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(named(t, "a", "b", "backup")...))
	all := f.lb.BackendSets["set"].Backends
	for _, test := range []struct {
		name   string
		change func(b []cloud.Backend)
		want   string
	}{
		{"backup waits", func([]cloud.Backend) {}, "a b"},
		{"drain", func(b []cloud.Backend) { b[0].Drain = true }, "b"},
		{"offline", func(b []cloud.Backend) { b[1].Offline = true }, "a"},
		{"only the backup is left", func(b []cloud.Backend) { b[0].Drain, b[1].Offline = true, true }, "backup"},
	} {
		t.Run(test.name, func(t *testing.T) {
			backends := append([]cloud.Backend(nil), all...)
			backends[2].Backup = true
			test.change(backends)
			f.setBackends(backends...)
			seen := map[string]bool{}
			for range 6 {
				_, body := f.get("/")
				seen[body] = true
			}
			want := strings.Fields(test.want)
			for _, name := range want {
				if !seen[name] {
					t.Errorf("%s got nothing", name)
				}
			}
			if len(seen) != len(want) {
				t.Errorf("answers of %v, want %v", seen, want)
			}
		})
	}
}

func TestBackendIsCheckedOnce(t *testing.T) {
	var checks atomic.Int32
	set := webSet(serve(t, func(http.ResponseWriter, *http.Request) { checks.Add(1) }))
	set.Health.IntervalMillis = int(time.Hour / time.Millisecond)
	f := start(t, cloud.Listener{Protocol: "HTTP"}, set)
	b := f.lb.BackendSets["set"].Backends[0]
	b.Weight = 5
	f.setBackends(b)
	f.apply()
	other := named(t, "other")[0]
	f.setBackends(b, other)
	eventually.Succeeds(t, limit, "health of the new backend", func(context.Context) error {
		if !f.Health(lbID)["set"][other.Name].Healthy {
			return fmt.Errorf("%+v", f.Health(lbID))
		}
		return nil
	})
	if n := checks.Load(); n != 1 {
		t.Errorf("%d checks of a backend whose checks did not change", n)
	}
}
