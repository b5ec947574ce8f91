package cluster

import (
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Stranded is an availability domain in which an update may terminate the nodes that volumes are attached to.
type Stranded struct {
	Domain  string
	Setting string // that takes the nodes away
	Why     string
}

// Stranding returns the availability domains that lose nodes of a running pool, and then need not have any that take
// the Pods of volumes: OKE terminates nodes at once (Oracle documentation, "Scaling Node Pools", as of September 2026),
// and a volume is attached in its own domain only. Domains are those of each pool by its name.
//
// A pool with at least as many nodes as domains has one in each: OKE distributes them as evenly as possible (Oracle
// documentation, "Creating a Managed Node Pool", copy of March 2025). A smaller one counts as long as it loses nothing:
// where its nodes are is not known. Virtual nodes do not count, because they attach no volumes.
func (s *Spec) Stranding(running Running, domains map[string][]string) []Stranded {
	found := map[string]Stranded{}
	for _, name := range slices.Sorted(maps.Keys(running.Pools)) {
		now := running.Pools[name]
		if now.Size == 0 {
			continue
		}
		for _, placement := range now.Placements {
			domain := placement.AvailabilityDomain
			if _, known := found[domain]; known || s.sureOfNodes(domain, running, domains) {
				continue
			}
			if setting, why := s.loses(name, now, domain, domains[name]); setting != "" {
				found[domain] = Stranded{domain, setting, why}
			}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Stranded) int { return strings.Compare(a.Domain, b.Domain) })
}

// sureOfNodes reports whether a pool has a node in the domain after the update.
func (s *Spec) sureOfNodes(domain string, running Running, domains map[string][]string) bool {
	return slices.ContainsFunc(s.NodePools, func(p NodePool) bool {
		now := running.Pools[p.Name]
		in := domains[p.Name]
		return slices.Contains(in, domain) && p.takesVolumes(now) && p.sizeAfter(now) >= len(in)
	})
}

// loses returns the setting by which a running pool loses nodes in the domain, and what it does; "" if there is none.
func (s *Spec) loses(name string, now RunningPool, domain string, in []string) (setting, why string) {
	i := slices.IndexFunc(s.NodePools, func(p NodePool) bool { return p.Name == name })
	if i < 0 {
		return "nodePools", fmt.Sprintf("node pool %q, which has nodes in %s, is removed", name, domain)
	}
	p, key := s.NodePools[i], fmt.Sprintf("nodePools[%d]", i)
	switch {
	case !slices.Contains(in, domain) && len(p.AvailabilityDomains) > 0:
		return key + ".availabilityDomains", domain + " would have no nodes of this pool any more"
	case !slices.Contains(in, domain):
		return "availabilityDomains", domain + " would have no nodes any more"
	case !p.takesVolumes(now):
		return key + "." + p.repelledBy(), "new nodes in " + domain + " would repel Pods without a toleration"
	case p.sizeAfter(now) < now.Size:
		return key + ".size", fmt.Sprintf("with %d nodes instead of %d in %d availability domains, %s need not keep one",
			p.sizeAfter(now), now.Size, len(in), domain)
	}
	return "", ""
}

// takesVolumes reports whether Pods with volumes get to the pool's nodes: to those without taints that repel, and to
// those of a pool that has had such taints before.
func (p *NodePool) takesVolumes(now RunningPool) bool { return now.Repels || !p.repels() }

// sizeAfter is the number of nodes that the update leaves. An autoscaler's pool keeps what it has, and a new one has
// its minimum for certain.
func (p *NodePool) sizeAfter(now RunningPool) int {
	switch {
	case p.Resized() && now.Version != "":
		return now.Size
	case p.MaxSize > 0:
		return p.MinSize
	}
	return p.Size
}

// registeredTaints matches those in a node pool's user_data, which UserData writes.
var registeredTaints = regexp.MustCompile(`--register-with-taints=([^"\s]+)`)

// Repelling reports whether nodes with this user_data register with a taint that repels Pods.
func Repelling(userData string) bool {
	text, err := base64.StdEncoding.DecodeString(userData)
	if err != nil {
		return false
	}
	found := registeredTaints.FindSubmatch(text)
	return found != nil && slices.ContainsFunc(strings.Split(string(found[1]), ","), repels)
}
