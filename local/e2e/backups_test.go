package e2e

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/cloud"
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

// backUp makes a backup by a Pod of the schedule's job. The job reaches Object Storage by the VCN's service gateway
// only. It is refused without the statement that allows it, and makes the backup when the statement is back: it repeats
// what is refused.
func (s *stack) backUp() (name string) {
	s.t.Helper()
	before := s.backups()
	if len(before) != 1 {
		s.t.Fatalf("the first `up` has made the backups %v, want one", before)
	}
	policyPath := core + "/policies/" + s.id("oci:Identity/policy:Policy", "guestbook-backups")
	gatewayID := s.id("oci:Core/serviceGateway:ServiceGateway", "oke-guestbook-local-services")
	gatewayPath := core + "/serviceGateways/" + gatewayID
	var policy struct{ Statements []string }
	s.get(s.rest(), policyPath, &policy)
	put := func(path string, body object) {
		_, err := s.rest().Do(s.t.Context(), http.MethodPut, path, nil, body, nil)
		s.must(err)
	}
	weaker := strings.Replace(policy.Statements[0], "manage objects", "read buckets", 1)
	put(policyPath, object{"statements": []string{weaker}})
	put(gatewayPath, object{"blockTraffic": true})
	namespace := s.output("namespace")
	book{s, namespace}.createJob("mongo-backup", "asked-for", nil)
	s.eventually(2*time.Minute, "the gateway blocks the way to Object Storage", func() (bool, string) {
		var flows []cloud.Flow
		s.read("/admin/flows", &flows)
		return slices.ContainsFunc(flows, func(f cloud.Flow) bool {
			return !f.Accepted && f.Destination == netip.AddrPortFrom(oci.ObjectStorageAddress, 443) &&
				strings.Contains(f.Missing, "blocks traffic")
		}), fmt.Sprint(len(flows), " flows, none of them")
	})
	put(gatewayPath, object{"blockTraffic": false})
	s.eventually(2*time.Minute, "the backup is refused", func() (bool, string) {
		text, err := s.kubectlCommand("logs", "-n", namespace, "job/asked-for").CombinedOutput()
		return strings.Contains(string(text), "no policy allows the access"), fmt.Sprintf("%v: %s", err, text)
	})
	if now := s.backups(); len(now) != 1 {
		s.t.Errorf("a refused job has made %v", now)
	}
	put(policyPath, object{"statements": policy.Statements})
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
