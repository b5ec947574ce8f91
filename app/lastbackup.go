package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"oke-guestbook/app/internal/store"
)

// lastBackup exports when the last backup began, as the database has it. There is no value while there is no backup, or
// the database does not answer: the age of a backup that is not known is not small.
type lastBackup struct {
	db      *store.Store
	timeout time.Duration
}

var lastBackupTime = prometheus.NewDesc("guestbook_last_backup_timestamp_seconds",
	"Unix time at which the last backup began that is complete in Object Storage.", nil, nil)

func (lastBackup) Describe(out chan<- *prometheus.Desc) { out <- lastBackupTime }

func (l lastBackup) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), l.timeout)
	defer cancel()
	if b, found, err := l.db.LastBackup(ctx); err == nil && found {
		out <- prometheus.MustNewConstMetric(lastBackupTime, prometheus.GaugeValue, float64(b.At.Unix()))
	}
}
