package e2e

import (
	"maps"
	"slices"
	"testing"
	"time"

	"oke-guestbook/local/oci"
)

// alarms lets the stack have alarms, and its nodes send logs to Logging, makes an alarm fire by a metric as the
// guestbook's job posts it, and takes all away.
func (b book) alarms(t *testing.T) {
	s, rest := b.stack, b.rest()
	status := func() map[string]string {
		t.Helper()
		var list []struct{ DisplayName, Status string }
		s.get(rest, "/20180401/alarms/status?compartmentId="+oci.CompartmentID, &list)
		all := map[string]string{}
		for _, alarm := range list {
			all[alarm.DisplayName] = alarm.Status
		}
		return all
	}
	agents := func() (names []string) {
		t.Helper()
		var found struct {
			Items []struct{ DisplayName string }
		}
		s.get(rest, "/20200531/unifiedAgentConfigurations?compartmentId="+oci.CompartmentID, &found)
		for _, configuration := range found.Items {
			names = append(names, configuration.DisplayName)
		}
		return names
	}
	s.settings("alarmEmails[0]=ops@example.com", "containerLogs=true", "tenancyId="+oci.TenancyID)
	s.deploy()
	s.unchanged("after the alarms have been made")
	want := map[string]string{}
	for _, name := range []string{"frontend", "database", "volume", "backup", "silent", "nodes-workers", "no-nodes-workers"} {
		want["oke-guestbook-local-"+name] = "OK"
	}
	if got := status(); !maps.Equal(got, want) {
		t.Errorf("alarms %v, want %v", got, want)
	}
	if job := b.one("cronjob", "measure"); job.Metadata.Name != "measure" {
		t.Errorf("the job that measures: %+v", job.Metadata)
	}
	_, err := rest.Do(t.Context(), "POST", "/20180401/metrics", nil, object{"metricData": []any{object{
		"namespace": "guestbook", "compartmentId": oci.CompartmentID, "name": "FrontendReady",
		"dimensions": object{"stack": "oke-guestbook-local", "guestbook": "guestbook"},
		"datapoints": []any{object{"timestamp": time.Now().UTC().Format(time.RFC3339), "value": 0}},
	}}}, nil)
	s.must(err)
	want["oke-guestbook-local-frontend"] = "FIRING"
	if got := status(); !maps.Equal(got, want) {
		t.Errorf("alarms without a ready frontend %v, want %v", got, want)
	}
	if names := agents(); !slices.Equal(names, []string{"oke-guestbook-local-containers"}) {
		t.Errorf("agent configurations %v", names)
	}
	s.unset("alarmEmails")
	s.unset("containerLogs")
	s.deploy()
	if names := agents(); len(names) > 0 {
		t.Errorf("agent configurations that are left: %v", names)
	}
	if got := status(); len(got) > 0 {
		t.Errorf("alarms that are left: %v", got)
	}
}
