package tests

import (
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
)

// onPath puts commands on PATH, before all others.
func onPath(t *testing.T, names ...string) {
	t.Helper()
	path, err := pathWith(t.TempDir(), names...)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
}

// TestKubeconfigLogin expects the Kubernetes provider to get a kubeconfig with the OCI provider's profile and method of
// authentication, from the stack's settings or from the variables that the OCI provider reads.
func TestKubeconfigLogin(t *testing.T) {
	onPath(t, "oci")
	for _, tc := range []struct {
		name      string
		set       map[string]string
		variables map[string]string
		want      string
	}{
		{"nothing set", nil, nil, "generate-token]"},
		{
			"settings",
			map[string]string{"oci:configFileProfile": "PROD", "oci:auth": "SecurityToken"},
			nil,
			"generate-token, --auth, security_token, --profile, PROD]",
		},
		{
			"variables", nil,
			map[string]string{"OCI_AUTH": "InstancePrincipal"},
			"generate-token, --auth, instance_principal]",
		},
		{
			"settings before variables",
			map[string]string{"oci:configFileProfile": "PROD"},
			map[string]string{"OCI_CONFIG_FILE_PROFILE": "OTHER"},
			"generate-token, --profile, PROD]",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for name, value := range tc.variables {
				t.Setenv(name, value)
			}
			r := mocks.New(project, "dev")
			r.ExecKubeconfig = true
			if err := update(t, "dev", tc.set, r); err != nil {
				t.Fatal(err)
			}
			provider, err := r.Find("pulumi:providers:kubernetes", project+"-dev")
			if err != nil {
				t.Fatal(err)
			}
			kubeconfig := provider.Inputs["kubeconfig"]
			if !kubeconfig.IsSecret() {
				t.Fatal("the provider's kubeconfig is no secret")
			}
			if got := kubeconfig.SecretValue().Element.StringValue(); !strings.Contains(got, tc.want) {
				t.Errorf("no %q in %s", tc.want, got)
			}
		})
	}
}

// TestKubeconfigKeys expects the key of the stack's settings in the kubeconfig of its own provider, for either command.
func TestKubeconfigKeys(t *testing.T) {
	onPath(t, "oci", "oke")
	for command, call := range map[string]string{"oci": "generate-token", "oke": "token"} {
		r := mocks.New(project, "dev")
		r.ExecKubeconfig = true
		if err := update(t, "dev", map[string]string{
			"tokenCommand": command, "oci:tenancyOcid": "ocid1.tenancy.oc1..t", "oci:userOcid": "ocid1.user.oc1..u",
			"oci:fingerprint": strings.Repeat("00:", 15) + "00", "oci:privateKey": "-----BEGIN",
		}, r); err != nil {
			t.Fatal(err)
		}
		provider, err := r.Find("pulumi:providers:kubernetes", project+"-dev")
		if err != nil {
			t.Fatal(err)
		}
		got := provider.Inputs["kubeconfig"].SecretValue().Element.StringValue()
		for _, want := range []string{"command: " + command, call, "OCI_CLI_KEY_CONTENT", "-----BEGIN", "ocid1.user.oc1..u"} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: no %q in %s", command, want, got)
			}
		}
	}
}

// TestKubeconfigWithoutCommand expects an error that says what to install if the kubeconfig calls a command and none
// is there.
func TestKubeconfigWithoutCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := mocks.New(project, "dev")
	r.ExecKubeconfig = true
	if err := update(t, "dev", nil, r); !reports(err, "asks a command for tokens", "cliinstall") {
		t.Errorf("got %v, want an error that says how to install a command", err)
	}
	if _, err := run(t, "dev", nil); err != nil {
		t.Errorf("a kubeconfig that calls no command: %v", err)
	}
}
