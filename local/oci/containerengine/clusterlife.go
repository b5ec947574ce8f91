package containerengine

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// startArgs are the arguments of the start of a control plane.
type startArgs struct {
	Work    string
	Version string        // of an upgrade; empty: a creation
	Takes   time.Duration // on the real service
}

// startedArgs are those of the end of a creation or an upgrade.
type startedArgs struct {
	Work, Version string
	Failure       *engine.Failure
}

const (
	taskClusterStart   engine.Task[startArgs]   = "cluster start"
	taskClusterReady   engine.Task[startedArgs] = "cluster ready"
	taskClusterFailed  engine.Task[startedArgs] = "cluster failed"
	taskClusterUpdated engine.Task[workTask]    = "cluster updated"
	taskClusterStop    engine.Task[workTask]    = "cluster stop"
	taskClusterDeleted engine.Task[workTask]    = "cluster deleted"
)

func (s *Service) registerClusterTasks() {
	taskClusterStart.OnDueOutside(s.e, s.startCluster)
	taskClusterReady.OnDue(s.e, s.clusterReady)
	taskClusterFailed.OnDue(s.e, s.clusterFailed)
	taskClusterUpdated.OnDue(s.e, s.clusterUpdated)
	taskClusterStop.OnDueOutside(s.e, s.stopCluster)
	taskClusterDeleted.OnDue(s.e, s.clusterDeleted)
	taskRestart.OnDueOutside(s.e, s.restart)
}

// startPlane starts a cluster's control plane, with another version than the cluster's if version is not empty.
func (s *Service) startPlane(ctx context.Context, clusterID, version string) (cloud.Endpoints, error) {
	var c cloud.Cluster
	err := s.e.View(func(t *engine.Tx) error {
		r, err := t.Named(clusterKind, clusterID)
		if err != nil {
			return err
		}
		running := engine.Private[clusterState](r).Version
		c = cloud.Cluster{
			ID: r.ID, Name: r.Doc.Str("name"), Version: cmp.Or(version, running, r.Doc.Str("kubernetesVersion")),
			CompartmentID: r.Doc.Str("compartmentId"), VcnID: r.Doc.Str("vcnId"),
			PodsCIDR:           r.Doc.Str("options", "kubernetesNetworkConfig", "podsCidr"),
			ServicesCIDR:       r.Doc.Str("options", "kubernetesNetworkConfig", "servicesCidr"),
			ServiceLBSubnetIDs: r.Doc.Texts("options", "serviceLbSubnetIds"), PrivateEndpoint: privateEndpoint(t, r),
		}
		c.Authentication = tokenAuthentication(r.Doc)
		if c.Session, err = s.e.Session(engine.Principal{ID: r.ID, Type: engine.ClusterPrincipal}); err != nil {
			return err
		}
		for _, addon := range addonsOf(t, r.ID) {
			if state := addon.State(); state != "DELETING" && state != "NEEDS_ATTENTION" {
				c.Addons = append(c.Addons, addon.Doc.Str("name"))
			}
		}
		if cniType(r.Doc) == vcnNative {
			c.PodsCIDR = "" // the cluster has it and does not use it
		}
		return nil
	})
	if err != nil || s.plane == nil {
		return cloud.Endpoints{}, err
	}
	return s.plane.Start(ctx, c)
}

// startCluster is the work of a creation and of an upgrade: the control plane starts at once, and the cluster is ready
// when it has started and the real service's time has passed.
func (s *Service) startCluster(ctx context.Context, clusterID string, args startArgs) func(*engine.Tx) error {
	began := time.Now()
	var refused *engine.Failure
	if args.Version == "" {
		refused = s.refusedKey(clusterID)
	}
	var endpoints cloud.Endpoints
	var err error
	if refused == nil {
		endpoints, err = s.startPlane(ctx, clusterID, args.Version)
	}
	return func(t *engine.Tx) error {
		ended := startedArgs{args.Work, args.Version, cmp.Or(refused, s.work.Failure(t, args.Work))}
		if err != nil {
			ended.Failure = engine.Fail(http.StatusInternalServerError, "InternalError",
				"the control plane did not start: %v", err)
		}
		if ended.Failure != nil {
			// A failure takes its time, too: the official provider reads the cluster's OCID from the work request while that
			// is in progress, and loses a cluster whose work request has failed by then.
			taskClusterFailed.After(t, t.Remaining(began, args.Takes), clusterID, ended)
			return nil
		}
		r := t.Edit(clusterID)
		engine.Private[clusterState](r).Version = args.Version
		setEndpoints(t, r, endpoints)
		taskClusterReady.After(t, t.Remaining(began, args.Takes), clusterID, ended)
		return nil
	}
}

// refusedKey is the failure of a new cluster that may not use its key, or nil.
func (s *Service) refusedKey(clusterID string) (failure *engine.Failure) {
	_ = s.e.View(func(t *engine.Tx) error {
		failure = keyFailure(t, t.Find(clusterID))
		return nil
	})
	return failure
}

// setEndpoints remembers where the API is, and shows it.
func setEndpoints(t *engine.Tx, r *engine.Resource, e cloud.Endpoints) {
	engine.Private[clusterState](r).CA = e.CA
	showEndpoints(t, r, e.Address)
}

// showEndpoints shows where the API is. A public endpoint comes with a private one, the address of its VNIC.
func showEndpoints(t *engine.Tx, r *engine.Resource, address string) {
	if address == "" {
		return
	}
	shown := engine.Doc{"kubernetes": address, "privateEndpoint": address}
	if r.Doc.Flag("endpointConfig", "isPublicIpEnabled") {
		shown["publicEndpoint"] = address
		shown["privateEndpoint"] = privateEndpoint(t, r)
	}
	r.Doc["endpoints"] = shown
}

// privateEndpoint returns the address and port of the API server in the VCN.
func privateEndpoint(t *engine.Tx, cluster *engine.Resource) string {
	for _, vnic := range vcn.VnicsOf(t, cluster.ID) {
		return vnic.Doc.Str("privateIp") + ":6443"
	}
	return ""
}

func (s *Service) clusterReady(t *engine.Tx, clusterID string, args startedArgs) error {
	r := t.Edit(clusterID)
	r.SetState("ACTIVE")
	delete(r.Doc, "lifecycleDetails")
	if args.Version != "" {
		r.Doc["kubernetesVersion"] = args.Version
		r.Doc["availableKubernetesUpgrades"] = engine.List(s.versions.upgrades(args.Version))
		upgradeVirtualNodes(t, clusterID, args.Version)
	}
	s.work.End(t, args.Work, nil)
	return nil
}

func (s *Service) clusterFailed(t *engine.Tx, clusterID string, args startedArgs) error {
	r := t.Edit(clusterID)
	r.SetState("FAILED")
	if args.Version != "" { // after an upgrade that fails, the old version still runs
		r.SetState("ACTIVE")
	}
	r.Doc["lifecycleDetails"] = args.Failure.Message
	s.work.End(t, args.Work, args.Failure)
	return nil
}

// clusterUpdated ends an update that only takes its time.
func (s *Service) clusterUpdated(t *engine.Tx, clusterID string, args workTask) error {
	if r := t.Edit(clusterID); r.State() == "UPDATING" {
		r.SetState("ACTIVE")
	}
	s.work.End(t, args.Work, s.work.Failure(t, args.Work))
	return nil
}

func (s *Service) stopCluster(ctx context.Context, clusterID string, args workTask) func(*engine.Tx) error {
	began := time.Now()
	var err error
	if s.plane != nil {
		err = s.plane.Stop(ctx, clusterID)
	}
	return func(t *engine.Tx) error {
		failure := s.work.Failure(t, args.Work)
		if err != nil {
			failure = engine.Fail(http.StatusInternalServerError, "InternalError", "the control plane did not stop: %v", err)
		}
		if failure == nil {
			taskClusterDeleted.After(t, t.Remaining(began, clusterDeleteTime), clusterID, args)
			return nil
		}
		r := t.Edit(clusterID)
		r.SetState("FAILED")
		r.Doc["lifecycleDetails"] = failure.Message
		for _, pool := range allPoolsOf(t, clusterID) {
			t.Edit(pool.ID).SetState("ACTIVE")
		}
		s.work.End(t, args.Work, failure)
		return nil
	}
}

func (s *Service) clusterDeleted(t *engine.Tx, clusterID string, args workTask) error {
	if err := t.RemoveAll(allPoolsOf(t, clusterID)); err != nil {
		return err
	}
	if err := t.Remove(t.Edit(clusterID)); err != nil {
		return err
	}
	s.work.End(t, args.Work, nil)
	return nil
}
