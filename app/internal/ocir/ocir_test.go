package ocir

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

func TestServes(t *testing.T) {
	for registry, want := range map[string]bool{
		"iad.ocir.io": true, "us-ashburn-1.ocir.io": true, "ocir.us-ashburn-1.oci.oraclecloud.com": true,
		"index.docker.io": false, "iad.ocir.io.example.com": false, "ocir.io": false,
	} {
		if got := Serves(registry); got != want {
			t.Errorf("%s: %t, want %t", registry, got, want)
		}
	}
}

// writeConfig writes a configuration file of the OCI command for us-ashburn-1, and returns its name.
func writeConfig(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	config := fmt.Sprintf("[DEFAULT]\ntenancy=ocid1.tenancy.oc1..a\nuser=ocid1.user.oc1..a\nfingerprint=aa:bb\n"+
		"region=us-ashburn-1\nkey_file=%s/key.pem\n", dir)
	for name, content := range map[string][]byte{"key.pem": pem.EncodeToMemory(block), "config": []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config")
}

func TestOpen(t *testing.T) {
	config := writeConfig(t)
	const local = "oci_core.ComputeClient=http://127.0.0.1:1;oci_artifacts.ArtifactsClient=http://127.0.0.1:8787"
	for _, c := range []struct{ image, config, profile, overrides, want, host string }{
		{"iad.ocir.io/ns/guestbook:v1", config, "", "", "", "https://artifacts.us-ashburn-1.oci.oraclecloud.com"},
		{"fra.ocir.io/ns/guestbook:v1", config, "", "", "", "https://artifacts.eu-frankfurt-1.oci.oraclecloud.com"},
		{"ocir.us-ashburn-1.oci.oraclecloud.com/ns/a/b:v1", config, "", local, "", "http://127.0.0.1:8787"},
		{"fra.ocir.io/ns/guestbook:v1", config, "", local, "region eu-frankfurt-1", ""},
		{"iad.ocir.io/guestbook:v1", config, "", "", "<tenancy namespace>", ""},
		{"iad.ocir.io/ns/guestbook:v1", config + ".missing", "", "", "oci setup config", ""},
		{"iad.ocir.io/ns/guestbook:v1", config, "OTHER", "", "profile OTHER", ""},
		{"iad.ocir.io/ns/guestbook:v1", config, "", "oci_artifacts.ArtifactsClient=8787", "CLIENT_HOST_OVERRIDES", ""},
	} {
		t.Setenv("OCI_CLI_CONFIG_FILE", c.config)
		t.Setenv("OCI_CLI_PROFILE", c.profile)
		t.Setenv("CLIENT_HOST_OVERRIDES", c.overrides)
		ref, err := name.ParseReference(c.image)
		if err != nil {
			t.Fatal(err)
		}
		switch r, err := Open(ref); {
		case c.want == "" && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.want == "" && r.artifacts.Host != c.host:
			t.Errorf("%+v: the repository is made by %s", c, r.artifacts.Host)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

func TestExplainPush(t *testing.T) {
	repository, err := name.NewRepository("iad.ocir.io/ns/guestbook")
	if err != nil {
		t.Fatal(err)
	}
	r := Registry{repository: repository}
	for status, want := range map[int]string{
		http.StatusUnauthorized: "docker logout iad.ocir.io", http.StatusForbidden: "manage repos",
	} {
		err := r.ExplainPush(fmt.Errorf("push: %w", &transport.Error{StatusCode: status}))
		if !strings.Contains(err.Error(), want) {
			t.Errorf("status %d: %v, want %q", status, err, want)
		}
	}
	if plain := errors.New("no network"); !errors.Is(r.ExplainPush(plain), plain) {
		t.Error("an error of the network was changed")
	}
}
