// Package networkloadbalancer emulates the Network Load Balancer service, for TCP over IPv4. Traffic flows through its
// network load balancers where something carries out what Describe returns.
package networkloadbalancer

import (
	"strings"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/loadbalancer"
)

const (
	base = "/20200501"
	kind = "networkloadbalancer"
	path = "/networkLoadBalancers"
	// entity is the type of network load balancers in work requests (oci-cloud-controller-manager at 1100ac3, 2026-06-17,
	// pkg/oci/client/network_load_balancer.go).
	entity = "NetworkLoadBalancer"
	models = "networkloadbalancer."
)

// Usual durations of the real service. They are not documented.
const (
	createTime = 30 * time.Second
	changeTime = 5 * time.Second
	deleteTime = 20 * time.Second
)

// defaultLimit is that of the emulator. Oracle's was not found.
const defaultLimit = 50

// changeable are the states in which a network load balancer can be changed: one whose change failed is FAILED, and
// another change repairs it (oci-cloud-controller-manager at 1100ac3, 2026-06-17, EnsureLoadBalancer).
var changeable = []string{"ACTIVE", "FAILED"}

// service is the emulated service.
type service struct{ work *engine.WorkRequests }

// Register adds the Network Load Balancer service to an engine. Health is what was measured; if measured is nil, every
// backend is healthy.
func Register(e *engine.Engine, measured cloud.MeasuredHealth) {
	api := e.API(base)
	s := &service{&engine.WorkRequests{
		API: api, Kind: "networkloadbalancerworkrequest", Collections: map[string]string{entity: path + "/"},
		FailedAction: "IN_PROGRESS", Percent: true, Items: true,
	}}
	b := &loadbalancer.Balancers{
		API: api, Kind: kind, Path: path, Models: models, States: changeable, Merges: true, Page: engine.PageOfItems,
		Parts: parts, CompleteSet: completeSet, Health: measured, HealthResult: healthResult,
		Begin: func(t *engine.Tx, r *engine.Resource, verb, what string, ch loadbalancer.Change) *engine.Answer {
			r.SetState("UPDATING")
			return s.begin(t, r, operation(verb, what), changeTime, ch)
		},
	}
	b.ServeHealths(path+"/health", "networkLoadBalancerId")
	api.ServeReads(&engine.Kind{
		Name: kind, Title: "network load balancer", Path: path, Model: models + "NetworkLoadBalancer",
		Summary: models + "NetworkLoadBalancerSummary", Collection: items, Limit: defaultLimit,
		States: engine.ServiceStates, Async: true, Private: engine.PrivateOf[state](), Removed: removed,
		OnCreate: func(c *engine.Call, doc engine.Doc) error { return complete(c, b, doc) },
	})
	s.serve()
	b.Serve()
	e.ShowLimit(engine.Limit{Service: "network-load-balancer-api", Name: "max-nlb-flexible-count", Of: kind})
}

// items leaves the items in the answer of the list: it has no other field.
func items(answer engine.Doc, _ []any) { delete(answer, "remainingItemsCount") }

// operation is the type of a work request (SDK 65.129.0, networkloadbalancer.OperationTypeEnum).
func operation(verb, what string) string {
	switch what {
	case "NetworkSecurityGroups":
		return "UPDATE_NSGS"
	case "HealthChecker":
		what = "HEALTH_CHECKER"
	case "LoadBalancer":
		what = "NETWORK_LOAD_BALANCER"
	}
	return strings.ToUpper(verb + "_" + what)
}
