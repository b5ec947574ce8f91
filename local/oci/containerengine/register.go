// Package containerengine emulates Container Engine for Kubernetes (OKE). A cloud.ControlPlane runs what OKE manages.
package containerengine

import (
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

const base = "/20180222"

// Options are what Register needs beside the engine.
type Options struct {
	// ControlPlane runs the clusters' control planes. Without one, clusters become ACTIVE and have no API.
	ControlPlane cloud.ControlPlane
	// KubernetesVersions are those that are offered, oldest first.
	KubernetesVersions []string
}

// Service is a registered Container Engine.
type Service struct {
	e        *engine.Engine
	plane    cloud.ControlPlane // may be nil
	versions versions
	work     *engine.WorkRequests
	restarts map[string]chan error // of control planes that ran before the daemon stopped, by cluster
	resuming []chan error          // the same, until Resume has received them
}

// Register adds Container Engine to an engine.
func Register(e *engine.Engine, options Options) *Service {
	api := e.API(base)
	s := &Service{
		e: e, plane: options.ControlPlane, versions: options.KubernetesVersions, restarts: map[string]chan error{},
		work: &engine.WorkRequests{
			API: api, Kind: "clustersworkrequest", FailedAction: "FAILED", Selects: selectsCluster,
			Collections: map[string]string{clusterKind: "/clusters/", poolKind: "/nodePools/"},
		},
	}
	s.work.Serve()
	s.registerClusters(api)
	s.registerClusterTasks()
	s.registerNodePools(api)
	s.registerReconcile()
	s.registerAddons(api)
	s.registerOptions(api)
	e.OnStart(s.queueRestarts)
	return s
}

// selectsCluster reports whether a work request is about the query's cluster, or about one of its node pools.
func selectsCluster(c *engine.Call, about string) bool {
	cluster := c.Query.Get("clusterId")
	if cluster == "" || about == cluster {
		return true
	}
	r := c.Find(about)
	return r != nil && r.Doc.Str("clusterId") == cluster
}

// workTask are the arguments of tasks that need the OCID of their work request only.
type workTask struct{ Work string }
