package logging

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/oci/engine"
)

// timeLayout is the layout of times in entries.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// protocolNames are the names of the protocols that security rules know by name.
var protocolNames = map[int]string{1: "ICMP", 6: "TCP", 17: "UDP"}

func registerSearch(api engine.API, flows Flows) {
	api.Handle("POST /search", "loggingsearch.SearchLogsDetails", func(c *engine.Call) (*engine.Answer, error) {
		q, err := parseQuery(c.Body.Str("searchQuery"))
		if err != nil {
			return nil, err
		}
		var times [2]time.Time
		for i, field := range []string{"timeStart", "timeEnd"} {
			if times[i], err = time.Parse(time.RFC3339, c.Body.Str(field)); err != nil {
				return nil, engine.Invalid("%s: %q is no time of RFC 3339", field, c.Body.Str(field))
			}
		}
		if !times[0].Before(times[1]) {
			return nil, engine.Invalid("timeStart must be before timeEnd")
		}
		logs, err := flowLogsOf(c.Tx, q.sources)
		if err != nil {
			return nil, err
		}
		return &engine.Answer{Then: func(context.Context) (*engine.Answer, error) {
			records, err := flows(times[0], times[1])
			if err != nil {
				return nil, err
			}
			return answerSearch(c, q, logs, records)
		}}, nil
	})
}

// flowLogsOf returns the flow logs of the sources by their subnets.
func flowLogsOf(t *engine.Tx, sources [][]string) (map[string]engine.Doc, error) {
	logs := map[string]engine.Doc{}
	for _, source := range sources {
		if !engine.IsCompartment(source[0]) {
			return nil, engine.NotFound(source[0])
		}
		if len(source) > 1 {
			if _, err := t.Named(groupKind, source[1]); err != nil {
				return nil, err
			}
		}
		if len(source) > 2 {
			if _, err := t.Named(logKind, source[2]); err != nil {
				return nil, err
			}
		}
		for _, r := range t.All(logKind) {
			path := []string{r.Doc.Str("compartmentId"), r.Doc.Str("logGroupId"), r.ID}
			from := r.Doc.Sub("configuration", "source")
			if from.Str("service") == "flowlogs" && slices.Equal(path[:len(source)], source) {
				logs[from.Str("resource")] = r.Doc.Clone()
			}
		}
	}
	return logs, nil
}

func answerSearch(
	c *engine.Call, q query, logs map[string]engine.Doc, records []flowlog.Record,
) (*engine.Answer, error) {
	results := []any{}
	for _, r := range records {
		if log := logs[r.SubnetID]; log != nil && r.Logged {
			if entry := flowEntry(r, log); q.matches(entry) {
				results = append(results, engine.Doc{"data": entry})
			}
		}
	}
	if q.descending {
		slices.Reverse(results)
	}
	a, err := c.Page(results)
	if err != nil {
		return nil, err
	}
	page := a.Body.([]any)
	a.Body = engine.Doc{
		"results": page, "fields": []any{}, "summary": engine.Doc{"resultCount": len(page), "fieldCount": 0},
	}
	return a, nil
}

// flowEntry returns a record as the entry of a flow log: version 2, with the fields of "Details for VCN Flow Logs"
// (Oracle documentation, 2026-11; read, not tried).
func flowEntry(r flowlog.Record, log engine.Doc) engine.Doc {
	action := "REJECT"
	if r.Accepted {
		action = "ACCEPT"
	}
	flow := fmt.Sprint(r.VNICID, r.Protocol, r.Source, r.Destination)
	name := protocolNames[r.Protocol]
	if name == "" {
		name = fmt.Sprint(r.Protocol)
	}
	return engine.Doc{"datetime": r.Time.UnixMilli(), "logContent": engine.Doc{
		"id": digest(flow + r.Time.String()), "source": "-", "specversion": "1.0",
		"time": r.Time.UTC().Format(timeLayout), "type": "com.oraclecloud.vcn.flowlogs.DataEvent",
		"data": engine.Doc{
			"version": "2", "status": "OK", "action": action, "flowid": digest(flow),
			"protocol": r.Protocol, "protocolName": name,
			"sourceAddress": r.Source.Addr().String(), "sourcePort": r.Source.Port(),
			"destinationAddress": r.Destination.Addr().String(), "destinationPort": r.Destination.Port(),
			"packets": r.Packets, "bytesOut": r.Bytes, "startTime": r.Time.Unix(), "endTime": r.Last.Unix(),
		},
		"oracle": engine.Doc{
			"compartmentid": log["compartmentId"], "loggroupid": log["logGroupId"], "logid": log["id"],
			"tenantid": engine.TenancyID, "ingestedtime": r.Last.UTC().Format(timeLayout),
			"vnicocid": r.VNICID, "vnicsubnetocid": r.SubnetID, "vniccompartmentocid": log["compartmentId"],
		},
	}}
}

// digest returns eight hexadecimal digits that depend on the text alone.
func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
