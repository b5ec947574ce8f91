package workload

import (
	"fmt"
	"slices"
	"time"

	"github.com/robfig/cron/v3"
)

// backupForm is the form of the names that backups have in the bucket, their time in UTC (app/internal/chores).
const backupForm = "2006-01-02T15-04-05Z.archive.gz"

// NewestBackup returns the time of the newest backup among the objects of a bucket, in RFC 3339, or an empty text.
func NewestBackup(objects []string) string {
	var newest time.Time
	for _, name := range objects {
		if at, err := time.Parse(backupForm, name); err == nil && at.After(newest) {
			newest = at
		}
	}
	if newest.IsZero() {
		return ""
	}
	return newest.Format(time.RFC3339)
}

// CheckBackup returns why restoreFrom cannot be loaded from a bucket with these objects. Where there are none, the
// bucket may be new, or hidden. A backup that is older than backups are kept may have been loaded, and deleted since.
func (g *Guestbook) CheckBackup(objects []string, now time.Time) error {
	at, err := time.Parse(backupForm, g.RestoreFrom)
	expired := err == nil && now.Sub(at) > time.Duration(g.BackupRetentionDays)*24*time.Hour
	if len(objects) == 0 || slices.Contains(objects, g.RestoreFrom) || expired {
		return nil
	}
	return fmt.Errorf("the bucket has no %s, but others such as %s: correct the name, or clear it if it has been loaded",
		g.RestoreFrom, slices.Max(objects))
}

// BackupInterval returns the longest time between two backups of the schedule within a year from 2028 on, or until the
// second one if they are rarer. The schedule must be valid.
func (g *Guestbook) BackupInterval() time.Duration {
	schedule, err := cron.ParseStandard(g.BackupSchedule)
	if err != nil {
		return 0
	}
	at := schedule.Next(time.Date(2027, 12, 31, 23, 59, 0, 0, time.UTC))
	end, longest := at.AddDate(1, 0, 0), time.Duration(0)
	for longest == 0 || at.Before(end) {
		next := schedule.Next(at)
		if next.IsZero() {
			break
		}
		longest, at = max(longest, next.Sub(at)), next
	}
	return longest
}
