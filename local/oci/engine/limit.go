package engine

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// Limit is a service limit that the Limits service shows, with what is used of it.
type Limit struct {
	Service, Name string // as the Limits service calls them, such as "compute" and "standard-a1-core-count"
	// Of is its name in Config.Limits: that of a kind whose resources are counted. Empty: Name, with the value Default.
	Of      string
	Default int
	// PerDomain limits are for each availability domain.
	PerDomain bool
	// Used measures what is used, in an availability domain if the limit is for each. nil: the number of resources.
	Used func(t *Tx, domain string) float64
}

// AddLimit registers a service limit, in addition to those on the number of a kind's resources, with its default.
func (e *Engine) AddLimit(name string, n int) { e.limits[name] = n }

// Limit returns the service limit of that name.
func (t *Tx) Limit(name string) int { return t.e.limits[name] }

// LimitNames returns the names that Config.Limits may have.
func (e *Engine) LimitNames() []string { return slices.Sorted(maps.Keys(e.limits)) }

// ShowLimit registers a limit that the Limits service shows.
func (e *Engine) ShowLimit(l Limit) {
	if l.Of == "" {
		l.Of = l.Name
		e.AddLimit(l.Name, l.Default)
	}
	e.shown = append(e.shown, l)
}

// ShownLimits returns the limits of ShowLimit.
func (e *Engine) ShownLimits() []Limit { return e.shown }

// UsedOf returns what is used of a limit, in an availability domain if the limit is for each.
func (t *Tx) UsedOf(l Limit, domain string) float64 {
	if l.Used == nil {
		return float64(len(t.All(l.Of)))
	}
	if !l.PerDomain {
		domain = ""
	}
	return l.Used(t, domain)
}

// Take refuses what would exceed one of the limits of ShowLimit. The domain is an availability domain, or empty.
func (t *Tx) Take(name, domain string, amount float64) error {
	i := slices.IndexFunc(t.e.shown, func(l Limit) bool { return l.Name == name })
	if i < 0 {
		return Fail(http.StatusInternalServerError, "InternalServerError", "no limit %s is registered", name)
	}
	if l := t.e.shown[i]; t.UsedOf(l, domain)+amount > float64(t.Limit(l.Of)) {
		return exceeded(name)
	}
	return nil
}

func exceeded(name string) *Failure {
	return LimitExceeded("The following service limits were exceeded: %s. "+
		"Request a service limit increase from the service limits page in the console.", name)
}

// limitName is what the Limits service calls the limit on the number of a kind's resources.
func (e *Engine) limitName(kind string) string {
	for _, l := range e.shown {
		if l.Of == kind {
			return l.Name
		}
	}
	return kind + "-count"
}

// Sum adds a number of the documents of kinds' resources in an availability domain, or in all for "".
func Sum(of func(Doc) float64, kinds ...string) func(*Tx, string) float64 {
	return func(t *Tx, domain string) (sum float64) {
		for _, kind := range kinds {
			for _, r := range t.All(kind) {
				if domain == "" || r.Doc.Str("availabilityDomain") == domain {
					sum += of(r.Doc)
				}
			}
		}
		return sum
	}
}

func (e *Engine) setLimits(limits map[string]int) error {
	for name, n := range limits {
		if _, ok := e.limits[name]; !ok {
			return fmt.Errorf("limit %q: must be one of %v", name, e.LimitNames())
		}
		e.limits[name] = n
	}
	return nil
}
