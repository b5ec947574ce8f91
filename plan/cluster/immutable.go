package cluster

// Immutable is what OKE fixes when it creates a cluster: another value replaces the cluster, with its node pools.
type Immutable struct {
	KMSKeyID      string // empty: Oracle's own key
	VCNNativePods bool
	PodsCIDR      string // of an overlay
	ServicesCIDR  string
	VcnID         string // empty: the stack makes the VCN
	SubnetID      string // of the API endpoint; empty: the stack makes the subnet

	PublicEndpoint bool // makes the subnet of the stack a public one, which is another
}

// Changed returns the setting by which the update replaces a cluster, or "" if there is none.
func (want Immutable) Changed(is Immutable) string {
	switch {
	case want.VcnID != is.VcnID:
		return "vcnId"
	case want.SubnetID != is.SubnetID:
		return "subnets.api.id"
	case want.SubnetID == "" && want.PublicEndpoint != is.PublicEndpoint:
		return "apiEndpoint"
	case want.VCNNativePods != is.VCNNativePods:
		return "podNetwork"
	case !want.VCNNativePods && want.PodsCIDR != is.PodsCIDR:
		return "podsCidr"
	case want.ServicesCIDR != is.ServicesCIDR:
		return "servicesCidr"
	case want.KMSKeyID != is.KMSKeyID:
		return "kmsKeyId"
	}
	return ""
}
