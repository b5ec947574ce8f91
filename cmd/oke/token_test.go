package main

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
)

const someCluster = "ocid1.cluster.oc1.iad.aaaa"

// withoutLogin clears the variables that name credentials.
func withoutLogin(t *testing.T) {
	t.Helper()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if strings.HasPrefix(name, "OCI_") || strings.HasPrefix(name, "TF_VAR_") {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
}

// fingerprint returns a key's fingerprint, as OCI's configuration files have it.
func fingerprint(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(fmt.Sprintf("% x", md5.Sum(public)), " ", ":")
}

// configFile writes a configuration file with several profiles, and returns its path.
func configFile(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	locked, err := pkcs8.MarshalPrivateKey(key, []byte("secret"), nil)
	if err != nil {
		t.Fatal(err)
	}
	payload := fmt.Sprintf(`{"exp":%d}`, time.Now().Add(-time.Hour).Unix())
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("key", string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
	})))
	write("locked", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: locked})))
	write("token", "e30."+base64.RawURLEncoding.EncodeToString([]byte(payload))+".x")
	user := "user=ocid1.user.oc1..u\nfingerprint=" + fingerprint(t, key) + "\ntenancy=ocid1.tenancy.oc1..t\n"
	write("config", strings.ReplaceAll("[DEFAULT]\n"+user+"region=us-ashburn-1\nkey_file=DIR/key\n"+
		"[LOCKED]\n"+user+"region=us-ashburn-1\nkey_file=DIR/locked\n"+
		"[OPEN]\n"+user+"region=us-ashburn-1\nkey_file=DIR/locked\npass_phrase=secret\n"+
		"[GONE]\n"+user+"region=us-ashburn-1\nkey_file=DIR/gone\n"+
		"[NOWHERE]\n"+user+"key_file=DIR/key\n"+
		"[OTHER]\n"+user+"fingerprint=00\nregion=us-ashburn-1\nkey_file=DIR/key\n"+
		"[SESSION]\nfingerprint=00\ntenancy=ocid1.tenancy.oc1..t\nregion=us-ashburn-1\nkey_file=DIR/key\n"+
		"security_token_file=DIR/token\n", "DIR", dir))
	return filepath.Join(dir, "config")
}

func TestToken(t *testing.T) {
	withoutLogin(t)
	config := configFile(t)
	for _, profile := range []string{"DEFAULT", "OPEN"} {
		var out strings.Builder
		args := []string{"token", "--cluster-id", someCluster, "--config-file", config, "--profile", profile}
		err := run(args, &out, io.Discard)
		var credential struct{ Status struct{ Token string } }
		if err != nil || json.Unmarshal([]byte(out.String()), &credential) != nil || credential.Status.Token == "" {
			t.Errorf("%s: %v, %s", profile, err, out.String())
		}
	}
}

// TestTokenIsOnDiskOnlyIfAsked expects --cache to return the same token again, and nothing to be kept without it.
func TestTokenIsOnDiskOnlyIfAsked(t *testing.T) {
	withoutLogin(t)
	config := configFile(t)
	token := func(flags ...string) string {
		var out strings.Builder
		if err := run(append([]string{"token", "--cluster-id", someCluster, "--config-file", config}, flags...),
			&out, io.Discard); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	files := func() int {
		found, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "oke", "*"))
		return len(found)
	}
	if token(); files() != 0 {
		t.Error("a token is on disk without --cache")
	}
	first := token("--cache")
	if again := token("--cache"); again != first || files() != 1 {
		t.Errorf("%d files, first %s, then %s", files(), first, again)
	}
	if token("--cache", "--profile", "OPEN"); files() != 2 {
		t.Error("another profile got the same token")
	}
	if token("--cache", "--service-account-token", "/a"); files() != 3 {
		t.Error("another Pod's token got the same token")
	}
}

// TestTokenIsRefused expects one line that says what to do.
func TestTokenIsRefused(t *testing.T) {
	withoutLogin(t)
	config := configFile(t)
	for _, test := range []struct {
		name  string
		flags []string
		want  string
	}{
		{"no configuration file", nil, ".oci/config has tenancy, user and fingerprint: oci setup config"},
		{
			"unknown profile",
			[]string{"--config-file", config, "--profile", "PROD"},
			"has no profile PROD: it has DEFAULT, GONE, LOCKED, NOWHERE, OPEN, OTHER, SESSION: --profile",
		},
		{"passphrase missing", []string{"--config-file", config, "--profile", "LOCKED"}, "OCI_CLI_PASSPHRASE"},
		{"key missing", []string{"--config-file", config, "--profile", "GONE"}, "which does not exist: correct the path"},
		{"region missing", []string{"--config-file", config, "--profile", "NOWHERE"}, "add --region"},
		{
			"no session",
			[]string{"--config-file", config, "--auth", "security_token"},
			"has no security_token_file: oci session",
		},
		{"expired session", []string{
			"--config-file", config, "--profile", "SESSION", "--auth", "security_token",
		}, "oci session authenticate --profile-name SESSION"},
		{"expired session, found by itself", []string{"--config-file", config, "--profile", "SESSION"}, "expired 1h0m0s ago"},
		{"unknown method", []string{"--auth", "password"}, `--auth is "password", which is no method`},
		{"no resource principal", []string{"--auth", "resource_principal"}, "OCI_RESOURCE_PRINCIPAL_VERSION"},
		{"no workload", []string{"--auth", "oke_workload_identity"}, "OCI_RESOURCE_PRINCIPAL_VERSION"},
		{"another key", []string{"--config-file", config, "--profile", "OTHER"}, "says 00: set the fingerprint"},
		{"no cluster", []string{"--config-file", config, "--cluster-id", "prod"}, `"prod" is not the OCID of a cluster`},
		{"bad region", []string{"--config-file", config, "--region", "iad"}, `"iad" is not a region`},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := run(append([]string{"token", "--cluster-id", someCluster}, test.flags...), io.Discard, io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q in one line", err, test.want)
			}
		})
	}
}

// TestPassphraseFromVariable opens a key whose passphrase the profile does not hold.
func TestPassphraseFromVariable(t *testing.T) {
	withoutLogin(t)
	args := []string{"token", "--cluster-id", someCluster, "--config-file", configFile(t), "--profile", "LOCKED"}
	t.Setenv("OCI_CLI_PASSPHRASE", "wrong")
	if err := run(args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "does not open the key") {
		t.Errorf("wrong passphrase: %v", err)
	}
	t.Setenv("OCI_CLI_PASSPHRASE", "secret")
	if err := run(args, io.Discard, io.Discard); err != nil {
		t.Error(err)
	}
}
