package monitoring

import (
	"maps"
	"regexp"
	"slices"
	"sync"
	"time"

	"oke-guestbook/local/oci/engine"
)

// Limits of posted metrics (API reference, PostMetricData and MetricDataDetails, November 2026).
const (
	oldest     = 2 * time.Hour
	newest     = 10 * time.Minute
	maxStreams = 50 // of one request
	maxPoints  = 1000
)

// metrics are the posted metrics. They are kept in memory: the end of the process loses them.
type metrics struct {
	sources []Source
	mu      sync.Mutex
	streams []*stream
}

// stream is one metric with one value for each dimension.
type stream struct {
	namespace, name, compartment string
	dimensions                   map[string]string
	points                       []point // the newest maxPoints, in the order of their times
}

type point struct {
	at    time.Time
	value float64
}

var (
	namespaceForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)
	metricForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._$-]*$`)
)

// post takes the metrics of a request, or none of them.
func (m *metrics) post(c *engine.Call) (*engine.Answer, error) {
	var read []stream
	for _, data := range c.Body.Objects("metricData") {
		s, err := readStream(c.Now, data)
		if err != nil {
			return nil, err
		}
		target := map[string]string{"target.metrics.namespace": s.namespace}
		if !c.Permitted("METRIC_WRITE", s.compartment, target) {
			return nil, engine.NotFound(s.compartment)
		}
		read = append(read, s)
	}
	if len(read) == 0 || len(read) > maxStreams {
		return nil, engine.Invalid("metricData: %d metrics, want 1 to %d", len(read), maxStreams)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range read {
		m.add(s)
	}
	return &engine.Answer{Body: engine.Doc{"failedMetricsCount": 0.0, "failedMetrics": []any{}}}, nil
}

func readStream(now time.Time, data engine.Doc) (stream, error) {
	s := stream{
		namespace: data.Str("namespace"), name: data.Str("name"), compartment: data.Str("compartmentId"),
		dimensions: map[string]string{},
	}
	switch {
	case !namespaceForm.MatchString(s.namespace):
		return s, engine.Invalid("namespace: %q must be letters, digits and underscores, a letter first", s.namespace)
	case reserved(s.namespace):
		return s, engine.Invalid("namespace: %q has a prefix that is reserved for the services", s.namespace)
	case !metricForm.MatchString(s.name):
		return s, engine.Invalid("name: %q must begin with a letter", s.name)
	case !engine.IsCompartment(s.compartment):
		return s, engine.NotFound(s.compartment)
	}
	for key := range data.Sub("dimensions") {
		if s.dimensions[key] = data.Str("dimensions", key); s.dimensions[key] == "" {
			return s, engine.Invalid("dimensions: %s is empty", key)
		}
	}
	if len(s.dimensions) == 0 {
		return s, engine.Invalid("dimensions: there must be at least one")
	}
	for _, p := range data.Objects("datapoints") {
		at, err := time.Parse(time.RFC3339, p.Str("timestamp"))
		if err != nil || at.Before(now.Add(-oldest)) || at.After(now.Add(newest)) {
			return s, engine.Invalid("timestamp: %q is not within the last 2 hours and the next 10 minutes", p.Str("timestamp"))
		}
		s.points = append(s.points, point{at, p.Num("value")})
	}
	if len(s.points) == 0 {
		return s, engine.Invalid("datapoints: there must be at least one")
	}
	return s, nil
}

func (m *metrics) add(s stream) {
	i := slices.IndexFunc(m.streams, func(other *stream) bool {
		return other.namespace == s.namespace && other.name == s.name && other.compartment == s.compartment &&
			maps.Equal(other.dimensions, s.dimensions)
	})
	if i < 0 {
		m.streams = append(m.streams, &s)
		return
	}
	points := slices.Concat(m.streams[i].points, s.points)
	slices.SortStableFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	m.streams[i].points = points[max(0, len(points)-maxPoints):]
}

// group is what a query makes of one or several streams.
type group struct {
	dimensions map[string]string
	points     []point
}

// find returns the points of a query after one time and until another, by stream or by the dimensions of groupBy.
func (m *metrics) find(namespace, compartment string, q query, from, to time.Time) []group {
	m.mu.Lock()
	defer m.mu.Unlock()
	var groups []group
	for _, s := range m.streams {
		if s.namespace != namespace || s.compartment != compartment || s.name != q.metric || !s.has(q.dimensions) {
			continue
		}
		by := s.dimensions
		if len(q.groupBy) > 0 {
			by = map[string]string{}
			for _, key := range q.groupBy {
				by[key] = s.dimensions[key]
			}
		}
		i := slices.IndexFunc(groups, func(g group) bool { return maps.Equal(g.dimensions, by) })
		if i < 0 {
			i, groups = len(groups), append(groups, group{dimensions: by})
		}
		for _, p := range s.points {
			if p.at.After(from) && !p.at.After(to) {
				groups[i].points = append(groups[i].points, p)
			}
		}
	}
	return groups
}

func (s *stream) has(dimensions map[string]string) bool {
	for key, want := range dimensions {
		if s.dimensions[key] != want {
			return false
		}
	}
	return true
}

// summarize answers a query with the statistic of each interval that has points.
func (m *metrics) summarize(c *engine.Call) (*engine.Answer, error) {
	if err := c.NeedsQuery("compartmentId"); err != nil {
		return nil, err
	}
	q, err := parse(c.Body.Str("query"))
	if err != nil {
		return nil, engine.Invalid("query: %v", err)
	}
	from, to := c.Now.Add(-3*time.Hour), c.Now
	for field, at := range map[string]*time.Time{"startTime": &from, "endTime": &to} {
		if text := c.Body.Str(field); text != "" {
			if *at, err = time.Parse(time.RFC3339, text); err != nil {
				return nil, engine.Invalid("%s: %q is no time", field, text)
			}
		}
	}
	namespace, compartment := c.Body.Str("namespace"), c.Query.Get("compartmentId")
	body := []any{}
	for _, g := range m.find(namespace, compartment, q, from.Add(-1), to) { // the start belongs to it
		values := map[time.Time][]float64{}
		for _, p := range g.points {
			at := p.at.Truncate(q.interval)
			values[at] = append(values[at], p.value)
		}
		var points []any
		for _, at := range slices.SortedFunc(maps.Keys(values), time.Time.Compare) {
			points = append(points, engine.Doc{"timestamp": engine.Timestamp(at), "value": q.aggregate(values[at])})
		}
		if points != nil {
			body = append(body, engine.Doc{
				"namespace": namespace, "compartmentId": compartment, "name": q.metric, "dimensions": g.dimensions,
				"aggregatedDatapoints": points,
			})
		}
	}
	return &engine.Answer{Body: body}, nil
}
