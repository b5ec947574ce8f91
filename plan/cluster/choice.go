package cluster

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"oke-guestbook/plan/problem"
)

// Offered is what a region offers for new clusters and node pools.
type Offered struct {
	// ControlPlane and Nodes are Kubernetes versions in any order, such as "v1.36.4" or "v1.36".
	ControlPlane, Nodes []string
	// Images are those for node pools.
	Images []Image
	// Shapes are those for node pools; none if they are not known.
	Shapes []string
}

// Running is a stack's cluster as it is. The zero value is no cluster.
type Running struct {
	// ClusterID is its OCID.
	ClusterID string
	// ControlPlane is its Kubernetes version, such as "v1.36.4".
	ControlPlane string
	// Upgrades are the versions that the service would raise the control plane to. It lists those of minor versions that
	// it does not offer for new clusters, where an upgrade passes through them.
	Upgrades []string
	// Pools are the node pools by name.
	Pools map[string]RunningPool
	// Replacing is the setting whose change replaces the cluster with its node pools: see Immutable.Changed. Empty if
	// they stay.
	Replacing string
}

// pool returns a node pool as it is, and the version that it keeps where the settings allow it. One that is replaced is
// new, and keeps a version that OKE offers.
func (r *Running) pool(name string, offered Offered) (now RunningPool, keeps string) {
	now = r.Pools[name]
	if r.Replacing == "" || now.Version == "" {
		return now, now.Version
	}
	full := fullVersions(offered.Nodes, offered.Images)
	keeps, _ = newestOffered(now.Version, full, offered.Nodes)
	return RunningPool{}, keeps
}

// RunningPool is a node pool as it is.
type RunningPool struct {
	Version, Shape, ImageID string
	OCPUs, MemoryGB         float64           // of a flexible shape; 0 if they are not known
	Labels                  map[string]string // nil if they are not known
	BootVolumeGB            int
	BootVolumeKMSKeyID      string
	UserData, SSHPublicKey  string
	NodeVersions            []string // of its nodes, which an update without cycling leaves behind
	MaxSurge                string   // of its cycling, as MaxUnavailable is; empty if they are not known
	MaxUnavailable          string
	Placements              []Placement
	Size                    int  // number of nodes
	Repels                  bool // its nodes take no Pods without a toleration
}

// Placement is where a node pool has nodes.
type Placement struct {
	AvailabilityDomain string // such as "Uocm:PHX-AD-1"
	FaultDomains       string // sorted, separated by spaces; empty for all
	SubnetID           string
	ReservationID      string // of capacity
	Preemptible        bool
}

// Choice is a version, or a version and an image, for everything that the settings leave to the program.
type Choice struct {
	// ControlPlane is the full Kubernetes version of the control plane.
	ControlPlane string
	// Nodes are the full Kubernetes versions of the node pools by name.
	Nodes map[string]string
	// Images are the OCIDs of the newest suitable images by the pool's name; none for a pool that names its image.
	Images map[string]string
}

// Choose chooses versions and images. What runs already and satisfies the settings stays as it is, whether the service
// still offers it or not, unless the update replaces the cluster; the rest is the newest that is offered. Every problem
// is added to list. s must be valid.
func (s *Spec) Choose(list *problem.List, offered Offered, running Running) Choice {
	c := Choice{Nodes: map[string]string{}, Images: map[string]string{}}
	var err error
	if c.ControlPlane, err = s.chooseControlPlane(offered, running); err != nil && running.Replacing != "" {
		list.Add(running.Replacing, "a change replaces the cluster, and %v. Set it back, or set kubernetesVersion to one of "+
			"these, which the new cluster gets", err).DependsOn("kubernetesVersion")
	} else if err != nil {
		list.Add("kubernetesVersion", "%v", err)
	}
	for i, p := range s.NodePools {
		now, keeps := running.pool(p.Name, offered)
		p.checkCycling(list, fmt.Sprintf("nodePools[%d]", i), now)
		if now.Shape != p.Shape && len(offered.Shapes) > 0 && !slices.Contains(offered.Shapes, p.Shape) {
			list.Add(fmt.Sprintf("nodePools[%d].shape", i), "OKE does not offer %s here; it offers %s",
				p.Shape, strings.Join(offered.Shapes, ", "))
		}
		key := fmt.Sprintf("nodePools[%d].kubernetesVersion", i)
		version, err := p.chooseVersion(c.ControlPlane, offered, keeps)
		if err == nil && p.ImageID == "" && version != "" {
			c.Images[p.Name], err = p.chooseImage(version, offered.Images, now)
		}
		if err != nil && running.Replacing != "" {
			err = fmt.Errorf("%s replaces the node pool with the cluster: %w", running.Replacing, err)
		}
		if err != nil {
			list.Add(key, "%v", err).DependsOn("kubernetesVersion")
		} else if version != "" {
			p.checkStepsNow(list, fmt.Sprintf("nodePools[%d]", i), now, version)
		}
		c.Nodes[p.Name] = version
	}
	return c
}

func (s *Spec) chooseControlPlane(offered Offered, running Running) (string, error) {
	want, now := s.KubernetesVersion, running.ControlPlane
	full := fullVersions(offered.ControlPlane, offered.Images)
	if running.Replacing != "" && (want == "" || suits(now, want)) {
		if version, err := newestOffered(now, full, offered.ControlPlane); want == "" || err == nil {
			return version, err
		}
	}
	if now == "" || running.Replacing != "" {
		return newestOffered(want, full, offered.ControlPlane)
	}
	if want == "" || suits(now, want) {
		return now, nil
	}
	if err := checkUpgrade(now, want); err != nil {
		return "", err
	}
	to, err := newestOffered(want, slices.Concat(full, running.Upgrades), offered.ControlPlane)
	if err != nil {
		return "", err
	}
	for _, name := range slices.Sorted(maps.Keys(running.Pools)) { // the service compares them before an upgrade
		if err := CheckNodeVersion(to, running.Pools[name].Version); err != nil {
			return "", fmt.Errorf("node pool %q must be upgraded first: %w", name, err)
		}
	}
	return to, nil
}

// chooseVersion returns the version of a pool's nodes, which have the version now, or "" if it depends on that of a
// control plane without one.
func (p *NodePool) chooseVersion(controlPlane string, offered Offered, now string) (string, error) {
	want := p.KubernetesVersion
	if controlPlane == "" {
		return "", nil
	}
	if want == "" {
		want = controlPlane
	}
	if now != "" && suits(now, want) {
		return now, CheckNodeVersion(controlPlane, now)
	}
	var compatible []string // a minor version may have newer patch versions than the control plane's
	full := fullVersions(offered.Nodes, offered.Images)
	for _, v := range full {
		if semver.Compare(v, controlPlane) <= 0 {
			compatible = append(compatible, v)
		}
	}
	if newer := newest(want, full); newer != "" && newest(want, compatible) == "" {
		return "", CheckNodeVersion(controlPlane, newer)
	}
	version, err := newestOffered(want, compatible, offered.Nodes)
	if err != nil {
		return "", err
	}
	return version, CheckNodeVersion(controlPlane, version)
}

// chooseImage returns the OCID of the newest image. A pool whose version OKE makes no images for any more keeps its
// image.
func (p *NodePool) chooseImage(version string, images []Image, now RunningPool) (string, error) {
	newest, err := NewestImage(images, version, ImageVariant(p.Shape))
	if err != nil && now.ImageID != "" && now.Version == version && ImageVariant(now.Shape) == ImageVariant(p.Shape) {
		return now.ImageID, nil
	}
	return newest.ID, err
}

// fullVersions returns the full versions of a list. For a list of minor versions, those are the versions that there are
// images for.
func fullVersions(listed []string, images []Image) []string {
	full := slices.DeleteFunc(slices.Clone(listed), isMinor)
	if len(full) > 0 {
		return full
	}
	for _, image := range images {
		if v := image.version(); slices.Contains(listed, semver.MajorMinor(v)) && !slices.Contains(full, v) {
			full = append(full, v)
		}
	}
	return full
}

// newestOffered returns the newest wanted version of full. The service lists it in that form, or by its minor version,
// which is enough for a version that is wanted in full.
func newestOffered(want string, full, listed []string) (string, error) {
	if version := newest(want, full); version != "" {
		return version, nil
	}
	if want != "" && !isMinor(want) && slices.Contains(listed, semver.MajorMinor(want)) {
		return want, nil
	}
	sorted := slices.Clone(listed)
	semver.Sort(sorted)
	return "", fmt.Errorf("OKE does not offer %s here; it offers %s",
		cmp.Or(want, "a full version"), strings.Join(sorted, ", "))
}
