package cluster

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
)

// OIDCIssuer is an OpenID Connect issuer whose tokens the Kubernetes API accepts. Settings documents the fields.
type OIDCIssuer struct {
	URL            string
	ClientID       string
	UsernameClaim  string
	UsernamePrefix string
	GroupsClaim    string
	GroupsPrefix   string
	RequiredClaims map[string]string
	CACertificate  string
}

// maxIssuers is how many authenticators an API server's configuration has (k8s.io/apiserver v0.36.3,
// pkg/apis/apiserver/validation). Of a limit of OKE nothing is known.
const maxIssuers = 64

// noPrefix is the setting of no prefix, as in the API server's flags.
const noPrefix = "-"

// openID declares the settings of OpenID Connect (Oracle documentation, "Authenticating Cluster Users using an External
// OpenID Connect (OIDC) Identity Provider", 2025-02-26; read 2026-11-29).
func (s *Spec) openID() setting.Group {
	return setting.Group{
		setting.Objects(&s.OIDCIssuers, "oidcIssuers", nil,
			"OpenID Connect issuers whose tokens the Kubernetes API accepts beside Oracle's (enhanced). The API endpoint gets "+
				"a way to their ports. docs/access.md has examples",
			(*OIDCIssuer).settings,
			setting.Func(fmt.Sprintf("at most %d", maxIssuers), func(issuers []OIDCIssuer) error {
				if len(issuers) > maxIssuers {
					return fmt.Errorf("%d are more than the %d that the Kubernetes API takes", len(issuers), maxIssuers)
				}
				return nil
			})),
		setting.Of(&s.OIDCDiscovery, "oidcDiscovery", false,
			"Publish an OpenID Connect discovery document, by which other clouds verify tokens of the cluster's service "+
				"accounts (enhanced). The output oidcIssuer is its address"),
	}
}

var claim = setting.Func("", checkClaim)

func (i *OIDCIssuer) settings() setting.Group {
	return setting.Group{
		setting.Of(&i.URL, "url", "", "URL of the issuer, which is the claim iss of its tokens",
			setting.Func("an https:// URL", checkIssuerURL)),
		setting.Of(&i.ClientID, "clientId", "", "Audience that tokens must be for, the claim aud",
			setting.Required[string]("write the audience of the tokens, such as oke"), claim),
		setting.Of(&i.UsernameClaim, "usernameClaim", "sub", "Claim that is the user's name", claim),
		setting.Of(&i.UsernamePrefix, "usernamePrefix", "",
			"What precedes the user's name, such as oidc:. Empty for the URL and #, but nothing with the claim email; - for "+
				"nothing",
			setting.Func("", checkPrefix)),
		setting.Of(&i.GroupsClaim, "groupsClaim", "", "Claim that has the user's groups. Empty for no groups",
			claim),
		setting.Of(&i.GroupsPrefix, "groupsPrefix", "", "What precedes the groups' names. Empty for nothing",
			setting.Func("", checkPrefix)),
		setting.Texts(&i.RequiredClaims, "requiredClaims", "Claims that tokens must have, with their values",
			setting.Func("", checkRequiredClaims)),
		setting.Of(&i.CACertificate, "caCertificate", "",
			"Certificates in PEM that the issuer's is checked with. Empty for the usual authorities",
			setting.Optional(setting.Func("certificates in PEM", checkPEM))),
	}
}

func checkIssuerURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "":
		return fmt.Errorf("%q is not an https:// URL such as https://token.actions.githubusercontent.com", text)
	case strings.ContainsAny(text, " \t"):
		return fmt.Errorf("%q has a blank", text)
	case strings.ContainsAny(text, "?#") || u.User != nil:
		return fmt.Errorf("%q must have neither user, query nor fragment: it is the claim iss of the tokens", text)
	case strings.HasSuffix(strings.TrimRight(text, "/"), "/.well-known/openid-configuration"):
		return fmt.Errorf("%q is the discovery document: leave /.well-known/openid-configuration out", text)
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("%q has the port %q, and one is from 1 to 65535", text, port)
		}
	}
	if host := u.Hostname(); strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local") {
		return fmt.Errorf("%s is a name that Pods resolve only, and the API server asks the issuer for its keys: name a "+
			"load balancer", host)
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && !strings.Contains(u.Hostname(), ".") &&
		u.Hostname() != "localhost" {
		return fmt.Errorf("%s is no name of the DNS, such as %s.example.com, and the API server asks the issuer for its keys",
			u.Hostname(), u.Hostname())
	}
	if err := setting.CheckRemote(u.Hostname()); err != nil {
		return fmt.Errorf("%w: the API server asks the issuer for its keys", err)
	}
	return nil
}

// checkPrefix refuses names that Kubernetes has for its own users and groups.
func checkPrefix(prefix string) error {
	if strings.HasPrefix(prefix, "system:") {
		return fmt.Errorf("%q begins the names of Kubernetes's own users: choose another, such as my-", prefix)
	}
	return nil
}

// checkPEM returns an error unless the text is certificates and one of them has not expired. One that is no authority's
// is accepted: the server's own works, too (Go, crypto/x509, Certificate.Verify, which the API server uses).
func checkPEM(text string) error {
	var expired error
	valid, count := false, 0
	for rest := []byte(text); ; count++ {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		switch {
		case block.Type != "CERTIFICATE":
			return fmt.Errorf("has a %s in PEM, and takes certificates only", block.Type)
		case err != nil:
			return fmt.Errorf("certificate %d: %w", count+1, err)
		case time.Now().After(certificate.NotAfter):
			expired = fmt.Errorf("the certificate of %s expired on %s", certificate.Subject,
				certificate.NotAfter.Format(time.DateOnly))
		default:
			valid = true
		}
	}
	switch begun := strings.Count(text, "-----BEGIN "); {
	case count == 0:
		return errors.New("is not a certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
	case begun != count:
		return fmt.Errorf("%d of the %d parts in PEM cannot be read", begun-count, begun)
	case !valid:
		return expired
	}
	return nil
}

// checkClaim refuses a name that is blank or has blanks around it: the API server compares whole texts.
func checkClaim(name string) error {
	if strings.TrimSpace(name) != name {
		return fmt.Errorf("%q has blanks around it", name)
	}
	return nil
}

func checkRequiredClaims(claims map[string]string) error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		if name == "" {
			all = append(all, errors.New("a claim needs a name"))
		}
		all = append(all, checkClaim(name))
	}
	return errors.Join(all...)
}

// validateOpenID checks what the settings of OpenID Connect must satisfy together.
func (s *Spec) validateOpenID(list *problem.List) {
	if s.ClusterType == Basic {
		const needs = "needs clusterType enhanced: a basic cluster has no OpenID Connect"
		if len(s.OIDCIssuers) > 0 {
			list.Add("oidcIssuers", needs).DependsOn("clusterType")
		}
		if s.OIDCDiscovery {
			list.Add("oidcDiscovery", needs).DependsOn("clusterType")
		}
	}
	for n, i := range s.OIDCIssuers {
		key := fmt.Sprintf("oidcIssuers[%d]", n)
		first := slices.IndexFunc(s.OIDCIssuers, func(o OIDCIssuer) bool { return o.URL == i.URL })
		if first < n {
			list.Add(key+".url", "%s is the URL of oidcIssuers[%d] too", i.URL, first).
				DependsOn(fmt.Sprintf("oidcIssuers[%d].url", first))
		}
		if i.GroupsPrefix != "" && i.GroupsClaim == "" {
			list.Add(key+".groupsPrefix", "is for groups: set groupsClaim too").DependsOn(key + ".groupsClaim")
		}
		if i.UsernameClaim == "" {
			list.Add(key+".usernameClaim", "must be a claim, such as sub")
		}
	}
}

// Prefix is what precedes a user's name. Where the setting is empty, it is what the API server's flags for one issuer
// would put there (Kubernetes, "Authenticating", --oidc-username-prefix).
func (i *OIDCIssuer) Prefix() string {
	switch {
	case i.UsernamePrefix == noPrefix, i.UsernamePrefix == "" && i.UsernameClaim == "email":
		return ""
	case i.UsernamePrefix == "":
		return i.URL + "#"
	}
	return i.UsernamePrefix
}

// Endpoint returns where the API server asks the issuer for its keys: the address, or nothing for a host name, and the
// TCP port. A URL that Validate refuses has port 443.
func (i *OIDCIssuer) Endpoint() (netip.Addr, int) {
	u, err := url.Parse(i.URL)
	if err != nil {
		return netip.Addr{}, 443
	}
	addr, _ := netip.ParseAddr(u.Hostname())
	if port, err := strconv.Atoi(u.Port()); err == nil {
		return addr, port
	}
	return addr, 443
}
