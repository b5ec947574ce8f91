// Package workload is the plan of a guestbook: settings, defaults by profile, validation and quota.
package workload

import "cmp"

// Profile is a set of defaults and guard rails.
type Profile string

// The profiles of a guestbook.
const (
	Tutorial Profile = "tutorial" // the images and the behaviour of the tutorial: for learning
	Hardened Profile = "hardened" // this project's frontend, authentication, guard rails
)

// LogsNamespace is the log agents' namespace. No guestbook can have it.
const LogsNamespace = "guestbook-logs"

// Exposure is how visitors reach a guestbook.
type Exposure string

// The exposures of a guestbook.
const (
	Public   Exposure = "public"    // a load balancer with a public address
	Internal Exposure = "internal"  // a load balancer with an address of the VCN
	NodePort Exposure = "node-port" // a port of every node
	None     Exposure = "none"      // within the cluster only
)

// BalancerType is the type of a load balancer, as OKE's cloud controller spells it.
type BalancerType string

// The types of load balancers.
const (
	LB  BalancerType = "lb"  // Load Balancing: HTTP, and ends TLS
	NLB BalancerType = "nlb" // Network Load Balancing: passes TCP connections on
)

// Spec is what is set for a guestbook, or for all of a stack's at once. A zero number or an empty text takes the
// profile's value. Settings documents the fields.
type Spec struct {
	Profile   Profile
	Namespace string

	FrontendImage       string
	FrontendReplicas    int
	FrontendMinReplicas int
	FrontendMaxReplicas int
	AutoscaleCPUPercent int
	FrontendCPUMillis   int
	FrontendMemoryMB    int
	FrontendPort        int
	MetricsPort         int
	ReadinessPath       string
	LivenessPath        string

	Exposure                     Exposure
	LoadBalancerType             BalancerType
	LoadBalancerMbps             int
	ReservedAddress              string
	ReservedAddressCompartmentID string // OCID of the reserved address' compartment
	Port                         int
	PlainHTTP                    PlainHTTP
	TLSCertificate               string
	TLSPrivateKey                string
	TLSCertificateID             string
	TLSHostname                  string
	TLSMinimumVersion            string
	TLSCipherSuite               string
	ACMEDirectory                string
	ACMEEmail                    string
	DNSZoneID                    string

	MongoImage         string
	MongoReplicas      int
	MongoCPUMillis     int
	MongoMemoryMB      int
	StorageGB          int
	CredentialsRelease int
	ExternalDatabase   string
	DatabasePassword   string

	BackupSchedule      string
	BackupRetentionDays int
	ChoresImage         string
	RestoreFrom         string
	RestoreRelease      int

	QuotaCPUMillis int
	QuotaMemoryMB  int
}

// Guestbook is one guestbook of a stack.
type Guestbook struct {
	Name string // unique in the stack; prefix of its Pulumi resources
	Spec
	Measured bool // it posts metrics to Monitoring, which the stack has alarms for; no setting of its own
}

// profiles are the defaults of each profile. The tutorial's are those of "Deploying PHP Guestbook application with
// MongoDB" (Kubernetes documentation).
var profiles = map[Profile]Spec{
	Tutorial: {
		FrontendImage:     imageOf("frontendImage", Tutorial),
		FrontendCPUMillis: 100,
		FrontendMemoryMB:  100,
		FrontendPort:      80,
		ReadinessPath:     "/",
		MongoImage:        imageOf("mongoImage", Tutorial),
		MongoCPUMillis:    100,
		MongoMemoryMB:     100,
	},
	Hardened: {
		FrontendCPUMillis: 50,
		FrontendMemoryMB:  64,
		FrontendPort:      8080,
		MetricsPort:       9090,
		ReadinessPath:     "/readyz",
		LivenessPath:      "/livez",
		MongoImage:        imageOf("mongoImage", Hardened),
		MongoCPUMillis:    250,
		MongoMemoryMB:     512,
	},
}

// Complete fills in what the profile, the network and the cluster decide. The exposure is that of a guestbook without
// one of its own; metrics is whether the cluster has the metrics of Pods, without which no autoscaler can work.
func (g *Guestbook) Complete(exposure Exposure, metrics bool) {
	p, known := profiles[g.Profile]
	if !known { // which Validate reports, and nothing else because of it
		p = profiles[Hardened]
	}
	orElse(&g.Namespace, g.Name)
	orElse(&g.FrontendImage, p.FrontendImage)
	replicas := max(g.FrontendReplicas, g.FrontendMinReplicas)
	if g.FrontendReplicas >= 1 && replicas <= maxReplicas { // others are refused, and would make bad bounds
		orElse(&g.FrontendMinReplicas, g.FrontendReplicas)
		if g.Profile == Hardened && metrics {
			orElse(&g.FrontendMaxReplicas, 2*g.FrontendReplicas)
		}
		orElse(&g.FrontendMaxReplicas, replicas)
	}
	orElse(&g.FrontendCPUMillis, p.FrontendCPUMillis)
	orElse(&g.FrontendMemoryMB, p.FrontendMemoryMB)
	orElse(&g.FrontendPort, p.FrontendPort)
	orElse(&g.MetricsPort, p.MetricsPort)
	orElse(&g.ReadinessPath, p.ReadinessPath)
	orElse(&g.LivenessPath, p.LivenessPath)
	orElse(&g.Exposure, exposure)
	if g.HTTPS() {
		plain := Closed
		if g.Hardened() {
			plain = Redirect
		}
		orElse(&g.PlainHTTP, plain)
	}
	orElse(&g.MongoImage, p.MongoImage)
	orElse(&g.MongoCPUMillis, p.MongoCPUMillis)
	orElse(&g.MongoMemoryMB, p.MongoMemoryMB)
	need := g.Need()
	orElse(&g.QuotaCPUMillis, need.CPUMillis)
	orElse(&g.QuotaMemoryMB, need.MemoryMB)
}

func orElse[T comparable](setting *T, value T) {
	var zero T
	if *setting == zero {
		*setting = value
	}
}

// Chores returns the image of the jobs that set up, save and restore the database.
func (g *Guestbook) Chores() string { return cmp.Or(g.ChoresImage, g.FrontendImage) }

// Addresses returns how many of the guestbook's Services have an address of their own: that for visitors, and in
// profile hardened one within the cluster.
func (g *Guestbook) Addresses() (n int) {
	if g.Hardened() {
		n++
	}
	if g.Exposure != None {
		n++
	}
	return n
}

// Hardened reports whether the guestbook has authentication and guard rails.
func (g *Guestbook) Hardened() bool { return g.Profile == Hardened }

// Autoscales reports whether an autoscaler chooses the number of frontend Pods.
func (g *Guestbook) Autoscales() bool { return g.FrontendMaxReplicas > g.FrontendMinReplicas }

// Balanced reports whether the frontend has a load balancer.
func (g *Guestbook) Balanced() bool { return g.Exposure == Public || g.Exposure == Internal }

// NetworkBalanced reports whether the frontend's load balancer is a network load balancer.
func (g *Guestbook) NetworkBalanced() bool { return g.Balanced() && g.LoadBalancerType == NLB }

// OwnDatabase reports whether the database runs in the guestbook's namespace.
func (g *Guestbook) OwnDatabase() bool { return g.ExternalDatabase == "" }

// Backs reports whether the guestbook has a bucket for backups.
func (g *Guestbook) Backs() bool { return g.BackupSchedule != "" || g.RestoreFrom != "" }
