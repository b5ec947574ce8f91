package doctor

import (
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
	for _, name := range attributes {
		t.Setenv("TF_VAR_"+name, "")
		t.Setenv("OCI_"+strings.ToUpper(name), "")
	}
	t.Setenv("OCI_CONFIG_FILE", "")
	m := &machine{t: t, home: t.TempDir()}
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	m.fingerprint = fingerprint(key)
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

func TestCredentials(t *testing.T) {
	session := func(profile string) map[string]string {
		return map[string]string{"oci:auth": "SecurityToken", "oci:configFileProfile": profile, "oci:region": "us-ashburn-1"}
	}
	profile := func(name string) map[string]string { return map[string]string{"oci:configFileProfile": name} }
	for _, test := range []struct {
		name   string
		config map[string]string
		status Status
		want   []string // parts of the text and of what to do
	}{
		{"the default profile", nil, OK, []string{"API key ", "of user ocid1.user.oc1..me, from profile DEFAULT of "}},
		{"a profile", profile("PROD"), OK, []string{"from profile PROD of "}},
		{"a profile that does not exist", profile("PRDO"), Failed, []string{
			"oci:configFileProfile: ", "has no profile PRDO", "it has BROKEN, CURVE, DEFAULT, ",
		}},
		{"a passphrase", profile("OPENED"), OK, []string{"from profile OPENED"}},
		{"no passphrase", profile("LOCKED"), Failed, []string{"locked.pem has a passphrase, and none is set", "pass_phrase"}},
		{"a wrong passphrase", profile("SHUT"), Failed, []string{"does not open the key of ", "locked.pem"}},
		{"a key file that is missing", profile("GONE"), Failed, []string{
			"profile GONE names the key file ", "absent.pem, which does not exist", "oci setup keys",
		}},
		{"no key", profile("TEXT"), Failed, []string{"text.pem holds no key in PEM form"}},
		{"a key file that cannot be read", profile("FOLDER"), Failed, []string{
			"names a key file that cannot be read", "chmod",
		}},
		{"a key of another kind", profile("CURVE"), Failed, []string{"curve.pem holds no RSA key", "oci setup keys"}},
		{"another fingerprint", profile("OTHER"), Failed, []string{"has the fingerprint ", " says 00:11"}},
		{"keys of the stack", map[string]string{"oci:privateKey": "x"}, Failed, []string{"oci:privateKey holds no key"}},
		{"a session", session("SESSION"), OK, []string{"session token of profile SESSION, for another 1h"}},
		{"an expired session", session("EXPIRED"), Failed, []string{
			"the session token of profile EXPIRED expired 3h0m0s ago",
			"oci session authenticate --profile-name EXPIRED --region us-ashburn-1",
		}},
		{"a malformed session", session("BROKEN"), Failed, []string{
			"gone.token holds no session token: it is no JSON web token",
		}},
		{"a session that is lost", session("LOST"), Failed, []string{"the session token cannot be read", "oci session"}},
		{"a session whose key is none", session("HALF"), Failed, []string{"text.pem holds no key in PEM form"}},
		{"a profile without a session", session("PROD"), Failed, []string{"has no security_token_file", "oci session"}},
		{"a session without a profile", map[string]string{"oci:auth": "SecurityToken"}, Failed, []string{
			"SecurityToken needs oci:configFileProfile and oci:region",
		}},
		{"workload identity", map[string]string{"oci:auth": "OKEWorkloadIdentity"}, Failed, []string{
			"this is not a Pod of an enhanced OKE cluster", "OCI_RESOURCE_PRINCIPAL_VERSION=2.2",
		}},
		{"a resource principal", map[string]string{"oci:auth": "ResourcePrincipal"}, Failed, []string{
			"this is not a resource principal", "OCI_RESOURCE_PRINCIPAL_VERSION",
		}},
		{"an instance without its region", map[string]string{"oci:auth": "InstancePrincipal"}, Failed, []string{
			"InstancePrincipal needs the region",
		}},
		{
			"an unknown method", map[string]string{"oci:auth": "Magic"}, Failed, []string{
				`oci:auth is "Magic"`,
				"one of ApiKey",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMachine(t)
			login, results := findLogin(t.Context(), test.config, m.home)
			if len(results) != 1 || results[0].Status != test.status || (login != nil) != (test.status == OK) {
				t.Fatalf("login %v, %v", login, results)
			}
			for _, want := range test.want {
				if text := results[0].Text + "\n" + results[0].Do; !strings.Contains(text, want) {
					t.Errorf("%q is missing in %s", want, text)
				}
			}
		})
	}
}

func TestNoInstance(t *testing.T) {
	newMachine(t)
	down := httptest.NewServer(http.NotFoundHandler())
	down.Close()
	t.Setenv("OCI_METADATA_BASE_URL", down.URL)
	config := map[string]string{"oci:auth": "InstancePrincipal", "oci:region": "us-ashburn-1"}
	login, results := findLogin(t.Context(), config, t.TempDir())
	if login != nil || len(results) != 1 || results[0].Status != Failed ||
		!strings.Contains(results[0].Text, "this is not an instance of Oracle Cloud") ||
		!strings.Contains(results[0].Do, "pulumi config rm oci:auth") {
		t.Errorf("login %v, %v", login, results)
	}
}

func TestNoConfigurationFile(t *testing.T) {
	newMachine(t)
	login, results := findLogin(t.Context(), nil, t.TempDir())
	if login != nil || len(results) != 1 || !strings.Contains(results[0].Text, "no user: neither the stack") {
		t.Errorf("login %v, %v", login, results)
	}
}

func TestNoProfile(t *testing.T) {
	newMachine(t)
	login, results := findLogin(t.Context(), map[string]string{"oci:configFileProfile": "PROD"}, t.TempDir())
	if login != nil || len(results) != 1 || results[0].Status != Failed ||
		!strings.Contains(results[0].Text, "names profile PROD, and OCI's configuration file cannot be read") {
		t.Errorf("login %v, %v", login, results)
	}
}

func TestNoPrivateKey(t *testing.T) {
	m := newMachine(t)
	login, results := findLogin(t.Context(), map[string]string{
		"oci:tenancyOcid": "ocid1.tenancy.oc1..ours", "oci:userOcid": "ocid1.user.oc1..me",
		"oci:fingerprint": m.fingerprint,
	}, t.TempDir())
	if login != nil || len(results) != 1 || !strings.Contains(results[0].Text, "no private key for user ") ||
		!strings.Contains(results[0].Do, "oci:privateKeyPath") {
		t.Errorf("login %v, %v", login, results)
	}
}

func TestEnvironment(t *testing.T) {
	m := newMachine(t)
	for name, value := range map[string]string{
		"OCI_TENANCY_OCID": "ocid1.tenancy.oc1..ours", "TF_VAR_user_ocid": "ocid1.user.oc1..me",
		"OCI_FINGERPRINT": m.fingerprint, "OCI_PRIVATE_KEY_PATH": filepath.Join(m.home, "key.pem"), "OCI_REGION": "r-1",
	} {
		t.Setenv(name, value)
	}
	login, results := findLogin(t.Context(), nil, t.TempDir())
	if login == nil || login.region != "r-1" || !strings.HasSuffix(results[0].Text, "from the environment") {
		t.Errorf("login %v, %v", login, results)
	}
}
