package containerengine_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const snapshotFile = "state.json"

// TestRestart stops the daemon while instances start, and opens a damaged state.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	plane := ocitest.NewControlPlane()
	var cluster, pool, creating string
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster = c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		r := c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 2), nil)
		creating = r.Header.Get("opc-work-request-id")
		time.Sleep(30 * time.Second) // the instances are starting
	})
	plane.Versions, plane.Nodes = map[string]string{}, map[string][]cloud.Node{}
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		if err := c.Server.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		if plane.Versions[cluster] != "v1.36.4" {
			t.Errorf("control planes after the restart: %v", plane.Versions)
		}
		wr := c.WorkRequest(ocitest.Reply{Header: http.Header{http.CanonicalHeaderKey("opc-work-request-id"): {creating}}})
		pool = wr.Objects("resources")[0].Str("identifier")
		if wr["status"] != "SUCCEEDED" || plane.Count(cluster) != 2 {
			t.Errorf("work request %v; %d nodes", wr, plane.Count(cluster))
		}
	})
	// A killed daemon may leave a half-written new file; the state is not affected.
	if err := os.WriteFile(filepath.Join(dir, snapshotFile+".new"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		if got := len(c.Get(ocitest.OKE + "/nodePools/" + pool).List("nodes")); got != 2 {
			t.Errorf("%d nodes, want 2", got)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, snapshotFile), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := oci.New(oci.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), snapshotFile) {
		t.Errorf("damaged state: %v", err)
	}
}

// TestRestartBetweenStartAndReady stops the daemon when a control plane runs and its cluster is not ready yet.
func TestRestartBetweenStartAndReady(t *testing.T) {
	dir := t.TempDir()
	plane := ocitest.NewControlPlane()
	forget := func() { plane.Versions = map[string]string{} }
	var wr, cluster string
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		wr = c.Send("POST", ocitest.OKE+"/clusters",
			ocitest.Changed(ocitest.ClusterBody(c.Network()), "kubernetesVersion",
				"v1.35.2"), nil).Header.Get("opc-work-request-id")
		time.Sleep(time.Minute)
	})
	forget()
	wait := func(c *ocitest.Cloud) {
		t.Helper()
		if err := c.Server.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		cluster = c.Succeeded(ocitest.Reply{Header: http.Header{http.CanonicalHeaderKey("opc-work-request-id"): {wr}}})
	}
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		wait(c)
		if plane.Versions[cluster] != "v1.35.2" {
			t.Errorf("control planes after the creation: %v", plane.Versions)
		}
		wr = c.Send("PUT", ocitest.OKE+"/clusters/"+cluster, engine.Doc{"kubernetesVersion": "v1.36.4"},
			nil).Header.Get("opc-work-request-id")
		time.Sleep(time.Minute)
	})
	forget()
	ocitest.Run(t, oci.Config{Dir: dir, ControlPlane: plane}, func(c *ocitest.Cloud) {
		wait(c)
		if plane.Versions[cluster] != "v1.36.4" {
			t.Errorf("control planes after the upgrade: %v", plane.Versions)
		}
	})
}
