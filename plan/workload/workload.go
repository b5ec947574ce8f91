// Package workload holds what a stack says of a guestbook: settings, defaults by profile, and validation.
package workload

// Profiles of a guestbook.
const (
	Tutorial = "tutorial" // the images and the behaviour of the tutorial: for learning
	Hardened = "hardened" // this project's frontend, authentication, guard rails
)

// LogsNamespace is where the log agents are, and no guestbook can be.
const LogsNamespace = "guestbook-logs"

// Exposures of a guestbook to those who visit it.
const (
	Public   = "public"    // a load balancer with a public address
	Internal = "internal"  // a load balancer with an address of the VCN
	NodePort = "node-port" // a port of every node
	None     = "none"      // within the cluster only
)

// Spec is what is set for a guestbook, or for all of a stack's at once. A zero number or an empty text takes the profile's value.
type Spec struct {
	Profile   string `json:"profile" help:"hardened (authentication, guard rails, this project's frontend) or tutorial (for learning: no password, the tutorial's images)"`
	Namespace string `json:"namespace" help:"Kubernetes namespace; empty for the guestbook's name"`

	FrontendImage       string `json:"frontendImage" help:"Image of the frontend, with its registry host. Profile hardened has none of its own: make push builds and pushes it"`
	FrontendReplicas    int    `json:"frontendReplicas" help:"Pods of the frontend; with autoscaling the number is chosen between the bounds"`
	FrontendMinReplicas int    `json:"frontendMinReplicas" help:"Lower bound of the autoscaler; 0 for frontendReplicas"`
	FrontendMaxReplicas int    `json:"frontendMaxReplicas" help:"Upper bound of the autoscaler; 0 for twice frontendReplicas (hardened) or none (tutorial). Equal bounds: no autoscaler"`
	AutoscaleCPUPercent int    `json:"autoscaleCpuPercent" help:"CPU use, in percent of the request, that the autoscaler aims at"`
	FrontendCPUMillis   int    `json:"frontendCpuMillis" help:"CPU that a frontend Pod asks for, in thousandths; 0 for the profile's"`
	FrontendMemoryMB    int    `json:"frontendMemoryMb" help:"Memory that a frontend Pod asks for and may use, in MiB; 0 for the profile's"`
	FrontendPort        int    `json:"frontendPort" help:"Port of the frontend's container; 0 for the profile's, 8080 or 80"`
	MetricsPort         int    `json:"metricsPort" help:"Port of the frontend's metrics; 0 for the profile's, 9090 or none"`
	ReadinessPath       string `json:"readinessPath" help:"Path that answers 200 when the frontend can serve; empty for the profile's, /readyz or /"`
	LivenessPath        string `json:"livenessPath" help:"Path that answers 200 while the frontend lives; empty for the profile's, /livez or none"`

	Exposure         string `json:"exposure" help:"public, internal (load balancers), node-port or none; empty for the kind of load balancer that the network has"`
	LoadBalancerMbps int    `json:"loadBalancerMbps" help:"Bandwidth of the load balancer; 10 is free of charge"`
	ReservedAddress  string `json:"reservedAddress" help:"Reserved public IP address for the load balancer; empty for any"`
	TLSCertificate   string `json:"tlsCertificate" help:"Certificate chain in PEM; with it the load balancer serves HTTPS on 443 instead of HTTP on 80"`
	TLSPrivateKey    string `json:"tlsPrivateKey" help:"Private key of tlsCertificate in PEM; set it with --secret"`

	MongoImage         string `json:"mongoImage" help:"Image of the database, with its registry host; empty for the profile's"`
	MongoReplicas      int    `json:"mongoReplicas" help:"1, or 3 for a replica set (hardened)"`
	MongoCPUMillis     int    `json:"mongoCpuMillis" help:"CPU that a database Pod asks for, in thousandths; 0 for the profile's"`
	MongoMemoryMB      int    `json:"mongoMemoryMb" help:"Memory that a database Pod asks for and may use, in MiB; 0 for the profile's"`
	StorageGB          int    `json:"storageGb" help:"Size of each database volume, 50 GB at least. It can grow, never shrink"`
	CredentialsRelease int    `json:"credentialsRelease" help:"Raise it to give the database's users new passwords"`
	ExternalDatabase   string `json:"externalDatabase" help:"Host name of a MongoDB that lives elsewhere; the volumes of the own database are kept. extraRules open the way to port 27017. Empty for the own"`
	DatabasePassword   string `json:"databasePassword" help:"Password of user guestbook in externalDatabase; set it with --secret"`

	BackupSchedule      string `json:"backupSchedule" help:"When to back up to Object Storage, in cron's five fields, UTC, such as 0 3 * * *; empty for never (hardened). It pauses while externalDatabase is set"`
	BackupRetentionDays int    `json:"backupRetentionDays" help:"Days after which a backup is deleted"`
	BackupImage         string `json:"backupImage" help:"Image with the OCI command line interface, with its registry host"`
	RestoreFrom         string `json:"restoreFrom" help:"Name of a backup to load into the database, once; empty for none"`

	QuotaCPUMillis int `json:"quotaCpuMillis" help:"CPU that the namespace may ask for, in thousandths; 0 for what the settings need at their most (hardened)"`
	QuotaMemoryMB  int `json:"quotaMemoryMb" help:"Memory that the namespace may ask for, in MiB; 0 for what the settings need at their most (hardened)"`
}

// Guestbook is one guestbook of a stack.
type Guestbook struct {
	Name string `json:"name"` // unique in the stack; prefix of its Pulumi resources
	Spec
}

// Defaults returns the settings of a guestbook that says nothing, as far as no profile decides them.
func Defaults() Spec {
	return Spec{
		Profile:             Hardened,
		FrontendReplicas:    3,
		AutoscaleCPUPercent: 70,
		LoadBalancerMbps:    minMbps,
		MongoReplicas:       1,
		StorageGB:           MinStorageGB,
		CredentialsRelease:  1,
		BackupRetentionDays: 30,
		BackupImage:         "ghcr.io/oracle/oci-cli:3.63.0",
	}
}

// profiles are the values of what a guestbook leaves to its profile. The tutorial's are those of "Deploying PHP Guestbook
// application with MongoDB" (Kubernetes documentation).
var profiles = map[string]Spec{
	Tutorial: {
		FrontendImage:     "docker.io/paulczar/gb-frontend:v5",
		FrontendCPUMillis: 100,
		FrontendMemoryMB:  100,
		FrontendPort:      80,
		ReadinessPath:     "/",
		MongoImage:        "docker.io/library/mongo:4.2",
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
		MongoImage:        "docker.io/library/mongo:8.0",
		MongoCPUMillis:    250,
		MongoMemoryMB:     512,
	},
}

// Complete returns the guestbook of that name with everything filled in that its profile and the network decide.
func Complete(name string, s Spec, exposure string) Guestbook {
	p := profiles[s.Profile]
	orElse(&s.Namespace, name)
	orElse(&s.FrontendImage, p.FrontendImage)
	if s.FrontendReplicas >= 1 && max(s.FrontendReplicas, s.FrontendMinReplicas) <= maxReplicas { // bad ones would make bad bounds
		orElse(&s.FrontendMinReplicas, s.FrontendReplicas)
		if s.Profile == Hardened {
			orElse(&s.FrontendMaxReplicas, 2*s.FrontendReplicas)
		}
		orElse(&s.FrontendMaxReplicas, max(s.FrontendReplicas, s.FrontendMinReplicas))
	}
	orElse(&s.FrontendCPUMillis, p.FrontendCPUMillis)
	orElse(&s.FrontendMemoryMB, p.FrontendMemoryMB)
	orElse(&s.FrontendPort, p.FrontendPort)
	orElse(&s.MetricsPort, p.MetricsPort)
	orElse(&s.ReadinessPath, p.ReadinessPath)
	orElse(&s.LivenessPath, p.LivenessPath)
	orElse(&s.Exposure, exposure)
	orElse(&s.MongoImage, p.MongoImage)
	orElse(&s.MongoCPUMillis, p.MongoCPUMillis)
	orElse(&s.MongoMemoryMB, p.MongoMemoryMB)
	g := Guestbook{Name: name, Spec: s}
	need := g.Need()
	orElse(&g.QuotaCPUMillis, need.CPUMillis)
	orElse(&g.QuotaMemoryMB, need.MemoryMB)
	return g
}

func orElse[T comparable](setting *T, value T) {
	var zero T
	if *setting == zero {
		*setting = value
	}
}

// Hardened reports whether the guestbook has authentication and guard rails.
func (g *Guestbook) Hardened() bool { return g.Profile == Hardened }

// Autoscales reports whether the number of frontend Pods is the autoscaler's to choose.
func (g *Guestbook) Autoscales() bool { return g.FrontendMaxReplicas > g.FrontendMinReplicas }

// Balanced reports whether a load balancer stands before the frontend.
func (g *Guestbook) Balanced() bool { return g.Exposure == Public || g.Exposure == Internal }

// OwnDatabase reports whether the database runs in the guestbook's namespace.
func (g *Guestbook) OwnDatabase() bool { return g.ExternalDatabase == "" }

// Backs reports whether the guestbook has a place for backups.
func (g *Guestbook) Backs() bool { return g.BackupSchedule != "" || g.RestoreFrom != "" }

// ServicePort returns the port that visitors come to.
func (g *Guestbook) ServicePort() int {
	if g.TLSCertificate != "" {
		return 443
	}
	return 80
}
