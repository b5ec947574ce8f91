package settings

import (
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
)

// Immutable is what OKE fixes when it creates the cluster.
func (s *Settings) Immutable() cluster.Immutable {
	return cluster.Immutable{
		KMSKeyID:       s.Cluster.KMSKeyID,
		VCNNativePods:  s.Network.PodNetwork == layout.VCNNative,
		PodsCIDR:       s.Network.PodsCIDR,
		ServicesCIDR:   s.Network.ServicesCIDR,
		VcnID:          s.Network.VcnID,
		SubnetID:       s.Network.Subnets[layout.API].ID,
		PublicEndpoint: s.Network.APIEndpoint == layout.Public,
	}
}
