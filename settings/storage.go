package settings

import (
	"slices"

	"oke-guestbook/plan/problem"
)

// CheckStorage adds a storageGb below the size of the database's volumes, which grow only: Kubernetes would refuse it
// in the middle of the update (Kubernetes documentation, "Persistent Volumes", section "Expanding Persistent Volumes
// Claims"). Sizes in GB are those of the stack's volumes, and do not tell whose each is. So of several guestbooks none
// is judged, and of one the smallest volume decides.
func (s *Settings) CheckStorage(list *problem.List, sizes []int) {
	if len(s.Guestbooks) != 1 {
		return
	}
	g := s.Guestbooks[0]
	if !g.OwnDatabase() || len(sizes) < g.MongoReplicas { // members that are missing get volumes of that size
		return
	}
	if smallest := slices.Min(sizes); smallest > g.StorageGB {
		s.policy(0).Add(list, "storageGb", nil, "%d is below the %d GB of the volumes that the stack has, which can grow "+
			"but never shrink: set it to %d or more", g.StorageGB, smallest, smallest)
	}
}
