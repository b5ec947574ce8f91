package sdktest

import (
	"slices"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/networkloadbalancer"
)

// TestNetworkLoadBalancer walks a network load balancer's life with the client that OKE's cloud controller uses.
func TestNetworkLoadBalancer(t *testing.T) {
	settings, config, address := emulate(t)
	s := newSDK(t, config, address)
	s.createVcn()
	s.createSubnets()
	client := must[networkloadbalancer.NetworkLoadBalancerClient](t)(
		networkloadbalancer.NewNetworkLoadBalancerClientWithConfigurationProvider(config))
	client.Host = host(t, settings, "oci_network_load_balancer.NetworkLoadBalancerClient")

	created := must[networkloadbalancer.CreateNetworkLoadBalancerResponse](t)(client.CreateNetworkLoadBalancer(ctx,
		networkloadbalancer.CreateNetworkLoadBalancerRequest{CreateNetworkLoadBalancerDetails: nlbDetails(s)}))
	done := func(work *string) {
		t.Helper()
		until(t, networkloadbalancer.OperationStatusSucceeded, func() (networkloadbalancer.OperationStatusEnum, error) {
			r, err := client.GetWorkRequest(ctx, networkloadbalancer.GetWorkRequestRequest{WorkRequestId: work})
			return r.Status, err
		})
	}
	done(created.OpcWorkRequestId)
	listed := must[networkloadbalancer.ListNetworkLoadBalancersResponse](t)(client.ListNetworkLoadBalancers(ctx,
		networkloadbalancer.ListNetworkLoadBalancersRequest{CompartmentId: s.compartment})).Items
	if len(listed) != 1 || *listed[0].BackendSets["TCP-80"].IsPreserveSource {
		t.Fatalf("network load balancers %v", listed)
	}
	if !slices.ContainsFunc(listed[0].IpAddresses, func(ip networkloadbalancer.IpAddress) bool { return *ip.IsPublic }) {
		t.Errorf("addresses %v, want a public one", listed[0].IpAddresses)
	}
	id := listed[0].Id
	done(must[networkloadbalancer.UpdateListenerResponse](t)(client.UpdateListener(ctx,
		networkloadbalancer.UpdateListenerRequest{
			NetworkLoadBalancerId: id, ListenerName: common.String("TCP-80"),
			UpdateListenerDetails: networkloadbalancer.UpdateListenerDetails{IsPpv2Enabled: common.Bool(false)},
		})).OpcWorkRequestId)
	health := must[networkloadbalancer.GetNetworkLoadBalancerHealthResponse](t)(client.GetNetworkLoadBalancerHealth(ctx,
		networkloadbalancer.GetNetworkLoadBalancerHealthRequest{NetworkLoadBalancerId: id}))
	if health.Status != networkloadbalancer.NetworkLoadBalancerHealthStatusOk {
		t.Errorf("health %v", health)
	}
	done(must[networkloadbalancer.DeleteNetworkLoadBalancerResponse](t)(client.DeleteNetworkLoadBalancer(ctx,
		networkloadbalancer.DeleteNetworkLoadBalancerRequest{NetworkLoadBalancerId: id})).OpcWorkRequestId)
}

func nlbDetails(s *sdk) networkloadbalancer.CreateNetworkLoadBalancerDetails {
	return networkloadbalancer.CreateNetworkLoadBalancerDetails{
		CompartmentId: s.compartment, DisplayName: common.String("guestbook"), SubnetId: s.lb,
		BackendSets: map[string]networkloadbalancer.BackendSetDetails{"TCP-80": {
			Policy: networkloadbalancer.NetworkLoadBalancingPolicyFiveTuple, IsPreserveSource: common.Bool(false),
			HealthChecker: &networkloadbalancer.HealthChecker{
				Protocol: networkloadbalancer.HealthCheckProtocolsHttp, Port: common.Int(31000),
			},
			Backends: []networkloadbalancer.Backend{{IpAddress: common.String("10.0.16.2"), Port: common.Int(30080)}},
		}},
		Listeners: map[string]networkloadbalancer.ListenerDetails{"TCP-80": {
			Name: common.String("TCP-80"), DefaultBackendSetName: common.String("TCP-80"), Port: common.Int(80),
			Protocol: networkloadbalancer.ListenerProtocolsTcp, IsPpv2Enabled: common.Bool(true),
		}},
	}
}
