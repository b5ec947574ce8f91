package monitoring_test

import (
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const (
	alarms  = ocitest.Monitoring + "/alarms"
	metrics = ocitest.Monitoring + "/metrics"
)

// posted is a body with one value of a metric, of a guestbook.
func posted(name, guestbook string, value float64) engine.Doc {
	return engine.Doc{"metricData": []any{engine.Doc{
		"namespace": "guestbook", "compartmentId": oci.CompartmentID, "name": name,
		"dimensions": engine.Doc{"guestbook": guestbook}, "datapoints": []any{engine.Doc{
			"timestamp": time.Now().UTC().Format(time.RFC3339), "value": value,
		}},
	}}}
}

func topic(c *ocitest.Cloud) string {
	return c.Want(200, "POST", ocitest.Notifications+"/topics",
		engine.Doc{"compartmentId": oci.CompartmentID, "name": "alarms"}).Body.(map[string]any)["topicId"].(string)
}

func TestAlarms(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := engine.Doc{
			"compartmentId": oci.CompartmentID, "metricCompartmentId": oci.CompartmentID, "displayName": "no frontend",
			"namespace": "guestbook", "query": `Frontend[5m]{cluster = "a"}.groupBy(guestbook).max() < 1`,
			"severity": "CRITICAL", "destinations": []any{topic(c)}, "isEnabled": true,
		}
		for field, values := range map[string][]any{
			"query": {
				"", "Frontend > 1", "Frontend[5m].max()", "Frontend[5m].median() > 1", `Frontend[5m]{a}.max() > 1`,
				"Frontend[2h].max() > 1", "Frontend[5m].absent() > 1", "Frontend[5m].max() > 1.2.3", "Frontend[0m].max() > 1",
				"Frontend[5m].max(5m) > 1", "Frontend[2h].absent()", "Frontend[5m].absent(0m)", "Frontend[5m].absent(4d)",
			},
			"pendingDuration":            {"5 minutes", "PT61M", "PT0M"},
			"repeatNotificationDuration": {"daily"},
			"destinations":               {[]any{}, []any{"ocid1.onstopic.oc1.iad.none"}, []any{oci.CompartmentID}},
			"severity":                   {"BAD"},
		} {
			for _, value := range values {
				if got := c.Send("POST", alarms, ocitest.Changed(body, field, value), nil); got.Status != 400 &&
					got.Status != 404 {
					t.Errorf("%s %q: status %d", field, value, got.Status)
				}
			}
		}
		c.Want(200, "POST", alarms, body)
		alarm := c.GetList(alarms + "?compartmentId=" + oci.CompartmentID)[0].Str("id")
		c.Want(200, "PUT", alarms+"/"+alarm, engine.Doc{"pendingDuration": "PT1H"})
		got := c.Get(alarms + "/" + alarm)
		c.Conforms("monitoring.Alarm", got)
		if got["pendingDuration"] != "PT1H" || got["ruleName"] != "BASE" {
			t.Errorf("alarm after its change: %v", got)
		}
	})
}

// Alarms fire by the metrics that were posted.
func TestAlarmStatus(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		destinations := []any{topic(c)}
		for name, query := range map[string]string{
			"low":    "Frontend[5m].groupBy(guestbook).max() < 1",
			"silent": "Frontend[10m].absent()",
			"mean":   "Frontend[5m].mean() > 1",
		} {
			c.Want(200, "POST", alarms, engine.Doc{
				"compartmentId": oci.CompartmentID, "metricCompartmentId": oci.CompartmentID, "displayName": name,
				"namespace": "guestbook", "query": query, "severity": "CRITICAL", "destinations": destinations, "isEnabled": true,
			})
		}
		want := func(low, silent, mean string) {
			t.Helper()
			got := map[any]any{}
			for _, s := range c.GetList(alarms + "/status?compartmentId=" + oci.CompartmentID) {
				c.Conforms("monitoring.AlarmStatusSummary", s)
				got[s["displayName"]] = s["status"]
			}
			if got["low"] != low || got["silent"] != silent || got["mean"] != mean {
				t.Errorf("status %v, want low %s, silent %s, mean %s", got, low, silent, mean)
			}
		}
		want("OK", "OK", "OK") // no stream yet
		c.Want(200, "POST", metrics, posted("Frontend", "a", 1))
		want("OK", "OK", "OK")
		c.Want(200, "POST", metrics, posted("Frontend", "b", 0))
		want("FIRING", "OK", "OK")
		time.Sleep(6 * time.Minute)
		c.Want(200, "POST", metrics, posted("Frontend", "b", 3))
		want("OK", "OK", "FIRING")
		time.Sleep(11 * time.Minute)
		want("OK", "FIRING", "OK")
		time.Sleep(2 * time.Hour)
		want("OK", "OK", "OK") // the absence detection period is over
	})
}

func TestMetrics(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		bad := func(field string, value any) engine.Doc {
			body := posted("Age", "a", 1)
			body["metricData"].([]any)[0].(engine.Doc)[field] = value
			return body
		}
		c.Refused(400, "InvalidParameter", "reserved", "POST", metrics, bad("namespace", "oci_guestbook"))
		c.Refused(400, "InvalidParameter", "namespace", "POST", metrics, bad("namespace", "guest-book"))
		c.Refused(400, "InvalidParameter", "name", "POST", metrics, bad("name", "1"))
		c.Refused(400, "InvalidParameter", "at least one", "POST", metrics, bad("dimensions", engine.Doc{}))
		c.Refused(400, "InvalidParameter", "at least one", "POST", metrics, bad("datapoints", []any{}))
		c.Refused(400, "InvalidParameter", "2 hours", "POST", metrics,
			bad("datapoints", []any{engine.Doc{"timestamp": "2020-01-01T00:00:00Z", "value": 1.0}}))
		c.Refused(400, "InvalidParameter", "want 1 to 50", "POST", metrics, engine.Doc{"metricData": []any{}})

		for _, value := range []float64{1, 4, 1} {
			c.Want(200, "POST", metrics, posted("Age", "a", value))
		}
		c.Want(200, "POST", metrics, posted("Age", "b", 6))
		query := metrics + "/actions/summarizeMetricsData?compartmentId=" + oci.CompartmentID
		for text, want := range map[string][]float64{
			`Age[1h]{guestbook = "a"}.max()`: {4}, `Age[1h]{guestbook = "a"}.mean()`: {2}, `Age[1h].sum()`: {6, 6},
			`Age[1h].groupBy(none).count()`: {4}, `Age[1h].groupBy(none).sum()`: {12}, `Age[1h]{guestbook = "c"}.min()`: {},
		} {
			list, _ := c.Want(200, "POST", query, engine.Doc{"namespace": "guestbook", "query": text}).Body.([]any)
			var got []float64
			for _, item := range list {
				c.Conforms("monitoring.MetricData", item)
				got = append(got, engine.Doc(item.(map[string]any)).Objects("aggregatedDatapoints")[0].Num("value"))
			}
			if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
				t.Errorf("%s: %v, want %v", text, got, want)
			}
		}
		c.Refused(400, "InvalidParameter", "no query", "POST", query, engine.Doc{"namespace": "guestbook", "query": "Age"})
	})
}
