// Package alarm defines the alarms of a stack: queries of the metrics that "guestbook measure" posts, and of OKE's own.
package alarm

import "fmt"

// Definition is an alarm of OCI Monitoring.
type Definition struct {
	Name      string // unique in the stack
	Namespace string // of the metric
	Query     string // in the Monitoring Query Language; with Pool, %s stands for the OCID of the node pool
	Pending   string // how long the query must hold before the alarm fires, in the form of ISO 8601
	Severity  string
	Body      string // what its message tells people to do
	Pool      string // name of the node pool that the alarm watches; empty: none
}

// Stack is what the alarms of a stack depend on.
type Stack struct {
	Name                  string // value of the metrics' dimension "stack"
	Backups, Certificates bool   // whether a guestbook has such
	Pools                 []Pool
}

// Pool is a node pool with the number of nodes that it has at least.
type Pool struct {
	Name  string
	Least int
}

// Namespaces of the metrics.
const (
	Guestbook = "guestbook" // posted by app/internal/chores
	OKE       = "oci_oke"
)

// Severities.
const (
	critical = "CRITICAL"
	warning  = "WARNING"
)

// absence is how long absent() is true after the last value, at most. The time without values that makes it true is the
// interval of the query (Oracle, "Creating an Absence Alarm" and "Customizing the Absence Detection Period for an Alarm
// Query", copies read 2026-11-29; not tried).
const absence = "absent(3d)"

// Definitions returns the alarms of a stack.
func Definitions(s Stack) []Definition {
	list := []Definition{
		s.guestbook("frontend", "FrontendReady[5m]", "max() < 1", critical,
			"No frontend is ready: kubectl get pods -n <namespace>, and kubectl describe of one."),
		s.guestbook("database", "DatabasePrimary[5m]", "max() < 1", critical,
			"The database has no primary: kubectl get pods -n <namespace>, and kubectl logs mongo-0."),
		s.guestbook("silent", "DatabasePrimary[20m]", absence, critical,
			"No metrics for 20 minutes: the job cannot run or cannot post. "+
				"kubectl get nodes; kubectl get jobs -n <namespace>."),
		s.guestbook("volume", "VolumeUsedPercent[5m]", "max() > 85", warning,
			"The database's volume is nearly full: set storageGb to a higher number."),
	}
	if s.Backups {
		list = append(list, s.guestbook("backup", "BackupsMissed[5m]", "max() > 2", warning,
			"The last two backups are missing: kubectl get jobs -n <namespace>, and kubectl logs of the last one."))
	}
	if s.Certificates {
		list = append(list, s.guestbook("certificate", "CertificateDaysLeft[5m]", "min() < 21", warning,
			"The certificate expires within three weeks, or does not exist: renew it. "+
				"kubectl logs of the last job measure says which."))
	}
	for _, p := range s.Pools {
		if p.Least > 0 {
			list = append(list, p.short(), p.empty())
		}
	}
	return list
}

// guestbook returns an alarm that fires for each guestbook. The intervals are those of the job that posts, or longer.
func (s Stack) guestbook(name, metric, condition, severity, body string) Definition {
	return Definition{
		Name: name, Namespace: Guestbook, Severity: severity, Body: body, Pending: "PT5M",
		Query: fmt.Sprintf(`%s{stack = "%s"}.groupBy(guestbook).%s`, metric, s.Name, condition),
	}
}

// nodes returns an alarm about the nodes of a pool that are ready. OKE posts once a minute how many nodes are in a
// condition, for each node or for several (Oracle, "Kubernetes Engine (OKE) Metrics", updated 2025-01-15, a copy read
// 2026-11-29; not tried): the sum of a minute is the number of nodes either way.
func (p Pool) nodes(name, interval, condition, pending, body string) Definition {
	return Definition{
		Name: name + "-" + p.Name, Namespace: OKE, Severity: warning, Body: body, Pending: pending, Pool: p.Name,
		Query: fmt.Sprintf(`KubernetesNodeCondition[%s]{nodepoolId = "%%s", nodeCondition = "Ready"}`+
			".groupBy(nodepoolId).%s", interval, condition),
	}
}

// short fires when fewer nodes are ready than the pool has at least. OKE needs minutes to replace a node.
func (p Pool) short() Definition {
	return p.nodes("nodes", "1m", fmt.Sprintf("sum() < %d", p.Least), "PT10M",
		"Fewer nodes of node pool "+p.Name+" are ready than it has at least: kubectl get nodes, and kubectl describe of "+
			"one that is not.")
}

// empty fires when no node is ready, in case that there is no value then: Oracle does not say.
func (p Pool) empty() Definition {
	return p.nodes("no-nodes", "10m", absence, "PT1M",
		"No node of node pool "+p.Name+" is ready: kubectl get nodes, and kubectl describe of one.")
}
