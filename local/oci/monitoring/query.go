package monitoring

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// query is a query of one metric in the Monitoring Query Language (Oracle documentation, "Monitoring Query Language
// (MQL) Reference", November 2026). Joins and arithmetic are not emulated.
type query struct {
	metric     string
	interval   time.Duration
	dimensions map[string]string
	groupBy    []string
	statistic  string
	detection  time.Duration // how long absent() is true, at most
	operator   string        // empty: no condition
	threshold  float64
}

var (
	form = regexp.MustCompile(`^([A-Za-z][\w.$-]*)\[(\d+)(m|h|d)\](?:\{(.*)\})?(?:\.groupBy\(([^)]*)\))?` +
		`\.(mean|max|min|sum|count|absent)\((?:(\d+)(m|h|d))?\)\s*(?:(>=|<=|==|!=|>|<)\s*(-?[\d.]+))?$`)
	dimension = regexp.MustCompile(`^\s*([!-~]+?)\s*=\s*"([^"]*)"\s*$`)
)

var units = map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

func span(number, unit string) time.Duration {
	n, _ := strconv.Atoi(number) // digits
	return time.Duration(n) * units[unit]
}

func parse(text string) (query, error) {
	m := form.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return query{}, fmt.Errorf("%q is no query that the local cloud knows, such as CpuUtilization[1m].mean() > 80", text)
	}
	q := query{
		metric: m[1], interval: span(m[2], m[3]), dimensions: map[string]string{}, statistic: m[6], operator: m[9],
	}
	for part := range strings.SplitSeq(m[4], ",") {
		if m[4] == "" {
			break
		}
		pair := dimension.FindStringSubmatch(part)
		if pair == nil {
			return query{}, fmt.Errorf("%q is no dimension such as resourceId = \"...\"", part)
		}
		q.dimensions[pair[1]] = pair[2]
	}
	for name := range strings.SplitSeq(m[5], ",") {
		if name = strings.TrimSpace(name); name != "" {
			q.groupBy = append(q.groupBy, name)
		}
	}
	if q.operator != "" {
		var err error
		if q.threshold, err = strconv.ParseFloat(m[10], 64); err != nil {
			return query{}, fmt.Errorf("%q is no threshold", m[10])
		}
	}
	return q, q.check(m[7], m[8])
}

// Times of queries (Oracle, "Monitoring Query Language (MQL) Reference" and "Customizing the Absence Detection Period
// for an Alarm Query", copies read 2026-11-29).
const (
	usualDetection = 2 * time.Hour
	maxDetection   = 72 * time.Hour
	maxInterval    = 24 * time.Hour
)

// check checks the interval, and the argument of the statistic, which only absent() has.
func (q *query) check(number, unit string) error {
	if q.interval < time.Minute || q.interval > maxInterval {
		return fmt.Errorf("the interval is %s, want 1m to 1d", q.interval)
	}
	if q.statistic != "absent" {
		if number != "" {
			return fmt.Errorf("%s() takes no time", q.statistic)
		}
		return nil
	}
	q.detection = usualDetection
	if number != "" {
		q.detection = span(number, unit)
	}
	if q.detection < time.Minute || q.detection > maxDetection {
		return fmt.Errorf("the absence detection period is %s, want 1m to 3d", q.detection)
	}
	if q.operator != "" {
		return errors.New("absent() takes no condition")
	}
	return nil
}

// conditional reports whether the query is true or false, as an alarm's has to be.
func (q query) conditional() bool { return q.operator != "" || q.statistic == "absent" }

// holds reports whether a value meets the condition.
func (q query) holds(value float64) bool {
	switch q.operator {
	case ">":
		return value > q.threshold
	case ">=":
		return value >= q.threshold
	case "<":
		return value < q.threshold
	case "<=":
		return value <= q.threshold
	case "==":
		return value == q.threshold
	case "!=":
		return value != q.threshold
	}
	return false
}

// aggregate returns the statistic of the values of one interval.
func (q query) aggregate(values []float64) float64 {
	low, high, sum := math.Inf(1), math.Inf(-1), 0.0
	for _, v := range values {
		low, high, sum = min(low, v), max(high, v), sum+v
	}
	switch q.statistic {
	case "min":
		return low
	case "max":
		return high
	case "sum":
		return sum
	case "count":
		return float64(len(values))
	case "mean":
		return sum / float64(len(values))
	}
	return 0 // absent: there are values
}
