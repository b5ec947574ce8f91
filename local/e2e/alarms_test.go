package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"testing"
	"time"

	"oke-guestbook/local/oci"
)

// alarms lets the stack have alarms and a budget, and its nodes send logs to Logging, makes an alarm fire by a metric
// as the guestbook's job posts it, and takes all away.
func (b book) alarms(t *testing.T) {
	s, rest := b.stack, b.rest()
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
	s.settings("alarmEmails[0]=ops@example.com", "containerLogs=true", "tenancyId="+oci.TenancyID,
		"budgetMonthly=100", "budgetEmails[0]=ops@example.com")
	s.deploy()
	s.unchanged("after the alarms have been made")
	want := map[string]string{}
	for _, name := range []string{
		"frontend", "database", "volume", "backup", "silent", "nodes-workers", "no-nodes-workers",
	} {
		want["oke-guestbook-local-"+name] = "OK"
	}
	if got := s.alarmStatus(); !maps.Equal(got, want) {
		t.Errorf("alarms %v, want %v", got, want)
	}
	const ready = `KubernetesNodeCondition[1m]{nodeCondition = "Ready"}.groupBy(nodeCondition).sum()`
	if n := s.metric("oci_oke", ready); n != 2 {
		t.Errorf("%v nodes are ready, want 2", n)
	}
	if got := s.budgets(); !slices.Equal(got, []string{"oke-guestbook-local: 100 a month, 2 alerts"}) {
		t.Errorf("budgets %q", got)
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
	if got := s.alarmStatus(); !maps.Equal(got, want) {
		t.Errorf("alarms without a ready frontend %v, want %v", got, want)
	}
	if names := agents(); !slices.Equal(names, []string{"oke-guestbook-local-containers"}) {
		t.Errorf("agent configurations %v", names)
	}
	for _, key := range []string{"alarmEmails", "containerLogs", "budgetMonthly", "budgetEmails"} {
		s.unset(key)
	}
	s.deploy()
	if got := s.budgets(); len(got) > 0 {
		t.Errorf("budgets that are left: %q", got)
	}
	if names := agents(); len(names) > 0 {
		t.Errorf("agent configurations that are left: %v", names)
	}
	if got := s.alarmStatus(); len(got) > 0 {
		t.Errorf("alarms that are left: %v", got)
	}
}

// alarmStatus returns the state of each alarm.
func (s *stack) alarmStatus() map[string]string {
	s.t.Helper()
	var list []struct{ DisplayName, Status string }
	s.get(s.rest(), "/20180401/alarms/status?compartmentId="+oci.CompartmentID, &list)
	all := map[string]string{}
	for _, alarm := range list {
		all[alarm.DisplayName] = alarm.Status
	}
	return all
}

// metric returns the last value of a query; below 0 without one.
func (s *stack) metric(namespace, query string) float64 {
	s.t.Helper()
	var found []struct{ AggregatedDatapoints []struct{ Value float64 } }
	_, err := s.rest().Do(s.t.Context(), http.MethodPost, "/20180401/metrics/actions/summarizeMetricsData",
		url.Values{"compartmentId": {oci.CompartmentID}}, object{"namespace": namespace, "query": query}, &found)
	s.must(err)
	if len(found) != 1 {
		return -1
	}
	points := found[0].AggregatedDatapoints
	return points[len(points)-1].Value
}

// budgets describes the budgets for the compartment, with their alerts.
func (s *stack) budgets() (all []string) {
	s.t.Helper()
	const path = "/20190111/budgets"
	var list []struct {
		ID, DisplayName string
		Amount          float64
		Targets         []string
	}
	s.get(s.rest(), path+"?compartmentId="+oci.TenancyID, &list)
	for _, b := range list {
		var alerts []struct{ Recipients string }
		s.get(s.rest(), path+"/"+b.ID+"/alertRules", &alerts)
		for _, a := range alerts {
			if a.Recipients != "ops@example.com" || !slices.Equal(b.Targets, []string{oci.CompartmentID}) {
				s.t.Errorf("budget %+v, alert %+v", b, a)
			}
		}
		all = append(all, fmt.Sprintf("%s: %v a month, %d alerts", b.DisplayName, b.Amount, len(alerts)))
	}
	return all
}

// measured has Pods of the CronJob measure, with a frontend and without: the alarm fires, and ends.
func (s *stack) measured() {
	s.t.Helper()
	namespace := s.output("namespace")
	s.measure(namespace, "guestbook")
	for metric, want := range map[string][2]float64{
		"FrontendReady": {1, 1}, "DatabasePrimary": {1, 1}, "BackupsMissed": {0, 1}, "VolumeUsedPercent": {0, 100},
	} {
		query := metric + `[1h]{stack = "oke-guestbook-local", guestbook = "guestbook"}.max()`
		if got := s.metric("guestbook", query); got < want[0] || got > want[1] {
			s.t.Errorf("%s is %v, want %v to %v", metric, got, want[0], want[1])
		}
	}
	firing := func(when, want string) {
		s.t.Helper()
		if got := s.alarmStatus()["oke-guestbook-local-frontend"]; got != want {
			s.t.Errorf("%s the alarm is %s, want %s", when, got, want)
		}
	}
	firing("with a frontend", "OK")
	var frontend struct{ Spec struct{ Replicas int } }
	s.kubectl(&frontend, "get", "deployment", "-n", namespace, "frontend")
	s.kubectlMust("scale", "-n", namespace, "deployment/frontend", "--replicas=0")
	// Its Pods answer for 40 seconds more, unless they are killed.
	s.kubectlMust("delete", "pods", "-n", namespace, "-l", "app.kubernetes.io/component=frontend", "--force",
		"--grace-period=0")
	// As another guestbook: the alarm looks at the best value of 5 minutes.
	s.measure(namespace, "closed")
	firing("without a frontend", "FIRING")
	s.kubectlMust("scale", "-n", namespace, "deployment/frontend", fmt.Sprintf("--replicas=%d", frontend.Spec.Replicas))
	s.kubectlMust("rollout", "status", "-n", namespace, "deployment/frontend", "--timeout=2m")
	s.measure(namespace, "closed")
	firing("with a frontend again", "OK")
}

// named finds the dimension guestbook in the job of the CronJob measure.
var named = regexp.MustCompile(`("name":"METRIC_GUESTBOOK","value":")[^"]*`)

// measure runs a job of the CronJob measure, whose metrics have the name of a guestbook.
func (s *stack) measure(namespace, guestbook string) {
	s.t.Helper()
	name := "measure-" + guestbook
	book{s, namespace}.createJob("measure", name, func(manifest []byte) []byte {
		return named.ReplaceAll(manifest, []byte("${1}"+guestbook))
	})
	s.eventually(2*time.Minute, "the job "+name, func() (bool, string) {
		var job struct{ Status struct{ Succeeded int } }
		s.kubectl(&job, "get", "job", "-n", namespace, name)
		logs, _ := s.kubectlCommand("logs", "-n", namespace, "job/"+name).CombinedOutput()
		return job.Status.Succeeded == 1, string(logs)
	})
	s.kubectlMust("delete", "job", "-n", namespace, name)
}
