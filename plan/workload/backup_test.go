package workload

import "testing"

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
