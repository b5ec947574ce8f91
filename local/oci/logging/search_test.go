package logging_test

import (
	"net/netip"
	"testing"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestSearchFlowLogs(t *testing.T) {
	var kept []flowlog.Record
	flows := func(time.Time, time.Time) ([]flowlog.Record, error) { return kept, nil }
	ocitest.Run(t, oci.Config{Flows: flows}, func(c *ocitest.Cloud) {
		n := c.Network()
		groups := ocitest.Logging + "/logGroups"
		group := c.Finished(ocitest.Logging, "logging.WorkRequest",
			c.Send("POST", groups, engine.Doc{"compartmentId": oci.CompartmentID, "displayName": "flows"}, nil))
		id := c.Finished(ocitest.Logging, "logging.WorkRequest", c.Send("POST", groups+"/"+group+"/logs", engine.Doc{
			"displayName": "workers", "logType": "SERVICE", "configuration": engine.Doc{"source": engine.Doc{
				"sourceType": "OCISERVICE", "service": "flowlogs", "category": "all", "resource": n.Workers,
			}},
		}, nil))
		now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
		record := func(second int, accepted, logged bool, subnet string, port uint16) flowlog.Record {
			return flowlog.Record{
				Flow: cloud.Flow{
					Time: now.Add(time.Duration(second) * time.Second), Accepted: accepted, VNICID: "vnic", Protocol: 6,
					Source:      netip.MustParseAddrPort("10.0.0.9:40000"),
					Destination: netip.AddrPortFrom(netip.MustParseAddr("10.0.1.2"), port), Packets: 2, Bytes: 120,
					Missing: "a rule",
				},
				Last: now.Add(time.Minute), SubnetID: subnet, Logged: logged,
			}
		}
		kept = []flowlog.Record{
			record(1, false, true, n.Workers, 80), record(2, true, true, n.Workers, 443),
			record(3, false, false, n.Workers, 80), record(4, false, true, n.API, 80), // without an enabled flow log
		}
		body := engine.Doc{"timeStart": "2026-11-28T00:00:00Z", "timeEnd": "2026-11-29T00:00:00Z"}
		log := oci.CompartmentID + "/" + group + "/" + id
		search := func(query string) []any {
			t.Helper()
			r := c.Want(200, "POST", "/20190909/search", ocitest.Changed(body, "searchQuery", query))
			c.Conforms("loggingsearch.SearchResponse", r.Body)
			return r.Object().List("results")
		}
		for query, want := range map[string]int{
			`search "` + oci.CompartmentID + `"`:                                                                2,
			`search "` + oci.CompartmentID + "/" + group + `"`:                                                  2,
			`search "` + log + `" | where data.action = 'REJECT'`:                                               1,
			`search "` + log + `" | where data.destinationPort > 80 and logContent.data.packets = 2`:            1,
			`search "` + log + `" | where data.nothing != 'x'`:                                                  0,
			`search "` + log + `" | where data.action='ACCEPT' and data.destinationPort<=80 | sort by datetime`: 0,
		} {
			if got := search(query); len(got) != want {
				t.Errorf("%s: %d entries, want %d: %v", query, len(got), want, got)
			}
		}
		entry := engine.Doc(search(`search "` + log + `" | sort by datetime asc`)[0].(map[string]any)).Sub("data")
		if entry.Num("datetime") != float64(kept[0].Time.UnixMilli()) {
			t.Errorf("the first entry is %v", entry)
		}
		data := entry.Sub("logContent", "data")
		for field, want := range map[string]any{
			"version": "2", "status": "OK", "action": "REJECT", "protocol": 6.0, "protocolName": "TCP",
			"sourceAddress": "10.0.0.9", "sourcePort": 40000.0, "destinationAddress": "10.0.1.2",
			"destinationPort": 80.0, "packets": 2.0, "bytesOut": 120.0, "startTime": 1795867201.0,
			"endTime": 1795867260.0,
		} {
			if data[field] != want {
				t.Errorf("%s is %v, want %v", field, data[field], want)
			}
		}
		if data["Missing"] != nil || entry.Str("logContent", "oracle", "logid") != id {
			t.Errorf("entry %v", entry)
		}
		for query, words := range map[string]string{
			"": "must begin with search",
			`search "` + log + `" | summarize count()`: "not understood",
			`search "` + log + `" | where data.action`: "a condition is",
			`search`: "a source is missing",
		} {
			c.Refused(400, "InvalidParameter", words, "POST", "/20190909/search",
				ocitest.Changed(body, "searchQuery", query))
		}
		c.Refused(404, "NotAuthorizedOrNotFound", "ocid1.log.other", "POST", "/20190909/search",
			ocitest.Changed(body, "searchQuery", `search "`+oci.CompartmentID+"/"+group+`/ocid1.log.other"`))
		c.Refused(400, "InvalidParameter", "before timeEnd", "POST", "/20190909/search", engine.Doc{
			"timeStart": body["timeEnd"], "timeEnd": body["timeStart"], "searchQuery": `search "` + log + `"`,
		})
	})
}
