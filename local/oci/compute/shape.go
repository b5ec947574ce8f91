package compute

import (
	"strings"

	"oke-guestbook/local/oci/engine"
)

// Shape is a compute shape. Sizes are Oracle's ("Compute Shapes"). A fixed shape has its minimum only.
type Shape struct {
	Name                                         string
	Arm                                          bool
	Flexible                                     bool
	MinOCPUs, MaxOCPUs, MinMemoryGB, MaxMemoryGB float64
	processor                                    string
	fixedVnics                                   int // of a fixed shape
}

// Vnics returns how many VNICs an instance of the shape can have: two, or with more than two OCPUs one for each, and at
// most 24 (Oracle: "Compute Shapes", as of November 2026).
func (s *Shape) Vnics(ocpus float64) int {
	if !s.Flexible {
		return s.fixedVnics
	}
	return min(max(minFlexibleVnics, int(ocpus)), maxFlexibleVnics)
}

// VNICs of flexible shapes.
const minFlexibleVnics, maxFlexibleVnics = 2, 24

// Memory of flexible shapes in GB per OCPU (Oracle: "Compute Shapes", flexible shapes).
const (
	MinMemoryPerOCPU     = 1
	DefaultMemoryPerOCPU = 16
	MaxMemoryPerOCPU     = 64
)

// Shapes are those that the region offers.
var Shapes = []Shape{
	{"VM.Standard.A1.Flex", true, true, 1, 80, 1, 512, "3.0 GHz Ampere® Altra™", 0},
	{"VM.Standard.A2.Flex", true, true, 1, 78, 1, 946, "3.0 GHz AmpereOne®", 0},
	{"VM.Standard.E3.Flex", false, true, 1, 114, 1, 1776, "2.25 GHz AMD EPYC™ 7742 (Rome)", 0},
	{"VM.Standard.E4.Flex", false, true, 1, 114, 1, 1760, "2.55 GHz AMD EPYC™ 7J13 (Milan)", 0},
	{"VM.Standard.E5.Flex", false, true, 1, 126, 1, 1049, "2.4 GHz AMD EPYC™ 9J14 (Genoa)", 0},
	{"VM.Standard3.Flex", false, true, 1, 56, 1, 896, "2.6 GHz Intel® Xeon® Platinum 8358 (Ice Lake)", 0},
	{"VM.Standard.E2.1.Micro", false, false, 1, 1, 1, 1, "2.0 GHz AMD EPYC™ 7551 (Naples)", 1},
	{"VM.DenseIO.E4.Flex", false, true, 8, 32, 128, 512, "2.55 GHz AMD EPYC™ 7J13 (Milan)", 0},
	{"VM.DenseIO.E5.Flex", false, true, 8, 48, 96, 576, "2.4 GHz AMD EPYC™ 9J14 (Genoa)", 0},
	{"BM.Standard.E3.128", false, false, 128, 128, 2048, 2048, "2.25 GHz AMD EPYC™ 7742 (Rome)", 256},
	{"VM.Standard2.1", false, false, 1, 1, 15, 15, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)", 2},
	{"VM.Standard2.2", false, false, 2, 2, 30, 30, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)", 2},
	{"VM.Standard2.4", false, false, 4, 4, 60, 60, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)", 4},
	{"VM.Standard2.8", false, false, 8, 8, 120, 120, "2.0 GHz Intel® Xeon® Platinum 8167M (Skylake)", 8},
}

// Sizes is the choice of a flexible shape that has a few sizes only.
type Sizes struct {
	OCPUs         []float64
	MemoryPerOCPU float64 // in GB
}

// steps are the sizes of flexible shapes that have a few (Oracle: "Compute Shapes", section "Dense I/O Shapes",
// 2025-02-13).
var steps = map[string]*Sizes{
	"VM.DenseIO.E4.Flex": {[]float64{8, 16, 32}, 16},
	"VM.DenseIO.E5.Flex": {[]float64{8, 16, 24, 32, 40, 48}, 12},
}

// Sizes returns the sizes of a flexible shape that has a few, or nil.
func (s *Shape) Sizes() *Sizes { return steps[s.Name] }

// ForNodes reports whether OKE has nodes of the shape: there are none of micro shapes (Oracle: "Supported Images
// (Including Custom Images) and Shapes for Worker Nodes", 2025-01-15).
func (s *Shape) ForNodes() bool { return !strings.HasSuffix(s.Name, ".Micro") }

// standard are the largest sizes of shapes that have extended memory above them (Oracle: "Compute Shapes", section
// "Flexible Shapes", 2025-02-13).
var standard = map[string]struct{ ocpus, memoryGB float64 }{
	"VM.Standard.E3.Flex": {64, 1024}, "VM.Standard.E4.Flex": {64, 1024}, "VM.Standard3.Flex": {32, 512},
}

// CheckPreemptible refuses preemptible instances of bare metal and with extended memory (Oracle: "Preemptible
// Instances", section "Support and Limitations", 2025-02-11). The words are Compute's for another shape that cannot be
// preemptible, which it answered with 400 when an instance was launched (zoom/karpenter-oci#24, 2025-06-30). That OKE
// asks before it makes the node pool is an assumption.
func (s *Shape) CheckPreemptible(ocpus, memoryGB float64) error {
	most, limited := standard[s.Name]
	if strings.HasPrefix(s.Name, "BM.") || limited && (ocpus > most.ocpus || memoryGB > most.memoryGB) {
		return engine.Invalid("Invalid Preemptible instance shape: %s (is not supported)", s.Name)
	}
	return nil
}

// ShapeNamed returns the shape with that name, or nil.
func ShapeNamed(name string) *Shape {
	for i := range Shapes {
		if Shapes[i].Name == name {
			return &Shapes[i]
		}
	}
	return nil
}

func (s *Shape) doc() engine.Doc {
	doc := engine.Doc{
		"shape": s.Name, "isFlexible": s.Flexible, "ocpus": s.MinOCPUs, "memoryInGBs": s.MinMemoryGB,
		"processorDescription": s.processor, "maxVnicAttachments": s.Vnics(s.MinOCPUs),
		"networkPorts": 1, "networkingBandwidthInGbps": 1,
		"billingType": "PAID", "gpus": 0, "localDisks": 0,
	}
	if s.Flexible {
		doc["ocpuOptions"] = engine.Doc{"min": s.MinOCPUs, "max": s.MaxOCPUs}
		doc["maxVnicAttachmentOptions"] = engine.Doc{
			"min": minFlexibleVnics, "max": maxFlexibleVnics, "defaultPerOcpu": 1,
		}
		doc["memoryOptions"] = engine.Doc{
			"minInGBs": s.MinMemoryGB, "maxInGBs": s.MaxMemoryGB, "defaultPerOcpuInGBs": DefaultMemoryPerOCPU,
			"minPerOcpuInGBs": MinMemoryPerOCPU, "maxPerOcpuInGBs": MaxMemoryPerOCPU,
		}
	}
	if sizes := s.Sizes(); sizes != nil {
		doc.Sub("memoryOptions").Merge(engine.Doc{
			"defaultPerOcpuInGBs": sizes.MemoryPerOCPU, "minPerOcpuInGBs": sizes.MemoryPerOCPU,
			"maxPerOcpuInGBs": sizes.MemoryPerOCPU,
		})
		delete(doc, "localDisks") // it has some; their number is not known here
	}
	return doc
}

func registerShapes(api engine.API) {
	api.Handle("GET /shapes", "", func(c *engine.Call) (*engine.Answer, error) {
		img := ImageByID(c.Query.Get("imageId"))
		var out []any
		for i := range Shapes {
			if img == nil || img.Arm == Shapes[i].Arm {
				out = append(out, Shapes[i].doc())
			}
		}
		return c.Page(out)
	})
}
