package oci

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// KubernetesVersions are those that the local OKE offers, oldest first.
var KubernetesVersions = []string{"v1.35.4", "v1.36.3"}

// shape is a compute shape for nodes. Sizes are Oracle's: "Compute Shapes". Fixed shapes have max = min.
type shape struct {
	name                                 string
	arm                                  bool
	flexible                             bool
	minOCPUs, maxOCPUs, minMem, maxMemGB float64
	processor                            string
}

var shapes = []shape{
	{"VM.Standard.A1.Flex", true, true, 1, 80, 1, 512, "3.0 GHz Ampere® Altra™"},
	{"VM.Standard.A2.Flex", true, true, 1, 78, 1, 946, "3.0 GHz AmpereOne®"},
	{"VM.Standard.E3.Flex", false, true, 1, 114, 1, 1776, "2.25 GHz AMD EPYC™ 7742 (Rome)"},
	{"VM.Standard.E4.Flex", false, true, 1, 114, 1, 1760, "2.55 GHz AMD EPYC™ 7J13 (Milan)"},
	{"VM.Standard.E5.Flex", false, true, 1, 126, 1, 1049, "2.4 GHz AMD EPYC™ 9J14 (Genoa)"},
	{"VM.Standard3.Flex", false, true, 1, 56, 1, 896, "2.6 GHz Intel® Xeon® Platinum 8358 (Ice Lake)"},
	{"VM.Standard2.1", false, false, 1, 1, 15, 15, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)"},
	{"VM.Standard2.2", false, false, 2, 2, 30, 30, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)"},
	{"VM.Standard2.4", false, false, 4, 4, 60, 60, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)"},
	{"VM.Standard2.8", false, false, 8, 8, 120, 120, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)"},
}

func shapeNamed(name string) *shape {
	for i := range shapes {
		if shapes[i].name == name {
			return &shapes[i]
		}
	}
	return nil
}

// image is a platform image; those for OKE carry the Kubernetes version in their names.
type image struct {
	id, name string
	arm      bool
	version  string // "v1.36.3"; empty: not for OKE
}

var images = makeImages()

func makeImages() []image {
	var out []image
	for _, arm := range []bool{false, true} {
		arch, short := "", "x86"
		if arm {
			arch, short = "aarch64-", "arm"
		}
		base := fmt.Sprintf("Oracle-Linux-8.10-%s2026.05.31-0", arch)
		out = append(out, image{id: imageID(short + "plain"), name: base, arm: arm})
		for i, v := range KubernetesVersions {
			number := strings.TrimPrefix(v, "v")
			out = append(out, image{
				id: imageID(short + strings.ReplaceAll(number, ".", "")), arm: arm, version: v,
				name: fmt.Sprintf("%s-OKE-%s-%d", base, number, 1234+i),
			})
		}
	}
	return out
}

func imageID(suffix string) string {
	return "ocid1.image.oc1." + RegionKey + ".aaaaaaaalocalcloudimage" + suffix
}

func imageByID(id string) *image {
	i := slices.IndexFunc(images, func(m image) bool { return m.id == id })
	if i < 0 {
		return nil
	}
	return &images[i]
}

// minor returns the minor version of "v1.36.3".
func minor(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	return n
}

// maxNodeSkew is how many minor versions a node may be older than the control plane (Kubernetes: version skew policy).
const maxNodeSkew = 3

func checkVersion(version string) error {
	if !slices.Contains(KubernetesVersions, version) {
		return invalid("Invalid kubernetes version. Offered are %s.", strings.Join(KubernetesVersions, ", "))
	}
	return nil
}

// upgrades returns the versions that a control plane can go to: newer, and at most one minor ahead.
func upgrades(from string) []string {
	var out []string
	for i, v := range KubernetesVersions {
		if i > slices.Index(KubernetesVersions, from) && minor(v)-minor(from) <= 1 {
			out = append(out, v)
		}
	}
	return out
}
