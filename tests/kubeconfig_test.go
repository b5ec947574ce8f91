package tests

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
)

// TestKubeconfigLogin expects the Kubernetes provider to get a kubeconfig with the OCI provider's profile and method of
// authentication, from the stack's settings or from the variables that the OCI provider reads.
func TestKubeconfigLogin(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "oci"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
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

// TestKubeconfigWithoutCommand expects an error that names the command oci if the kubeconfig calls it and it is not
// there.
func TestKubeconfigWithoutCommand(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	r := mocks.New(project, "dev")
	r.ExecKubeconfig = true
	if err := update(t, "dev", nil, r); !reports(err, "the command oci", "cliinstall") {
		t.Errorf("got %v, want an error that says how to install the command oci", err)
	}
	if _, err := run(t, "dev", nil); err != nil {
		t.Errorf("a kubeconfig that calls no command: %v", err)
	}
}
