package loadbalancer

import (
	"maps"
	"net/netip"
	"slices"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// Describe returns the load balancers that carry traffic: those whose creation has ended.
func Describe(t *engine.Tx) []cloud.LoadBalancer {
	var out []cloud.LoadBalancer
	for _, r := range t.All(lbKind) {
		if state := r.State(); state != "ACTIVE" && state != "UPDATING" {
			continue
		}
		lb := cloud.LoadBalancer{
			ID: r.ID, Name: r.Doc.Str("displayName"), Private: r.Doc.Flag("isPrivate"),
			BackendSets: map[string]cloud.BackendSet{},
		}
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
		for _, name := range slices.Sorted(maps.Keys(r.Doc.Sub("listeners"))) {
			lb.Listeners = append(lb.Listeners, describeListener(r, r.Doc.Sub("listeners", name)))
		}
		for name := range r.Doc.Sub(setsField) {
			lb.BackendSets[name] = describeSet(r, r.Doc.Sub(setsField, name))
		}
		out = append(out, lb)
	}
	return out
}

func describeListener(r *engine.Resource, l engine.Doc) cloud.Listener {
	out := cloud.Listener{
		Name: l.Str("name"), Port: int(l.Num("port")), Protocol: l.Str("protocol"),
		BackendSet:    l.Str("defaultBackendSetName"),
		IdleSeconds:   int(l.Num("connectionConfiguration", "idleTimeout")),
		ProxyProtocol: int(l.Num("connectionConfiguration", "backendTcpProxyProtocolVersion")),
		TLS:           describeTLS(r, l.Sub("sslConfiguration")),
	}
	for _, name := range l.Texts("ruleSetNames") {
		for _, item := range r.Doc.Sub("ruleSets", name).Objects("items") {
			uri := item.Sub("redirectUri")
			if item.Str("action") == "REDIRECT" && uri.Str("protocol") == "HTTPS" {
				out.RedirectToPort = int(uri.Num("port"))
			}
		}
	}
	return out
}

func describeSet(r *engine.Resource, set engine.Doc) cloud.BackendSet {
	check := set.Sub("healthChecker")
	out := cloud.BackendSet{
		Policy: set.Str("policy"), TLS: describeTLS(r, set.Sub("sslConfiguration")),
		Health: cloud.HealthCheck{
			Protocol: check.Str("protocol"), Port: int(check.Num("port")), Path: check.Str("urlPath"),
			StatusCode: int(check.Num("returnCode")), BodyRegex: check.Str("responseBodyRegex"),
			IntervalMillis: int(check.Num("intervalInMillis")), TimeoutMillis: int(check.Num("timeoutInMillis")),
			Retries: int(check.Num("retries")),
		},
	}
	if c := set.Sub("sessionPersistenceConfiguration"); c != nil {
		out.SessionCookie = c.Str("cookieName")
	}
	if c := set.Sub("lbCookieSessionPersistenceConfiguration"); c != nil {
		out.SessionCookie, out.CookieByLB = c.Str("cookieName"), true
	}
	for _, b := range set.Objects("backends") {
		ip, err := netip.ParseAddr(b.Str("ipAddress"))
		if err != nil {
			continue
		}
		out.Backends = append(out.Backends, cloud.Backend{
			Name: b.Str("name"), Address: netip.AddrPortFrom(ip, uint16(b.Num("port"))), Weight: int(b.Num("weight")),
			Backup: b.Flag("backup"), Drain: b.Flag("drain"), Offline: b.Flag("offline"),
		})
	}
	return out
}

func describeTLS(r *engine.Resource, ssl engine.Doc) *cloud.TLS {
	if ssl == nil {
		return nil
	}
	name := ssl.Str("certificateName")
	certificate := r.Doc.Sub("certificates", name)
	return &cloud.TLS{
		CertificatePEM: certificate.Str("publicCertificate"), CACertificatePEM: certificate.Str("caCertificate"),
		PrivateKeyPEM: engine.Private[state](r).Keys[name], Protocols: ssl.Texts("protocols"),
		VerifyPeer: ssl.Flag("verifyPeerCertificate"), VerifyDepth: int(ssl.Num("verifyDepth")),
	}
}
