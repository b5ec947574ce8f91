package oci

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"oke-guestbook/local/cloud"
)

// Usual durations of the real service's work requests.
const (
	clusterCreateTime  = 6 * time.Minute
	clusterDeleteTime  = 3 * time.Minute
	clusterUpgradeTime = 12 * time.Minute
	clusterUpdateTime  = 10 * time.Second
	endpointUpdateTime = 2 * time.Minute
)

func (t *tx) cloudCluster(r *resource, version string) cloud.Cluster {
	return cloud.Cluster{
		ID: r.ID, Name: str(r.Doc, "name"), Version: cmp.Or(version, str(r.Hidden, "runs"), str(r.Doc, "kubernetesVersion")),
		CompartmentID: str(r.Doc, "compartmentId"), VcnID: str(r.Doc, "vcnId"),
		PodsCIDR:           str(r.Doc, "options", "kubernetesNetworkConfig", "podsCidr"),
		ServicesCIDR:       str(r.Doc, "options", "kubernetesNetworkConfig", "servicesCidr"),
		ServiceLBSubnetIDs: texts(r.Doc, "options", "serviceLbSubnetIds"),
	}
}

// start brings a cluster's control plane up.
func (s *Server) start(ctx context.Context, id, version string) (cloud.Endpoints, error) {
	var c cloud.Cluster
	err := s.view(func(t *tx) error {
		r, err := t.named("cluster", id)
		if err == nil {
			c = t.cloudCluster(r, version)
		}
		return err
	})
	if err != nil || s.config.ControlPlane == nil {
		return cloud.Endpoints{}, err
	}
	return s.config.ControlPlane.Start(ctx, c)
}

// startCluster is the work of a creation and of an upgrade: the control plane starts at once, and the cluster is ready
// when that is done and the real service's time has passed.
func startCluster(ctx context.Context, s *Server, k *task) func(*tx) error {
	began := time.Now()
	version, wr := str(k.Args, "version"), str(k.Args, "work")
	endpoints, err := s.start(ctx, k.Target, version)
	return func(t *tx) error {
		failure := t.s.faults.workRequest(str(t.find(wr).Doc, "operationType"))
		if err != nil {
			failure = fail(http.StatusInternalServerError, "InternalError", "the control plane did not start: %v", err)
		}
		took := time.Duration(num(k.Args, "took") * float64(time.Second))
		if failure != nil {
			// A failure takes its time, too: the official provider reads the cluster's OCID from the work request while
			// that is under way, and loses a cluster whose work request has failed by then.
			t.later(t.until(began, took), "clusterFailed", k.Target, object{
				"work": wr, "version": version, "status": failure.Status, "code": failure.Code, "message": failure.Message,
			})
			return nil
		}
		r := t.edit(k.Target)
		r.hide("runs", version)
		t.setEndpoints(r, endpoints)
		t.later(t.until(began, took), "clusterReady", r.ID, object{"work": wr, "version": version})
		return nil
	}
}

// setEndpoints shows where the API is. A public endpoint comes with a private one, the address of its VNIC.
func (t *tx) setEndpoints(r *resource, e cloud.Endpoints) {
	if e.Address == "" {
		return
	}
	shown := object{"kubernetes": e.Address, "privateEndpoint": e.Address}
	if flag(r.Doc, "endpointConfig", "isPublicIpEnabled") {
		shown["publicEndpoint"] = e.Address
		for _, vnic := range t.vnicsOf(r.ID) {
			shown["privateEndpoint"] = str(vnic.Doc, "privateIp") + ":6443"
		}
	}
	r.Doc["endpoints"] = shown
}

func clusterReady(t *tx, k *task) error {
	r := t.edit(k.Target)
	r.Doc["lifecycleState"] = "ACTIVE"
	delete(r.Doc, "lifecycleDetails")
	if version := str(k.Args, "version"); version != "" {
		r.Doc["kubernetesVersion"] = version
		r.Doc["availableKubernetesUpgrades"] = anys(upgrades(version))
	}
	t.endWork(str(k.Args, "work"), nil)
	return nil
}

func clusterFailed(t *tx, k *task) error {
	r := t.edit(k.Target)
	r.Doc["lifecycleState"], r.Doc["lifecycleDetails"] = "FAILED", k.Args["message"]
	if str(k.Args, "version") != "" { // an upgrade that fails leaves what ran
		r.Doc["lifecycleState"] = "ACTIVE"
	}
	t.endWork(str(k.Args, "work"), fail(int(num(k.Args, "status")), str(k.Args, "code"), "%s", str(k.Args, "message")))
	return nil
}

func stopCluster(ctx context.Context, s *Server, k *task) func(*tx) error {
	began := time.Now()
	var err error
	if s.config.ControlPlane != nil {
		err = s.config.ControlPlane.Stop(ctx, k.Target)
	}
	return func(t *tx) error {
		failure := t.s.faults.workRequest("CLUSTER_DELETE")
		if err != nil {
			failure = fail(http.StatusInternalServerError, "InternalError", "the control plane did not stop: %v", err)
		}
		if failure != nil {
			r := t.edit(k.Target)
			r.Doc["lifecycleState"], r.Doc["lifecycleDetails"] = "FAILED", failure.Message
			for _, pool := range t.all("nodepool", with("clusterId", k.Target)) {
				t.edit(pool.ID).Doc["lifecycleState"] = "ACTIVE"
			}
			t.endWork(str(k.Args, "work"), failure)
			return nil
		}
		t.later(t.until(began, clusterDeleteTime), "clusterDeleted", k.Target, k.Args)
		return nil
	}
}

func clusterDeleted(t *tx, k *task) error {
	for _, pool := range t.all("nodepool", with("clusterId", k.Target)) {
		if err := t.bury(t.edit(pool.ID)); err != nil {
			return err
		}
	}
	if err := t.bury(t.edit(k.Target)); err != nil {
		return err
	}
	t.endWork(str(k.Args, "work"), nil)
	return nil
}

func clusterRemoved(t *tx, r *resource) error {
	for _, addon := range t.addonsOf(r.ID) {
		if err := t.bury(t.edit(addon.ID)); err != nil {
			return err
		}
	}
	return t.dropVnics(r.ID)
}
