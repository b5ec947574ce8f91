package settings

import (
	"strings"
	"testing"
)

// logsAt is settings of an agent that sends logs to a host, with the rule that it needs.
func logsAt(host string) map[string]string {
	return with("logDestination", host+":24224",
		"extraRules", `[{"from":"workers","to":"198.51.100.0/24","protocol":"tcp","ports":"24224"}]`)
}

// issuerAt is an OpenID Connect issuer at a host.
func issuerAt(host string) map[string]string {
	return issuer(`"url":"https://` + host + `","clientId":"oke"`)
}

// TestUnworkableHosts has hosts and registries that no resolver or client takes.
func TestUnworkableHosts(t *testing.T) {
	checkRefusals(t, []refusal{
		{"an empty label", logsAt("logs..example.com"), []string{"logDestination logs..example.com"}},
		{
			"a long label", issuerAt(strings.Repeat("a", 64) + ".example.com"),
			[]string{"oidcIssuers[0].url neither address nor name"},
		},
		{"a long name", issuerAt(strings.Repeat("abc.", 63) + "de"), []string{"oidcIssuers[0].url 254 253"}},
		{"an address above 255", logsAt("198.51.100.700"), []string{"logDestination 198.51.100.700 address"}},
		{"an address of three numbers", logsAt("198.51.100"), []string{"logDestination 198.51.100 address"}},
		{"an address of no machine", logsAt("255.255.255.255"), []string{"logDestination 255.255.255.255"}},
		{"an address of this network", logsAt("0.1.2.3"), []string{"logDestination 0.1.2.3"}},
		{
			"an issuer that begins with a hyphen", issuer(`"url":"https://-a.example.com","clientId":"oke"`),
			[]string{"oidcIssuers[0].url -a.example.com"},
		},
		{
			"an issuer without a domain", issuer(`"url":"https://issuer","clientId":"oke"`),
			[]string{"oidcIssuers[0].url issuer.example.com"},
		},
		{
			"an issuer with an empty query", issuer(`"url":"https://a.example.com/?","clientId":"oke"`),
			[]string{"oidcIssuers[0].url query"},
		},
		{
			"an issuer with an empty fragment", issuer(`"url":"https://a.example.com/#","clientId":"oke"`),
			[]string{"oidcIssuers[0].url fragment"},
		},
		{
			"an issuer with a blank", issuer(`"url":"https://a.example.com/my realm","clientId":"oke"`),
			[]string{"oidcIssuers[0].url blank"},
		},
		{
			"an ACME server with an empty label", acme("acmeDirectory", "https://acme..example.com/directory"),
			[]string{"acmeDirectory acme..example.com"},
		},
		{
			"Let's Encrypt without its directory", acme("acmeDirectory", "https://acme-v02.api.letsencrypt.org"),
			[]string{"acmeDirectory https://acme-v02.api.letsencrypt.org/directory"},
		},
		{
			"Let's Encrypt with a slash", acme("acmeDirectory", "https://acme-staging-v02.api.letsencrypt.org/directory/"),
			[]string{"acmeDirectory https://acme-staging-v02.api.letsencrypt.org/directory"},
		},
		{
			"a URL of an image", with("frontendImage", "https://iad.ocir.io/t/g:v1"),
			[]string{"frontendImage leave iad.ocir.io"},
		},
		{"an image at port 0", with("frontendImage", "a.example.com:0/g:v1"), []string{"frontendImage port 0 65535"}},
		{"an image at no port", with("frontendImage", "iad.ocir.io:99999/t/g:v1"), []string{"frontendImage 99999 65535"}},
		{"an image of a website", with("mongoImage", "hub.docker.com/_/mongo:8.0"), []string{"mongoImage"}},
		{
			"an image of another website", with("mongoImage", "hub.docker.com/library/mongo:8.0"),
			[]string{"mongoImage docker.io"},
		},
		{"an image of a forge", with("frontendImage", "github.com/me/guestbook:v1"), []string{"frontendImage ghcr.io"}},
	})
	for name, set := range map[string]map[string]string{
		"an underscore":        issuer(`"url":"https://my_issuer.example.com","clientId":"oke"`),
		"a Service":            logsAt("fluentd.logging"),
		"a name with a period": issuer(`"url":"https://a.example.com.","clientId":"oke"`),
		"another language":     issuer(`"url":"https://발급자.example.com","clientId":"oke"`),
		"a label of 23 syllables of another language": issuerAt(strings.Repeat("가", 23) + ".example.com"),
		"a name of 90 syllables of another language":  issuerAt(strings.Repeat("가나다.", 30) + "com"),
		"a label of 63 letters":                       issuerAt(strings.Repeat("a", 63) + ".example.com"),
		"metrics of native Pods": enhanced("addons", `["CertManager","KubernetesMetricsServer"]`, "podNetwork",
			"vcn-native"),
		"metrics by a rule of one's own": enhanced("addons", `["CertManager","KubernetesMetricsServer"]`, "podNetwork",
			"vcn-native", "extraRules", `[{"from":"pods","to":"workers","protocol":"tcp","ports":"10250"}]`),
		"the government's registry": with("oci:region", "us-gov-ashburn-1", "compartmentId", "ocid1.compartment.oc3..a",
			"internetEgress", "none", "frontendImage", "ocir.us-gov-ashburn-1.oci.oraclegovcloud.com/t/guestbook:v1",
			"mongoImage", "ocir.us-gov-ashburn-1.oci.oraclegovcloud.com/t/mongo:8.0"),
		"another ACME server": acme("acmeDirectory", "https://ca.example.com/acme/acme/directory/"),
	} {
		if _, err := load(set); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
