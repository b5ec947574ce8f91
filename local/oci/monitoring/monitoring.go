// Package monitoring emulates the Monitoring service: metrics that are posted, those of the services' own that a Source
// has, queries of one metric, and alarms. Their state is found out when it is asked for, without the time for which a
// query must hold before the real service's alarms fire. No notification is sent.
package monitoring

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/notifications"
)

const (
	base      = "/20180401"
	alarmKind = "alarm"
)

// Register adds the service to an engine, with the sources of the services' own metrics.
func Register(e *engine.Engine, sources ...Source) {
	api, m := e.API(base), &metrics{sources: sources}
	api.Handle("POST /metrics", "monitoring.PostMetricDataDetails", m.post)
	api.Handle("POST /metrics/actions/summarizeMetricsData", "monitoring.SummarizeMetricsDataDetails",
		m.recorded(m.summarize))
	api.Handle("GET /alarms/status", "", m.recorded(m.status))
	api.Serve(&engine.Kind{
		Name: alarmKind, Path: "/alarms", Create: "monitoring.CreateAlarmDetails",
		Update: "monitoring.UpdateAlarmDetails", Model: "monitoring.Alarm", Summary: "monitoring.AlarmSummary",
		States: engine.States{Creating: "CREATING", Live: "ACTIVE", Deleting: "DELETING", Deleted: "DELETED"},
		Defaults: engine.Doc{
			"pendingDuration": "PT1M", "resolution": "1m", "metricCompartmentIdInSubtree": false, "messageFormat": "RAW",
			"isNotificationsPerMetricDimensionEnabled": false, "ruleName": "BASE", "evaluationSlackDuration": "PT3M",
		},
		OnCreate: func(c *engine.Call, doc engine.Doc) error { return touch(c, nil, doc) },
		OnUpdate: touch, Check: checkAlarm,
	})
}

func touch(c *engine.Call, _, doc engine.Doc) error {
	doc["timeUpdated"] = engine.Timestamp(c.Now)
	return nil
}

var (
	pending = regexp.MustCompile(`^PT(?:(\d+)M|1H)$`)
	repeat  = regexp.MustCompile(`^P(T\d+[MH]|\d+D)$`)
)

// checkAlarm checks what the API reference says of the fields (CreateAlarmDetails, November 2026).
func checkAlarm(t *engine.Tx, doc engine.Doc) error {
	q, err := parse(doc.Str("query"))
	if err != nil {
		return engine.Invalid("query: %v", err)
	}
	if !q.conditional() {
		return engine.Invalid("query: %q has no condition, such as > 80, and is not absent()", doc.Str("query"))
	}
	if q.interval > time.Hour {
		return engine.Invalid("query: the interval of an alarm is at most 1h")
	}
	if m := pending.FindStringSubmatch(doc.Str("pendingDuration")); m == nil {
		return engine.Invalid("pendingDuration: %q must be PT1M to PT1H", doc.Str("pendingDuration"))
	} else if n, err := strconv.Atoi(m[1]); err == nil && (n < 1 || n > 60) {
		return engine.Invalid("pendingDuration: %d minutes, want 1 to 60", n)
	}
	if text := doc.Str("repeatNotificationDuration"); text != "" && !repeat.MatchString(text) {
		return engine.Invalid("repeatNotificationDuration: %q must be PT1M to P30D", text)
	}
	if id := doc.Str("metricCompartmentId"); !engine.IsCompartment(id) {
		return engine.RelatedNotFound("metricCompartmentId", id)
	}
	destinations := doc.Texts("destinations")
	if len(destinations) == 0 {
		return engine.Invalid("destinations: there must be at least one")
	}
	for _, id := range destinations {
		if _, err := t.Live(notifications.TopicKind, "destinations", id); err != nil {
			return err
		}
	}
	return nil
}

// status answers with the state of each alarm: FIRING if its condition holds for one of the metric's streams.
func (m *metrics) status(c *engine.Call) (*engine.Answer, error) {
	if err := c.NeedsQuery("compartmentId"); err != nil {
		return nil, err
	}
	body := []any{}
	for _, r := range c.All(alarmKind, engine.With("compartmentId", c.Query.Get("compartmentId"))) {
		state := "OK"
		if r.Doc.Flag("isEnabled") && m.fires(c.Now, r.Doc) {
			state = "FIRING"
		}
		body = append(body, engine.Doc{
			"id": r.ID, "displayName": r.Doc["displayName"], "severity": r.Doc["severity"], "status": state,
			"ruleName": r.Doc["ruleName"], "alarmSummary": r.Doc.Str("alarmSummary"),
			"timestampTriggered": engine.Timestamp(c.Now),
		})
	}
	return c.Page(body)
}

// fires reports whether the query of an alarm holds. Without a value in the interval, only absent() does.
func (m *metrics) fires(now time.Time, alarm engine.Doc) bool {
	q, err := parse(alarm.Str("query"))
	if err != nil { // refused when the alarm was made
		return false
	}
	from := now.Add(-q.interval)
	groups := m.find(alarm.Str("namespace"), alarm.Str("metricCompartmentId"), q, from.Add(-q.detection), now)
	return slices.ContainsFunc(groups, func(g group) bool {
		if q.statistic == "absent" {
			return len(g.points) > 0 && !slices.ContainsFunc(g.points, func(p point) bool { return p.at.After(from) })
		}
		values := make([]float64, len(g.points))
		for i, p := range g.points {
			values[i] = p.value
		}
		return len(values) > 0 && q.holds(q.aggregate(values))
	})
}
