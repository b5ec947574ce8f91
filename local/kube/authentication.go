package kube

import (
	"path/filepath"
	"strings"
)

const defaultIssuer = "https://kubernetes.default.svc.cluster.local"

func (c *cluster) authenticationPath() string { return filepath.Join(c.dir, "authentication.yaml") }

func (c *cluster) issuerCAPath() string { return filepath.Join(c.dir, "issuer-ca.crt") }

// writeAuthentication writes the files that authenticationFlags names.
func (c *cluster) writeAuthentication() error {
	a := c.state.Cluster.Authentication
	if len(a.Config) > 0 {
		return writeFile(c.authenticationPath(), a.Config)
	}
	if a.Issuer != nil && len(a.Issuer.CA) > 0 {
		return writeFile(c.issuerCAPath(), a.Issuer.CA)
	}
	return nil
}

// authenticationFlags are those of the API server for tokens: of its own service accounts, and of OpenID Connect
// issuers. Tokens that name the default issuer stay valid when the cluster gets another name.
func (c *cluster) authenticationFlags() []string {
	a := c.state.Cluster.Authentication
	var flags []string
	if a.OwnName != "" {
		flags = append(flags, "--service-account-issuer="+a.OwnName)
	}
	flags = append(flags, "--service-account-issuer="+defaultIssuer)
	if len(a.Config) > 0 {
		return append(flags, "--authentication-config="+c.authenticationPath())
	}
	issuer := a.Issuer
	if issuer == nil {
		return flags
	}
	for _, flag := range []struct{ name, value string }{
		{"issuer-url", issuer.URL},
		{"client-id", issuer.ClientID},
		{"username-claim", issuer.UsernameClaim},
		{"username-prefix", issuer.UsernamePrefix},
		{"groups-claim", issuer.GroupsClaim},
		{"groups-prefix", issuer.GroupsPrefix},
		{"signing-algs", strings.Join(issuer.SigningAlgorithms, ",")},
	} {
		if flag.value != "" {
			flags = append(flags, "--oidc-"+flag.name+"="+flag.value)
		}
	}
	for _, claim := range issuer.RequiredClaims {
		flags = append(flags, "--oidc-required-claim="+claim)
	}
	if len(issuer.CA) > 0 {
		flags = append(flags, "--oidc-ca-file="+c.issuerCAPath())
	}
	return flags
}
