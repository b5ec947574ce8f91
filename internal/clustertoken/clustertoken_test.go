package clustertoken

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const cluster = "ocid1.cluster.oc1.iad.aaaa"

var now = time.Date(2026, 11, 28, 20, 0, 0, 0, time.UTC)

type key struct{ *rsa.PrivateKey }

func (key) KeyID() (string, error)                    { return "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/00", nil }
func (k key) PrivateRSAKey() (*rsa.PrivateKey, error) { return k.PrivateKey, nil }

func newKey(t *testing.T) key {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key{private}
}

// TestForm compares a token's parts with those of a token of `oci ce cluster generate-token`. The emulator verifies the
// signature (local/kube, TestEachKindOfCredentials).
func TestForm(t *testing.T) {
	for region, host := range map[string]string{
		"us-ashburn-1":     "containerengine.us-ashburn-1.oraclecloud.com",
		"us-gov-ashburn-1": "containerengine.us-gov-ashburn-1.oraclegovcloud.com",
	} {
		token, err := New(newKey(t), region, cluster, now)
		if err != nil {
			t.Fatal(err)
		}
		text, err := base64.URLEncoding.DecodeString(token.Text)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		query := u.Query()
		if u.Scheme != "https" || u.Host != host || u.Path != "/cluster_request/"+cluster || len(query) != 2 {
			t.Errorf("%s: %s", region, u)
		}
		if got := query.Get("date"); got != "Sat, 28 Nov 2026 20:00:00 GMT" {
			t.Errorf("date %s", got)
		}
		signature := query.Get("authorization")
		for _, want := range []string{
			`Signature version="1"`, `headers="date (request-target) host"`, `algorithm="rsa-sha256"`,
			`keyId="ocid1.tenancy.oc1..t/ocid1.user.oc1..u/00"`,
		} {
			if !strings.Contains(signature, want) {
				t.Errorf("no %s in %s", want, signature)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	out, err := Token{"text", now.Add(Lifetime)}.JSON()
	want := `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",` +
		`"status":{"token":"text","expirationTimestamp":"2026-11-28T20:04:00Z"}}`
	if err != nil || string(out) != want {
		t.Errorf("%v, got %s", err, out)
	}
}

func TestRefused(t *testing.T) {
	for _, test := range []struct{ cluster, region, want string }{
		{"", "us-ashburn-1", "--cluster-id"},
		{"ocid1.nodepool.oc1.iad.a", "us-ashburn-1", "--cluster-id"},
		{cluster + "/x", "us-ashburn-1", "--cluster-id"},
		{cluster, "ashburn", "--region"},
		{cluster, "us-ashburn-1.evil.example", "--region"},
	} {
		if _, err := New(newKey(t), test.region, test.cluster, now); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v", test, err)
		}
	}
}

// TestCache expects a token to be made again shortly before it expires, for other inputs, and if the file is bad.
func TestCache(t *testing.T) {
	cache := Cache{filepath.Join(t.TempDir(), "oke")}
	at, made := now, 0
	get := func(inputs ...string) {
		t.Helper()
		token, err := cache.Get(inputs, at, func() (Token, error) { made++; return Token{"t", at.Add(Lifetime)}, nil })
		if err != nil || token.Text != "t" || !token.Expires.After(at.Add(margin)) {
			t.Fatal(token, err)
		}
	}
	expect := func(n int) {
		t.Helper()
		if made != n {
			t.Errorf("made %d tokens, want %d", made, n)
		}
	}
	get("a")
	at = at.Add(Lifetime - margin - time.Second)
	get("a")
	expect(1)
	get("b")
	expect(2)
	at = at.Add(time.Second)
	get("a")
	expect(3)
	files, err := filepath.Glob(filepath.Join(cache.Dir, "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
		if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	get("a")
	expect(4)
	at = at.Add(-time.Hour) // a clock that was put back must not keep a token for an hour
	get("a")
	expect(5)
	refused := errors.New("no key")
	_, err = cache.Get([]string{"c"}, at, func() (Token, error) { return Token{}, refused })
	if !errors.Is(err, refused) {
		t.Error(err)
	}
	var kept Token
	data, _ := os.ReadFile(cache.path([]string{"a"}))
	if err := json.Unmarshal(data, &kept); err != nil || kept.Text != "t" {
		t.Error(kept, err)
	}
}
