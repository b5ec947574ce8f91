package cluster

import (
	"cmp"
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
	Instead string // what keeps them
}

// Stranding returns the availability domains that lose nodes of a running pool, and then need not have any that take
// the Pods of volumes: OKE terminates nodes at once (Oracle documentation, "Scaling Node Pools", as of September 2026),
// and a volume is attached in its own domain only. Domains are those of each pool by its name.
//
// A pool with at least as many nodes as domains has one in each: OKE distributes them as evenly as possible (Oracle
// documentation, "Creating a Managed Node Pool", copy of March 2025). A smaller one counts as long as it loses nothing:
// where its nodes are is not known, nor where OKE puts those that replace them. Virtual nodes do not count, because
// they attach no volumes.
func (s *Spec) Stranding(running Running, choice Choice, domains map[string][]string) []Stranded {
	found := map[string]Stranded{}
	for _, name := range slices.Sorted(maps.Keys(running.Pools)) {
		now := running.Pools[name]
		if now.Size == 0 || now.Repels { // it has no Pods with volumes
			continue
		}
		for _, placement := range now.Placements {
			domain := placement.AvailabilityDomain
			if _, known := found[domain]; known || s.sureOfNodes(domain, running, domains) {
				continue
			}
			lost := s.loses(name, now, domain, domains[name])
			if lost.Setting == "" {
				lost = s.scatters(name, now, placement, choice.Nodes[name], domains[name])
			}
			if lost.Setting != "" {
				lost.Domain, lost.Instead = domain, cmp.Or(lost.Instead, "keep the nodes")
				found[domain] = lost
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
		return slices.Contains(in, domain) && !p.repels() && p.sizeAfter(now) >= len(in)
	})
}

// loses returns the setting by which a running pool loses nodes in the domain, and what it does; the zero value if
// nothing is lost.
func (s *Spec) loses(name string, now RunningPool, domain string, in []string) Stranded {
	i := slices.IndexFunc(s.NodePools, func(p NodePool) bool { return p.Name == name })
	if i < 0 {
		why := fmt.Sprintf("node pool %q, which has nodes in %s, is removed", name, domain)
		return Stranded{Setting: "nodePools", Why: why}
	}
	p, key := s.NodePools[i], fmt.Sprintf("nodePools[%d]", i)
	switch {
	case !slices.Contains(in, domain) && len(p.AvailabilityDomains) > 0:
		return Stranded{Setting: key + ".availabilityDomains", Why: domain + " would have no nodes of this pool any more"}
	case !slices.Contains(in, domain):
		return Stranded{Setting: "availabilityDomains", Why: domain + " would have no nodes any more"}
	case p.repels():
		return Stranded{
			Setting: key + "." + p.repelledBy(), Why: "new nodes in " + domain + " would repel Pods without a toleration",
		}
	case p.sizeAfter(now) < now.Size:
		return Stranded{Setting: key + ".size", Why: fmt.Sprintf("with %d nodes instead of %d in %d availability domains, "+
			"%s need not keep one", p.sizeAfter(now), now.Size, len(in), domain)}
	}
	return Stranded{}
}

// scatters returns the setting by which other nodes replace those of a running pool that stays in the domain, but has
// fewer nodes than domains.
func (s *Spec) scatters(name string, now RunningPool, at Placement, version string, in []string) Stranded {
	i := slices.IndexFunc(s.NodePools, func(p NodePool) bool { return p.Name == name })
	p, key := s.NodePools[i], fmt.Sprintf("nodePools[%d].", i)
	fields, keeps := p.newPlaces(at), ""
	if len(fields) == 0 && p.Cycles() && p.CycleBy != BootVolume {
		if fields = p.newInstances(now); len(fields) == 0 {
			keeps = "set " + key + "cycleBy to boot-volume, without maxSurge, which keeps the instances; "
		}
		fields = append(fields, p.newBootVolumes(now, version)...)
	}
	if len(fields) == 0 {
		return Stranded{}
	}
	setting := key + fields[0]
	switch {
	case fields[0] == "kubernetesVersion" && p.KubernetesVersion == "":
		setting = fields[0]
	case fields[0] == ownScript && p.MaxSurge != "": // what makes the nodes cycle
		setting = key + "maxSurge"
	case fields[0] == ownScript:
		setting = key + "maxUnavailable"
	}
	return Stranded{
		Setting: setting,
		Why: fmt.Sprintf("applying %s replaces the nodes of pool %q, which are fewer (%d) than its availability domains "+
			"(%d): %s need not get one", strings.Join(fields, ", "), name, p.sizeAfter(now), len(in), at.AvailabilityDomain),
		Instead: fmt.Sprintf("%sset %ssize to %d or more, or %savailabilityDomains to those that have volumes",
			keeps, key, len(in), key),
	}
}

// newPlaces returns the fields by which a pool's nodes leave a placement in a domain that the pool stays in.
func (p *NodePool) newPlaces(at Placement) []string {
	had, has := strings.Fields(at.FaultDomains), FaultDomains(p.FaultDomains)
	if len(had) == 0 {
		had = FaultDomains([]int{1, 2, 3})
	}
	leaves := func(domain string) bool { return !slices.Contains(has, domain) }
	return changed(
		change{"faultDomains", len(has) > 0 && slices.ContainsFunc(had, leaves)},
		change{"capacityReservationId", p.CapacityReservationID != at.ReservationID},
		change{"preemptible", p.Preemptible != at.Preemptible},
	)
}

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
	taints := registered(text)
	return taints != "" && slices.ContainsFunc(strings.Split(taints, ","), repels)
}

// registered returns the taints in a plain user_data, separated by commas.
func registered(text []byte) string {
	if found := registeredTaints.FindSubmatch(text); found != nil {
		return string(found[1])
	}
	return ""
}
