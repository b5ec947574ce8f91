package workload

import "time"

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
