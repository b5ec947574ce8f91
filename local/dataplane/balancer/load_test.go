package balancer_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
)

// replica is a backend that ends as a Pod does: it finishes its requests, and then refuses connections.
func replica(t *testing.T) (cloud.Backend, *httptest.Server) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
		fmt.Fprintf(w, "%s %s", r.URL.Path, body)
	}))
	t.Cleanup(server.Close)
	return backendOf(t, server.URL), server
}

func TestRollingUpdateLosesNoRequest(t *testing.T) {
	const clients, replacements = 8, 12
	first, firstServer := replica(t)
	second, secondServer := replica(t)
	backends, servers := []cloud.Backend{first, second}, []*httptest.Server{firstServer, secondServer}
	f := start(t, cloud.Listener{Protocol: "HTTP"}, webSet(backends...))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var sent, lost atomic.Int32
	var answered [clients]atomic.Int32
	var running sync.WaitGroup
	for c := range clients {
		transport := new(http.Transport)
		client := &http.Client{Transport: transport, Timeout: limit}
		running.Go(func() {
			defer transport.CloseIdleConnections()
			for i := 0; ctx.Err() == nil; i++ {
				path, entry := fmt.Sprintf("/%d/%d", c, i), ""
				if i%2 == 0 {
					entry = "entry " + path
				}
				sent.Add(1)
				if err := sign(client, "http://"+f.address(), path, entry); err != nil {
					lost.Add(1)
					t.Error(err)
				}
				answered[c].Add(1)
			}
		})
	}
	for i := range replacements {
		fresh, server := replica(t)
		place := i % 2
		backends = append([]cloud.Backend(nil), backends...)
		before := sent.Load()
		// As a rolling update does: the new one is ready before the old one leaves.
		f.setBackends(append(backends, fresh)...)
		f.waitHealthy()
		old := servers[place]
		backends[place], servers[place] = fresh, server
		f.setBackends(backends...)
		// A Pod waits a little before it ends (preStop): here until what had begun has been answered.
		var begun [clients]int32
		for c := range clients {
			begun[c] = answered[c].Load()
		}
		eventually.Succeeds(t, limit, "the end of earlier requests", func(context.Context) error {
			for c := range clients {
				if answered[c].Load() == begun[c] {
					return fmt.Errorf("client %d waits", c)
				}
			}
			return nil
		})
		if err := old.Config.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		eventually.Succeeds(t, limit, "more requests", func(context.Context) error {
			if n := sent.Load() - before; n < 300 {
				return fmt.Errorf("%d", n)
			}
			return nil
		})
	}
	stop()
	running.Wait()
	t.Logf("%d requests, %d lost, while %d backends were replaced", sent.Load(), lost.Load(), replacements)
}

// sign sends an entry, or an empty one with GET, and checks the answer.
func sign(client *http.Client, url, path, entry string) error {
	method := http.MethodGet
	if entry != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequest(method, url+path, strings.NewReader(entry))
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if want := path + " " + entry; err != nil || resp.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("%s %s: answer %d %q, %w", method, path, resp.StatusCode, body, err)
	}
	return nil
}

// BenchmarkHTTP measures requests through a load balancer with two backends.
func BenchmarkHTTP(b *testing.B) {
	f := start(b, cloud.Listener{Protocol: "HTTP"}, webSet(named(b, "a", "b")...))
	b.SetParallelism(8)
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: limit}
	began := time.Now()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if status, _ := fetch(b, client, "http://"+f.address()); status != http.StatusOK {
				b.Errorf("answer %d", status)
			}
		}
	})
	b.ReportMetric(float64(b.N)/time.Since(began).Seconds(), "requests/s")
}
