package router_test

import (
	"testing"

	"oke-guestbook/local/cloud"
)

func TestSecurityRulesDecideInsideASubnet(t *testing.T) {
	r := newRouter(t)
	workers := subnet("workers", "10.0.1.0/24", rule(out, tcp, 80, vcn), rule(in, tcp, 80, vcn), rule(in, tcp, 81, vcn))
	n := cloud.Network{
		Subnets: []cloud.Subnet{workers},
		VNICs:   []cloud.VNIC{vnic("a", workers, "10.0.1.2"), vnic("b", workers, "10.0.1.3")},
	}
	apply(t, r, n)
	for _, port := range []string{"80", "81", "82"} {
		serveTCP(t, r.Host("b"), "0.0.0.0:"+port, "b")
	}
	answers(t, r.Host("a"), "tcp4", "10.0.1.3:80", "b 10.0.1.2")
	timesOut(t, r.Host("a"), "tcp4", "10.0.1.3:81") // no egress rule
	timesOut(t, r.Host("a"), "tcp4", "10.0.1.3:82") // no rule
	timesOut(t, r.Host("a"), "tcp4", "10.0.1.9:80") // no VNIC
	for _, f := range r.Flows() {
		t.Log(f)
	}
}
