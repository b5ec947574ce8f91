package workload

import (
	"fmt"
	"slices"
	"strings"
)

// privateDomains are those that are never on the internet (RFC 6761, 6762, 7686 and 8375; ICANN's resolution
// 2024.07.29.06 for internal; Oracle, "DNS in Your Virtual Cloud Network", for that of VCNs).
var privateDomains = []string{
	"example", "home.arpa", "internal", "invalid", "local", "localhost", "onion", "oraclevcn.com", "test",
}

// acme checks that the frontend can obtain a certificate by itself, as far as the guestbook's settings decide.
func (v validator) acme() {
	if !v.ACME() {
		if v.ACMEEmail != "" {
			v.add("acmeEmail", on("acmeDirectory"), "is for an account of acmeDirectory, which is not set")
		}
		return
	}
	refuse := func(dependsOn []string, format string, args ...any) {
		v.add("acmeDirectory", dependsOn, format, args...)
	}
	if v.Terminates() {
		refuse(on("tlsCertificate", "tlsCertificateId"), "is instead of a certificate of your own: leave out "+
			"tlsCertificate, tlsPrivateKey and tlsCertificateId, or acmeDirectory")
	}
	if !v.Hardened() {
		refuse(on("profile"), "is for profile hardened, whose frontend obtains certificates")
	}
	if v.TLSHostname == "" {
		v.add("tlsHostname", on("acmeDirectory"), "is required with acmeDirectory: the certificate is for this name")
	}
	below := func(parent string) bool { return strings.HasSuffix(v.TLSHostname, "."+parent) }
	if i := slices.IndexFunc(privateDomains, below); i >= 0 {
		parent := privateDomains[i]
		v.add("tlsHostname", on("acmeDirectory"), "%s is below .%s, which the DNS of the internet does not have: no ACME "+
			"server finds it", v.TLSHostname, parent)
	}
	if v.Exposure != Public {
		refuse(on("exposure"), "needs a load balancer with a public address, to which the ACME server connects, and "+
			"exposure is %s", v.Exposure)
	}
	if v.ServicePort() != httpsPort {
		refuse(on("servicePort"), "needs servicePort %d: the ACME server connects to no other port", httpsPort)
	}
	if v.TLSCipherSuite != "" {
		v.add("tlsCipherSuite", on("acmeDirectory"), "is for load balancers that end TLS; with acmeDirectory the frontend "+
			"does, with the ciphers of Go: leave it empty")
	}
}

// record checks that there is something to create a DNS record of.
func (v validator) record() {
	switch {
	case v.DNSZoneID == "":
	case v.TLSHostname == "":
		v.add("dnsZoneId", on("tlsHostname"), "gets a record of tlsHostname, which is not set")
	case !v.Balanced():
		v.add("dnsZoneId", on("exposure"), "gets a record with the address of a load balancer, and exposure is %s",
			v.Exposure)
	}
}

// CheckZone returns why the zone of dnsZoneId cannot have the record of tlsHostname: name is the zone's, and types are
// those of the records that the host has there.
func (g *Guestbook) CheckZone(name string, types []string) error {
	name = strings.TrimSuffix(strings.ToLower(name), ".")
	if g.TLSHostname != name && !strings.HasSuffix(g.TLSHostname, "."+name) {
		return fmt.Errorf("tlsHostname %s is not in the zone, %s", g.TLSHostname, name)
	}
	for _, other := range types {
		if strings.EqualFold(other, "CNAME") || strings.EqualFold(other, "ALIAS") || strings.EqualFold(other, "AAAA") {
			return fmt.Errorf("%s has a record of type %s there, which would lead visitors elsewhere: delete it",
				g.TLSHostname, other)
		}
	}
	return nil
}
