package containerengine

import (
	"context"
	"slices"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/monitoring"
)

// NodeConditions returns OKE's metric of the nodes that are ready: 1 for each. Others have no value, as Oracle does not
// say whether they count 0 or are missing (Oracle, "Kubernetes Engine (OKE) Metrics", updated 2025-01-15, a copy read
// 2026-11-29). Neither have virtual nodes, nor other conditions.
func (s *Service) NodeConditions(ctx context.Context) (all []monitoring.Sample) {
	if s.plane == nil {
		return nil
	}
	nodes, compartments := map[string][]cloud.Node{}, map[string]string{}
	_ = s.e.View(func(t *engine.Tx) error { // fails only if the function does
		for _, r := range t.All(clusterKind) {
			nodes[r.ID], compartments[r.ID] = clusterNodes(t, r.ID), r.Doc.Str("compartmentId")
		}
		return nil
	})
	for cluster, members := range nodes {
		ready, err := s.plane.ReadyNodes(ctx, cluster)
		if err != nil { // without an API server, nothing is known
			continue
		}
		for _, n := range members {
			if slices.Contains(ready, n.InstanceID) {
				all = append(all, monitoring.Sample{
					Namespace: "oci_oke", Name: "KubernetesNodeCondition", CompartmentID: compartments[cluster], Value: 1,
					Dimensions: map[string]string{
						"resourceId": n.InstanceID, "resourceDisplayName": n.Name, "clusterId": cluster, "nodepoolId": n.PoolID,
						"nodeCondition": "Ready",
					},
				})
			}
		}
	}
	return all
}
