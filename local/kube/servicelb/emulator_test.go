package servicelb

import (
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
	"oke-guestbook/local/ociclient"
)

// TestNetworkLoadBalancerOnTheEmulator creates, changes and deletes a network load balancer with the emulator, which
// checks every request by the SDK's models.
func TestNetworkLoadBalancerOnTheEmulator(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		web := httptest.NewServer(c.Server)
		defer web.Close()
		client, err := ociclient.New(web.URL, c.Server.Credentials())
		if err != nil {
			t.Fatal(err)
		}
		node, another := testNode("a", "10.0.16.2", nil), testNode("b", "10.0.16.3", nil)
		b := newBalancers(t, cloudWith(), node, another)
		b.OCI, b.Cluster.CompartmentID = client, oci.CompartmentID
		svc := networkService(map[string]string{
			networkPrefix + "subnet": n.LBs, networkNames.freeform: `{"of":"test"}`,
		})
		ensure := func(nodes ...*corev1.Node) engine.Doc {
			t.Helper()
			status, err := b.EnsureLoadBalancer(t.Context(), "", svc, nodes)
			if err != nil {
				t.Fatal(err)
			}
			all := c.Get(networkPath + "?compartmentId=" + oci.CompartmentID).Objects("items")
			if len(all) != 1 || len(status.Ingress) != 1 ||
				status.Ingress[0].IP != all[0].Objects("ipAddresses")[1]["ipAddress"] {
				t.Fatalf("status %v of %v, want its public address", status, all)
			}
			return all[0]
		}
		if nlb := ensure(node); nlb.Sub("backendSets", "TCP-80").Flag("isPreserveSource") ||
			!nlb.Flag("listeners", "TCP-80", "isPpv2Enabled") || nlb.Str("freeformTags", "of") != "test" {
			t.Errorf("network load balancer %v", nlb)
		}
		svc.Annotations[annotationPPv2], svc.Annotations[annotationPreserveSource] = "false", "true"
		if nlb := ensure(node, another); len(nlb.List("backendSets", "TCP-80", "backends")) != 2 ||
			!nlb.Flag("backendSets", "TCP-80", "isPreserveSource") || nlb.Flag("listeners", "TCP-80", "isPpv2Enabled") {
			t.Errorf("after the changes: %v", nlb)
		}
		deleted := func() {
			t.Helper()
			if err := b.EnsureLoadBalancerDeleted(t.Context(), "", svc); err != nil {
				t.Fatal(err)
			}
		}
		deleted()

		fault := oci.Fault{WorkRequest: "CREATE_NETWORK_LOAD_BALANCER", Message: "no capacity", Count: 1}
		if err := c.Server.Inject(fault); err != nil {
			t.Fatal(err)
		}
		if _, err := b.EnsureLoadBalancer(t.Context(), "", svc, []*corev1.Node{node}); err == nil {
			t.Error("no error of a creation that failed")
		}
		// The next attempt finds it, and changes its backends: the Service gets no address.
		status, err := b.EnsureLoadBalancer(t.Context(), "", svc, []*corev1.Node{node, another})
		if err != nil || len(status.Ingress) > 0 {
			t.Errorf("status %v, %v after the failed creation, want no address", status, err)
		}
		deleted()
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}
