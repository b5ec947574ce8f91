package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"oke-guestbook/local/dataplane/machinetest"
)

// losesNothing asks for the page all the time while something is done, and fails the test if an answer lacks the entry.
func (s *stack) losesNothing(page string, do func()) {
	s.t.Helper()
	ctx, stop := context.WithCancel(s.t.Context())
	var sent int
	var failed []string
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond) // of more, frontends refuse some
		defer tick.Stop()
		for ctx.Err() == nil {
			sent++
			if text, err := getPage(page); err != nil || !strings.Contains(text, written) {
				_, main, _ := strings.Cut(text, "<main")
				failed = append(failed, fmt.Sprintf("%s %v %.300s", time.Now().Format(time.StampMilli), err, main))
			}
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
		}
	})
	// Also when what is done fails the test.
	defer func() {
		stop()
		running.Wait()
		s.t.Logf("%d requests were sent", sent)
		if len(failed) > 0 {
			s.t.Errorf("%d of %d requests failed: %q", len(failed), sent, failed[:min(len(failed), 10)])
		}
	}()
	do()
}

// rate logs how many requests a second clients with connections of their own have answered by Pods, for
// docs/benchmarks.md. Of pages each visitor gets some a second only, but not of probes.
func (s *stack) rate(page string) {
	s.t.Helper()
	const clients, duration = 16, 2 * time.Second
	client := http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var answered, failed atomic.Int64
	began := time.Now()
	var running sync.WaitGroup
	for range clients {
		running.Go(func() {
			for time.Since(began) < duration {
				resp, err := client.Get(page + "/livez")
				if err != nil {
					failed.Add(1)
					continue
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					failed.Add(1)
				} else {
					answered.Add(1)
				}
			}
		})
	}
	running.Wait()
	s.t.Logf("%.0f requests a second, %d failed", float64(answered.Load())/time.Since(began).Seconds(), failed.Load())
	if failed.Load() > 0 {
		s.t.Errorf("%d requests failed, %d did not", failed.Load(), answered.Load())
	}
}

// updateImage has the frontend's Pods replaced by those of another image.
func (s *stack) updateImage() {
	s.t.Helper()
	const image = "registry.local/guestbook:v2"
	s.settings("frontendImage=" + image)
	s.deploy()
	type frontend struct {
		Metadata struct{ DeletionTimestamp string }
		Spec     struct{ Containers []struct{ Image string } }
	}
	s.eventually(2*time.Minute, "only frontends of the new image, and old ones that end", func() (bool, string) {
		var pods list[frontend]
		s.kubectl(&pods, "get", "pods", "-n", s.output("namespace"), "-l", "app.kubernetes.io/name=guestbook")
		pods.Items = slices.DeleteFunc(pods.Items, func(p frontend) bool { return p.Metadata.DeletionTimestamp != "" })
		for _, p := range pods.Items {
			if len(p.Spec.Containers) != 1 || p.Spec.Containers[0].Image != image {
				return false, fmt.Sprintf("one runs %+v, want %s", p.Spec.Containers, image)
			}
		}
		return len(pods.Items) > 0, "no Pod has the label"
	})
}

// drainOther drains the node without the database's Pod, and has OKE replace it.
func (s *stack) drainOther() {
	s.t.Helper()
	database := s.databaseNode()
	var all list[node]
	s.kubectl(&all, "get", "nodes")
	for _, n := range all.Items {
		if n.Metadata.Name != database {
			s.kubectlMust("drain", n.Metadata.Name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=2m")
			s.replaceNode(n.Spec.ProviderID)
			return
		}
	}
	s.t.Fatalf("no node but %s in %+v", database, all)
}

// databaseNode returns the name of the node with the database's Pod.
func (s *stack) databaseNode() string {
	s.t.Helper()
	var pod struct{ Spec struct{ NodeName string } }
	s.kubectl(&pod, "get", "pod", "-n", s.output("namespace"), "mongo-0")
	return pod.Spec.NodeName
}

// replaceNode has OKE replace a node.
func (s *stack) replaceNode(id string) {
	s.t.Helper()
	pool := s.id("oci:ContainerEngine/nodePool:NodePool", "oke-guestbook-local-workers")
	path := fmt.Sprintf("/20180222/nodePools/%s/node/%s", pool, id)
	replace := url.Values{"isDecrementSize": {"false"}}
	_, err := s.rest().Do(s.t.Context(), http.MethodDelete, path, replace, nil, nil)
	s.must(err)
	s.nodeIsGone(id)
}

// nodeIsGone waits until the cluster has no node of an instance any more.
func (s *stack) nodeIsGone(id string) {
	s.t.Helper()
	s.eventually(2*time.Minute, "the node is gone", func() (bool, string) {
		var all list[node]
		s.kubectl(&all, "get", "nodes")
		for _, n := range all.Items {
			if n.Spec.ProviderID == id {
				return false, id
			}
		}
		return true, ""
	})
}

// consoleInBrowser opens the console in a browser, which must show the network with what was dropped, load balancers
// with healthy backends, and nodes with Pods.
func (s *stack) consoleInBrowser() {
	s.t.Helper()
	chromium, err := exec.LookPath("chromium")
	if err != nil || os.Getenv(machinetest.Inside) != "" {
		s.t.Logf("the console is not opened: %v", err)
		return
	}
	wanted := []string{
		"oke-guestbook-local-workers", "10.0.64.0/20", "an ingress rule of subnet", "Service guestbook/frontend", "healthy",
		"mongo-0", "runs Pods on this machine", s.pageURL(),
	}
	s.eventually(shortly, "the console", func() (bool, string) {
		cmd := exec.CommandContext(s.t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu",
			"--user-data-dir="+s.t.TempDir(), "--virtual-time-budget=3000", "--dump-dom", s.o.Endpoint())
		page, err := cmd.Output()
		for _, text := range wanted {
			if err != nil || !strings.Contains(string(page), text) {
				return false, fmt.Sprintf("it lacks %q: %v: %s", text, err, page)
			}
		}
		return true, ""
	})
}
