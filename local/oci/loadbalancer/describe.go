package loadbalancer

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/certificates"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// Describe returns the load balancers that carry traffic: those whose creation has ended.
func Describe(t *engine.Tx) []cloud.LoadBalancer {
	return DescribeAll(t, Description{
		Kind: lbKind, Listener: describeListener, Set: describeSet,
		Complete: func(r *engine.Resource, lb *cloud.LoadBalancer) {
			if r.Doc.Flag("isRequestIdEnabled") {
				lb.RequestIDHeader = r.Doc.Str("requestIdHeader")
			}
		},
	})
}

// Description is how a service's load balancers are described.
type Description struct {
	Kind     string
	Listener func(t *engine.Tx, r *engine.Resource, listener engine.Doc) cloud.Listener
	Set      func(t *engine.Tx, r *engine.Resource, set engine.Doc) cloud.BackendSet
	Complete func(r *engine.Resource, lb *cloud.LoadBalancer)
}

// DescribeAll returns a service's load balancers that carry traffic.
func DescribeAll(t *engine.Tx, how Description) []cloud.LoadBalancer {
	var out []cloud.LoadBalancer
	for _, r := range t.All(how.Kind) {
		if state := r.State(); state != "ACTIVE" && state != "UPDATING" {
			continue
		}
		lb := cloud.LoadBalancer{
			ID: r.ID, Name: r.Doc.Str("displayName"), Private: r.Doc.Flag("isPrivate"),
			BackendSets: map[string]cloud.BackendSet{},
		}
		how.Complete(r, &lb)
		for _, vnic := range vcn.VnicsOf(t, r.ID) {
			if address, err := netip.ParseAddr(vnic.Doc.Str("privateIp")); err == nil {
				lb.Addresses = append(lb.Addresses, address)
			}
		}
		for _, ip := range r.Doc.Objects("ipAddresses") {
			if ip.Flag("isPublic") {
				lb.PublicIP, _ = netip.ParseAddr(ip.Str("ipAddress"))
			}
		}
		for _, name := range sortedNames(r.Doc.Sub("listeners")) {
			lb.Listeners = append(lb.Listeners, how.Listener(t, r, r.Doc.Sub("listeners", name)))
		}
		for name := range r.Doc.Sub(setsField) {
			lb.BackendSets[name] = how.Set(t, r, r.Doc.Sub(setsField, name))
		}
		out = append(out, lb)
	}
	return out
}

func describeListener(t *engine.Tx, r *engine.Resource, l engine.Doc) cloud.Listener {
	out := cloud.Listener{
		Name: l.Str("name"), Port: int(l.Num("port")), Protocol: l.Str("protocol"),
		BackendSet:    l.Str("defaultBackendSetName"),
		IdleSeconds:   int(l.Num("connectionConfiguration", "idleTimeout")),
		ProxyProtocol: int(l.Num("connectionConfiguration", "backendTcpProxyProtocolVersion")),
		TLS:           describeTLS(t, r, l.Sub("sslConfiguration")),
	}
	for _, name := range l.Texts("ruleSetNames") {
		for _, item := range r.Doc.Sub("ruleSets", name).Objects("items") {
			if item.Str("action") == "REDIRECT" {
				out.Redirects = append(out.Redirects, describeRedirect(item))
			}
		}
	}
	return out
}

// describeRedirect describes a redirect rule, with the defaults of the service (API reference, RedirectUri).
func describeRedirect(item engine.Doc) cloud.Redirect {
	uri := item.Sub("redirectUri")
	text := func(field, fallback string) string {
		if uri[field] == nil {
			return fallback
		}
		return uri.Str(field)
	}
	out := cloud.Redirect{
		Code: cmp.Or(int(item.Num("responseCode")), http.StatusFound), Protocol: text("protocol", "{protocol}"),
		Host: text("host", "{host}"), Port: "{port}", Path: text("path", "{path}"), Query: text("query", "{query}"),
	}
	if uri["port"] != nil {
		out.Port = strconv.Itoa(int(uri.Num("port")))
	}
	for _, condition := range item.Objects("conditions") {
		if condition.Str("attributeName") == "PATH" {
			out.Match, out.MatchPath = condition.Str("operator"), condition.Str("attributeValue")
		}
	}
	return out
}

func describeSet(t *engine.Tx, r *engine.Resource, set engine.Doc) cloud.BackendSet {
	out := DescribeSet(set, "backup", "drain", "offline")
	out.TLS = describeTLS(t, r, set.Sub("sslConfiguration"))
	out.Session = describeSession(set)
	return out
}

// DescribeSet describes what backend sets of all services have: policy, health checker and backends, whose flags have
// the given names.
func DescribeSet(set engine.Doc, backup, drain, offline string) cloud.BackendSet {
	check := set.Sub("healthChecker")
	out := cloud.BackendSet{
		Policy: set.Str("policy"),
		Health: cloud.HealthCheck{
			Protocol: check.Str("protocol"), Port: int(check.Num("port")), Path: check.Str("urlPath"),
			StatusCode: int(check.Num("returnCode")), BodyRegex: check.Str("responseBodyRegex"),
			PlainText:      check.Flag("isForcePlainText"),
			IntervalMillis: int(check.Num("intervalInMillis")), TimeoutMillis: int(check.Num("timeoutInMillis")),
			Retries: int(check.Num("retries")),
		},
	}
	for _, b := range set.Objects("backends") {
		ip, err := netip.ParseAddr(b.Str("ipAddress"))
		if err != nil {
			continue
		}
		out.Backends = append(out.Backends, cloud.Backend{
			Name: b.Str("name"), Address: netip.AddrPortFrom(ip, uint16(b.Num("port"))), Weight: int(b.Num("weight")),
			Backup: b.Flag(backup), Drain: b.Flag(drain), Offline: b.Flag(offline),
		})
	}
	return out
}

// routeCookie is the load balancer's own cookie if the configuration does not name it (API reference,
// LBCookieSessionPersistenceConfigurationDetails).
const routeCookie = "X-Oracle-BMC-LBS-Route"

func describeSession(set engine.Doc) *cloud.Session {
	if c := set.Sub("sessionPersistenceConfiguration"); c != nil {
		return &cloud.Session{
			AppCookie: c.Str("cookieName"), DisableFallback: c.Flag("disableFallback"), Cookie: routeCookie,
		}
	}
	if c := set.Sub("lbCookieSessionPersistenceConfiguration"); c != nil {
		return &cloud.Session{
			DisableFallback: c.Flag("disableFallback"), Cookie: cmp.Or(c.Str("cookieName"), routeCookie),
			Domain: c.Str("domain"), Path: cmp.Or(c.Str("path"), "/"), MaxAgeSeconds: int(c.Num("maxAgeInSeconds")),
			Secure: c.Flag("isSecure"), HTTPOnly: c["isHttpOnly"] == nil || c.Flag("isHttpOnly"),
		}
	}
	return nil
}

// describeTLS describes a TLS configuration. A certificate of the Certificates service is in its current version: load
// balancers take renewed ones by themselves.
func describeTLS(t *engine.Tx, r *engine.Resource, ssl engine.Doc) *cloud.TLS {
	if ssl == nil {
		return nil
	}
	name := ssl.Str("certificateName")
	certificate := r.Doc.Sub("certificates", name)
	described := &cloud.TLS{
		CertificatePEM: certificate.Str("publicCertificate"), CACertificatePEM: certificate.Str("caCertificate"),
		PrivateKeyPEM: engine.Private[state](r).Keys[name], Protocols: ssl.Texts("protocols"),
		Ciphers:    ciphers(r.Doc, ssl.Str("cipherSuiteName")),
		VerifyPeer: ssl.Flag("verifyPeerCertificate"), VerifyDepth: int(ssl.Num("verifyDepth")),
	}
	if ids := ssl.Texts("certificateIds"); len(ids) > 0 {
		described.CertificatePEM, described.PrivateKeyPEM = certificates.Current(t, ids[0])
	}
	return described
}
