package monitoring

import (
	"context"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// Sample is what a service posts of a metric of its own.
type Sample struct {
	Namespace, Name, CompartmentID string
	Dimensions                     map[string]string
	Value                          float64
}

// Source returns the samples of one moment. It may wait, and ask the Engine.
type Source func(context.Context) []Sample

// reserved reports whether a namespace is of the services.
func reserved(namespace string) bool {
	return strings.HasPrefix(namespace, "oci_") || strings.HasPrefix(namespace, "oracle_")
}

// recorded has a handler answer after the sources were asked, which must not happen in its transaction.
func (m *metrics) recorded(h engine.Handler) engine.Handler {
	return func(c *engine.Call) (*engine.Answer, error) {
		return c.After(func(ctx context.Context) {
			var all []Sample
			for _, source := range m.sources {
				all = append(all, source(ctx)...)
			}
			m.record(time.Now(), all)
		}, h), nil
	}
}

// record makes samples the services' own metrics of the minute: the real service posts one a minute.
func (m *metrics) record(now time.Time, samples []Sample) {
	minute := now.Truncate(time.Minute)
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.streams {
		if reserved(s.namespace) {
			s.points = slices.DeleteFunc(s.points, func(p point) bool { return p.at.Equal(minute) })
		}
	}
	for _, s := range samples {
		m.add(stream{
			namespace: s.Namespace, name: s.Name, compartment: s.CompartmentID, dimensions: s.Dimensions,
			points: []point{{minute, s.Value}},
		})
	}
}
