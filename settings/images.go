package settings

import (
	"fmt"
	"strings"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
)

// Pull is an image that the stack's nodes pull.
type Pull struct {
	Setting string // the key of the setting that names it
	Image   string
	Agent   bool // every node runs it, those with taints too

	dependsOn []string
}

// Pulls returns the images of the stack. Those of guestbooks that need none yet, as nobody has set one, are left out.
func (s *Settings) Pulls() (list []Pull) {
	for i, g := range s.Guestbooks {
		policy := s.policy(i)
		on := policy.DependsOn("profile", "frontendImage", "mongoImage", "choresImage", "externalDatabase")
		for _, image := range []struct {
			key, name string
			used      bool
		}{
			{"frontendImage", g.FrontendImage, true},
			{"mongoImage", g.MongoImage, g.OwnDatabase()},
			{"choresImage", g.ChoresImage, g.Hardened()},
		} {
			if image.used && image.name != "" {
				list = append(list, Pull{Setting: policy.Prefix + image.key, Image: image.name, dependsOn: on})
			}
		}
	}
	if s.LogDestination != "" {
		list = append(list, Pull{"logAgentImage", s.LogAgentImage, true, []string{"logDestination"}})
	}
	if s.Policies == workload.Enforced {
		list = append(list, Pull{"networkPolicyImage", s.EnforcerImage, true, []string{"networkPolicies"}})
	}
	return list
}

// Unfit returns a node pool that runs the image and lacks all of its architectures: nil if there is none.
func (s *Settings) Unfit(p Pull, architectures []string) *cluster.NodePool {
	for i := range s.Cluster.NodePools {
		pool := &s.Cluster.NodePools[i]
		if (p.Agent || pool.Open()) && pool.Lacks(architectures) {
			return pool
		}
	}
	return nil
}

// Foreign says that a node pool cannot run an image.
func Foreign(image string, architectures []string, pool *cluster.NodePool) string {
	return fmt.Sprintf("%s is for %s, and node pool %s is %s, by its shape %s: set another image, such as "+
		"make push builds for both, or another shape", image, strings.Join(architectures, ", "), pool.Name,
		cluster.Architecture(pool.Shape), pool.Shape)
}

// validateArchitectures refuses images by default that nodes cannot run. Others are asked for.
func (s *Settings) validateArchitectures(list *problem.List) {
	for _, pull := range s.Pulls() {
		image, known := workload.ByDefault(pull.Image)
		if pool := s.Unfit(pull, image.Architectures); known && pool != nil {
			list.Add(pull.Setting, "%s", Foreign(pull.Image, image.Architectures, pool)).
				DependsOn("nodePools").DependsOn(pull.dependsOn...)
		}
	}
}

// validateReachOfRegistries refuses images that the nodes cannot pull without the internet: a service gateway leads to
// Oracle's registry of the region only (Oracle: "Service Gateway", services of "All Services in Oracle Services
// Network").
func (s *Settings) validateReachOfRegistries(list *problem.List) {
	if s.Network.InternetEgress != layout.EgressNone {
		return
	}
	for _, pull := range s.Pulls() {
		of := workload.OracleRegion(pull.Image)
		// A key of a region that nothing here knows may be the stack's.
		if of != "" && (s.Region == "" || of == s.Region || region.Test(of) != nil) {
			continue
		}
		list.Add(pull.Setting, "%s is not in Oracle's registry of the region, such as iad.ocir.io, and internetEgress is "+
			"%s: the nodes reach no other registry", pull.Image, layout.EgressNone).
			DependsOn("internetEgress", "oci:region").DependsOn(pull.dependsOn...)
	}
}
