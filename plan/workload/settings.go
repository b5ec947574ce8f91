package workload

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/reference"
	"github.com/robfig/cron/v3"

	"oke-guestbook/plan/allowance"
	"oke-guestbook/plan/setting"
)

// Limits of a guestbook's parts.
const (
	MinStorageGB = 50    // smallest block volume (Oracle documentation, "Block Volume", section "Capabilities and Limits")
	maxStorageGB = 32768 // largest one
	minMbps      = 10    // flexible load balancer ("Load Balancer Shapes")
	maxMbps      = 8000
	maxReplicas  = 100
	maxMillis    = 64000

	// minMillis is the least CPU request in thousandths. On a node without idle CPUs a container gets no more. A probe of
	// the database then takes a second of its 10, for 10 ms of CPU time (docs/benchmarks.md, "Chores"); and below 2
	// Kubernetes gives what a container without a request gets (kubelet, MilliCPUToShares).
	minMillis = 10

	// minMongoMB is the least memory of a hardened database in MiB: twice the cache that mongod has at least, 256 MB
	// (MongoDB manual 5.0, "FAQ: MongoDB Storage", read 2026-11-29). The other half is for the server and for connections,
	// up to 1 MB each ("UNIX ulimit Settings", as others quote it).
	minMongoMB = 512
	// minFrontendMB is the least memory of a hardened frontend in MiB: the Go heap may have 52 (GOMEMLIMIT of its image).
	minFrontendMB = 64
	// minBackupInterval is the shortest time between two backups.
	minBackupInterval = 10 * time.Minute
	maxPort           = 65535
)

// Settings declares the settings of a guestbook.
func (s *Spec) Settings() setting.Group {
	return append(append(append(s.general(), s.frontend()...), s.exposure()...), s.database()...)
}

// Settings declares the settings of a guestbook in a stack's list of several.
func (g *Guestbook) Settings() setting.Group {
	name := setting.Of(&g.Name, "name", "", "Name, unique in the stack, and prefix of its Pulumi resources", label)
	return append(setting.Group{name}, g.Spec.Settings()...)
}

func (s *Spec) general() setting.Group {
	return setting.Group{
		setting.Of(&s.Profile, "profile", Hardened,
			"hardened (authentication, guard rails, this project's frontend) or tutorial (for learning: no password, "+
				"the tutorial's images)",
			setting.OneOf(Hardened, Tutorial)),
		setting.Of(&s.Namespace, "namespace", "", "Kubernetes namespace. Empty for the guestbook's name"),
	}
}

func (s *Spec) frontend() setting.Group {
	return setting.Group{
		setting.Of(&s.FrontendImage, "frontendImage", "",
			"Image of the frontend, with its registry host. Required in profile hardened: make push builds and pushes "+
				"this project's",
			image),
		setting.Of(&s.FrontendReplicas, "frontendReplicas", 3,
			"Pods of the frontend. With autoscaling the initial number, between the bounds",
			setting.Range(1, maxReplicas)),
		setting.Of(&s.FrontendMinReplicas, "frontendMinReplicas", 0,
			"Lower bound of the autoscaler. 0 for frontendReplicas",
			setting.Range(0, maxReplicas)),
		setting.Of(&s.FrontendMaxReplicas, "frontendMaxReplicas", 0,
			"Upper bound of the autoscaler, which needs KubernetesMetricsServer in addons: basic clusters cannot have it. "+
				"0 for twice frontendReplicas with it (hardened), else for equal bounds, which are no autoscaler",
			setting.Range(0, 2*maxReplicas)),
		setting.Of(&s.AutoscaleCPUPercent, "autoscaleCpuPercent", 70,
			"CPU use that the autoscaler aims at, in percent of the request",
			setting.Range(1, 100)),
		setting.Of(&s.FrontendCPUMillis, "frontendCpuMillis", 0,
			"CPU request of a frontend Pod, in thousandths. 0 for the profile's",
			setting.Optional(setting.Range(minMillis, maxMillis))),
		setting.Of(&s.FrontendMemoryMB, "frontendMemoryMb", 0,
			"Memory request and limit of a frontend Pod, in MiB. 0 for the profile's",
			setting.Optional(setting.Range(16, 65536))),
		setting.Of(&s.FrontendPort, "frontendPort", 0,
			"Port of the frontend's container. 0 for the profile's: 8080 (hardened) or 80 (tutorial)",
			setting.Optional(setting.Range(1, maxPort))),
		setting.Of(&s.MetricsPort, "metricsPort", 0,
			"Port of the frontend's metrics. 0 for the profile's: 9090 (hardened) or none (tutorial)",
			setting.Range(0, maxPort)),
		setting.Of(&s.ReadinessPath, "readinessPath", "",
			"Path that answers 200 when the frontend can serve. Empty for the profile's: /readyz (hardened) or / (tutorial)",
			setting.Optional(path)),
		setting.Of(&s.LivenessPath, "livenessPath", "",
			"Path that answers 200 while the frontend is alive. Empty for the profile's: /livez (hardened) or none (tutorial)",
			setting.Optional(path)),
	}
}

func (s *Spec) exposure() setting.Group {
	free := allowance.AlwaysFree
	return setting.Group{
		setting.Of(&s.Exposure, "exposure", "",
			"public, internal (load balancers), node-port or none. Empty for the kind of load balancer that the network has",
			setting.Optional(setting.OneOf(Public, Internal, NodePort, None))),
		setting.Of(&s.LoadBalancerType, "loadBalancerType", LB,
			"lb (a load balancer, of HTTP, which can end TLS) or nlb (a network load balancer, which passes TCP connections "+
				"on and costs nothing). A change gives the guestbook another address, unless it is a reservedAddress",
			setting.OneOf(LB, NLB)),
		setting.Of(&s.LoadBalancerMbps, "loadBalancerMbps", minMbps,
			fmt.Sprintf("Bandwidth of the load balancer. %d is free of charge for one, as of %s",
				free.LoadBalancerMbps, free.AsOf),
			setting.Range(minMbps, maxMbps)),
		setting.Of(&s.ReservedAddress, "reservedAddress", "",
			"Reserved public IP address for the load balancer. Empty for any"),
		setting.Of(&s.ReservedAddressCompartmentID, "reservedAddressCompartmentId", "",
			"OCID of the compartment of reservedAddress, if it is another than compartmentId. Set it when the cluster has the "+
				"statements that make policies prints with --address-compartment",
			setting.OCID("compartment", "tenancy")),
		setting.Of(&s.Port, "servicePort", 0,
			"Port of the load balancer on which visitors find the pages; loadBalancerPorts must hold it. "+
				"0 for 443 with a certificate, else 80",
			setting.Optional(setting.Range(1, maxPort))),
		setting.Of(&s.PlainHTTP, "plainHttp", "",
			"Port 80 of a guestbook with a certificate: redirect (to HTTPS) or closed. Empty for the profile's: "+
				"redirect (hardened) or closed (tutorial)",
			setting.Optional(setting.OneOf(Redirect, Closed))),
		setting.Of(&s.TLSCertificate, "tlsCertificate", "",
			"Certificate chain in PEM. With it the load balancer serves HTTPS on 443 instead of HTTP on 80"),
		setting.Of(&s.TLSPrivateKey, "tlsPrivateKey", "",
			"Private key of tlsCertificate in PEM. Set it with --secret"),
		setting.Of(&s.TLSCertificateID, "tlsCertificateId", "",
			"OCID of a certificate of OCI's Certificates service, instead of tlsCertificate. The load balancer takes the "+
				"renewed ones by itself",
			setting.OCID("certificate")),
		setting.Of(&s.TLSHostname, "tlsHostname", "",
			"Host name of the pages, which the certificate must have. Output url and the redirect name it. Required with "+
				"acmeDirectory. Empty for whatever visitors use",
			setting.Optional(hostname)),
		setting.Of(&s.ACMEDirectory, "acmeDirectory", "",
			"URL of the directory of an ACME server, from which the frontend obtains the certificate of tlsHostname by itself, "+
				"and renews it (hardened). Who sets it agrees to the server's terms. Empty for none",
			setting.Optional(setting.Func("an https URL such as "+LetsEncrypt, checkDirectory))),
		setting.Of(&s.ACMEEmail, "acmeEmail", "",
			"Address that the operator of acmeDirectory may write to. Empty for none",
			setting.Optional(Email)),
		setting.Of(&s.DNSZoneID, "dnsZoneId", "",
			"OCID of a public zone of OCI DNS, which gets an A record of tlsHostname with the load balancer's address in place "+
				"of any other. Empty for none: output dnsRecords says what to create",
			setting.OCID("dns-zone")),
		setting.Of(&s.TLSMinimumVersion, "tlsMinimumVersion", TLS12,
			"Oldest version of TLS that is accepted",
			setting.OneOf(TLS12, TLS13)),
		setting.Of(&s.TLSCipherSuite, "tlsCipherSuite", "",
			"Predefined cipher suite of the Load Balancing service. Versions of TLS that it has no ciphers of are not "+
				"accepted. Empty for the one that Oracle recommends for the versions",
			setting.Optional(setting.Func("a suite of TLS 1.2 and 1.3", checkSuite))),
	}
}

func (s *Spec) database() setting.Group {
	return setting.Group{
		setting.Of(&s.MongoImage, "mongoImage", "",
			"Image of the database, with its registry host. Empty for the profile's",
			image),
		setting.Of(&s.MongoReplicas, "mongoReplicas", 1,
			"Members of the database: 1, or 3 for a replica set (hardened)",
			setting.Func("1 or 3", checkMembers)),
		setting.Of(&s.MongoCPUMillis, "mongoCpuMillis", 0,
			"CPU request of a database Pod, in thousandths. 0 for the profile's",
			setting.Optional(setting.Range(minMillis, maxMillis))),
		setting.Of(&s.MongoMemoryMB, "mongoMemoryMb", 0,
			"Memory request and limit of a database Pod, in MiB. 0 for the profile's",
			setting.Optional(setting.Range(100, 524288))),
		setting.Of(&s.StorageGB, "storageGb", MinStorageGB,
			"Size of each database volume in GB. It can grow, but never shrink",
			setting.Range(MinStorageGB, maxStorageGB)),
		setting.Of(&s.CredentialsRelease, "credentialsRelease", 1,
			"A higher number gives the database's users new passwords",
			setting.Range(1, 1<<30)),
		setting.Of(&s.ExternalDatabase, "externalDatabase", "",
			"Host name of a MongoDB outside the cluster, to which extraRules must allow port 27017. "+
				"The volumes of the stack's own database are kept. Empty for the own database",
			setting.Optional(hostname)),
		setting.Of(&s.DatabasePassword, "databasePassword", "",
			"Password of user guestbook in externalDatabase. Set it with --secret"),
		setting.Of(&s.BackupSchedule, "backupSchedule", "",
			"When to back up to Object Storage, in cron's five fields, UTC, such as 0 3 * * *. Empty for never (hardened). "+
				"No backups are made while externalDatabase is set",
			setting.Optional(setting.Func("a schedule such as 0 3 * * *", checkSchedule))),
		setting.Of(&s.BackupRetentionDays, "backupRetentionDays", 30,
			"Days after which a backup is deleted",
			setting.Range(1, 3650)),
		setting.Of(&s.ChoresImage, "choresImage", "",
			"Image of this project, whose binary sets up, probes, saves and restores the database (hardened). "+
				"Empty for frontendImage; the probes then keep the one that the database began with",
			image),
		setting.Of(&s.RestoreFrom, "restoreFrom", "",
			"Name of a backup to load into the database, once. Empty for none",
			setting.Optional(backupName)),
		setting.Of(&s.RestoreRelease, "restoreRelease", 1,
			"A higher number loads restoreFrom once more, as after a restore that failed for good",
			setting.Range(1, 1<<30)),
		setting.Of(&s.QuotaCPUMillis, "quotaCpuMillis", 0,
			"CPU quota of the namespace, in thousandths. 0 for the most that the settings can need (hardened)"),
		setting.Of(&s.QuotaMemoryMB, "quotaMemoryMb", 0,
			"Memory quota of the namespace, in MiB. 0 for the most that the settings can need (hardened)"),
	}
}

var (
	label = setting.Match(regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`),
		"a name of 1 to 63 lower-case letters, digits and hyphens that begins with a letter")
	hostname   = setting.Func("a host name such as mongo.example.com, of up to 253 characters", checkHostname)
	backupName = setting.Match(regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,253}[A-Za-z0-9])?$`),
		"the name of a backup such as 2026-11-29T03-00-00Z.archive.gz")
	// path is what a probe asks for: characters of RFC 3986, section 3.3, and a query.
	path = setting.Match(regexp.MustCompile(`^/([A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*$`),
		"a path such as /readyz, from the slash on")
	image = setting.Optional(setting.Func("an image with registry host, and tag or digest", CheckImage))
)

var hostnamePattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkHostname knows the longest name of the DNS (RFC 1035, section 2.3.4).
func checkHostname(text string) error {
	if lower := strings.ToLower(text); lower != text && checkHostname(lower) == nil {
		return fmt.Errorf("%q must be in lower case: %s", text, lower)
	}
	if len(text) > 253 || !hostnamePattern.MatchString(text) {
		return fmt.Errorf("%q is not a host name such as mongo.example.com, of up to 253 characters", text)
	}
	return nil
}

// Email allows the addresses of mail.
var Email = setting.Func("an address such as ops@example.com", func(text string) error {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text {
		return fmt.Errorf("%q is not an address such as ops@example.com", text)
	}
	at := strings.LastIndex(text, "@")
	switch domain := text[at+1:]; {
	case at > maxLocalPart:
		return fmt.Errorf("%q has %d bytes before the @, and an address at most %d", text, at, maxLocalPart)
	case !strings.ContainsAny(domain, ".:"):
		return fmt.Errorf("%q has %s after the @, which is no domain of the internet such as example.com", text, domain)
	}
	return nil
})

// maxLocalPart is the length of what precedes the @ of an address (RFC 5321, section 4.5.3.1.1; 2.3.5 has the domain).
const maxLocalPart = 64

// LetsEncrypt is the directory of Let's Encrypt for certificates that browsers trust.
const LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// checkDirectory refuses what cannot be the directory of an ACME server: those are asked by HTTPS (RFC 8555, section
// 6.1).
func checkDirectory(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.ContainsAny(text, "?#") {
		return fmt.Errorf("%q is not an https URL such as %s", text, LetsEncrypt)
	}
	if port := u.Port(); port != "" && port != "443" {
		return fmt.Errorf("%q has a port, and Pods reach no other than 443 of the internet", text)
	}
	if strings.ContainsAny(text, " \t") {
		return fmt.Errorf("%q has a blank", text)
	}
	if strings.HasSuffix(u.Hostname(), ".api.letsencrypt.org") && u.Path != "/directory" {
		return fmt.Errorf("%q is not the directory of Let's Encrypt, which is https://%s/directory", text, u.Host)
	}
	return setting.CheckRemote(u.Hostname())
}

// websites are not the registries that people take them for.
var websites = map[string]string{
	"hub.docker.com": "docker.io", "docker.com": "docker.io", "www.docker.com": "docker.io", "github.com": "ghcr.io",
}

// CheckImage returns an error unless image names its registry: OKE nodes resolve no short names from Kubernetes 1.34
// on.
func CheckImage(image string) error {
	ref, err := reference.Parse(image)
	if err != nil {
		if _, rest, scheme := strings.Cut(image, "://"); scheme {
			return fmt.Errorf("%q is not an image reference: leave out what precedes %s", image, rest)
		}
		return fmt.Errorf("%q is not an image reference such as iad.ocir.io/<tenancy namespace>/guestbook:v1: %w", image, err)
	}
	named, ok := ref.(reference.Named)
	if !ok {
		return fmt.Errorf("%q names no image", image)
	}
	host := reference.Domain(named)
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return fmt.Errorf("%q has no registry host; write it in full, such as docker.io/library/mongo:8.0", image)
	}
	if OracleRegion(image) != "" && !strings.Contains(reference.Path(named), "/") {
		return fmt.Errorf("%q has no namespace of a tenancy, as Oracle's registry wants it: %s/<tenancy namespace>/%s", image,
			host, reference.Path(named))
	}
	if _, port, found := strings.Cut(host, ":"); found && !strings.HasPrefix(host, "[") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > maxPort {
			return fmt.Errorf("%q has the port %s, and one is from 1 to %d", image, port, maxPort)
		}
	}
	if site, is := websites[host]; is {
		return fmt.Errorf("%q is of %s, which is a website: its registry is %s", image, host, site)
	}
	if reference.IsNameOnly(named) {
		return fmt.Errorf("%q has neither tag nor digest", image)
	}
	return nil
}

// CheckPinned returns an error if image is a tag that moves, as nobody knows later which version ran.
func CheckPinned(image string) error {
	ref, _ := reference.Parse(image) // CheckImage reports what cannot be parsed
	tagged, hasTag := ref.(reference.Tagged)
	if _, pinned := ref.(reference.Digested); hasTag && !pinned && tagged.Tag() == "latest" {
		return fmt.Errorf("%q is a moving tag; in production an image has a version or a digest", image)
	}
	return nil
}

func checkMembers(n int) error {
	if n != 1 && n != 3 {
		return fmt.Errorf("must be 1 or 3 (got %d): a replica set of two has no majority when one is lost", n)
	}
	return nil
}

// checkSchedule parses as the CronJob controller does, which takes no time zone in the schedule. It refuses schedules
// that never come, or too often.
func checkSchedule(schedule string) error {
	switch {
	case strings.Contains(schedule, "TZ"):
		return fmt.Errorf("%q is not a schedule such as 0 3 * * *: it is in UTC and takes no TZ", schedule)
	case strings.HasPrefix(schedule, "@every"):
		return fmt.Errorf("%q counts from the controller's start: give five fields such as 0 3 * * *", schedule)
	}
	parsed, err := cron.ParseStandard(schedule)
	if err != nil {
		hint := ""
		if fields := strings.Fields(schedule); len(fields) == 5 && strings.Contains(fields[4], "7") {
			hint = " (Sunday is 0)"
		}
		return fmt.Errorf("%q is not a schedule such as 0 3 * * *: %w%s", schedule, err, hint)
	}
	at := parsed.Next(time.Date(2027, 12, 31, 23, 59, 0, 0, time.UTC))
	if at.IsZero() {
		return fmt.Errorf("%q never comes: no such day", schedule)
	}
	for range 24 * 60 {
		next := parsed.Next(at)
		if next.IsZero() {
			break
		}
		if next.Sub(at) < minBackupInterval {
			return fmt.Errorf("%q comes after %v again: leave %v or more between two backups", schedule, next.Sub(at),
				minBackupInterval)
		}
		at = next
	}
	return nil
}
