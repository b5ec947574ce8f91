package workload

import (
	"strings"
	"testing"
	"time"
)

func TestNewestBackup(t *testing.T) {
	for _, tc := range []struct {
		objects []string
		want    string
	}{
		{nil, ""},
		{[]string{"notes.txt", "2026-11-23T03-00-00Z.archive", "2026-13-23T03-00-00Z.archive.gz"}, ""},
		{
			[]string{"2026-11-23T03-00-00Z.archive.gz", "2026-11-24T03-00-05Z.archive.gz", "z.archive.gz"},
			"2026-11-24T03:00:05Z",
		},
	} {
		if got := NewestBackup(tc.objects); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.objects, got, tc.want)
		}
	}
}

func TestBackupInterval(t *testing.T) {
	for schedule, want := range map[string]time.Duration{
		"0 3 * * *": 24 * time.Hour, "0 3,15 * * *": 12 * time.Hour, "0 3 * * 1-5": 72 * time.Hour,
		"0 0 1 * *": 31 * 24 * time.Hour, "0 0 29 2 *": 4*365*24*time.Hour + 24*time.Hour, "": 0,
	} {
		g := Guestbook{Spec: Spec{BackupSchedule: schedule}}
		if got := g.BackupInterval(); got != want {
			t.Errorf("%q: %v, want %v", schedule, got, want)
		}
	}
}

func TestCheckBackup(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	const kept, lost, expired = "2026-11-23T03-00-00Z.archive.gz", "2026-11-22T03-00-00Z.archive.gz",
		"2026-10-01T03-00-00Z.archive.gz"
	for _, tc := range []struct {
		name    string
		objects []string
		refused bool
	}{
		{kept, []string{lost + ".old", kept}, false},
		{lost, []string{kept}, true},
		{lost, nil, false}, // a bucket that is new, or hidden
		{expired, []string{kept}, false},
		{"mine.archive.gz", []string{kept}, true},
	} {
		g := Guestbook{Spec: Spec{RestoreFrom: tc.name, BackupRetentionDays: 30}}
		err := g.CheckBackup(tc.objects, now)
		if (err != nil) != tc.refused || err != nil && !strings.Contains(err.Error(), kept) {
			t.Errorf("%s of %v: %v, want a refusal: %t", tc.name, tc.objects, err, tc.refused)
		}
	}
}
