package networkloadbalancer

import (
	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/loadbalancer"
)

// Describe returns the network load balancers that carry traffic: those whose creation has ended.
func Describe(t *engine.Tx) []cloud.LoadBalancer {
	return loadbalancer.DescribeAll(t, loadbalancer.Description{
		Kind: kind, Listener: describeListener, Set: describeSet,
		Complete: func(_ *engine.Resource, lb *cloud.LoadBalancer) { lb.Network = true },
	})
}

func describeListener(_ *engine.Tx, _ *engine.Resource, l engine.Doc) cloud.Listener {
	out := cloud.Listener{
		Name: l.Str("name"), Port: int(l.Num("port")), Protocol: l.Str("protocol"),
		BackendSet: l.Str("defaultBackendSetName"), IdleSeconds: int(l.Num("tcpIdleTimeout")),
	}
	if l.Flag("isPpv2Enabled") {
		out.ProxyProtocol = 2
	}
	return out
}

func describeSet(_ *engine.Tx, _ *engine.Resource, set engine.Doc) cloud.BackendSet {
	out := loadbalancer.DescribeSet(set, "isBackup", "isDrain", "isOffline")
	out.PreserveSource, out.FailOpen = set.Flag("isPreserveSource"), set.Flag("isFailOpen")
	return out
}
