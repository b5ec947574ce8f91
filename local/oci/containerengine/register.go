// Package containerengine emulates Container Engine for Kubernetes (OKE). A cloud.ControlPlane runs what OKE manages.
package containerengine

import (
	"oke-guestbook/local/oci/engine"
)

const base = "/20180222"

// Register adds Container Engine to an engine.
func Register(e *engine.Engine, options Options) *Service {
	api := e.API(base)
	s := &Service{
		e: e, plane: options.ControlPlane, versions: versions{options.KubernetesVersions}, restarts: map[string]chan error{},
		work: &engine.WorkRequests{
			API: api, Kind: "clustersworkrequest", FailedAction: "FAILED", Selects: selectsCluster,
			Collections: map[string]string{
				clusterKind: "/clusters/", poolKind: "/nodePools/", virtualPoolKind: "/virtualNodePools/",
			},
		},
	}
	s.work.Serve()
	s.registerClusters(api)
	s.registerClusterTasks()
	s.registerNodePools(api)
	s.registerReconcile()
	s.registerVirtualPools(api)
	s.registerAddons(api)
	s.registerOptions(api)
	s.registerTokenReview()
	s.registerWorkloads()
	e.ShowLimit(engine.Limit{Service: "container-engine", Name: "cluster-count", Of: clusterKind})
	e.OnStart(s.queueRestarts)
	return s
}
