package containerengine

import (
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

// The service's kinds.
const (
	clusterKind = "cluster"
	poolKind    = "nodepool"
	addonKind   = "addon"
)

// Options are what Register needs beside the engine.
type Options struct {
	// ControlPlane runs the clusters' control planes. Without one, clusters become ACTIVE and have no API.
	ControlPlane cloud.ControlPlane
	// KubernetesVersions returns those that are offered. Required.
	KubernetesVersions func() []string
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

// vcnNative is the type of VCN-native pod networking.
const vcnNative = "OCI_VCN_IP_NATIVE"

// cniType returns the type of a cluster's pod network.
func cniType(cluster engine.Doc) string {
	for _, o := range cluster.Objects("clusterPodNetworkOptions") {
		return o.Str("cniType")
	}
	return ""
}
