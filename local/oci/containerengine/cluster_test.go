package containerengine_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/containerengine"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestClusterLife(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		began := time.Now()
		r := c.Want(http.StatusAccepted, "POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n))
		first := c.Get(ocitest.OKE + "/workRequests/" + r.Work())
		if res := first.Objects("resources")[0]; res["actionType"] != "IN_PROGRESS" || res["entityType"] != "cluster" {
			t.Errorf("resource of the work request at first: %v", res)
		}
		id := c.Succeeded(r)
		least := containerengine.ClusterCreateTime
		if took := time.Since(began); took < least || took > least+time.Minute {
			t.Errorf("the creation took %s, want about %s", took, least)
		}
		cluster := c.Get(ocitest.OKE + "/clusters/" + id)
		c.Conforms("containerengine.Cluster", cluster)
		if cluster["lifecycleState"] != "ACTIVE" || cluster.Str("endpoints", "publicEndpoint") != "127.0.0.1:40123" ||
			cluster.Str("endpoints", "privateEndpoint") != "10.0.0.2:6443" {
			t.Errorf("cluster %v", cluster)
		}
		if got := string(c.Want(http.StatusOK, "POST", ocitest.OKE+"/clusters/"+id+"/kubeconfig/content",
			engine.Doc{"tokenVersion": "2.0.0"}).Raw); got != kubeconfigOf(id) {
			t.Errorf("kubeconfig\n%s\nwant\n%s", got, kubeconfigOf(id))
		}
		c.Refused(409, "Conflict", "references the VNIC", "DELETE", ocitest.Core+"/subnets/"+n.API, nil)

		poolID := c.Succeeded(c.Want(http.StatusAccepted, "POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, id, 4)))
		pool := c.Get(ocitest.OKE + "/nodePools/" + poolID)
		c.Conforms("containerengine.NodePool", pool)
		nodes := pool.Objects("nodes")
		if pool["lifecycleState"] != "ACTIVE" || len(nodes) != 4 || plane.Count(id) != 4 {
			t.Fatalf("pool %v, control plane has %d nodes", pool, plane.Count(id))
		}
		perDomain := map[string]int{}
		for i, node := range nodes {
			perDomain[node.Str("availabilityDomain")]++
			if node["lifecycleState"] != "ACTIVE" || node["privateIp"] != fmt.Sprint("10.0.16.", i+2) {
				t.Errorf("node %v", node)
			}
			instance := c.Get(ocitest.Core + "/instances/" + node.Str("id"))
			c.Conforms("core.Instance", instance)
		}
		if perDomain[oci.AvailabilityDomains[0]] != 2 || perDomain[oci.AvailabilityDomains[1]] != 1 {
			t.Errorf("nodes per availability domain: %v", perDomain)
		}
		got := plane.Nodes[id][0]
		if got.OCPUs != 2 || got.MemoryGB != 12 || got.BootVolumeGB != 50 ||
			got.Labels["pool"] != "workers" || got.Name != "10.0.16.2" {
			t.Errorf("node of the control plane: %+v", got)
		}

		// Scale down to two: nodes leave the cluster before their instances end.
		c.Succeeded(c.Want(http.StatusAccepted, "PUT", ocitest.OKE+"/nodePools/"+poolID,
			engine.Doc{"nodeConfigDetails": engine.Doc{"size": 2}}))
		if plane.Count(id) != 2 || len(c.List("instances")) != 2 || len(c.List("bootVolumes")) != 2 {
			t.Errorf("after scaling down: %d nodes, %d instances", plane.Count(id), len(c.List("instances")))
		}

		c.Succeeded(c.Want(http.StatusAccepted, "DELETE", ocitest.OKE+"/nodePools/"+poolID, nil))
		c.Succeeded(c.Want(http.StatusAccepted, "DELETE", ocitest.OKE+"/clusters/"+id, nil))
		state := c.Get(ocitest.OKE + "/clusters/" + id).Str("lifecycleState")
		if state != "DELETED" || len(plane.Versions) != 0 {
			t.Errorf("cluster is %s, control planes: %v", state, plane.Versions)
		}
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}

// kubeconfigOf is the kubeconfig of a cluster, as OKE writes it.
func kubeconfigOf(id string) string {
	return strings.NewReplacer("<id>", id, "<name>", "c"+id[len(id)-10:]).Replace(`apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: UEVN
    server: https://127.0.0.1:40123
  name: cluster-<name>
contexts:
- context:
    cluster: cluster-<name>
    user: user-<name>
  name: context-<name>
current-context: context-<name>
kind: ""
users:
- name: user-<name>
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1beta1
      args:
      - ce
      - cluster
      - generate-token
      - --cluster-id
      - <id>
      - --region
      - us-ashburn-1
      command: oci
      env: []
`)
}

func TestControlPlaneFails(t *testing.T) {
	plane := ocitest.NewControlPlane()
	plane.StartErr = errors.New("no memory")
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		wr := c.WorkRequest(c.Want(http.StatusAccepted, "POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(c.Network())))
		if wr["status"] != "FAILED" || wr.Objects("resources")[0]["actionType"] == "CREATED" {
			t.Errorf("work request %v", wr)
		}
		errs := c.GetList(ocitest.OKE + "/workRequests/" + wr.Str("id") + "/errors")
		if len(errs) != 1 || errs[0].Str("message") != "the control plane did not start: no memory" {
			t.Errorf("errors %v", errs)
		}
	})
}

// A failure must take its time: the official provider reads the cluster's OCID from the work request before it waits.
func TestClusterFailureTakesItsTime(t *testing.T) {
	ocitest.Run(t, oci.Config{ControlPlane: ocitest.NewControlPlane()}, func(c *ocitest.Cloud) {
		n := c.Network()
		fault := oci.Fault{WorkRequest: "CLUSTER_CREATE", Message: "no control plane", Count: 1}
		if err := c.Server.Inject(fault); err != nil {
			t.Fatal(err)
		}
		r := c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil)
		time.Sleep(10 * time.Second)
		path := ocitest.OKE + "/workRequests/" + r.Work()
		wr := c.Get(path)
		cluster := wr.Objects("resources")[0].Str("identifier")
		if wr["status"] != "IN_PROGRESS" || cluster == "" {
			t.Errorf("after 10 s: %v; want it in progress", wr)
		}
		time.Sleep(10 * time.Minute)
		if wr = c.Get(path); wr["status"] != "FAILED" {
			t.Errorf("after 10 min: %v; want FAILED", wr)
		}
		failed := c.Get(ocitest.OKE + "/clusters/" + cluster)
		if failed["lifecycleState"] != "FAILED" || failed["lifecycleDetails"] != "no control plane" {
			t.Errorf("%v; want FAILED, with the fault as the reason", failed)
		}
		if errs := c.GetList(path + "/errors"); len(errs) != 1 {
			t.Errorf("errors %v; want one", errs)
		}
	})
}
