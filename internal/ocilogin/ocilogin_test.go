package ocilogin

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// machine is a home directory with a key and a configuration file.
type machine struct {
	t           *testing.T
	home        string
	fingerprint string
}

func newMachine(t *testing.T) *machine {
	for _, variable := range append(Variables(), "OCI_CONFIG_FILE=") {
		name, _, _ := strings.Cut(variable, "=")
		t.Setenv(name, "")
	}
	m := &machine{t: t, home: t.TempDir()}
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	m.fingerprint = fingerprintOf(key)
	m.write("key.pem", string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
	})))
	//nolint:staticcheck // openssl and OCI's tools still make keys of this form
	locked, err := x509.EncryptPEMBlock(rand.Reader, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key),
		[]byte("secret"), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	m.write("locked.pem", string(pem.EncodeToMemory(locked)))
	m.write("text.pem", "no key")
	m.write("curve.pem", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: []byte{0}})))
	if err := os.Mkdir(filepath.Join(m.home, "folder.pem"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write("gone.token", "not.a token")
	for name, after := range map[string]time.Duration{"old.token": -3 * time.Hour, "new.token": time.Hour} {
		claims := fmt.Sprintf(`{"exp":%d}`, time.Now().Add(after).Unix())
		m.write(name, "e30."+base64.RawURLEncoding.EncodeToString([]byte(claims))+".e30")
	}
	if err := os.Mkdir(filepath.Join(m.home, ".oci"), 0o700); err != nil {
		t.Fatal(err)
	}
	m.write(".oci/config", fmt.Sprintf("[DEFAULT]\n%s\nregion = us-ashburn-1\n[PROD]\n%s\n"+
		"[LOCKED]\n%s\n[OPENED]\n%s\npass_phrase=secret\n[SHUT]\n%s\npass_phrase=wrong\n[GONE]\n%s\n[TEXT]\n%s\n"+
		"[OTHER]\n%s\nfingerprint=00:11\n[SESSION]\n%s\nsecurity_token_file=~/new.token\n"+
		"[EXPIRED]\n%s\nsecurity_token_file=~/old.token\n[BROKEN]\n%s\nsecurity_token_file=~/gone.token\n"+
		"[LOST]\n%s\nsecurity_token_file=~/lost.token\n[HALF]\n%s\nsecurity_token_file=~/new.token\n"+
		"[FOLDER]\n%s\n[CURVE]\n%s\n",
		m.profile("key"), m.profile("key"), m.profile("locked"), m.profile("locked"), m.profile("locked"),
		m.profile("absent"), m.profile("text"), m.profile("key"), m.profile("key"), m.profile("key"), m.profile("key"),
		m.profile("key"), m.profile("text"), m.profile("folder"), m.profile("curve")))
	return m
}

func (m *machine) profile(key string) string {
	return "user=ocid1.user.oc1..me\ntenancy=ocid1.tenancy.oc1..ours\nfingerprint=" + m.fingerprint +
		"\nkey_file = ~/" + key + ".pem"
}

func (m *machine) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.home, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// find looks for the provider's credentials, and expects to find them, or an error, with parts of their text.
func (m *machine) find(ctx context.Context, config map[string]string, found bool, want ...string) *Login {
	m.t.Helper()
	login, err := Find(ctx, Options{Provider: true, Config: config, Home: m.home})
	if (err == nil) != found {
		m.t.Fatalf("login %v, %v", login, err)
	}
	text := ""
	if err != nil {
		text = err.Error()
	} else {
		text = login.From
	}
	for _, part := range want {
		if !strings.Contains(text, part) || strings.Contains(text, "\n") {
			m.t.Errorf("%q is missing in %s", part, text)
		}
	}
	return login
}

func TestCredentials(t *testing.T) {
	session := func(profile string) map[string]string {
		return map[string]string{"oci:auth": "SecurityToken", "oci:configFileProfile": profile, "oci:region": "us-ashburn-1"}
	}
	profile := func(name string) map[string]string { return map[string]string{"oci:configFileProfile": name} }
	for _, test := range []struct {
		name   string
		config map[string]string
		found  bool
		want   []string // parts of what it is, or of the error
	}{
		{"the default profile", nil, true, []string{"API key ", "of user ocid1.user.oc1..me, from profile DEFAULT of "}},
		{"a profile", profile("PROD"), true, []string{"from profile PROD of "}},
		{"a profile that does not exist", profile("PRDO"), false, []string{
			"oci:configFileProfile: ", "has no profile PRDO", "it has BROKEN, CURVE, DEFAULT, ",
		}},
		{"a passphrase", profile("OPENED"), true, []string{"from profile OPENED"}},
		{"no passphrase", profile("LOCKED"), false, []string{"locked.pem has a passphrase, and none is set", "pass_phrase"}},
		{"a wrong passphrase", profile("SHUT"), false, []string{
			"the passphrase that is set does not open the key of ", "locked.pem",
		}},
		{"a key file that is missing", profile("GONE"), false, []string{
			"profile GONE names the key file ", "absent.pem, which does not exist", "oci setup keys",
		}},
		{"no key", profile("TEXT"), false, []string{"text.pem holds no key in PEM form"}},
		{"a key file that cannot be read", profile("FOLDER"), false, []string{
			"names a key file that cannot be read", "chmod",
		}},
		{"a key of another kind", profile("CURVE"), false, []string{"curve.pem holds no RSA key", "oci setup keys"}},
		{"another fingerprint", profile("OTHER"), false, []string{"has the fingerprint ", " says 00:11"}},
		{"keys of the stack", map[string]string{"oci:privateKey": "x"}, false, []string{"oci:privateKey holds no key"}},
		{"a session", session("SESSION"), true, []string{"session token of profile SESSION, for another 1h"}},
		{"an expired session", session("EXPIRED"), false, []string{
			"the session token of profile EXPIRED expired 3h0m0s ago",
			"oci session authenticate --profile-name EXPIRED --region us-ashburn-1",
		}},
		{"a malformed session", session("BROKEN"), false, []string{
			"gone.token holds no session token: it is no JSON web token",
		}},
		{"a session that is lost", session("LOST"), false, []string{"the session token cannot be read", "oci session"}},
		{"a session whose key is none", session("HALF"), false, []string{"text.pem holds no key in PEM form"}},
		{"a profile without a session", session("PROD"), false, []string{"has no security_token_file", "oci session"}},
		{"a session without a profile", map[string]string{"oci:auth": "SecurityToken"}, false, []string{
			"SecurityToken needs oci:configFileProfile and oci:region",
		}},
		{"workload identity", map[string]string{"oci:auth": "OKEWorkloadIdentity"}, false, []string{
			"this is not a Pod of an enhanced OKE cluster", "OCI_RESOURCE_PRINCIPAL_VERSION=2.2",
		}},
		{"a resource principal", map[string]string{"oci:auth": "ResourcePrincipal"}, false, []string{
			"this is not a resource principal", "OCI_RESOURCE_PRINCIPAL_VERSION",
		}},
		{"an instance without its region", map[string]string{"oci:auth": "InstancePrincipal"}, false, []string{
			"InstancePrincipal needs the region",
		}},
		{
			"an unknown method", map[string]string{"oci:auth": "Magic"}, false, []string{
				`oci:auth is "Magic", `, "which is no method of authentication that a kubeconfig can have",
				"one of ApiKey",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t)
			m.find(t.Context(), test.config, test.found, test.want...)
		})
	}
}

func TestNoInstance(t *testing.T) {
	m := newMachine(t)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	t.Setenv("OCI_METADATA_BASE_URL", down.URL)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	m.find(ctx, map[string]string{"oci:auth": "InstancePrincipal", "oci:region": "us-ashburn-1"}, false,
		"this is not an instance of Oracle Cloud", "pulumi config rm oci:auth")
}

func TestNoConfigurationFile(t *testing.T) {
	m := newMachine(t)
	m.home = t.TempDir()
	m.find(t.Context(), nil, false, "no user: neither the stack, the environment nor ", "oci setup config")
	m.find(t.Context(), map[string]string{"oci:configFileProfile": "PROD"}, false,
		"profile PROD is wanted, and OCI's configuration file cannot be read", "pulumi config rm oci:configFileProfile")
}

// Where there is no file in the home directory, another one stands in, but not for a profile that is named.
func TestOtherConfigurationFile(t *testing.T) {
	m := newMachine(t)
	t.Setenv("OCI_CONFIG_FILE", filepath.Join(m.home, ".oci", "config"))
	text, err := os.ReadFile(filepath.Join(m.home, ".oci", "config"))
	if err != nil {
		t.Fatal(err)
	}
	m.write(".oci/config", strings.ReplaceAll(string(text), "~", m.home))
	m.home = t.TempDir()
	m.find(t.Context(), nil, true, "from profile DEFAULT of ")
	m.find(t.Context(), map[string]string{"oci:configFileProfile": "PROD"}, false, "profile PROD is wanted")
}

func TestNoPrivateKey(t *testing.T) {
	m := newMachine(t)
	m.home = t.TempDir()
	m.find(t.Context(), map[string]string{
		"oci:tenancyOcid": "ocid1.tenancy.oc1..ours", "oci:userOcid": "ocid1.user.oc1..me",
		"oci:fingerprint": m.fingerprint,
	}, false, "no private key for user ", "oci:privateKeyPath")
}

func TestEnvironment(t *testing.T) {
	m := newMachine(t)
	for name, value := range map[string]string{
		"OCI_TENANCY_OCID": "ocid1.tenancy.oc1..ours", "TF_VAR_user_ocid": "ocid1.user.oc1..me",
		"OCI_FINGERPRINT": m.fingerprint, "OCI_PRIVATE_KEY_PATH": filepath.Join(m.home, "key.pem"), "OCI_REGION": "r-1",
		"OCI_CLI_PROFILE": "PROD", "OCI_CLI_REGION": "r-2", "OCI_CLI_USER": "ocid1.user.oc1..other", // the command's own
	} {
		t.Setenv(name, value)
	}
	m.home = t.TempDir()
	if login := m.find(t.Context(), nil, true, "of user ocid1.user.oc1..me, from the environment"); login.Region != "r-1" {
		t.Errorf("region %s", login.Region)
	}
	t.Setenv("OCI_REGION", "")
	m.find(t.Context(), nil, false, "no region is set, and the credentials name none: pulumi config set oci:region")
}

// A session signs with its token as the name of the key, and the passphrase of its key is known.
func TestSessionKeys(t *testing.T) {
	m := newMachine(t)
	config := map[string]string{
		"oci:auth": "SecurityToken", "oci:configFileProfile": "SESSION", "oci:region": "us-ashburn-1",
	}
	login := m.find(t.Context(), config, true, "session token")
	id, err := login.Keys.KeyID()
	if key, errKey := login.Keys.PrivateRSAKey(); err != nil || errKey != nil || fingerprintOf(key) != m.fingerprint ||
		!strings.HasPrefix(id, "ST$e30.") || strings.ContainsAny(id, "\n ") {
		t.Errorf("key %q, %v, %v", id, err, errKey)
	}
}
