package workload

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"time"
)

// PlainHTTP is what a guestbook with a certificate does with visitors who come by HTTP.
type PlainHTTP string

// What a guestbook with a certificate does on port 80.
const (
	Redirect PlainHTTP = "redirect" // sends them to HTTPS
	Closed   PlainHTTP = "closed"   // does not listen
)

// Ports of a load balancer without others in the settings.
const (
	httpPort  = 80
	httpsPort = 443
	// firstRedirectPort is the port of the frontend's container that redirects, and firstTLSPort that of HTTPS, unless it
	// has another use.
	firstRedirectPort = 8081
	firstTLSPort      = 8443
)

// Listener is a port that visitors connect to. Metrics and probes have none.
type Listener struct {
	Name     string // of the Service's port: http or https
	Port     int
	Redirect bool // the frontend answers with the address by HTTPS; otherwise with the pages
	Through  bool // the frontend ends TLS, and the load balancer passes it on
}

// HTTPS reports whether the guestbook has a certificate.
func (g *Guestbook) HTTPS() bool { return g.Terminates() || g.ACME() }

// Terminates reports whether the load balancer has the certificate, and ends TLS.
func (g *Guestbook) Terminates() bool { return g.TLSCertificate != "" || g.TLSCertificateID != "" }

// ACME reports whether the frontend obtains the certificate by itself, and ends TLS (docs/decisions/0019-acme.md).
func (g *Guestbook) ACME() bool { return g.ACMEDirectory != "" }

// ProxyProtocol reports whether the load balancer names the visitors by headers of the PROXY protocol: it passes on
// connections whose content it does not read.
func (g *Guestbook) ProxyProtocol() bool { return g.Hardened() && (g.NetworkBalanced() || g.ACME()) }

// Redirects reports whether the guestbook redirects HTTP to HTTPS.
func (g *Guestbook) Redirects() bool { return g.HTTPS() && g.PlainHTTP == Redirect }

// Listeners returns the ports that visitors connect to: that of the pages first.
func (g *Guestbook) Listeners() []Listener {
	pages := Listener{Name: "http", Port: g.ServicePort()}
	if !g.HTTPS() {
		return []Listener{pages}
	}
	pages.Name, pages.Through = "https", g.ACME()
	if !g.Redirects() {
		return []Listener{pages}
	}
	return []Listener{pages, {Name: "http", Port: httpPort, Redirect: true}}
}

// ServicePort returns the port on which visitors find the pages.
func (g *Guestbook) ServicePort() int {
	switch {
	case g.Port != 0:
		return g.Port
	case g.HTTPS():
		return httpsPort
	}
	return httpPort
}

// Address returns the address of the pages at a host, which is the host of the certificate if that is known.
func (g *Guestbook) Address(host string) string {
	scheme, usual := "http", httpPort
	if g.HTTPS() {
		scheme, usual = "https", httpsPort
		if g.TLSHostname != "" {
			host = g.TLSHostname
		}
	}
	if port := g.ServicePort(); port != usual {
		host = fmt.Sprintf("%s:%d", host, port)
	}
	return scheme + "://" + host
}

// RedirectTo returns the host and port that HTTP is redirected to, as the frontend's REDIRECT_TO has them: empty for
// the host of the request and port 443.
func (g *Guestbook) RedirectTo() string {
	if port := g.ServicePort(); port != httpsPort {
		return fmt.Sprintf("%s:%d", g.TLSHostname, port)
	}
	return g.TLSHostname
}

// RedirectPort returns the port of the frontend's container that redirects: one that has no other use.
func (g *Guestbook) RedirectPort() int {
	return freePort(firstRedirectPort, g.FrontendPort, g.MetricsPort)
}

// TLSPort returns the port of the frontend's container that ends TLS: one that has no other use.
func (g *Guestbook) TLSPort() int {
	return freePort(firstTLSPort, g.FrontendPort, g.MetricsPort, g.RedirectPort())
}

func freePort(port int, used ...int) int {
	for slices.Contains(used, port) {
		port++
	}
	return port
}

// CertificateExpires returns when the first certificate of tlsCertificate expires; the zero time without one.
func (g *Guestbook) CertificateExpires() (first time.Time) {
	for rest := []byte(g.TLSCertificate); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return first
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && (first.IsZero() || c.NotAfter.Before(first)) {
			first = c.NotAfter
		}
	}
}

// CertificateName returns the name of the Secret with the load balancer's certificate. It differs for each pair of
// certificate and key. The hash does not reveal the key, which has too many bits to be guessed.
func (g *Guestbook) CertificateName() string {
	return "frontend-tls-" + short(g.TLSCertificate, g.TLSPrivateKey)
}

// CertificateMapName returns the name of the ConfigMap with the certificate of tlsCertificateId. It differs for each
// content, so that the Service, which names it, changes with it.
func (g *Guestbook) CertificateMapName() string {
	return "frontend-certificates-" + short(g.TLSCertificateID, fmt.Sprint(g.ServicePort()))
}

// short returns ten characters that differ for each pair of texts.
func short(a, b string) string {
	hash := sha256.Sum256([]byte(a + "\x00" + b))
	return hex.EncodeToString(hash[:5])
}
