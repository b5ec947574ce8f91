package settings

import (
	"maps"
	"strings"
	"testing"

	"oke-guestbook/plan/problem/problemtest"
	"oke-guestbook/plan/workload"
)

// with is settings as pairs.
func with(pairs ...string) map[string]string {
	set := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		set[pairs[i]] = pairs[i+1]
	}
	return set
}

// enhanced is settings of a cluster that can back up.
func enhanced(pairs ...string) map[string]string {
	set := with(pairs...)
	set["clusterType"] = "enhanced"
	return set
}

// small is settings with one node of 2 OCPUs and 4 GB: 1.83 CPUs and 2779 MiB for Pods.
func small(pairs ...string) map[string]string {
	set := map[string]string{"nodePools": `[{"name":"workers","size":1,"ocpus":2,"memoryGb":4}]`}
	maps.Copy(set, with(pairs...))
	return set
}

// https is settings of a guestbook with a certificate of the Certificates service.
func https(pairs ...string) map[string]string {
	set := with("tlsCertificateId", "ocid1.certificate.oc1.iad.aaaa", "loadBalancerPorts", `["80","443"]`)
	maps.Copy(set, with(pairs...))
	return set
}

// acme is settings of a guestbook that obtains its certificate by ACME.
func acme(pairs ...string) map[string]string {
	set := with("acmeDirectory", workload.LetsEncrypt, "tlsHostname", "guestbook.example.com",
		"loadBalancerPorts", `["80","443"]`, "loadBalancerAllowedCidrs", `["0.0.0.0/0"]`)
	maps.Copy(set, with(pairs...))
	return set
}

const tutorialFrontend = "docker.io/paulczar/gb-frontend:v5"

// x86 is a node pool whose processors are no Arm ones.
const x86 = `{"name":"x86","size":1,"shape":"VM.Standard.E5.Flex","ocpus":2,"memoryGb":12}`

// elsewhere is settings of a guestbook whose database is outside, with the rule that it needs.
func elsewhere(pairs ...string) map[string]string {
	set := with("externalDatabase", "mongo.example.com", "databasePassword", "p",
		"extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp","ports":"27017"}]`)
	maps.Copy(set, with(pairs...))
	return set
}

// private is settings of a guestbook whose image is pulled with credentials.
func private(pairs ...string) map[string]string {
	set := with("frontendImage", "iad.ocir.io/tenancy/guestbook:v1", "registryUsername", "tenancy/user",
		"registryPassword", "token")
	maps.Copy(set, with(pairs...))
	return set
}

// TestUnworkable has values of the right type and form that cannot work: each is refused before anything is made.
func TestUnworkable(t *testing.T) {
	checkRefusals(t, []refusal{
		// Schedules.
		{"never", enhanced("backupSchedule", "0 3 31 2 *"), []string{"backupSchedule never"}},
		{"never, of several months", enhanced("backupSchedule", "0 0 31 4,6,9,11 *"), []string{"backupSchedule never"}},
		{"every minute", enhanced("backupSchedule", "* * * * *"), []string{"backupSchedule 1m0s 10m0s"}},
		{"every two minutes", enhanced("backupSchedule", "*/2 3 * * *"), []string{"backupSchedule 2m0s"}},
		{"twice in an hour, closely", enhanced("backupSchedule", "58,3 * * * *"), []string{"backupSchedule 5m0s"}},
		{"by seconds", enhanced("backupSchedule", "@every 30s"), []string{"backupSchedule five"}},
		{"six fields", enhanced("backupSchedule", "0 0 3 * * *"), []string{"backupSchedule"}},
		{"hour 24", enhanced("backupSchedule", "0 24 * * *"), []string{"backupSchedule"}},
		{"Sunday as 7", enhanced("backupSchedule", "0 3 * * 7"), []string{"backupSchedule 0 3 * * 7 Sunday"}},
		{"at reboot", enhanced("backupSchedule", "@reboot"), []string{"backupSchedule"}},
		{"no day", enhanced("backupSchedule", "0 3 0 * *"), []string{"backupSchedule"}},

		// Architectures.
		{
			"the tutorial's frontend on Arm", with("profile", "tutorial", "frontendImage", tutorialFrontend),
			[]string{"frontendImage amd64 workers arm64 VM.Standard.A1.Flex"},
		},
		{
			"the tutorial's frontend on one pool of two",
			with("guestbooks", `[{"name":"a"},{"name":"b","profile":"tutorial","frontendImage":"`+tutorialFrontend+`"}]`,
				"nodePools", `[`+x86+`,{"name":"arm","size":1,"ocpus":2,"memoryGb":12}]`),
			[]string{"guestbooks[1].frontendImage amd64 arm arm64"},
		},

		// Memory and CPU.
		{"database below its cache", with("mongoMemoryMb", "256"), []string{"mongoMemoryMb 256 512"}},
		{"database a little below", with("mongoMemoryMb", "511"), []string{"mongoMemoryMb 511 512"}},
		{"database larger than a node", with("mongoMemoryMb", "16384"), []string{"mongoMemoryMb 16384 VM.Standard.A1.Flex"}},
		{"database as large as a node", small("mongoMemoryMb", "4096"), []string{"mongoMemoryMb 4096 2779"}},
		{"database with more CPUs than a node", small("mongoCpuMillis", "2000"), []string{"mongoCpuMillis 2000 1830"}},
		{"frontend below its program", with("frontendMemoryMb", "32"), []string{"frontendMemoryMb 32 64"}},
		{"frontend larger than a node", small("frontendMemoryMb", "3000"), []string{"frontendMemoryMb 3000 2779"}},
		{
			"frontend with more CPUs than a node", small("frontendCpuMillis", "64000"),
			[]string{"frontendCpuMillis 64000 1830"},
		},
		{
			"frontends larger than all nodes", small("frontendReplicas", "60", "frontendCpuMillis", "10"),
			[]string{"nodePools 61 64 512 128 4544 2779"},
		},
		{
			"frontends with more CPUs than all nodes", small("frontendReplicas", "40"),
			[]string{"nodePools 41 50 250 100 2400 1830"},
		},
		{
			"two guestbooks on one node", small("guestbooks", `[{"name":"a"},{"name":"b"}]`, "mongoMemoryMb", "1024"),
			[]string{"nodePools 2816 2779"},
		},
		{
			"more Pods than a node takes",
			with("nodePools", `[{"name":"w","size":1,"ocpus":4,"memoryGb":64}]`, "frontendCpuMillis", "10",
				"guestbooks", `[{"name":"a"},{"name":"b"}]`, "frontendReplicas", "60"),
			[]string{"nodePools 126 110"},
		},
		{
			"database on a node that repels it",
			with("nodePools", `[{"name":"a","size":1,"ocpus":1,"memoryGb":2},`+
				`{"name":"b","size":1,"ocpus":4,"memoryGb":64,"taints":["a=b:NoSchedule"]}]`, "mongoMemoryMb", "8192"),
			[]string{"mongoMemoryMb 8192"},
		},
		{"frontend with next to no CPU", with("frontendCpuMillis", "1"), []string{"frontendCpuMillis 1 10"}},
		{"frontend a little below", with("frontendCpuMillis", "9"), []string{"frontendCpuMillis 9 10"}},
		{"database with next to no CPU", with("mongoCpuMillis", "1"), []string{"mongoCpuMillis 1 10"}},
		{
			"three members, one node that is large enough", with("mongoReplicas", "3", "mongoMemoryMb", "4096",
				"nodePools", `[{"name":"big","size":1,"ocpus":4,"memoryGb":24},{"name":"small","size":2,"ocpus":2,"memoryGb":4}]`),
			[]string{"mongoReplicas 3 4096 250 1"},
		},
		{
			"three members, two nodes that repel them", with("mongoReplicas", "3", "nodePools",
				`[{"name":"a","size":1,"ocpus":2,"memoryGb":12},`+
					`{"name":"b","size":2,"ocpus":2,"memoryGb":12,"taints":["a=b:NoSchedule"]}]`),
			[]string{"mongoReplicas 3 512 250 1"},
		},
		{
			"three members beside the enforcer, which leaves room on one node", with("mongoReplicas", "3",
				"networkPolicies", "enforced", "mongoMemoryMb", "2779", "nodePools",
				`[{"name":"a","size":1,"ocpus":2,"memoryGb":12},{"name":"b","size":2,"ocpus":2,"memoryGb":4}]`),
			[]string{"mongoReplicas 3 2779 250 1"},
		},
		{"negative quota", with("quotaCpuMillis", "-5"), []string{"quotaCpuMillis -5"}},

		// Paths and ports.
		{"readiness without a slash", with("readinessPath", "readyz"), []string{"readinessPath readyz /"}},
		{"liveness without a slash", with("livenessPath", "livez"), []string{"livenessPath livez /"}},
		{"path with a blank", with("readinessPath", "/ready z"), []string{"readinessPath"}},
		{"path with a line's end", with("livenessPath", "/livez\n"), []string{"livenessPath"}},
		{"path with a broken escape", with("profile", "tutorial", "livenessPath", "/a%zz"), []string{"livenessPath /a%zz"}},
		{"path that the frontend lacks", with("readinessPath", "/healthz"), []string{"readinessPath /healthz /readyz"}},
		{"path that the frontend limits", with("livenessPath", "/"), []string{"livenessPath /livez"}},
		{
			"path as a URL", with("readinessPath", "http://localhost/readyz"),
			[]string{"readinessPath http://localhost/readyz"},
		},
		{"privileged port of metrics", with("metricsPort", "80"), []string{"metricsPort 80 1024"}},

		// Credentials, and realms.
		{"password with a tab", elsewhere("databasePassword", "a\tb"), []string{"databasePassword control driver"}},
		{"password with a zero", elsewhere("databasePassword", "a\x00b"), []string{"databasePassword control"}},
		{
			"user with a blank that does not break", private("registryUsername", "tenancy/user\u00a0"),
			[]string{"registryUsername white"},
		},
		{
			"region of the government, in a commercial compartment", with("oci:region", "us-gov-ashburn-1"),
			[]string{"compartmentId oc1 us-gov-ashburn-1 oc3"},
		},
		{
			"home region of the government", with("homeRegion", "us-gov-phoenix-1"),
			[]string{"homeRegion us-gov-phoenix-1 oc3 us-ashburn-1 oc1"},
		},
		{
			"compartment for the provider's tenancy", with("oci:tenancyOcid", "ocid1.compartment.oc1..a", "budgetMonthly", "5",
				"budgetEmails", `["ops@example.com"]`),
			[]string{"oci:tenancyOcid compartment tenancy"},
		},
		{"group for the provider's user", with("oci:userOcid", "ocid1.group.oc1..a"), []string{"oci:userOcid group user"}},
		{"fingerprint of SSH", with("oci:fingerprint", "SHA256:7dCkNz1jC0J"), []string{"oci:fingerprint SHA256 20:3b"}},
		{
			"commercial region, in a compartment of the government",
			with("compartmentId", "ocid1.compartment.oc3..aaaa"),
			[]string{"compartmentId oc3 us-ashburn-1 oc1"},
		},

		// Companions.
		{
			"enforcer by a tag with verified images", with("imageVerificationKeys", `["ocid1.key.oc1.iad.a"]`, "frontendImage",
				"iad.ocir.io/tenancy/guestbook@sha256:"+strings.Repeat("a", 64), "networkPolicies", "enforced",
				"networkPolicyImage", "iad.ocir.io/tenancy/enforcer:v1"),
			[]string{"networkPolicyImage digest"},
		},
		{
			"a tag with verified images, of a host in upper case", with("imageVerificationKeys", `["ocid1.key.oc1.iad.a"]`,
				"frontendImage", "IAD.ocir.io/tenancy/guestbook:v1"),
			[]string{"frontendImage digest"},
		},

		// Addresses.
		{"private address", with("reservedAddress", "10.0.0.5"), []string{"reservedAddress 10.0.0.5"}},
		{"loopback", with("reservedAddress", "127.0.0.1"), []string{"reservedAddress 127.0.0.1"}},
		{"link-local address", with("reservedAddress", "169.254.169.254"), []string{"reservedAddress 169.254.169.254"}},
		{"multicast", with("reservedAddress", "224.0.0.1"), []string{"reservedAddress 224.0.0.1"}},
		{"no address", with("reservedAddress", "0.0.0.0"), []string{"reservedAddress 0.0.0.0"}},
		{"address of a carrier's network", with("reservedAddress", "100.64.0.1"), []string{"reservedAddress 100.64.0.1"}},
		{"broadcast", with("reservedAddress", "255.255.255.255"), []string{"reservedAddress 255.255.255.255"}},
		{"IPv6", with("reservedAddress", "2001:db8::1"), []string{"reservedAddress 2001:db8::1"}},
		{
			"compartment of no address", with("reservedAddressCompartmentId", "ocid1.compartment.oc1..a"),
			[]string{"reservedAddressCompartmentId reservedAddress"},
		},
		{
			"address of no load balancer", with("reservedAddress", "192.0.2.7", "exposure", "node-port"),
			[]string{"reservedAddress"},
		},

		// HTTPS.
		{"TLS 1.1", https("tlsMinimumVersion", "TLSv1.1"), []string{"tlsMinimumVersion TLSv1.1 TLSv1.2"}},
		{"TLS by number", https("tlsMinimumVersion", "1.2"), []string{"tlsMinimumVersion 1.2 TLSv1.2"}},
		{
			"suite that does not exist", https("tlsCipherSuite", "oci-tls-14-ssl-cipher-suite-v9"),
			[]string{"tlsCipherSuite oci-tls-14-ssl-cipher-suite-v9 oci-tls-12-13-ssl-cipher-suite-v3"},
		},
		{
			"suite of one's own, which a new load balancer lacks", https("tlsCipherSuite", "my-suite"),
			[]string{"tlsCipherSuite my-suite"},
		},
		{
			"reserved name of a suite", https("tlsCipherSuite", "oci-customized-ssl-cipher-suite"),
			[]string{"tlsCipherSuite oci-customized-ssl-cipher-suite"},
		},
		{
			"suite with ciphers of TLS 1.0", https("tlsCipherSuite", "oci-wider-compatible-ssl-cipher-suite-v1"),
			[]string{"tlsCipherSuite TLS 1.1"},
		},
		{
			"suite of TLS 1.2 for TLS 1.3",
			https("tlsCipherSuite", "oci-tls-12-ssl-cipher-suite-v3", "tlsMinimumVersion", "TLSv1.3"),
			[]string{"tlsCipherSuite oci-tls-12-ssl-cipher-suite-v3 TLSv1.2 TLSv1.3"},
		},
		{
			"suite without a certificate", with("tlsCipherSuite", "oci-tls-12-ssl-cipher-suite-v3"),
			[]string{"tlsCipherSuite certificate"},
		},
		{"version without a certificate", with("tlsMinimumVersion", "TLSv1.3"), []string{"tlsMinimumVersion certificate"}},
		{"host name without a certificate", with("tlsHostname", "a.example.com"), []string{"tlsHostname certificate"}},
		{"redirect without a certificate", with("plainHttp", "redirect"), []string{"plainHttp certificate"}},
		{"neither HTTP nor HTTPS", with("plainHttp", "closed"), []string{"plainHttp certificate"}},
		{
			"redirect by the tutorial's frontend",
			https("profile", "tutorial", "plainHttp", "redirect"),
			[]string{"plainHttp tutorial"},
		},
		{
			"redirect to its own port", https("servicePort", "80"),
			[]string{"servicePort 80 plainHttp"},
		},
		{
			"redirect on a port that the network keeps shut", https("loadBalancerPorts", `["443"]`),
			[]string{"loadBalancerPorts 80 redirects plainHttp"},
		},
		{
			"HTTPS on a port that the network keeps shut", https("servicePort", "8443"),
			[]string{"loadBalancerPorts 8443"},
		},
		{"port 0 below", https("servicePort", "-1"), []string{"servicePort -1"}},
		{"host name as a URL", https("tlsHostname", "https://a.example.com"), []string{"tlsHostname https"}},
		{"host name with a port", https("tlsHostname", "a.example.com:443"), []string{"tlsHostname a.example.com:443"}},
		{"host name as an address", https("tlsHostname", "192.0.2.7"), []string{"tlsHostname 192.0.2.7"}},
		{"wildcard as the host name", https("tlsHostname", "*.example.com"), []string{"tlsHostname *.example.com"}},
		{
			"OCID of a load balancer's certificate authority",
			https("tlsCertificateId", "ocid1.certificateauthority.oc1.iad.aaaa"),
			[]string{"tlsCertificateId certificateauthority"},
		},
		{"name instead of an OCID", https("tlsCertificateId", "guestbook-certificate"), []string{"tlsCertificateId OCID"}},
		{
			"two certificates", https("tlsCertificate", "x", "tlsPrivateKey", "y"),
			[]string{"tlsCertificateId tlsCertificate"},
		},
		{
			"certificate of no load balancer", https("exposure", "node-port"),
			[]string{"tlsCertificateId node-port"},
		},

		// Certificates by ACME.
		{
			"certificate by ACME for no name", acme("tlsHostname", ""),
			[]string{"tlsHostname acmeDirectory"},
		},
		{"certificate by ACME for an address", acme("tlsHostname", "192.0.2.7"), []string{"tlsHostname 192.0.2.7"}},
		{"certificate by ACME for a wildcard", acme("tlsHostname", "*.example.com"), []string{"tlsHostname *.example.com"}},
		{
			"ACME and a certificate by OCID", acme("tlsCertificateId", "ocid1.certificate.oc1.iad.aaaa"),
			[]string{"acmeDirectory tlsCertificateId"},
		},
		{
			"ACME and a certificate of one's own", acme("tlsCertificate", "x", "tlsPrivateKey", "y"),
			[]string{"tlsCertificate PEM", "tlsPrivateKey PEM", "acmeDirectory tlsCertificate"},
		},
		{
			"ACME within the VCN",
			acme("exposure", "internal", "loadBalancers", "both", "internalLoadBalancerAllowedCidrs", `["10.0.0.0/16"]`),
			[]string{"acmeDirectory public internal"},
		},
		{"ACME without a load balancer", acme("exposure", "node-port"), []string{"acmeDirectory public node-port"}},
		{
			"ACME for the tutorial's frontend", acme("profile", "tutorial"),
			[]string{"acmeDirectory hardened"},
		},
		{
			"ACME on another port", acme("servicePort", "8443", "loadBalancerPorts", `["80","8443"]`),
			[]string{"acmeDirectory servicePort 443"},
		},
		{"ACME with a port shut", acme("loadBalancerPorts", `["80"]`), []string{"loadBalancerPorts 443"}},
		{
			"ACME and ciphers of a load balancer", acme("tlsCipherSuite", "oci-tls-12-ssl-cipher-suite-v3"),
			[]string{"tlsCipherSuite acmeDirectory"},
		},
		{
			"ACME without the internet", acme("internetEgress", "none", "frontendImage", "iad.ocir.io/t/guestbook:v1",
				"mongoImage", "iad.ocir.io/t/mongo:8.0", "oci:region", "us-ashburn-1"),
			[]string{"acmeDirectory internetEgress workers none"},
		},
		{
			"ACME from Pods that reach no internet", acme("podNetwork", "vcn-native"),
			[]string{"acmeDirectory internetEgress workers-and-pods"},
		},
		{
			"ACME for few visitors", acme("loadBalancerAllowedCidrs", `["203.0.113.0/24"]`),
			[]string{"acmeDirectory 0.0.0.0/0 loadBalancerAllowedCidrs"},
		},
		{"ACME without TLS", acme("acmeDirectory", "http://acme.example.com/directory"), []string{"acmeDirectory https"}},
		{"ACME server by name alone", acme("acmeDirectory", "acme-v02.api.letsencrypt.org"), []string{"acmeDirectory https"}},
		{
			"ACME server with a password", acme("acmeDirectory", "https://user:token@acme.example.com/directory"),
			[]string{"acmeDirectory https"},
		},
		{
			"ACME on a port that Pods do not reach", acme("acmeDirectory", "https://acme.example.com:14000/directory"),
			[]string{"acmeDirectory 14000 443"},
		},
		{
			"ACME for a name of the local network", acme("tlsHostname", "guestbook.local"),
			[]string{"tlsHostname guestbook.local .local"},
		},
		{
			"host name of 300 characters", acme("tlsHostname", strings.Repeat(strings.Repeat("a", 49)+".", 6)+"com"),
			[]string{"tlsHostname 253"},
		},
		{"ACME with an address of a person", acme("acmeEmail", "Ops <ops@example.com>"), []string{"acmeEmail Ops"}},
		{"ACME account of nothing", with("acmeEmail", "ops@example.com"), []string{"acmeEmail acmeDirectory"}},
		{
			"two guestbooks of one name", acme("guestbooks", `[{"name":"seoul"},{"name":"busan"}]`),
			[]string{"guestbooks[1].tlsHostname guestbook.example.com seoul"},
		},
		{"zone by name", acme("dnsZoneId", "example.com"), []string{"dnsZoneId OCID"}},
		{
			"zone for no name", with("dnsZoneId", "ocid1.dns-zone.oc1..aaaa"),
			[]string{"dnsZoneId tlsHostname"},
		},
		{
			"OCID of a record's view", acme("dnsZoneId", "ocid1.dnsview.oc1.iad.aaaa"),
			[]string{"dnsZoneId dnsview"},
		},

		// Types of load balancers.
		{"application load balancer", with("loadBalancerType", "alb"), []string{"loadBalancerType alb lb nlb"}},
		{"another spelling", with("loadBalancerType", "NLB"), []string{"loadBalancerType NLB lb nlb"}},
		{
			"TLS that nothing ends",
			with("loadBalancerType", "nlb", "tlsCertificate", "x", "tlsPrivateKey", "y", "loadBalancerPorts", `["443"]`,
				"plainHttp", "closed"),
			[]string{"tlsCertificate lb Remove"},
		},
		{
			"TLS of OCI's Certificates service that nothing ends", https("loadBalancerType", "nlb"),
			[]string{"tlsCertificateId lb Remove"},
		},

		// Passwords, names and the rest.
		{
			"password of white space", with("externalDatabase", "mongo.database", "databasePassword", " \n"),
			[]string{"databasePassword"},
		},
		{
			"password that ends with a line's end",
			with("externalDatabase", "mongo.database", "databasePassword", "secret\n"),
			[]string{"databasePassword"},
		},
		{
			"password for a frontend that sends none",
			with("profile", "tutorial", "externalDatabase", "mongo.database", "databasePassword", "secret"),
			[]string{"databasePassword tutorial"},
		},
		{
			"external database by address", with("externalDatabase", "10.0.0.5", "databasePassword", "p"),
			[]string{"externalDatabase"},
		},
		{
			"external database that no rule leads to",
			with("externalDatabase", "mongo.example.com", "databasePassword", "p"),
			[]string{"externalDatabase 27017 mongo.example.com extraRules workers"},
		},
		{
			"external database of Pods that the rule of nodes does not help",
			elsewhere("podNetwork", "vcn-native"),
			[]string{"externalDatabase 27017 extraRules pods"},
		},
		{
			"external database on another port than the rule's",
			elsewhere("extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp","ports":"27018"}]`),
			[]string{"externalDatabase 27017"},
		},
		{
			"external database by a rule of UDP",
			elsewhere("extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"udp","ports":"27017"}]`),
			[]string{"externalDatabase 27017"},
		},
		{
			"logs that no rule leads out", with("logDestination", "logs.example.com:24224"),
			[]string{"logDestination 24224 logs.example.com extraRules"},
		},
		{
			"logs to an address that no rule holds", with("logDestination", "203.0.113.7:24224",
				"extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp","ports":"24224"}]`),
			[]string{"logDestination 24224 203.0.113.7 extraRules"},
		},
		{"logs to a private address", with("logDestination", "10.9.0.1:443"), []string{"logDestination 443 10.9.0.1"}},
		{"logs to the Pod itself", with("logDestination", "127.0.0.1:24224"), []string{"logDestination 127.0.0.1"}},
		{"logs to the Pod by name", with("logDestination", "localhost:24224"), []string{"logDestination localhost"}},
		{"logs to no address", with("logDestination", "0.0.0.0:443"), []string{"logDestination 0.0.0.0"}},
		{"logs to many", with("logDestination", "224.0.0.1:443"), []string{"logDestination 224.0.0.1"}},
		{"logs to the metadata", with("logDestination", "169.254.169.254:443"), []string{"logDestination 169.254.169.254"}},
		{
			"logs to a name that is too long", with("logDestination", strings.Repeat("a.", 150)+"com:443"),
			[]string{"logDestination 303 253"},
		},
		{
			"registry on a port that no rule opens", with("frontendImage", "registry.example.com:5000/a:v1"),
			[]string{"frontendImage 5000 registry.example.com extraRules"},
		},
		{
			"registry of a database on a port that no rule opens",
			with("guestbooks", `[{"name":"a"},{"name":"b","mongoImage":"registry.example.com:80/mongo:8.0"}]`),
			[]string{"guestbooks[1].mongoImage 80 registry.example.com"},
		},
		{
			"registry of agents on a port that no rule opens", with("logDestination", "collector.logs:24224",
				"logAgentImage", "registry.example.com:5000/a:v1", "networkPolicies", "enforced",
				"networkPolicyImage", "registry.example.com:9999/b:v1"),
			[]string{"logAgentImage 5000", "networkPolicyImage 9999"},
		},
		{
			"registry at the metadata", with("mongoImage", "169.254.169.254/mongo:8.0"), []string{"mongoImage 169.254.169.254"},
		},
		{
			"registry of a private network", with("mongoImage", "10.9.0.1/mongo:8.0"),
			[]string{"mongoImage 443 10.9.0.1 peerCidrs"},
		},
		{"ACME server on the Pod", acme("acmeDirectory", "https://localhost/directory"), []string{"acmeDirectory localhost"}},
		{"ACME server on loopback", acme("acmeDirectory", "https://127.0.0.1/dir"), []string{"acmeDirectory 127.0.0.1"}},
		{
			"ACME server of the metadata", acme("acmeDirectory", "https://169.254.169.254/directory"),
			[]string{"acmeDirectory 169.254.169.254"},
		},
		{
			"ACME server of a private network", acme("acmeDirectory", "https://10.9.0.1/directory"),
			[]string{"acmeDirectory 10.9.0.1"},
		},
		{
			"ACME server with a blank", acme("acmeDirectory", "https://acme.example.com/dir ectory"),
			[]string{"acmeDirectory blank"},
		},
		{
			"fewer addresses than Services", enhanced("servicesCidr", "10.96.0.0/28", "exposure", "node-port",
				"guestbooks", `[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"},{"name":"e"},{"name":"f"},{"name":"g"}]`,
				"nodePools", poolsOf(`"size":6`)["nodePools"]),
			[]string{"servicesCidr 16 14"},
		},
		{
			"own database as an external one", elsewhere("externalDatabase", "mongo.guestbook.svc.cluster.local"),
			[]string{"externalDatabase own"},
		},
		{
			"member of the own database as an external one", elsewhere("externalDatabase", "mongo-0.mongo.guestbook.svc"),
			[]string{"externalDatabase own"},
		},
		{"own database by a short name", elsewhere("externalDatabase", "mongo.guestbook"), []string{"externalDatabase own"}},
		{"mail without a domain", acme("acmeEmail", "ops@localhost"), []string{"acmeEmail localhost"}},
		{
			"mail of a long name",
			with("budgetMonthly", "100", "tenancyId", "ocid1.tenancy.oc1..a",
				"budgetEmails", `["`+strings.Repeat("a", 65)+`@example.com"]`),
			[]string{"budgetEmails 65 64"},
		},
		{"ACME at home", acme("tlsHostname", "guestbook.home.arpa"), []string{"tlsHostname home.arpa"}},
		{"ACME in a VCN", acme("tlsHostname", "a.public.vcn.oraclevcn.com"), []string{"tlsHostname oraclevcn.com"}},
		{"host name in capitals", https("tlsHostname", "Page.Example.com"), []string{"tlsHostname page.example.com"}},
		{"port with a sign", with("loadBalancerPorts", `["+80"]`), []string{"loadBalancerPorts[0] +80"}},
		{"port twice", with("loadBalancerPorts", `["80","80"]`), []string{"loadBalancerPorts 80"}},
		{"address of nobody", with("reservedAddress", "0.1.2.3"), []string{"reservedAddress 0.1.2.3"}},
		{"logs to a name with a blank", with("logDestination", "logs example.com:24224"), []string{"logDestination"}},
		{"logs to a URL", with("logDestination", "//logs.example.com:24224"), []string{"logDestination"}},
		{
			"region of no form", enhanced("backupSchedule", "0 3 * * *", "oci:region", "Ashburn"),
			[]string{"oci:region Ashburn"},
		},
		{"tag with a blank", with("tags", `{"a b":"x"}`), []string{"tags"}},
		{"tag with a period", with("tags", `{"a.b":"x"}`), []string{"tags a.b"}},
		{"tag without a name", with("tags", `{"":"x"}`), []string{"tags"}},
		{
			"more tags than a resource takes",
			with("tags", `{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":""}`),
			[]string{"tags 9 8"},
		},
		{"password of the registry with a line's end", private("registryPassword", "token\n"), []string{"registryPassword"}},
		{"password of the registry of white space", private("registryPassword", " "), []string{"registryPassword"}},
		{"registry's user without a name", private("registryUsername", "tenancy/"), []string{"registryUsername tenancy/"}},
		{"registry's user of a slash", private("registryUsername", "/"), []string{"registryUsername"}},
		{"registry's user with too many parts", private("registryUsername", "a/b/c/d"), []string{"registryUsername a/b/c/d"}},
		{
			"Oracle's registry without the tenancy's namespace", with("frontendImage", "iad.ocir.io/guestbook:v1"),
			[]string{"frontendImage iad.ocir.io/<tenancy namespace>/guestbook"},
		},
		{
			"registry of another region without the internet",
			with("internetEgress", "none", "oci:region", "us-ashburn-1", "frontendImage", "phx.ocir.io/t/guestbook:v1",
				"mongoImage", "iad.ocir.io/t/mongo:8.0"),
			[]string{"frontendImage phx.ocir.io internetEgress"},
		},
		{"backup of no name", enhanced("restoreFrom", "backups/"), []string{"restoreFrom backups/"}},
		{
			"image with credentials", with("frontendImage", "user:token@iad.ocir.io/tenancy/guestbook:v1"),
			[]string{"frontendImage"},
		},
		{"image as a URL", with("mongoImage", "https://docker.io/library/mongo:8.0"), []string{"mongoImage"}},
		{"image with an upper-case name", with("choresImage", "iad.ocir.io/Tenancy/Guestbook:v1"), []string{"choresImage"}},
	})
}

// TestWorkable has values near those that are refused.
func TestWorkable(t *testing.T) {
	for name, set := range map[string]map[string]string{
		"external database": elsewhere(),
		"external database by a rule of all protocols": elsewhere("extraRules",
			`[{"from":"workers","to":"198.51.100.0/24","protocol":"all"}]`),
		"external database of Oracle's": with("externalDatabase", "g1-book.adb.us-ashburn-1.oraclecloudapps.com",
			"databasePassword", "p"),
		"external database in the cluster": with("externalDatabase", "mongo.data.svc.cluster.local", "databasePassword", "p"),
		"logs by HTTPS's port":             with("logDestination", "logs.example.com:443"),
		"a description of Korean": with("extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp",`+
			`"description":"`+strings.Repeat("한", 200)+`"}]`),
		"external database like the own": with("externalDatabase", "mongo.other.svc", "databasePassword", "p"),
		"as many Services as addresses": enhanced("servicesCidr", "10.96.0.0/28", "exposure", "node-port",
			"guestbooks", `[{"name":"a"},{"name":"b"},{"name":"c"},{"name":"d"},{"name":"e"},{"name":"f"}]`,
			"nodePools", poolsOf(`"size":6`)["nodePools"]),
		"logs within the cluster":      with("logDestination", "collector.logs:24224"),
		"logs to a Service by address": with("logDestination", "10.96.0.99:24224"),
		"logs to a node":               with("logDestination", "10.0.64.9:24224"),
		"logs to a peer": with("logDestination", "10.9.0.1:24224", "peerCidrs", `["10.9.0.0/16"]`, "drgId",
			"ocid1.drg.oc1.iad.a", "extraRules", `[{"from":"workers","to":"10.9.0.0/16","protocol":"tcp","ports":"24224"}]`),
		"registry of a Service's address": with("mongoImage",
			"10.96.0.99:5000/mongo:8.0"),
		"registry on a port that a rule opens": with("frontendImage", "registry.example.com:5000/a:v1",
			"extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp","ports":"5000"}]`),
		"registry on the nodes": with("frontendImage", "localhost:30500/a:v1", "mongoImage", "127.0.0.1:30500/mongo:8.0"),
		"a user of a domain":    private("registryUsername", "tenancy/domain/user"),
		"ACME on port 443":      acme("acmeDirectory", "https://acme.example.com:443/directory"),
		"registry of the region by its key": with("internetEgress", "none", "oci:region", "us-ashburn-1",
			"frontendImage", "iad.ocir.io/t/guestbook:v1", "mongoImage", "us-ashburn-1.ocir.io/t/mongo:8.0"),
		"escape in a path":  with("profile", "tutorial", "livenessPath", "/a%2Fb"),
		"a leap day":        enhanced("backupSchedule", "0 0 29 2 *"),
		"every ten minutes": enhanced("backupSchedule", "*/10 * * * *"),
		"by name":           enhanced("backupSchedule", "@daily"),
		"smallest database": with("mongoMemoryMb", "512"),
		"least CPU":         with("mongoCpuMillis", "10", "frontendCpuMillis", "10"),
		"three members on nodes of two sizes": with("mongoReplicas", "3", "mongoMemoryMb", "2779", "nodePools",
			`[{"name":"a","size":1,"ocpus":2,"memoryGb":12},{"name":"b","size":2,"ocpus":2,"memoryGb":4}]`),
		"three members on nodes of unknown size": with("mongoReplicas", "3", "nodePools",
			`[{"name":"a","size":3,"shape":"BM.Standard.E5.192"}]`),
		"three members on nodes that an autoscaler adds": with("mongoReplicas", "3", "nodePools",
			`[{"name":"a","size":1,"ocpus":2,"memoryGb":12,"autoscaled":true}]`),
		"tutorial's frontend": with("profile", "tutorial", "frontendImage", tutorialFrontend, "nodePools", `[`+x86+`]`),
		"tutorial's frontend, kept off Arm by a taint": with("profile", "tutorial", "frontendImage", tutorialFrontend,
			"nodePools", `[`+x86+`,{"name":"arm","size":1,"ocpus":2,"memoryGb":12,"taints":["a=b:NoSchedule"]}]`),
		"tutorial's database":   with("profile", "tutorial", "mongoMemoryMb", "100"),
		"path with a query":     with("readinessPath", "/readyz?full=1"),
		"network load balancer": with("loadBalancerType", "nlb", "reservedAddress", "129.146.1.2"),
		"ACME":                  acme("dnsZoneId", "ocid1.dns-zone.oc1..aaaa", "acmeEmail", "ops@example.com"),
		"ACME and an nlb":       acme("loadBalancerType", "nlb", "plainHttp", "closed", "tlsMinimumVersion", "TLSv1.3"),
		"ACME from Pods":        acme("podNetwork", "vcn-native", "internetEgress", "workers-and-pods"),
		"record of another's certificate": https("tlsHostname", "guestbook.example.com",
			"dnsZoneId", "ocid1.dns-zone.oc1..aaaa"),
		"public address": with("reservedAddress", "129.146.1.2"),
		"shape of unknown size": with("mongoMemoryMb", "524288",
			"nodePools", `[{"name":"w","size":1,"shape":"BM.Standard.E5.192"}]`),
		"an autoscaled pool": with("nodePools", `[{"name":"w","size":1,"ocpus":2,"memoryGb":4,"autoscaled":true}]`,
			"frontendReplicas", "60"),
	} {
		_, err := load(set)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		problemtest.Check(t, err)
	}
}

// TestTopicOfAStack expects a stack whose name no topic can have to name a topic of its own.
func TestTopicOfAStack(t *testing.T) {
	for stack, want := range map[string][]string{"a-b_c": nil, "a.b": {"alarmEmails a.b alarmTopicId"}} {
		config := map[string]string{"oci:region": "us-ashburn-1"}
		for key, value := range enhanced("compartmentId", compartmentOCID, "loadBalancerAllowedCidrs", `["0.0.0.0/0"]`,
			"frontendImage", "iad.ocir.io/tenancy/guestbook:v1", "alarmEmails", `["ops@example.com"]`) {
			config["oke-guestbook:"+key] = value
		}
		_, err := Load("oke-guestbook", stack, config, func(string) bool { return true })
		problemtest.Check(t, err, want...)
	}
}
