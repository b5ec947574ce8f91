package cluster

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Memory of a flexible shape, in GB for each OCPU ("Compute Shapes", section "Flexible Shapes").
const (
	MinMemoryPerOCPU = 1
	MaxMemoryPerOCPU = 64
)

// flexibleShape reports whether OCPUs and memory are chosen apart from the shape's name.
func flexibleShape(name string) bool { return strings.HasSuffix(name, ".Flex") }

// ArmShape reports whether the shape's processors are arm64: Ampere, or Grace, which is beside the GPUs of a GB200
// (descriptions of NVIDIA's GB200 NVL72, read 2026-11-29).
func ArmShape(name string) bool {
	series := strings.Split(name, ".")
	return len(series) > 2 && (series[1] == "Standard" && strings.HasPrefix(series[2], "A") ||
		series[1] == "GPU" && strings.HasPrefix(series[2], "GB"))
}

// Architecture returns that of the shape's processors, as images have it.
func Architecture(shape string) string {
	if ArmShape(shape) {
		return "arm64"
	}
	return "amd64"
}

// Lacks reports whether nodes of the pool cannot run an image for these architectures. One that names none may run.
func (p *NodePool) Lacks(architectures []string) bool {
	return len(architectures) > 0 && !slices.Contains(architectures, Architecture(p.Shape))
}

// GPUShape reports whether the shape needs an image with GPU drivers.
func GPUShape(name string) bool {
	return strings.HasPrefix(name, "VM.GPU") || strings.HasPrefix(name, "BM.GPU")
}

// vnicsOfFixed are the VNICs of fixed shapes on Linux (Oracle documentation, "Compute Shapes", 2025-02-13, and a copy
// that has the shapes up to VM.Standard.A4.Flex, November 2026; of bare metal an answer of ListShapes in a public
// repository; read 2026-11-29). Others are not known here.
var vnicsOfFixed = map[string]int{
	"VM.Standard1.1": 2, "VM.Standard1.2": 2, "VM.Standard1.4": 4, "VM.Standard1.8": 8, "VM.Standard1.16": 16,
	"VM.Standard2.1": 2, "VM.Standard2.2": 2, "VM.Standard2.4": 4, "VM.Standard2.8": 8, "VM.Standard2.16": 16,
	"VM.Standard2.24": 24, "VM.Standard.B1.1": 2, "VM.Standard.B1.2": 2, "VM.Standard.B1.4": 4, "VM.Standard.B1.8": 8,
	"VM.Standard.B1.16": 16, "VM.Standard.E2.1": 2, "VM.Standard.E2.2": 2, "VM.Standard.E2.4": 4, "VM.Standard.E2.8": 4,
	"VM.DenseIO1.4": 4, "VM.DenseIO1.8": 8, "VM.DenseIO1.16": 16, "VM.DenseIO2.8": 8, "VM.DenseIO2.16": 16,
	"VM.DenseIO2.24": 24, "VM.GPU2.1": 12, "VM.GPU3.1": 6, "VM.GPU3.2": 12, "VM.GPU3.4": 24, "VM.GPU.A10.1": 15,
	"VM.GPU.A10.2": 24, "BM.Standard.E3.128": 256,
}

// maxFlexibleVNICs is the largest number of VNICs of a flexible shape (as vnicsOfFixed).
const maxFlexibleVNICs = 24

// VNICs returns how many network interfaces an instance of the shape can have, and whether that is known. A flexible
// one has two with one OCPU, else one for each OCPU; VM.Optimized3.Flex has two for each (as vnicsOfFixed).
func VNICs(shape string, ocpus float64) (n int, known bool) {
	if shape == "VM.Optimized3.Flex" {
		return min(2*int(ocpus), maxFlexibleVNICs), true
	}
	if flexibleShape(shape) {
		return min(max(2, int(ocpus)), maxFlexibleVNICs), true
	}
	n, known = vnicsOfFixed[shape]
	return n, known
}

// largest are the largest sizes of flexible shapes (Oracle documentation, "Compute Shapes", sections "Flexible Shapes"
// and "Extended Memory VM Instances", an undated copy of 2026, read 2026-11-28). It has A1 with 76 OCPUs and 472 GB,
// others still with what is here, which is not refused. Other shapes are not known here.
var largest = map[string]struct{ ocpus, memoryGB float64 }{
	"VM.Standard.A1.Flex": {80, 512}, "VM.Standard.A2.Flex": {78, 946}, "VM.Standard.A4.Flex": {45, 700},
	"VM.Standard.E3.Flex": {114, 1776}, "VM.Standard.E4.Flex": {114, 1760}, "VM.Standard.E5.Flex": {126, 1049},
	"VM.Standard.E6.Flex": {126, 1454}, "VM.Standard3.Flex": {56, 896}, "VM.Optimized3.Flex": {18, 256},
}

// stepped are the flexible shapes with a few sizes, each with its memory for each OCPU ("Compute Shapes", section
// "Dense I/O Shapes", 2025-02-13; read 2026-11-29).
var stepped = map[string]steps{
	"VM.DenseIO.E4.Flex": {[]float64{8, 16, 32}, 16},
	"VM.DenseIO.E5.Flex": {[]float64{8, 16, 24, 32, 40, 48}, 12},
}

type steps struct {
	ocpus         []float64
	memoryPerOCPU float64
}

func (s steps) checkOCPUs(name string, ocpus float64) error {
	if !slices.Contains(s.ocpus, ocpus) {
		return fmt.Errorf("%s has one of %v OCPUs (got %v)", name, s.ocpus, ocpus)
	}
	return nil
}

func (s steps) checkMemory(name string, ocpus, memoryGB float64) error {
	if memoryGB != ocpus*s.memoryPerOCPU {
		return fmt.Errorf("%s with %v OCPUs has memoryGb %v (got %v)", name, ocpus, ocpus*s.memoryPerOCPU, memoryGB)
	}
	return nil
}

// standard are the largest sizes that are no extended memory VM instances ("Compute Shapes", section "Flexible Shapes",
// 2025-02-13; read 2026-11-29). Shapes without those are not here.
var standard = map[string]struct{ ocpus, memoryGB float64 }{
	"VM.Standard.E3.Flex": {64, 1024}, "VM.Standard.E4.Flex": {64, 1024}, "VM.Standard3.Flex": {32, 512},
}

// checkPreemptible returns an error if there are no preemptible instances like the pool's, which can also be neither
// stopped nor started (Oracle documentation,
// "Preemptible Instances", section "Support and Limitations", 2025-02-11; read 2026-11-29).
func (p *NodePool) checkPreemptible() error {
	most, limited := standard[p.Shape]
	switch {
	case !p.Preemptible:
	case p.CycleBy == BootVolume:
		return errors.New("goes with cycleBy instance only: a new boot volume stops and starts an instance, and " +
			"preemptible ones do neither")
	case strings.HasPrefix(p.Shape, "BM."):
		return fmt.Errorf("%s is bare metal, and no preemptible instance is", p.Shape)
	case limited && (p.OCPUs > most.ocpus || p.MemoryGB > most.memoryGB):
		return fmt.Errorf("%s with more than %v OCPUs or %v GB has extended memory, and no preemptible instance has",
			p.Shape, most.ocpus, most.memoryGB)
	}
	return nil
}

// CheckShape returns an error unless OCPUs and memory in GB suit the shape: a flexible one needs both, a fixed one
// takes neither.
func CheckShape(name string, ocpus, memoryGB float64) error {
	_, err := checkSize(name, ocpus, memoryGB)
	return err
}

// checkSize is CheckShape, with the field that the error is about.
func checkSize(name string, ocpus, memoryGB float64) (field string, err error) {
	if err := checkShapeName(name, ocpus, memoryGB); err != nil || !flexibleShape(name) {
		return "shape", err
	}
	if err := checkOCPUs(name, ocpus); err != nil {
		return "ocpus", err
	}
	return "memoryGb", checkMemory(name, ocpus, memoryGB)
}

// shapeForm matches what can be a shape, such as BM.GPU.A100-v2.8. Which there are, the region says.
var shapeForm = regexp.MustCompile(`^(VM|BM)(\.[A-Za-z0-9_-]+)+$`)

func checkShapeName(name string, ocpus, memoryGB float64) error {
	if !shapeForm.MatchString(name) {
		return fmt.Errorf("%q is not a shape; write its full name, such as VM.Standard.A1.Flex", name)
	}
	base := strings.TrimSuffix(name, ".flex")
	if _, known := largest[base+".Flex"]; known {
		return fmt.Errorf("%q is not a shape: did you mean %s.Flex?", name, base)
	}
	if strings.HasSuffix(name, ".Micro") { // Oracle, "Supported Images (Including Custom Images) and Shapes", 2025-01-15
		return fmt.Errorf("OKE has no nodes of %s or other micro shapes", name)
	}
	if !flexibleShape(name) && (ocpus != 0 || memoryGB != 0) {
		return fmt.Errorf("%s has fixed OCPUs and memory; leave ocpus and memoryGb out, or name a shape that ends in .Flex",
			name)
	}
	return nil
}

func checkOCPUs(name string, ocpus float64) error {
	if ocpus < 1 {
		return fmt.Errorf("%s is flexible and needs ocpus, 1 or more (got %v)", name, ocpus)
	}
	if few, only := stepped[name]; only {
		return few.checkOCPUs(name, ocpus)
	}
	if most, known := largest[name]; known && ocpus > most.ocpus {
		return fmt.Errorf("%s has at most %v OCPUs (got %v)", name, most.ocpus, ocpus)
	}
	return nil
}

func checkMemory(name string, ocpus, memoryGB float64) error {
	if few, only := stepped[name]; only {
		return few.checkMemory(name, ocpus, memoryGB)
	}
	if most, known := largest[name]; known && memoryGB > most.memoryGB {
		return fmt.Errorf("%s has at most %v GB of memory (got %v)", name, most.memoryGB, memoryGB)
	}
	if memoryGB < MinMemoryPerOCPU*ocpus || memoryGB > MaxMemoryPerOCPU*ocpus {
		return fmt.Errorf("%s with %v OCPUs needs memoryGb from %v to %v: %d to %d GB for each OCPU (got %v)",
			name, ocpus, MinMemoryPerOCPU*ocpus, MaxMemoryPerOCPU*ocpus, MinMemoryPerOCPU, MaxMemoryPerOCPU, memoryGB)
	}
	return nil
}
