package doctor

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/layout"
	"oke-guestbook/settings"
)

func TestKernelRoutes(t *testing.T) {
	const table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n" +
		"eth0\t00000000\t010011AC\t0003\t0\t0\t0\t00000000\n" + // the default route, by 172.17.0.1
		"tun0\t0000070A\t00000000\t0001\t0\t0\t0\t0000FFFF\n" // 10.7.0.0/16
	got := kernelRoutes(strings.NewReader(table))
	if want := []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16")}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v (as a machine with little-endian numbers writes them)", got, want)
	}
}

func TestOverlaps(t *testing.T) {
	local := []netip.Prefix{netip.MustParsePrefix("10.7.0.0/16")}
	for _, test := range []struct {
		spec   layout.Spec
		status Status
		want   string
	}{
		{layout.Spec{VcnCIDR: "10.8.0.0/16", ServicesCIDR: "10.9.0.0/16"}, OK, "no network of the stack overlaps"},
		{layout.Spec{VcnCIDR: "10.0.0.0/8"}, Skipped, "vcnCidr 10.0.0.0/8 overlaps 10.7.0.0/16"},
		{layout.Spec{VcnCIDR: "10.0.0.0/8", DrgID: "x"}, Failed, "vcnCidr 10.0.0.0/8 overlaps 10.7.0.0/16"},
		{
			layout.Spec{VcnCIDR: "10.8.0.0/16", PodNetwork: layout.Flannel, PodsCIDR: "10.7.0.0/20"},
			Skipped, "podsCidr 10.7.0.0/20 overlaps",
		},
	} {
		got := overlaps(test.spec, local)
		if got.Status != test.status || !strings.Contains(got.Text, test.want) {
			t.Errorf("%+v: %+v", test.spec, got)
		}
	}
}

func TestEndpoint(t *testing.T) {
	mine := []netip.Addr{netip.MustParseAddr("198.51.100.7")}
	for _, test := range []struct {
		allowed []string
		mine    []netip.Addr
		status  Status
		want    string
	}{
		{[]string{"198.51.100.0/24"}, mine, OK, "has this machine's address"},
		{[]string{"203.0.113.7/32"}, mine, Failed, "has none of this machine's addresses, such as 198.51.100.7"},
		{[]string{"203.0.113.7/32"}, nil, Skipped, "no public address of its own"},
	} {
		got := reaches(test.allowed, test.mine)
		if got.Status != test.status || !strings.Contains(got.Text, test.want) {
			t.Errorf("%v: %+v", test.allowed, got)
		}
	}
	open := &visit{settings: &settings.Settings{}}
	open.settings.Network.APIEndpoint, open.settings.Network.APIAllowedCIDRs = layout.Public, []string{layout.Anywhere}
	if got := open.mayReach(); got.Status != OK || !strings.Contains(got.Text, "whole internet") {
		t.Error(got)
	}
}
