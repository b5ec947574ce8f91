package workload

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/robfig/cron/v3"

	"oke-guestbook/plan/problem"
)

// Limits of what a guestbook is made of.
const (
	MinStorageGB = 50    // smallest block volume (Oracle documentation, "Block Volume", section "Capabilities and Limits")
	maxStorageGB = 32768 // largest one
	minMbps      = 10    // flexible load balancer ("Load Balancer Shapes")
	maxMbps      = 8000
	maxReplicas  = 100
)

var (
	dnsLabel = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	hostname = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	object   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,254}$`)
)

// Strictness is what a stack demands of its guestbooks beside what is possible at all.
type Strictness struct {
	Prefix     string // of the keys that problems are told by
	Production bool   // images say their version
	Ports      func(port int) bool
}

// Validate adds every problem of a completed guestbook to list.
func (g *Guestbook) Validate(list *problem.List, strict Strictness) {
	v := validator{list, strict.Prefix}
	v.names(g)
	v.numbers(g)
	v.images(g, strict.Production)
	v.exposure(g, strict.Ports)
	v.database(g)
	v.backup(g)
	v.quota(g)
}

type validator struct {
	list   *problem.List
	prefix string
}

func (v validator) add(key, format string, args ...any) { v.list.Add(v.prefix+key, format, args...) }

func (v validator) names(g *Guestbook) {
	const allowed = "%q is not a name of 1 to 63 lower-case letters, digits and hyphens that begins with a letter"
	switch {
	case !dnsLabel.MatchString(g.Name):
		v.add("name", allowed, g.Name)
	case !dnsLabel.MatchString(g.Namespace):
		v.add("namespace", allowed, g.Namespace)
	case g.Namespace == LogsNamespace:
		v.add("namespace", "%q is the log agents'; give the guestbook one of its own", g.Namespace)
	case g.Namespace == "default" || strings.HasPrefix(g.Namespace, "kube-"):
		v.add("namespace", "%q belongs to Kubernetes; give the guestbook one of its own", g.Namespace)
	}
	if _, known := profiles[g.Profile]; !known {
		v.add("profile", "%q is not one of hardened, tutorial", g.Profile)
	}
}

// amount is a number and its limits.
type amount struct {
	key            string
	got, low, high int
}

// within checks numbers and reports whether all are within their limits.
func (v validator) within(amounts ...amount) bool {
	ok := true
	for _, a := range amounts {
		if a.got < a.low || a.got > a.high {
			v.add(a.key, "must be from %d to %d (got %d)", a.low, a.high, a.got)
			ok = false
		}
	}
	return ok
}

func (v validator) numbers(g *Guestbook) {
	switch {
	case !v.within(
		amount{"frontendReplicas", g.FrontendReplicas, 1, maxReplicas},
		amount{"frontendMinReplicas", g.FrontendMinReplicas, 0, maxReplicas},
		amount{"frontendMaxReplicas", g.FrontendMaxReplicas, 0, 2 * maxReplicas},
	):
	case g.FrontendMinReplicas > g.FrontendMaxReplicas:
		v.add("frontendMinReplicas", "%d is above frontendMaxReplicas, %d", g.FrontendMinReplicas, g.FrontendMaxReplicas)
	case g.FrontendReplicas < g.FrontendMinReplicas || g.FrontendReplicas > g.FrontendMaxReplicas:
		v.add("frontendReplicas", "%d is outside the autoscaler's bounds, frontendMinReplicas %d to frontendMaxReplicas %d",
			g.FrontendReplicas, g.FrontendMinReplicas, g.FrontendMaxReplicas)
	}
	v.within([]amount{
		{"autoscaleCpuPercent", g.AutoscaleCPUPercent, 1, 100},
		{"frontendCpuMillis", g.FrontendCPUMillis, 1, 64000},
		{"frontendMemoryMb", g.FrontendMemoryMB, 16, 65536},
		{"frontendPort", g.FrontendPort, 1, 65535},
		{"metricsPort", g.MetricsPort, 0, 65535},
		{"mongoCpuMillis", g.MongoCPUMillis, 1, 64000},
		{"mongoMemoryMb", g.MongoMemoryMB, 100, 524288},
		{"storageGb", g.StorageGB, MinStorageGB, maxStorageGB},
		{"loadBalancerMbps", g.LoadBalancerMbps, minMbps, maxMbps},
		{"credentialsRelease", g.CredentialsRelease, 1, 1 << 30},
		{"backupRetentionDays", g.BackupRetentionDays, 1, 3650},
	}...)
	if g.FrontendPort < 1024 && g.Hardened() {
		v.add("frontendPort", "must be 1024 or more: in profile hardened no container may open port %d", g.FrontendPort)
	}
	if g.MetricsPort == g.FrontendPort {
		v.add("metricsPort", "%d is the frontendPort too", g.MetricsPort)
	}
}

func (v validator) images(g *Guestbook, production bool) {
	if g.FrontendImage == "" {
		v.add("frontendImage", "is required in profile %s: make push IMAGE=<registry host>/<name>:<version> builds and pushes this project's", g.Profile)
	}
	for _, image := range []struct{ key, value string }{
		{"frontendImage", g.FrontendImage}, {"mongoImage", g.MongoImage}, {"backupImage", g.BackupImage},
	} {
		if image.value == "" {
			continue
		}
		if err := CheckImage(image.value, production); err != nil {
			v.add(image.key, "%v", err)
		}
	}
}

// CheckImage returns an error unless image names its registry: OKE nodes resolve no short names from Kubernetes 1.34 on.
func CheckImage(image string, production bool) error {
	ref, err := reference.Parse(image)
	if err != nil {
		return fmt.Errorf("%q is not an image reference: %w", image, err)
	}
	named, ok := ref.(reference.Named)
	if !ok {
		return fmt.Errorf("%q names no image", image)
	}
	host := reference.Domain(named)
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return fmt.Errorf("%q has no registry host; write it in full, such as docker.io/library/mongo:8.0", image)
	}
	if reference.IsNameOnly(named) {
		return fmt.Errorf("%q has neither tag nor digest", image)
	}
	tagged, hasTag := ref.(reference.Tagged)
	if _, pinned := ref.(reference.Digested); production && hasTag && !pinned && tagged.Tag() == "latest" {
		return fmt.Errorf("%q is a moving tag; in production an image says its version or digest", image)
	}
	return nil
}

func (v validator) exposure(g *Guestbook, listens func(port int) bool) {
	if !slices.Contains([]string{Public, Internal, NodePort, None}, g.Exposure) {
		v.add("exposure", "%q is not one of public, internal, node-port, none", g.Exposure)
		return
	}
	if g.Balanced() && !listens(g.ServicePort()) {
		v.list.Add("loadBalancerPorts", "must hold %d, the port of guestbook %s", g.ServicePort(), g.Name)
	}
	if g.ReservedAddress != "" {
		address, err := netip.ParseAddr(g.ReservedAddress)
		if err != nil || !address.Is4() || g.Exposure != Public {
			v.add("reservedAddress", "%q must be the IPv4 address of a public load balancer", g.ReservedAddress)
		}
	}
	switch {
	case (g.TLSCertificate == "") != (g.TLSPrivateKey == ""):
		v.add("tlsCertificate", "goes together with tlsPrivateKey: set both or none")
	case g.TLSCertificate != "" && !g.Balanced():
		v.add("tlsCertificate", "is served by a load balancer, and exposure is %s", g.Exposure)
	case g.TLSCertificate != "":
		// The error must not quote the key.
		if _, err := tls.X509KeyPair([]byte(g.TLSCertificate), []byte(g.TLSPrivateKey)); err != nil {
			v.add("tlsCertificate", "does not go with tlsPrivateKey: %v", err)
		}
	}
}

func (v validator) database(g *Guestbook) {
	if g.MongoReplicas != 1 && g.MongoReplicas != 3 {
		v.add("mongoReplicas", "must be 1 or 3 (got %d): a replica set of two loses its majority with either", g.MongoReplicas)
	}
	if g.MongoReplicas == 3 && !g.Hardened() {
		v.add("mongoReplicas", "must be 1 in profile %s", g.Profile)
	}
	switch {
	case g.OwnDatabase() && g.DatabasePassword != "":
		v.add("databasePassword", "is for externalDatabase; the own database's is generated")
	case g.OwnDatabase():
	case !hostname.MatchString(g.ExternalDatabase):
		v.add("externalDatabase", "%q is not a host name such as mongo.example.com", g.ExternalDatabase)
	case g.Hardened() && g.DatabasePassword == "":
		v.add("databasePassword", "is required with externalDatabase: pulumi config set --secret databasePassword <password>")
	}
}

func (v validator) backup(g *Guestbook) {
	if g.BackupSchedule != "" && !g.Hardened() {
		v.add("backupSchedule", "is for profile hardened")
	}
	if g.RestoreFrom != "" && !g.Hardened() {
		v.add("restoreFrom", "is for profile hardened")
	}
	// Kept until the own database is back, it would load the old backup once more then.
	if g.RestoreFrom != "" && !g.OwnDatabase() {
		v.add("restoreFrom", "loads a backup into the own database: clear it while externalDatabase is set")
	}
	if g.BackupSchedule != "" {
		if err := checkSchedule(g.BackupSchedule); err != nil {
			v.add("backupSchedule", "%q is no schedule such as 0 3 * * *: %v", g.BackupSchedule, err)
		}
	}
	if g.RestoreFrom != "" && !object.MatchString(g.RestoreFrom) {
		v.add("restoreFrom", "%q is not the name of a backup", g.RestoreFrom)
	}
}

// checkSchedule parses as the CronJob controller does, which takes no time zone in the schedule.
func checkSchedule(schedule string) error {
	if strings.Contains(schedule, "TZ") {
		return errors.New("it is in UTC and takes no TZ")
	}
	_, err := cron.ParseStandard(schedule)
	return err
}

func (v validator) quota(g *Guestbook) {
	need := g.Need()
	if g.QuotaCPUMillis < need.CPUMillis {
		v.add("quotaCpuMillis", "%d is below what the replicas need, %d: %s", g.QuotaCPUMillis, need.CPUMillis,
			g.sum(g.FrontendCPUMillis, max(g.MongoCPUMillis, Helper.CPUMillis), Helper.CPUMillis))
	}
	if g.QuotaMemoryMB < need.MemoryMB {
		v.add("quotaMemoryMb", "%d is below what the replicas need, %d: %s", g.QuotaMemoryMB, need.MemoryMB,
			g.sum(g.FrontendMemoryMB, max(g.MongoMemoryMB, Helper.MemoryMB), Helper.MemoryMB))
	}
}

// sum spells out an addition of Need.
func (g *Guestbook) sum(frontend, mongo, helper int) string {
	return fmt.Sprintf("%d frontends of %d + %d databases of %d + 2 jobs of %d", 2*g.FrontendMaxReplicas, frontend, g.MongoReplicas, mongo, helper)
}
