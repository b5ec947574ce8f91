package oci

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
)

// fakePlane records what a control plane is told.
type fakePlane struct {
	mu       sync.Mutex
	versions map[string]string // of running clusters
	nodes    map[string][]cloud.Node
	syncs    []int // sizes of the node sets
	startErr error
}

func newPlane() *fakePlane {
	return &fakePlane{versions: map[string]string{}, nodes: map[string][]cloud.Node{}}
}

func (p *fakePlane) Start(_ context.Context, c cloud.Cluster) (cloud.Endpoints, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.startErr != nil {
		return cloud.Endpoints{}, p.startErr
	}
	p.versions[c.ID] = c.Version
	return cloud.Endpoints{Address: "127.0.0.1:40123"}, nil
}

func (p *fakePlane) Stop(_ context.Context, id string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.versions, id)
	delete(p.nodes, id)
	return nil
}

func (p *fakePlane) Kubeconfig(_ context.Context, id string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.versions[id] == "" {
		return nil, errors.New("no such control plane")
	}
	return []byte("kind: Config # " + id), nil
}

func (p *fakePlane) SyncNodes(_ context.Context, id string, nodes []cloud.Node) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nodes[id] = nodes
	p.syncs = append(p.syncs, len(nodes))
	return nil
}

func (p *fakePlane) count(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.nodes[id])
}

func TestClusterLife(t *testing.T) {
	plane := newPlane()
	inCloud(t, Config{ControlPlane: plane}, func(c *testCloud) {
		n := c.network()
		began := time.Now()
		r := c.want(http.StatusAccepted, "POST", okeBase+"/clusters", clusterBody(n))
		first := c.want(http.StatusOK, "GET", okeBase+"/workRequests/"+r.header.Get("opc-work-request-id"), nil).object()
		if res := objects(first, "resources")[0]; res["actionType"] != "IN_PROGRESS" || res["entityType"] != "cluster" {
			t.Errorf("resource of the work request at first: %v", res)
		}
		id := c.succeeded(r)
		if took := time.Since(began); took < clusterCreateTime || took > clusterCreateTime+time.Minute {
			t.Errorf("the creation took %s, want about %s", took, clusterCreateTime)
		}
		cluster := c.want(http.StatusOK, "GET", okeBase+"/clusters/"+id, nil).object()
		c.conforms("containerengine.Cluster", cluster)
		if cluster["lifecycleState"] != "ACTIVE" || str(cluster, "endpoints", "publicEndpoint") != "127.0.0.1:40123" || str(cluster, "endpoints", "privateEndpoint") != "10.0.0.2:6443" {
			t.Errorf("cluster %v", cluster)
		}
		if got := string(c.want(http.StatusOK, "POST", okeBase+"/clusters/"+id+"/kubeconfig/content", object{"tokenVersion": "2.0.0"}).raw); got != "kind: Config # "+id {
			t.Errorf("kubeconfig %q", got)
		}
		c.refused(409, "Conflict", "references the VNIC", "DELETE", coreBase+"/subnets/"+n.api, nil)

		poolID := c.succeeded(c.want(http.StatusAccepted, "POST", okeBase+"/nodePools", poolBody(n, id, 4)))
		pool := c.want(http.StatusOK, "GET", okeBase+"/nodePools/"+poolID, nil).object()
		c.conforms("containerengine.NodePool", pool)
		nodes := objects(pool, "nodes")
		if pool["lifecycleState"] != "ACTIVE" || len(nodes) != 4 || plane.count(id) != 4 {
			t.Fatalf("pool %v, control plane has %d nodes", pool, plane.count(id))
		}
		perDomain := map[string]int{}
		for i, node := range nodes {
			perDomain[str(node, "availabilityDomain")]++
			if node["lifecycleState"] != "ACTIVE" || node["privateIp"] != []string{"10.0.16.2", "10.0.16.3", "10.0.16.4", "10.0.16.5"}[i] {
				t.Errorf("node %v", node)
			}
			instance := c.want(http.StatusOK, "GET", coreBase+"/instances/"+str(node, "id"), nil).object()
			c.conforms("core.Instance", instance)
		}
		if perDomain[AvailabilityDomains[0]] != 2 || perDomain[AvailabilityDomains[1]] != 1 {
			t.Errorf("nodes per availability domain: %v", perDomain)
		}
		got := plane.nodes[id][0]
		if got.OCPUs != 2 || got.MemoryGB != 12 || got.BootVolumeGB != 50 || got.Labels["pool"] != "workers" || got.Name != "10.0.16.2" {
			t.Errorf("node of the control plane: %+v", got)
		}

		// Down to two: nodes leave the cluster before their instances end.
		c.succeeded(c.want(http.StatusAccepted, "PUT", okeBase+"/nodePools/"+poolID, object{"nodeConfigDetails": object{"size": 2}}))
		if plane.count(id) != 2 || len(c.list("instances")) != 2 || len(c.list("bootVolumes")) != 2 {
			t.Errorf("after scaling down: %d nodes, %d instances", plane.count(id), len(c.list("instances")))
		}

		c.succeeded(c.want(http.StatusAccepted, "DELETE", okeBase+"/nodePools/"+poolID, nil))
		c.succeeded(c.want(http.StatusAccepted, "DELETE", okeBase+"/clusters/"+id, nil))
		if state := str(c.want(http.StatusOK, "GET", okeBase+"/clusters/"+id, nil).object(), "lifecycleState"); state != "DELETED" || len(plane.versions) != 0 {
			t.Errorf("cluster is %s, control planes: %v", state, plane.versions)
		}
		c.removeNetwork(n)
		if left := c.srv.Inventory(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

// list returns a whole collection of the core services.
func (c *testCloud) list(collection string) []any {
	c.t.Helper()
	k := c.kindOf(collection)
	items := c.want(http.StatusOK, "GET", k.path+"?compartmentId="+CompartmentID, nil).list()
	for _, item := range items {
		c.conforms(k.model, item)
	}
	return items
}

func TestControlPlaneFails(t *testing.T) {
	plane := newPlane()
	plane.startErr = errors.New("no memory")
	inCloud(t, Config{ControlPlane: plane}, func(c *testCloud) {
		wr := c.work(c.want(http.StatusAccepted, "POST", okeBase+"/clusters", clusterBody(c.network())))
		if wr["status"] != "FAILED" || objects(wr, "resources")[0]["actionType"] == "CREATED" {
			t.Errorf("work request %v", wr)
		}
		errs := c.want(http.StatusOK, "GET", okeBase+"/workRequests/"+str(wr, "id")+"/errors", nil).list()
		if len(errs) != 1 || !slices.Contains([]string{"the control plane did not start: no memory"}, str(errs[0].(object), "message")) {
			t.Errorf("errors %v", errs)
		}
	})
}

// The official provider reads the cluster's OCID from the work request before it waits for it.
func TestAClusterFailsNotBeforeItsWorkRequestWasRead(t *testing.T) {
	inCloud(t, Config{ControlPlane: newPlane()}, func(c *testCloud) {
		n := c.network()
		if err := c.srv.Inject(Fault{WorkRequest: "CLUSTER_CREATE", Message: "no control plane", Count: 1}); err != nil {
			t.Fatal(err)
		}
		r := c.send("POST", okeBase+"/clusters", clusterBody(n), nil)
		time.Sleep(10 * time.Second)
		path := okeBase + "/workRequests/" + r.header.Get("opc-work-request-id")
		wr := c.want(200, "GET", path, nil).object()
		cluster := str(objects(wr, "resources")[0], "identifier")
		if wr["status"] != "IN_PROGRESS" || cluster == "" {
			t.Errorf("after 10 s: %v; want it under way", wr)
		}
		time.Sleep(10 * time.Minute)
		if wr = c.want(200, "GET", path, nil).object(); wr["status"] != "FAILED" {
			t.Errorf("after 10 min: %v; want FAILED", wr)
		}
		failed := c.want(200, "GET", okeBase+"/clusters/"+cluster, nil).object()
		if failed["lifecycleState"] != "FAILED" || failed["lifecycleDetails"] != "no control plane" {
			t.Errorf("%v; want FAILED for want of a control plane", failed)
		}
		if errors := c.want(200, "GET", path+"/errors", nil).list(); len(errors) != 1 {
			t.Errorf("errors %v; want one", errors)
		}
	})
}
