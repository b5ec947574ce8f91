package bucket

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/retry"
)

func policy(timeout time.Duration, log io.Writer) retry.Policy {
	return retry.Policy{
		Timeout: timeout, First: time.Millisecond, Longest: 10 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(log, nil)),
	}
}

func open(t *testing.T, s *apptest.ObjectStore, p retry.Policy) *Bucket {
	t.Helper()
	b, err := Open(t.Context(), Config{
		Namespace: "tenancy", Name: "backups", Endpoint: s.URL,
		Auth: ConfigFile, ConfigFile: s.ConfigFile, ConfigProfile: "DEFAULT",
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// random returns the same n bytes each time.
func random(n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(out)
	return out
}

// writeIn returns a function that writes content in pieces that end elsewhere than its parts.
func writeIn(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		for piece := range slices.Chunk(content, 1_000_003) {
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return nil
	}
}

// Objects of any size come back as they were, and the checksums of the whole agree with the service's.
func TestUploadAndDownload(t *testing.T) {
	s := apptest.StartObjectStore(t)
	b := open(t, s, policy(time.Minute, io.Discard))
	all := random(2*partSize + 5)
	for _, size := range []int{0, 5, partSize - 1, partSize, partSize + 1, 2 * partSize, len(all)} {
		name := fmt.Sprintf("object-%09d", size)
		if n, err := b.Upload(t.Context(), name, writeIn(all[:size])); err != nil || n != int64(size) {
			t.Fatalf("%d bytes: %d uploaded, %v", size, n, err)
		}
		var got bytes.Buffer
		if _, err := b.Download(t.Context(), name, &got); err != nil || !bytes.Equal(got.Bytes(), all[:size]) {
			t.Errorf("%d bytes: %d downloaded, %v", size, got.Len(), err)
		}
	}
	names, err := b.List(t.Context())
	if err != nil || !slices.Equal(names, s.Names()) || len(names) != 7 {
		t.Errorf("listed %q, %v; the bucket has %q", names, err, s.Names())
	}
	for range 2 { // the second time there is none
		if err := b.Delete(t.Context(), names[0]); err != nil {
			t.Error(err)
		}
	}
	if len(s.Names()) != 6 || s.Uploads() != 0 {
		t.Errorf("the bucket has %q and %d unfinished uploads", s.Names(), s.Uploads())
	}
}

// A policy that takes effect late is waited for, with one line of the log for each reason.
func TestLatePolicy(t *testing.T) {
	for _, refusal := range []struct {
		status int
		code   string
	}{
		{404, "BucketNotFound"},
		{404, "NotAuthorizedOrNotFound"},
		{401, "NotAuthenticated"},
		{429, "TooManyRequests"},
		{503, "X"},
	} {
		s, calls, log := apptest.StartObjectStore(t), 0, &apptest.Buffer{}
		s.Refuse = func(*http.Request) (int, string) {
			if calls++; calls <= 5 {
				return refusal.status, refusal.code
			}
			return 0, ""
		}
		b := open(t, s, policy(time.Minute, log))
		if _, err := b.List(t.Context()); err != nil {
			t.Errorf("%v: %v", refusal, err)
		}
		if n := strings.Count(log.String(), "waiting"); n != 1 || !strings.Contains(log.String(), refusal.code) {
			t.Errorf("%v: %d lines of the log\n%s", refusal, n, log)
		}
	}
}

// After the time limit the error names the bucket. What no time can change is not repeated.
func TestRefused(t *testing.T) {
	s := apptest.StartObjectStore(t)
	b := open(t, s, policy(50*time.Millisecond, io.Discard))
	b.cfg.Name = "other"
	_, err := b.List(t.Context())
	if err == nil || !strings.Contains(err.Error(), "bucket other in namespace tenancy does not exist, or no policy") {
		t.Errorf("missing bucket: %v", err)
	}
	b = open(t, s, policy(time.Hour, io.Discard))
	if _, err := b.Download(t.Context(), "none", io.Discard); !errors.Is(err, ErrNotFound) {
		t.Errorf("missing object: %v", err)
	}
	s.Refuse = func(*http.Request) (int, string) { return 409, "Conflict" }
	if _, err := b.List(t.Context()); err == nil || !strings.Contains(err.Error(), "409") {
		t.Errorf("conflict: %v", err)
	}
	s.Refuse = func(*http.Request) (int, string) { return 404, "BucketNotFound" }
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := b.List(ctx); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("interrupted: %v", err)
	}
}

// An upload that fails leaves neither an object nor parts.
func TestFailedUpload(t *testing.T) {
	s := apptest.StartObjectStore(t)
	b, broken := open(t, s, policy(time.Second, io.Discard)), errors.New("the database is gone")
	for _, size := range []int{10, partSize + 10} {
		_, err := b.Upload(t.Context(), "object", func(w io.Writer) error {
			_, err := w.Write(random(size))
			return errors.Join(err, broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	s.Refuse = func(r *http.Request) (int, string) {
		if r.URL.Query().Get("uploadPartNum") == "2" {
			return 500, "InternalServerError"
		}
		return 0, ""
	}
	if _, err := b.Upload(t.Context(), "object", writeIn(random(2*partSize))); err == nil ||
		!strings.Contains(err.Error(), "upload part 2") {
		t.Errorf("a part that fails: %v", err)
	}
	if len(s.Names()) != 0 || s.Uploads() != 0 {
		t.Errorf("the bucket has %q and %d unfinished uploads", s.Names(), s.Uploads())
	}
}

// A corrupt object is found out; a broken transfer is continued.
func TestDownloadChecks(t *testing.T) {
	s := apptest.StartObjectStore(t)
	b := open(t, s, policy(time.Minute, io.Discard))
	content := random(partSize + 100)
	for name, size := range map[string]int{"whole": 100, "parts": len(content)} {
		if _, err := b.Upload(t.Context(), name, writeIn(content[:size])); err != nil {
			t.Fatal(err)
		}
		s.Deliver = func(b []byte) []byte { b[len(b)-1] ^= 1; return b }
		_, err := b.Download(t.Context(), name, io.Discard)
		if err == nil || !strings.Contains(err.Error(), "is corrupt") {
			t.Errorf("%s: corrupt, %v", name, err)
		}
		pieces := 0
		s.Deliver = func(b []byte) []byte { pieces++; return b[:min(len(b), size/3*pieces)] }
		var got bytes.Buffer
		_, err = b.Download(t.Context(), name, &got)
		if err != nil || !bytes.Equal(got.Bytes(), content[:size]) || pieces < 3 {
			t.Errorf("%s: %d bytes of %d in %d pieces, %v", name, got.Len(), size, pieces, err)
		}
		s.Deliver = nil
	}
}

// In a Pod, a request is signed with a key whose token comes from port 12250 of the cluster's API endpoint, in exchange
// for the token of the Pod's account. The exchange is repeated until it succeeds.
func TestWorkloadIdentity(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:12250")
	if err != nil {
		t.Skipf("the SDK's port is in use: %v", err)
	}
	jwt := func(claims map[string]any) string {
		claims["exp"] = time.Now().Add(time.Hour).Unix()
		part := func(v any) string {
			text, _ := json.Marshal(v)
			return base64.RawURLEncoding.EncodeToString(text)
		}
		return part(map[string]string{"alg": "none"}) + "." + part(claims) + ".c2ln"
	}
	account, calls := jwt(map[string]any{}), 0
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var request struct{ PodKey string }
		_ = json.NewDecoder(r.Body).Decode(&request)
		if calls++; calls <= 2 || r.Header.Get("Authorization") != "Bearer "+account {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		claims := map[string]any{"key": request.PodKey, "res_tenant": "ocid1.tenancy.oc1..t"}
		token, _ := json.Marshal(map[string]string{"token": "ST$" + jwt(claims)})
		fmt.Fprintf(w, "%q", base64.StdEncoding.EncodeToString(token))
	}))
	server.Listener.Close()
	server.Listener = l
	server.StartTLS()
	defer server.Close()
	t.Setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
	dir := t.TempDir()
	tokenFile, caFile = filepath.Join(dir, "token"), filepath.Join(dir, "ca.crt")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for file, text := range map[string][]byte{tokenFile: []byte(account), caFile: ca} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"VERSION", "REGION"} {
		t.Setenv("OCI_RESOURCE_PRINCIPAL_"+key, "")
	}
	t.Setenv("OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH", "")
	s, log := apptest.StartObjectStore(t), &apptest.Buffer{}
	b, err := Open(t.Context(), Config{
		Namespace: "tenancy", Name: "backups", Auth: WorkloadIdentity, Region: "eu-frankfurt-1", Endpoint: s.URL,
	}, policy(time.Minute, log))
	if err != nil {
		t.Fatal(err, log)
	}
	if _, err := b.Upload(t.Context(), "object", writeIn([]byte("x"))); err != nil || string(s.Get("object")) != "x" {
		t.Errorf("upload: %v", err)
	}
	if !strings.Contains(log.String(), "enhanced") {
		t.Errorf("the log does not say that the cluster must be enhanced: %s", log)
	}
}

func TestBadCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want string
	}{
		"no file": {
			Config{Auth: ConfigFile, ConfigFile: "/nowhere/config", ConfigProfile: "DEFAULT"}, "OCI_CONFIG_FILE /nowhere/config",
		},
		"no Pod":   {Config{Auth: WorkloadIdentity, Region: "us-ashburn-1"}, "set OCI_AUTH=config_file"},
		"no token": {Config{Auth: WorkloadIdentity, Region: "us-ashburn-1"}, "automountServiceAccountToken"},
	} {
		host := ""
		if name == "no token" {
			host = "10.0.0.1"
		}
		t.Setenv("KUBERNETES_SERVICE_HOST", host)
		tokenFile = "/nowhere/token"
		_, err := Open(t.Context(), c.cfg, policy(time.Minute, io.Discard))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
