package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"oke-guestbook/local/oci"
)

const objects = "/n/" + oci.Namespace + "/b/oke-guestbook-local-guestbook-backups/o"

// backups returns the names of the backups in the emulated bucket, oldest first.
func (s *stack) backups() []string {
	s.t.Helper()
	var listed struct{ Objects []struct{ Name string } }
	s.get(s.rest(), objects, &listed)
	var names []string
	for _, o := range listed.Objects {
		names = append(names, o.Name)
	}
	return names
}

// backUp makes a backup by a Pod of the schedule's job. It is refused without the statement that allows it, and is made
// when the statement is back: the job repeats what is refused.
func (s *stack) backUp() (name string) {
	s.t.Helper()
	before := s.backups()
	if len(before) != 1 {
		s.t.Fatalf("the first `up` has made the backups %v, want one", before)
	}
	rest, path := s.rest(), "/20160918/policies/"+s.id("oci:Identity/policy:Policy", "guestbook-backups")
	var policy struct{ Statements []string }
	s.get(rest, path, &policy)
	set := func(statements ...string) {
		_, err := rest.Do(s.t.Context(), http.MethodPut, path, nil, object{"statements": statements}, nil)
		s.must(err)
	}
	set(strings.Replace(policy.Statements[0], "manage objects", "read buckets", 1))
	namespace := s.output("namespace")
	s.kubectlMust("create", "job", "-n", namespace, "--from=cronjob/mongo-backup", "asked-for")
	s.eventually(2*time.Minute, "the backup is refused", func() (bool, string) {
		text, err := s.kubectlCommand("logs", "-n", namespace, "job/asked-for").CombinedOutput()
		return strings.Contains(string(text), "no policy allows the access"), fmt.Sprintf("%v: %s", err, text)
	})
	if now := s.backups(); len(now) != 1 {
		s.t.Errorf("a refused job has made %v", now)
	}
	set(policy.Statements...)
	s.eventually(2*time.Minute, "another backup", func() (bool, string) {
		now := s.backups()
		if len(now) == 2 {
			name = now[1]
		}
		return name != "", fmt.Sprint(now)
	})
	return name
}

// restore has the next `up` restore a backup.
func (s *stack) restore(name string) {
	s.t.Helper()
	s.settings("restoreFrom=" + name)
	s.up()
}

// deleteBackups empties the bucket: with backups, a destroy leaves it.
func (s *stack) deleteBackups() {
	s.t.Helper()
	for _, name := range s.backups() {
		_, err := s.rest().Do(s.t.Context(), http.MethodDelete, objects+"/"+name, nil, nil, nil)
		s.must(err)
	}
}
