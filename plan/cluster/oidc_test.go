package cluster

import "testing"

func TestIssuerPrefix(t *testing.T) {
	const url = "https://a.example.com"
	for _, c := range []struct{ claim, prefix, want string }{
		{"sub", "", url + "#"}, {"email", "", ""}, {"sub", "-", ""}, {"sub", "oidc:", "oidc:"}, {"email", "oidc:", "oidc:"},
	} {
		i := OIDCIssuer{URL: url, UsernameClaim: c.claim, UsernamePrefix: c.prefix}
		if got := i.Prefix(); got != c.want {
			t.Errorf("claim %s, prefix %q: %q, want %q", c.claim, c.prefix, got, c.want)
		}
	}
}

func TestIssuerEndpoint(t *testing.T) {
	for url, want := range map[string]int{"https://a.example.com/x": 443, "https://10.9.0.1:8443": 8443} {
		addr, port := (&OIDCIssuer{URL: url}).Endpoint()
		if port != want || addr.IsValid() != (want == 8443) {
			t.Errorf("%s: %v %d", url, addr, port)
		}
	}
}

// TestAuthenticationFile compares the file with what Kubernetes documents. local/kube shows that an API server takes
// one of that form.
func TestAuthenticationFile(t *testing.T) {
	s := Spec{OIDCIssuers: []OIDCIssuer{
		{
			URL: "https://a.example.com", ClientID: "oke", UsernameClaim: "sub",
			RequiredClaims: map[string]string{"team": "web"},
		},
		{
			URL: "https://b.example.com", ClientID: "oke", UsernameClaim: "email", GroupsClaim: "groups", GroupsPrefix: "b:",
			CACertificate: "PEM",
		},
	}}
	got, err := s.AuthenticationFile()
	const want = `{"apiVersion":"apiserver.config.k8s.io/v1beta1","kind":"AuthenticationConfiguration","jwt":[` +
		`{"issuer":{"url":"https://a.example.com","audiences":["oke"]},` +
		`"claimValidationRules":[{"claim":"team","requiredValue":"web"}],` +
		`"claimMappings":{"username":{"claim":"sub","prefix":"https://a.example.com#"}}},` +
		`{"issuer":{"url":"https://b.example.com","audiences":["oke"],"certificateAuthority":"PEM"},` +
		`"claimMappings":{"groups":{"claim":"groups","prefix":"b:"},"username":{"claim":"email","prefix":""}}}]}`
	if err != nil || got != want {
		t.Errorf("%v\ngot  %s\nwant %s", err, got, want)
	}
}
