package main

import (
	"context"
	"net/http"
	"path/filepath"
	"strconv"
	"time"

	"oke-guestbook/local/flowlog"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/logging"
)

const (
	flowsInterval  = time.Second // how often the daemon asks for flows: the data plane keeps the last 16384
	defaultMinutes = 60          // of flows that /admin/flows tells
)

// keepFlows keeps what the data plane tells about flows, until ctx is done.
func (p *dataPlane) keepFlows(ctx context.Context, emulator *oci.Server) {
	tick := time.NewTicker(flowsInterval)
	defer tick.Stop()
	seen := 0
	for {
		told, err := p.Flows(ctx, seen)
		if err == nil && told.Total < seen { // it is a new process
			told, err = p.Flows(ctx, 0)
		}
		if err == nil {
			seen = told.Total
			err = p.flows.Add(told.Flows, emulator.Network(), time.Now())
			if err != nil {
				p.log.Warn("flow logs", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// flowRecords returns what reads the kept flows, or nil if nothing carries packets.
func (p *dataPlane) flowRecords() logging.Flows {
	if p == nil {
		return nil
	}
	return p.flows.Records
}

// openFlows opens the log of flows, which outlives the data plane.
func (p *dataPlane) openFlows(dir string) (err error) {
	p.flows, err = flowlog.Open(filepath.Join(dir, "flows"))
	return err
}

// serveFlows answers with the records of the last minutes: ?minutes=60.
func (p *dataPlane) serveFlows(w http.ResponseWriter, r *http.Request) {
	minutes := defaultMinutes
	if text := r.URL.Query().Get("minutes"); text != "" {
		var err error
		if minutes, err = strconv.Atoi(text); err != nil || minutes < 1 {
			http.Error(w, "minutes must be a positive number", http.StatusBadRequest)
			return
		}
	}
	p.serve(w, r, func(context.Context) (any, error) {
		now := time.Now()
		records, err := p.flows.Records(now.Add(-time.Duration(minutes)*time.Minute), now.Add(time.Minute))
		if records == nil {
			records = []flowlog.Record{}
		}
		return records, err
	})
}
