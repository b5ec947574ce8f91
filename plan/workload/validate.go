package workload

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"oke-guestbook/plan/problem"
)

// probePaths are those of this project's frontend (app/internal/web, HandleProbes). Its pages limit how often a client
// may ask.
var probePaths = []string{"/readyz", "/livez"}

// Policy is what a stack requires of its guestbooks, and how it names their settings.
type Policy struct {
	// Prefix of the settings' keys: "guestbooks[0]." for a guestbook of a list, which takes the stack's values for what it
	// does not say, or empty for the stack's only guestbook.
	Prefix     string
	Production bool                // images have a version or a digest
	Listens    func(port int) bool // load balancers may listen on the port
}

// DependsOn returns the settings that a guestbook's settings follow from: its own and the stack's.
func (p Policy) DependsOn(keys ...string) (all []string) {
	for _, key := range keys {
		all = append(all, p.Prefix+key)
		if p.Prefix != "" {
			all = append(all, key)
		}
	}
	if p.Prefix == "" {
		all = append(all, "guestbooks") // whose absence makes the stack's values those of a guestbook
	}
	return all
}

// Add adds a problem of a guestbook's setting to list. It depends on the given settings of the guestbook.
func (p Policy) Add(list *problem.List, key string, dependsOn []string, format string, args ...any) problem.Entry {
	return list.Add(p.Prefix+key, format, args...).DependsOn(p.DependsOn(key)...).DependsOn(p.DependsOn(dependsOn...)...)
}

// Validate adds every problem of a completed guestbook to list.
func (g *Guestbook) Validate(list *problem.List, policy Policy) {
	v := validator{list, policy, g}
	g.Settings().Check(list, policy.Prefix)
	v.namespace()
	v.replicas()
	v.ports()
	v.paths()
	v.memory()
	v.images()
	v.balancer()
	v.certificate()
	v.acme()
	v.record()
	v.externalDatabase()
	v.backup()
	v.quota()
}

type validator struct {
	list   *problem.List
	policy Policy
	*Guestbook
}

// on names the settings that a check depends on, in addition to its own.
func on(keys ...string) []string { return keys }

func (v validator) add(key string, dependsOn []string, format string, args ...any) {
	v.policy.Add(v.list, key, dependsOn, format, args...)
}

func (v validator) namespace() {
	name := on("name")
	switch err := label.Test(v.Namespace); {
	case err != nil:
		v.add("namespace", name, "%v", err)
	case v.Namespace == LogsNamespace:
		v.add("namespace", name, "%q is the log agents'; give the guestbook one of its own", v.Namespace)
	case v.Namespace == "default" || strings.HasPrefix(v.Namespace, "kube-"):
		v.add("namespace", name, "%q belongs to Kubernetes; give the guestbook one of its own", v.Namespace)
	}
}

func (v validator) replicas() {
	bounds := on("profile", "frontendReplicas", "frontendMinReplicas", "frontendMaxReplicas")
	switch {
	case v.FrontendMinReplicas > v.FrontendMaxReplicas:
		v.add("frontendMinReplicas", bounds, "%d is above frontendMaxReplicas, %d",
			v.FrontendMinReplicas, v.FrontendMaxReplicas)
	case v.FrontendReplicas < v.FrontendMinReplicas || v.FrontendReplicas > v.FrontendMaxReplicas:
		v.add("frontendReplicas", bounds,
			"%d is outside the autoscaler's bounds, frontendMinReplicas %d to frontendMaxReplicas %d",
			v.FrontendReplicas, v.FrontendMinReplicas, v.FrontendMaxReplicas)
	}
	if v.MongoReplicas == 3 && !v.Hardened() {
		v.add("mongoReplicas", on("profile"), "must be 1 in profile %s", v.Profile)
	}
}

func (v validator) ports() {
	if v.FrontendPort < 1024 && v.Hardened() {
		v.add("frontendPort", on("profile"), "must be 1024 or more: in profile hardened no container may open port %d",
			v.FrontendPort)
	}
	if v.MetricsPort < 1024 && v.Hardened() {
		v.add("metricsPort", on("profile"), "must be 1024 or more: in profile hardened no container may open port %d",
			v.MetricsPort)
	}
	if v.MetricsPort == v.FrontendPort {
		v.add("metricsPort", on("profile", "frontendPort"), "%d is the frontendPort too", v.MetricsPort)
	}
}

// paths checks that the hardened profile's frontend answers the probes.
func (v validator) paths() {
	if !v.Hardened() {
		return
	}
	for _, path := range []struct{ key, value string }{
		{"readinessPath", v.ReadinessPath}, {"livenessPath", v.LivenessPath},
	} {
		if asked, _, _ := strings.Cut(path.value, "?"); !slices.Contains(probePaths, asked) {
			v.add(path.key, on("profile"), "%q is none of the paths at which the hardened profile's frontend answers probes: %s",
				path.value, strings.Join(probePaths, ", "))
		}
	}
}

// memory checks that the programs have the memory that they need at least.
func (v validator) memory() {
	if !v.Hardened() {
		return // the tutorial's containers have no limit
	}
	if v.FrontendMemoryMB < minFrontendMB {
		v.add("frontendMemoryMb", on("profile"), "%d MiB are too few: the frontend keeps within %d",
			v.FrontendMemoryMB, minFrontendMB)
	}
	if v.OwnDatabase() && v.MongoMemoryMB < minMongoMB {
		v.add("mongoMemoryMb", on("profile", "externalDatabase"), "%d MiB are too few: MongoDB's smallest cache has 256, "+
			"and connections, 1 MiB each, and the server itself need as much again: %d or more", v.MongoMemoryMB, minMongoMB)
	}
}

func (v validator) images() {
	if v.FrontendImage == "" {
		v.add("frontendImage", on("profile"),
			"is required in profile %s: make push IMAGE=<registry host>/<name>:<version> builds and pushes this project's",
			v.Profile)
	}
	if !v.policy.Production {
		return
	}
	for _, image := range []struct{ key, value string }{
		{"frontendImage", v.FrontendImage}, {"mongoImage", v.MongoImage}, {"choresImage", v.ChoresImage},
	} {
		if err := CheckPinned(image.value); err != nil {
			v.add(image.key, nil, "%v", err)
		}
	}
}

func (v validator) balancer() {
	for _, l := range v.Listeners() {
		if !v.Balanced() || v.policy.Listens(l.Port) {
			continue
		}
		what := "the port of guestbook " + v.Name
		if l.Redirect {
			what = fmt.Sprintf("on which guestbook %s redirects to HTTPS, unless plainHttp is closed", v.Name)
		}
		v.list.Add("loadBalancerPorts", "must hold %d, %s", l.Port, what).
			DependsOn(v.policy.DependsOn("exposure", "tlsCertificate", "tlsCertificateId", "acmeDirectory", "plainHttp",
				"servicePort")...)
	}
	if v.ReservedAddressCompartmentID != "" && v.ReservedAddress == "" {
		v.add("reservedAddressCompartmentId", on("reservedAddress"), "is for reservedAddress, which is not set")
	}
	if v.ReservedAddress != "" {
		address, err := netip.ParseAddr(v.ReservedAddress)
		if err != nil || !publicAddress(address) || v.Exposure != Public {
			v.policy.Add(v.list, "reservedAddress", on("exposure"), "%q must be the public IPv4 address of a public load "+
				"balancer", v.ReservedAddress).DependsOn("loadBalancers")
		}
	}
}

// nowhere are addresses that no host has (RFC 1122, section 3.2.1.3), carriers the addresses behind the translators of
// internet providers (RFC 6598), and reserved those of class E, the broadcast address included (RFC 1112).
var (
	nowhere  = netip.MustParsePrefix("0.0.0.0/8")
	carriers = netip.MustParsePrefix("100.64.0.0/10")
	reserved = netip.MustParsePrefix("240.0.0.0/4")
)

// publicAddress reports whether a host on the internet can have the IPv4 address.
func publicAddress(a netip.Addr) bool {
	special := nowhere.Contains(a) || carriers.Contains(a) || reserved.Contains(a)
	return a.Is4() && a.IsGlobalUnicast() && !a.IsPrivate() && !special
}

// isOwnDatabase reports whether a host is the database of the guestbook itself, by the Service of its members.
func (v validator) isOwnDatabase(host string) bool {
	service := "mongo." + v.Namespace
	host = strings.TrimSuffix(strings.TrimSuffix(host, ".cluster.local"), ".svc")
	return host == service || strings.HasSuffix(host, "."+service)
}

func (v validator) externalDatabase() {
	if v.isOwnDatabase(v.ExternalDatabase) {
		v.add("externalDatabase", on("namespace", "name"), "%s is the guestbook's own database, which the setting removes: "+
			"leave it out", v.ExternalDatabase)
		return
	}
	switch {
	case v.OwnDatabase() && v.DatabasePassword != "":
		v.add("databasePassword", on("externalDatabase"), "is for externalDatabase; the own database's is generated")
	case v.DatabasePassword != "" && !v.Hardened():
		v.add("databasePassword", on("profile"), "is not used in profile %s, whose frontend sends no password", v.Profile)
	case v.DatabasePassword != strings.TrimRight(v.DatabasePassword, "\r\n") ||
		v.DatabasePassword != "" && strings.TrimSpace(v.DatabasePassword) == "":
		v.add("databasePassword", nil, "must not end with a line's end, nor be white space only: "+
			"the frontend reads it from a file, without the line's end")
	case strings.ContainsFunc(v.DatabasePassword, unicode.IsControl):
		// RFC 4013, section 2.3: the driver prepares the password for SCRAM-SHA-256 first, whatever the server has
		// (mongo-driver v2.10, x/mongo/driver/auth, newDefaultAuthenticator; tried 2026-11-29).
		v.add("databasePassword", nil, "must have no control characters, such as a tab: the frontend's driver refuses them, "+
			"whatever the database does")
	case !v.OwnDatabase() && v.Hardened() && v.DatabasePassword == "":
		v.add("databasePassword", on("externalDatabase", "profile"),
			"is required with externalDatabase: pulumi config set --secret databasePassword <password>")
	}
}

func (v validator) backup() {
	const hardenedOnly = "is for profile hardened"
	if v.BackupSchedule != "" && !v.Hardened() {
		v.add("backupSchedule", on("profile"), hardenedOnly)
	}
	if v.RestoreFrom != "" && !v.Hardened() {
		v.add("restoreFrom", on("profile"), hardenedOnly)
	}
	// If it stayed set until the own database is back, it would load the old backup once more then.
	if v.RestoreFrom != "" && !v.OwnDatabase() {
		v.add("restoreFrom", on("externalDatabase"),
			"loads a backup into the own database: clear it while externalDatabase is set")
	}
}

func (v validator) quota() {
	need := v.Need()
	database := v.databasePod()
	replicas := on("profile", "frontendReplicas", "frontendMinReplicas", "frontendMaxReplicas", "mongoReplicas")
	for _, quota := range []struct {
		key                                string
		dependsOn                          []string
		got, need, frontend, mongo, helper int
	}{
		{
			"quotaCpuMillis", on("frontendCpuMillis", "mongoCpuMillis"),
			v.QuotaCPUMillis, need.CPUMillis, v.FrontendCPUMillis, database.CPUMillis, Helper.CPUMillis,
		},
		{
			"quotaMemoryMb", on("frontendMemoryMb", "mongoMemoryMb"),
			v.QuotaMemoryMB, need.MemoryMB, v.FrontendMemoryMB, database.MemoryMB, Helper.MemoryMB,
		},
	} {
		if quota.got < quota.need {
			sum := fmt.Sprintf("%d frontends of %d + %d databases of %d + 2 jobs of %d",
				2*v.FrontendMaxReplicas, quota.frontend, v.MongoReplicas, quota.mongo, quota.helper)
			v.add(quota.key, append(quota.dependsOn, replicas...), "%d is below what the replicas need, %d: %s",
				quota.got, quota.need, sum)
		}
	}
}
