package cluster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Image is an image that the service offers for node pools. Its name carries everything that is known of it, such as
// "Oracle-Linux-8.10-aarch64-2025.09.16-0-OKE-1.34.1-1191".
type Image struct{ ID, Name string }

// Variants of an OKE image, as its name spells them.
const (
	AMD64 = ""
	ARM64 = "aarch64"
	GPU   = "Gen2-GPU"
)

// ImageVariant returns the variant of OKE image that a shape needs.
func ImageVariant(shapeName string) string {
	switch {
	case GPUShape(shapeName):
		return GPU
	case ArmShape(shapeName):
		return ARM64
	}
	return AMD64
}

// okeName has the groups: release (1, 2), variant (3), date and its counter (4 to 7), Kubernetes version (8), build
// (9).
var okeName = regexp.MustCompile(`^Oracle-Linux-(\d+)\.(\d+)-(?:(aarch64|Gen2-GPU)-)?(\d{4})\.(\d{2})\.(\d{2})-(\d+)` +
	`-OKE-(\d+\.\d+\.\d+)-(\d+)$`)

// Check returns an error if the image's name says that nodes of the shape and Kubernetes version cannot have it: "the
// OKE image you select must have the same version number as the node pool" (Oracle documentation, "Supported Images
// (Including Custom Images) and Shapes for Worker Nodes", 2025-01-15; read 2026-11-29). An empty version is not known.
// The name of an image of one's own says nothing.
func (m Image) Check(shapeName, version string) error {
	oracle := strings.HasPrefix(m.Name, "Oracle-Linux-")
	if arm := strings.Contains(m.Name, ARM64); oracle && arm != ArmShape(shapeName) {
		return fmt.Errorf("the image %s is for %s, and %s is %s", m.Name, armOrX86(arm), shapeName, armOrX86(!arm))
	}
	if own := m.version(); own != "" && version != "" && own != version {
		return fmt.Errorf("the image %s is for Kubernetes %s, and the nodes get %s", m.Name, own, version)
	}
	return nil
}

func armOrX86(arm bool) string {
	if arm {
		return architecture(ARM64)
	}
	return architecture(AMD64)
}

// version returns the Kubernetes version of an OKE image, such as "v1.34.1", or "".
func (m Image) version() string {
	if groups := okeName.FindStringSubmatch(m.Name); groups != nil {
		return "v" + groups[8]
	}
	return ""
}

// NewestImage returns the newest OKE image for a Kubernetes version such as "v1.34.1" and a variant: the highest
// Oracle Linux release, then the latest date and build.
func NewestImage(images []Image, version, variant string) (Image, error) {
	var best Image
	var bestRank []int
	var others []string
	for _, s := range images {
		m := okeName.FindStringSubmatch(s.Name)
		if m == nil || m[3] != variant {
			continue
		}
		if "v"+m[8] != version {
			others = append(others, "v"+m[8])
			continue
		}
		rank := make([]int, 0, 7)
		for _, i := range []int{1, 2, 4, 5, 6, 7, 9} {
			n, err := strconv.Atoi(m[i])
			if err != nil {
				return Image{}, fmt.Errorf("image %q: %w", s.Name, err)
			}
			rank = append(rank, n)
		}
		if bestRank == nil || slices.Compare(rank, bestRank) > 0 {
			best, bestRank = s, rank
		}
	}
	if bestRank == nil {
		slices.Sort(others)
		return Image{}, fmt.Errorf("OKE offers no image for Kubernetes %s on %s; there are images for %s",
			version, architecture(variant), strings.Join(slices.Compact(others), ", "))
	}
	return best, nil
}

func architecture(variant string) string {
	switch variant {
	case ARM64:
		return "Arm"
	case GPU:
		return "GPU shapes"
	}
	return "x86"
}
