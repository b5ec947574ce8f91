package engine

import (
	"fmt"
	"maps"
	"slices"
)

// AddLimit registers a service limit, in addition to those on the number of a kind's resources, with its default.
func (e *Engine) AddLimit(name string, n int) { e.limits[name] = n }

// Limit returns the service limit of that name.
func (t *Tx) Limit(name string) int { return t.e.limits[name] }

// LimitNames returns the names that Config.Limits may have.
func (e *Engine) LimitNames() []string { return slices.Sorted(maps.Keys(e.limits)) }

func (e *Engine) setLimits(limits map[string]int) error {
	for name, n := range limits {
		if _, ok := e.limits[name]; !ok {
			return fmt.Errorf("limit %q: must be one of %v", name, e.LimitNames())
		}
		e.limits[name] = n
	}
	return nil
}
