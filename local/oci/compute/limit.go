package compute

import (
	"cmp"
	"regexp"
	"slices"
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

// regional are the series with limits for the region, which hold beside those for each availability domain.
var regional = []string{"standard-a1"}

// registerLimits registers limits on storage, and on cores and memory of each series, in each availability domain, and
// of some in the region. Their names are those that public repositories show of answers of the Limits service (seen in
// November 2026).
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
		cores := engine.Limit{
			Service: "compute", Default: defaultCores, Used: used(func(cores, _ float64) float64 { return cores }),
		}
		memory := engine.Limit{
			Service: "compute", Default: defaultMemoryGB, Used: used(func(_, memoryGB float64) float64 { return memoryGB }),
		}
		for _, scope := range scopes(prefix) {
			cores.Name, cores.PerDomain = prefix+"-core"+scope, scope == inDomain
			memory.Name, memory.PerDomain = prefix+"-memory"+scope, scope == inDomain
			e.ShowLimit(cores)
			e.ShowLimit(memory)
		}
	}
}

// The names of limits on cores and memory end with their scope.
const (
	inDomain = "-count"
	inRegion = "-regional-count"
)

// scopes returns those of a series' limits.
func scopes(prefix string) []string {
	if slices.Contains(regional, prefix) {
		return []string{inDomain, inRegion}
	}
	return []string{inDomain}
}

// TakeLimits refuses an instance that would exceed the limits of its availability domain or of the region. bootVolumeGB
// is the size of its boot volume, 0 for the default.
func TakeLimits(t *engine.Tx, domain, shape string, config engine.Doc, bootVolumeGB float64) error {
	if err := t.Take(StorageLimit, domain, cmp.Or(bootVolumeGB, defaultBootVolumeGB)); err != nil {
		return err
	}
	prefix := limitPrefix(shape)
	if prefix == "" {
		return nil
	}
	cores, memoryGB := sizeOf(shape, config)
	for _, scope := range scopes(prefix) {
		if err := t.Take(prefix+"-core"+scope, domain, cores); err != nil {
			return err
		}
		if err := t.Take(prefix+"-memory"+scope, domain, memoryGB); err != nil {
			return err
		}
	}
	return nil
}

// sizeOf returns an instance's OCPUs and memory: a fixed shape has its own.
func sizeOf(shape string, config engine.Doc) (cores, memoryGB float64) {
	if s := ShapeNamed(shape); s != nil && !s.Flexible {
		return s.MinOCPUs, s.MinMemoryGB
	}
	return config.Num("ocpus"), config.Num("memoryInGBs")
}
