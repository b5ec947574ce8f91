package cluster

import "testing"

func TestImmutableChanges(t *testing.T) {
	is := Immutable{PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16"}
	native := Immutable{VCNNativePods: true, PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16"}
	existing := is
	existing.VcnID, existing.SubnetID = "ocid1.vcn.a", "ocid1.subnet.a"
	for _, tc := range []struct {
		name   string
		is     Immutable
		change func(*Immutable)
		want   string
	}{
		{"nothing", is, func(*Immutable) {}, ""},
		{"key", is, func(i *Immutable) { i.KMSKeyID = "ocid1.key.a" }, "kmsKeyId"},
		{"Pods of the VCN", is, func(i *Immutable) { i.VCNNativePods, i.PodsCIDR = true, "10.1.0.0/16" }, "podNetwork"},
		{"Pods", is, func(i *Immutable) { i.PodsCIDR = "10.1.0.0/16" }, "podsCidr"},
		{"range that Pods of the VCN do not use", native, func(i *Immutable) { i.PodsCIDR = "10.1.0.0/16" }, ""},
		{"Services", is, func(i *Immutable) { i.ServicesCIDR = "10.1.0.0/16" }, "servicesCidr"},
		{"public endpoint", is, func(i *Immutable) { i.PublicEndpoint = true }, "apiEndpoint"},
		{"existing VCN", is, func(i *Immutable) { i.VcnID = "ocid1.vcn.a" }, "vcnId"},
		{"existing subnet", is, func(i *Immutable) { i.SubnetID = "ocid1.subnet.a" }, "subnets.api.id"},
		{"public endpoint in an existing subnet", existing, func(i *Immutable) { i.PublicEndpoint = true }, ""},
		{"no existing VCN any more", existing, func(i *Immutable) { i.VcnID, i.SubnetID = "", "" }, "vcnId"},
		{"no existing subnet any more", existing, func(i *Immutable) { i.SubnetID = "" }, "subnets.api.id"},
	} {
		want := tc.is
		tc.change(&want)
		if got := want.Changed(tc.is); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}
