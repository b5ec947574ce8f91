package compute

import (
	"cmp"
	"regexp"
	"strings"

	"oke-guestbook/local/oci/engine"
)

// series matches the names of virtual machines' shapes: what follows VM. is the series.
var series = regexp.MustCompile(`^VM\.([A-Za-z]+\d*)(?:\.([A-Z]\d+))?\.(?:Flex|\d+)$`)

// limitPrefix begins the names of the limits on a shape's cores and memory, such as "standard-a1".
func limitPrefix(shape string) string {
	m := series.FindStringSubmatch(shape)
	if m == nil {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(m[1]+"-"+m[2], "-"))
}

// StorageLimit is the limit on all volumes of an availability domain together, in GB.
const StorageLimit = "total-storage-gb"

// Defaults are high enough for any test that does not set them.
const defaultCores, defaultMemoryGB, defaultStorageGB = 10000, 100000, 1000000

// registerLimits registers limits on storage, and on cores and memory of each series, in each availability domain.
// Their names are those that public repositories show of answers of the Limits service (seen in November 2026).
func registerLimits(e *engine.Engine) {
	e.ShowLimit(engine.Limit{
		Service: "block-storage", Name: StorageLimit, Default: defaultStorageGB, PerDomain: true,
		Used: engine.Sum(func(doc engine.Doc) float64 { return doc.Num("sizeInGBs") }, VolumeKind, bootVolumeKind),
	})
	known := map[string]bool{}
	for _, shape := range Shapes {
		prefix := limitPrefix(shape.Name)
		if prefix == "" || known[prefix] {
			continue
		}
		known[prefix] = true
		used := func(part func(cores, memoryGB float64) float64) func(*engine.Tx, string) float64 {
			return engine.Sum(func(doc engine.Doc) float64 {
				if limitPrefix(doc.Str("shape")) != prefix {
					return 0
				}
				return part(sizeOf(doc.Str("shape"), doc.Sub("shapeConfig")))
			}, InstanceKind)
		}
		e.ShowLimit(engine.Limit{
			Service: "compute", Name: coreLimit(prefix), Default: defaultCores, PerDomain: true,
			Used: used(func(cores, _ float64) float64 { return cores }),
		})
		e.ShowLimit(engine.Limit{
			Service: "compute", Name: memoryLimit(prefix), Default: defaultMemoryGB, PerDomain: true,
			Used: used(func(_, memoryGB float64) float64 { return memoryGB }),
		})
	}
}

func coreLimit(prefix string) string   { return prefix + "-core-count" }
func memoryLimit(prefix string) string { return prefix + "-memory-count" }

// TakeLimits refuses an instance that would exceed the limits of its availability domain. bootVolumeGB is the size of
// its boot volume, 0 for the default.
func TakeLimits(t *engine.Tx, domain, shape string, config engine.Doc, bootVolumeGB float64) error {
	if err := t.Take(StorageLimit, domain, cmp.Or(bootVolumeGB, defaultBootVolumeGB)); err != nil {
		return err
	}
	prefix := limitPrefix(shape)
	if prefix == "" {
		return nil
	}
	cores, memoryGB := sizeOf(shape, config)
	if err := t.Take(coreLimit(prefix), domain, cores); err != nil {
		return err
	}
	return t.Take(memoryLimit(prefix), domain, memoryGB)
}

// sizeOf returns an instance's OCPUs and memory: a fixed shape has its own.
func sizeOf(shape string, config engine.Doc) (cores, memoryGB float64) {
	if s := ShapeNamed(shape); s != nil && !s.Flexible {
		return s.MinOCPUs, s.MinMemoryGB
	}
	return config.Num("ocpus"), config.Num("memoryInGBs")
}
