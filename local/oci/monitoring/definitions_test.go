package monitoring_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
	"oke-guestbook/plan/alarm"
)

// watch makes the program's alarms of a stack, for node pools with the OCIDs. The function that it returns expects
// alarms to fire, and no others.
func watch(c *ocitest.Cloud, s alarm.Stack, pools map[string]string) (firing func(when string, names ...string)) {
	destinations := []any{topic(c)}
	for _, d := range alarm.Definitions(s) {
		query := d.Query
		if d.Pool != "" {
			query = fmt.Sprintf(query, pools[d.Pool])
		}
		c.Want(200, "POST", alarms, engine.Doc{
			"compartmentId": oci.CompartmentID, "metricCompartmentId": oci.CompartmentID, "displayName": d.Name,
			"namespace": d.Namespace, "query": query, "severity": d.Severity, "body": d.Body,
			"pendingDuration": d.Pending, "destinations": destinations, "isEnabled": true,
		})
	}
	return func(when string, names ...string) {
		c.T.Helper()
		var got []string
		for _, s := range c.GetList(alarms + "/status?compartmentId=" + oci.CompartmentID) {
			if s["status"] == "FIRING" {
				got = append(got, s.Str("displayName"))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, names) {
			c.T.Errorf("%s: %v fire, want %v", when, got, names)
		}
	}
}

// TestDefinitions expects each alarm of a guestbook to fire by its own metric alone, and to end.
func TestDefinitions(t *testing.T) {
	good := map[string]float64{
		"FrontendReady": 1, "DatabasePrimary": 1, "BackupsMissed": 2, "VolumeUsedPercent": 85, "CertificateDaysLeft": 21,
	}
	bad := []struct {
		alarm, metric string
		value         float64
	}{
		{"frontend", "FrontendReady", 0},
		{"database", "DatabasePrimary", 0},
		{"volume", "VolumeUsedPercent", 85.1},
		{"backup", "BackupsMissed", 2.1},
		{"certificate", "CertificateDaysLeft", 20.9},
	}
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		firing := watch(c, alarm.Stack{Name: "s", Backups: true, Certificates: true}, nil)
		// post posts as the job of a guestbook does, and passes the time until it does so again.
		post := func(stack, guestbook string, values map[string]float64) {
			var data []any
			for name, value := range values {
				data = append(data, engine.Doc{
					"namespace": "guestbook", "compartmentId": oci.CompartmentID, "name": name,
					"dimensions": engine.Doc{"stack": stack, "guestbook": guestbook},
					"datapoints": []any{engine.Doc{"timestamp": engine.Timestamp(time.Now()), "value": value}},
				})
			}
			c.Want(200, "POST", metrics, engine.Doc{"metricData": data})
		}
		tick := func() { time.Sleep(5 * time.Minute) }
		firing("before the first metrics")
		for _, b := range bad {
			values := maps.Clone(good)
			values[b.metric] = b.value
			post("s", "one", good)
			post("s", "two", good)
			post("other", "one", values)
			firing("another stack's " + b.alarm)
			tick()
			post("s", "one", good)
			post("s", "two", values)
			firing(b.alarm, b.alarm)
			tick()
			post("s", "one", good)
			post("s", "two", good)
			firing("after " + b.alarm)
			tick()
		}

		post("s", "one", good)
		post("s", "two", good)
		for range 3 { // the second guestbook's job does not run any more
			tick()
			post("s", "one", good)
			firing("less than 20 minutes of silence")
		}
		tick()
		firing("20 minutes of silence", "silent")
		post("s", "two", good)
		firing("after the silence")
		time.Sleep(72 * time.Hour)
		firing("three days of silence", "silent")
		time.Sleep(21 * time.Minute)
		firing("the end of the absence detection period")
	})
}

// TestNodes takes away nodes, of a pool that has a number of them and of one that an autoscaler may empty.
func TestNodes(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		pools := map[string]string{}
		for name, size := range map[string]int{"fixed": 2, "autoscaled": 3} {
			body := ocitest.Changed(ocitest.PoolBody(n, cluster, size), "name", name)
			pools[name] = c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", body, nil))
		}
		nodes := func(pool string) (ids []string) {
			for _, node := range c.Get(ocitest.OKE + "/nodePools/" + pools[pool]).Objects("nodes") {
				ids = append(ids, node.Str("id"))
			}
			return ids
		}
		down := func(ids ...string) {
			plane.NotReady = map[string]bool{}
			for _, id := range ids {
				plane.NotReady[id] = true
			}
		}
		firing := watch(c, alarm.Stack{Pools: []alarm.Pool{{Name: "fixed", Least: 2}, {Name: "autoscaled"}}}, pools)
		firing("all nodes are ready")

		down(nodes("fixed")[0])
		firing("one node is not ready", "nodes-fixed")
		down()
		firing("it is ready again")

		down(nodes("autoscaled")...)
		firing("the other pool has none")
		down(nodes("fixed")...)
		time.Sleep(10 * time.Minute)
		firing("no node is ready", "no-nodes-fixed") // without a value, no sum is too small
		down()
		firing("both are ready again")

		replaced := c.Send("DELETE", ocitest.OKE+"/nodePools/"+pools["fixed"]+"/node/"+nodes("fixed")[0]+
			"?isDecrementSize=false", nil, nil)
		time.Sleep(time.Minute)
		firing("a node is being replaced", "nodes-fixed")
		c.Succeeded(replaced)
		firing("it has been replaced")
	})
}
