package doctor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

var toolFindings = []finding{
	{"no pulumi", func(s *setup) { s.pulumi = "" }, []string{
		"✗ the command pulumi is not on PATH",
		"pulumi.com/docs/install",
	}},
	{
		"an old pulumi",
		func(s *setup) { s.pulumi = strings.Replace(working, "v3.253.0", "v3.100.0", 1) },
		[]string{"✗ pulumi v3.100.0 is older than v3.240.0"},
	},
	{
		"a broken pulumi",
		func(s *setup) { s.pulumi = strings.Replace(working, "echo v3.253.0", "echo segfault >&2; exit 2", 1) },
		[]string{"✗ pulumi version: segfault", "install it again"},
	},
	{
		"no go",
		func(s *setup) { s.env["PATH"] = "/nonexistent" },
		[]string{"✗ the command go is not on PATH", "go.dev/dl"},
	},
	{
		"a go that cannot become newer",
		func(s *setup) { s.golang = "echo 'go: toolchain not available' >&2; exit 1" },
		[]string{"✗ go: ", "toolchain not available", "or newer"},
	},
	{
		"a backend that fails",
		func(s *setup) { s.pulumi = failing("error: open bucket: access denied") },
		[]string{"✗ pulumi config: open bucket: access denied"},
	},
	{
		"no stack",
		func(s *setup) { s.pulumi = failing(`error: no stack named "test" found`) },
		[]string{"✗ pulumi knows no stack test yet", "pulumi stack init test"},
	},
	{
		"no login",
		func(s *setup) { s.pulumi = failing("error: PULUMI_ACCESS_TOKEN must be set for login") },
		[]string{"✗ pulumi is not logged in to a backend", "pulumi login"},
	},
	{
		"no passphrase",
		func(s *setup) { s.pulumi = failing("error: passphrase must be set with PULUMI_CONFIG_PASSPHRASE") },
		[]string{"✗ pulumi cannot decrypt the stack's secrets", "PULUMI_CONFIG_PASSPHRASE_FILE"},
	},
	{
		"no oci command on Oracle Cloud",
		func(s *setup) {
			set("tokenCommand", "oci")(s)
			s.env["CLIENT_HOST_OVERRIDES"], s.env["HTTPS_PROXY"] = "", "http://127.0.0.1:1"
		},
		[]string{
			"✗ tokenCommand: the command oci is not on PATH", "pulumi config set tokenCommand oke",
			"✗ the region us-ashburn-1 cannot be reached", "HTTPS_PROXY",
		},
	},
	{
		"no command for tokens",
		func(s *setup) { s.tokens = "" },
		[]string{"✗ no command makes the tokens of the cluster", "go install ./cmd/oke"},
	},
	{
		"settings",
		func(s *setup) {
			s.config["oke-guestbook:vcnCidr"] = "10.0.0.1/16"
			s.config["oke-guestbook:tags"] = map[string]string{"stack": "x"}
		},
		[]string{"✗ vcnCidr: 10.0.0.1/16 has host bits set", `✗ tags: "stack" is set`, "– the settings need a change first"},
	},
}

func failing(text string) string {
	return strings.Replace(working, `cat "$STACK_CONFIG"`, "echo '"+text+"' >&2; exit 1", 1)
}

var accountFindings = []finding{
	{
		"a key of nobody's",
		func(s *setup) {
			s.config["oci:privateKey"] = string(newKey())
			s.config["oci:fingerprint"] = "" // of the environment
		},
		[]string{"✗ the key of oci:privateKey has the fingerprint", "says", "set the fingerprint"},
	},
	{
		"refused credentials",
		func(s *setup) { s.env["OCI_USER_OCID"] = "ocid1.user.oc1..somebodyelse" },
		[]string{"✗ the region us-ashburn-1 refuses the credentials", "API keys", "not subscribed"},
	},
	{
		"a clock that is slow",
		func(s *setup) { s.faults = []engine.Fault{{SkewSeconds: 600}} },
		[]string{"✗ this machine's clock is 10m0s slow, and Oracle refuses more than 5m0s", "timedatectl"},
	},
	{
		"a clock that is fast",
		func(s *setup) { s.faults = []engine.Fault{{SkewSeconds: -600}} },
		[]string{"✗ this machine's clock is 10m0s fast"},
	},
	{
		"a clock that is a little off",
		func(s *setup) { s.faults = []engine.Fault{{SkewSeconds: -120}} },
		[]string{"✓ clock: 2m"},
	},
	{
		"no region",
		func(s *setup) { s.env["OCI_REGION"] = "" },
		[]string{"✗ no region", "pulumi config set oci:region us-ashburn-1"},
	},
	{
		"a service that is down",
		func(s *setup) { s.faults = []engine.Fault{{Path: "/20160918/availabilityDomains", Status: 503}} },
		[]string{
			"✗ region us-ashburn-1: the service answers 503 InternalServerError",
			"– there is no access to the compartment yet",
		},
	},
	{
		"nobody listens",
		func(s *setup) {
			down := httptest.NewServer(http.NotFoundHandler())
			down.Close()
			s.env["CLIENT_HOST_OVERRIDES"] = "oci_identity.IdentityClient=" + down.URL
		},
		[]string{"✗ the region us-ashburn-1 cannot be reached", "check the network"},
	},
	{
		"a region without a host",
		func(s *setup) {
			s.env["CLIENT_HOST_OVERRIDES"] = "oci_identity.IdentityClient=http://identity.us-ashburm-1.invalid"
			s.config["oci:region"] = "us-ashburm-1"
		},
		[]string{"✗ there is no host identity.us-ashburm-1.invalid: us-ashburm-1 is no region", "oci:region"},
	},
	{
		"a region that is not subscribed",
		func(s *setup) { s.config["oci:region"] = "eu-frankfurt-1" },
		[]string{"✗ the tenancy is not subscribed to eu-frankfurt-1, but to us-ashburn-1", "oci:region"},
	},
	{
		"another home region",
		set("homeRegion", "eu-frankfurt-1"),
		[]string{
			"✗ homeRegion is eu-frankfurt-1, and the tenancy's is us-ashburn-1",
			"pulumi config set homeRegion us-ashburn-1",
		},
	},
	{
		"no home region",
		func(s *setup) {
			s.config["oci:region"] = "eu-frankfurt-1"
			s.config["oke-guestbook:clusterType"] = "enhanced"
			s.config["oke-guestbook:backupSchedule"] = "0 3 * * *"
			s.answers["/20160918/tenancies/"+oci.TenancyID+"/regionSubscriptions"] = `[` +
				`{"regionName":"us-ashburn-1","status":"READY","isHomeRegion":true},` +
				`{"regionName":"eu-frankfurt-1","status":"READY","isHomeRegion":false}]`
		},
		[]string{"✗ homeRegion is not set: only us-ashburn-1 takes the stack's policies, dynamic group or budget"},
	},
	{
		"a deleted compartment",
		func(s *setup) {
			s.answers["/20160918/compartments/"+oci.CompartmentID] = `{"name":"old","lifecycleState":"DELETED"}`
		},
		[]string{"✗ compartmentId: compartment old is DELETED", "pulumi config set compartmentId"},
	},
	{
		"no such compartment",
		set("compartmentId", "ocid1.compartment.oc1..nobodys"),
		[]string{"✗ compartmentId: this user sees no compartment ocid1.compartment.oc1..nobodys", "make policies STACK=test"},
	},
}
