// Package loadbalancer emulates the Load Balancing service. Traffic flows through its load balancers where something
// carries out what Describe returns.
package loadbalancer

import (
	"slices"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
)

const base = "/20170115"

// Register adds the Load Balancing service to an engine. Health is what was measured; if measured is nil, every backend
// is healthy.
func Register(e *engine.Engine, measured cloud.MeasuredHealth) {
	api := e.API(base)
	api.ServeReads(&engine.Kind{
		Name: lbKind, Title: "load balancer", Path: lbPath, Model: "loadbalancer.LoadBalancer", Limit: 50,
		States: engine.ServiceStates, Async: true, Private: engine.PrivateOf[state](), OnCreate: complete, Removed: removed,
	})
	registerWorkRequests(api)
	api.Handle("POST "+lbPath, "loadbalancer.CreateLoadBalancerDetails", create)
	api.Handle("PUT "+lbPath+"/{id}", "loadbalancer.UpdateLoadBalancerDetails",
		changeFields("UpdateLoadBalancer", func(c *engine.Call, _ *engine.Resource) (engine.Doc, error) {
			return c.Body, completeRequestID(c.Body)
		}))
	api.Handle("PUT "+lbPath+"/{id}/networkSecurityGroups", "loadbalancer.UpdateNetworkSecurityGroupsDetails",
		changeFields("UpdateNetworkSecurityGroups", setSecurityGroups))
	api.Handle("PUT "+lbPath+"/{id}/updateShape", "loadbalancer.UpdateLoadBalancerShapeDetails",
		changeFields("UpdateShape", func(c *engine.Call, _ *engine.Resource) (engine.Doc, error) {
			return c.Body, checkShape(c.Body)
		}))
	api.Handle("DELETE "+lbPath+"/{id}", "", engine.OnChangeable(lbKind, remove, "ACTIVE", "FAILED"))
	b := &Balancers{
		API: api, Kind: lbKind, Path: lbPath, Models: "loadbalancer.", States: []string{changeable}, Parts: parts,
		CompleteSet: completeBackendSet, Health: measured, HealthResult: healthResult,
		Page: (*engine.Call).Page,
		Begin: func(t *engine.Tx, r *engine.Resource, verb, what string, ch Change) *engine.Answer {
			return begin(t, r, verb+what, changeTime, ch)
		},
	}
	b.Serve()
	b.ServeHealths("/loadBalancerHealths", "loadBalancerId")
	api.Handle("GET "+lbPath+"/{id}/sslCipherSuites", "", engine.OnNamed(lbKind, listSuites))
	registerLimits(e)
	for path, names := range map[string][]string{
		"/loadBalancerShapes": append(slices.Clone(fixedShapes), flexible), "/loadBalancerPolicies": policies,
		"/loadBalancerProtocols": protocols,
	} {
		api.Handle("GET "+path, "", func(c *engine.Call) (*engine.Answer, error) {
			var out []any
			for _, name := range names {
				out = append(out, engine.Doc{"name": name})
			}
			return c.Page(out)
		})
	}
}
