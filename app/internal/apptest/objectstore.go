package apptest

import (
	"cmp"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ObjectStore is a bucket "backups" in namespace "tenancy" of a service that answers as OCI Object Storage does (Object
// Storage Service API; Oracle: "Request Signatures").
type ObjectStore struct {
	URL        string
	ConfigFile string // for OCI clients; its profile is DEFAULT

	// Refuse, if not nil, is called with each request. It returns the status and the code of an error, or 0.
	Refuse func(r *http.Request) (status int, code string)
	// Deliver, if not nil, changes the content of a response to a request for an object.
	Deliver func(content []byte) []byte

	t   *testing.T
	key *rsa.PrivateKey

	mu      sync.Mutex
	objects map[string]object
	uploads map[string]upload
}

type object struct {
	content   []byte
	md5       string
	multipart string // instead of md5
	meta      map[string]string
}

type upload struct {
	name  string
	meta  map[string]string
	parts map[string][]byte
}

const testKeyID = "ocid1.tenancy.oc1..t/ocid1.user.oc1..u/aa:bb"

// StartObjectStore starts the service until the test ends.
func StartObjectStore(t *testing.T) *ObjectStore {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	pemFile := file("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})))
	s := &ObjectStore{
		t: t, key: key, objects: map[string]object{}, uploads: map[string]upload{},
		ConfigFile: file("config", "[DEFAULT]\ntenancy=ocid1.tenancy.oc1..t\nuser=ocid1.user.oc1..u\nfingerprint=aa:bb\n"+
			"region=us-ashburn-1\nkey_file="+pemFile+"\n"),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /n/tenancy/b/backups/o", s.list)
	mux.HandleFunc("PUT /n/tenancy/b/backups/o/{name}", s.put)
	mux.HandleFunc("GET /n/tenancy/b/backups/o/{name}", s.get)
	mux.HandleFunc("DELETE /n/tenancy/b/backups/o/{name}", s.delete)
	mux.HandleFunc("POST /n/tenancy/b/backups/u", s.createUpload)
	mux.HandleFunc("PUT /n/tenancy/b/backups/u/{name}", s.putPart)
	mux.HandleFunc("POST /n/tenancy/b/backups/u/{name}", s.commit)
	mux.HandleFunc("DELETE /n/tenancy/b/backups/u/{name}", s.abort)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, 404, "BucketNotFound") })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.verify(r); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
			refuse(w, 401, "NotAuthenticated")
			return
		}
		if s.Refuse != nil {
			if status, code := s.Refuse(r); status != 0 {
				refuse(w, status, code)
				return
			}
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Put makes an object as another program would.
func (s *ObjectStore) Put(name string, content []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.objects[name] = object{content: content, md5: digest(content)}
}

// Get returns the content of an object; nil if there is none.
func (s *ObjectStore) Get(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.objects[name].content
}

// Names returns the names of all objects, sorted.
func (s *ObjectStore) Names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.objects))
}

// Uploads returns the number of multipart uploads that were neither completed nor aborted.
func (s *ObjectStore) Uploads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.uploads)
}

func digest(content []byte) string {
	sum := md5.Sum(content)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"code": code, "message": "refused by the test"})
}

// verify checks the signature of the request line, the host and the date with the key of the configuration file, or
// with the key that a token has in its place.
func (s *ObjectStore) verify(r *http.Request) error {
	params := map[string]string{}
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(part, "=")
		params[k] = strings.Trim(v, `"`)
	}
	key := &s.key.PublicKey
	if id := params["keyId"]; id != testKeyID {
		token, ok := strings.CutPrefix(id, "ST$")
		public, err := tokenKey(token)
		if !ok || err != nil {
			return fmt.Errorf("key %q: %w", id, err)
		}
		key = public
	}
	var lines []string
	for header := range strings.FieldsSeq(params["headers"]) {
		value := r.Header.Get(header)
		switch header {
		case "(request-target)":
			value = strings.ToLower(r.Method) + " " + r.URL.RequestURI()
		case "host":
			value = r.Host
		}
		lines = append(lines, header+": "+value)
	}
	for _, required := range []string{"(request-target)", "host", "date"} {
		if !slices.Contains(strings.Fields(params["headers"]), required) {
			return fmt.Errorf("%s is not signed", required)
		}
	}
	signature, err := base64.StdEncoding.DecodeString(params["signature"])
	if err != nil {
		return err
	}
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature)
}

// tokenKey returns the public key that a test has put into a token: claim "key", PEM.
func tokenKey(token string) (*rsa.PublicKey, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errors.New("no token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var claims struct{ Key string }
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(claims.Key))
	if block == nil {
		return nil, errors.New("no key in the token")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	return key.(*rsa.PublicKey), nil
}

func (s *ObjectStore) list(w http.ResponseWriter, r *http.Request) {
	const limit = 3 // so that several pages are needed
	type summary struct {
		Name string `json:"name"`
	}
	page := struct {
		Objects []summary `json:"objects"`
		Next    string    `json:"nextStartWith,omitempty"`
	}{Objects: []summary{}}
	for _, name := range s.Names() {
		if name < r.URL.Query().Get("start") {
			continue
		}
		if len(page.Objects) == limit {
			page.Next = name
			break
		}
		page.Objects = append(page.Objects, summary{name})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(page)
}

// content reads a request's body and checks its digest. It answers the request if that fails.
func content(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-MD5") != digest(body) {
		refuse(w, 400, "UnmatchedContentMD5")
		return nil, false
	}
	w.Header().Set("opc-content-md5", digest(body))
	return body, true
}

func (s *ObjectStore) put(w http.ResponseWriter, r *http.Request) {
	if body, ok := content(w, r); ok {
		s.Put(r.PathValue("name"), body)
	}
}

func (s *ObjectStore) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	o, ok := s.objects[r.PathValue("name")]
	s.mu.Unlock()
	if !ok {
		refuse(w, 404, "ObjectNotFound")
		return
	}
	body := o.content
	if s.Deliver != nil && r.Method == http.MethodGet {
		body = s.Deliver(slices.Clone(body))
	}
	from, status := 0, 200
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
		status = 206
	}
	for key, value := range o.meta {
		w.Header().Set(key, value)
	}
	if o.multipart != "" {
		w.Header().Set("opc-multipart-md5", o.multipart)
	} else {
		w.Header().Set("Content-MD5", o.md5)
	}
	w.Header().Set("ETag", cmp.Or(o.md5, o.multipart))
	w.Header().Set("Content-Length", fmt.Sprint(len(o.content)-from)) // a shorter body breaks the connection
	w.WriteHeader(status)
	_, _ = w.Write(body[min(from, len(body)):])
}

func (s *ObjectStore) delete(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.objects[r.PathValue("name")]; !ok {
		refuse(w, 404, "ObjectNotFound")
		return
	}
	delete(s.objects, r.PathValue("name"))
	w.WriteHeader(204)
}

func (s *ObjectStore) createUpload(w http.ResponseWriter, r *http.Request) {
	var details struct {
		Object   string
		Metadata map[string]string
	}
	if err := json.NewDecoder(r.Body).Decode(&details); err != nil {
		refuse(w, 400, "InvalidJSON")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fmt.Sprint("upload-", len(s.uploads))
	s.uploads[id] = upload{details.Object, details.Metadata, map[string][]byte{}}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"uploadId": id, "object": details.Object})
}

func (s *ObjectStore) putPart(w http.ResponseWriter, r *http.Request) {
	body, ok := content(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.uploads[r.URL.Query().Get("uploadId")]
	if !ok {
		refuse(w, 404, "NoSuchUpload")
		return
	}
	u.parts[r.URL.Query().Get("uploadPartNum")] = body
	w.Header().Set("ETag", digest(body))
}

func (s *ObjectStore) commit(w http.ResponseWriter, r *http.Request) {
	var details struct {
		PartsToCommit []struct {
			PartNum int
			Etag    string
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&details); err != nil {
		refuse(w, 400, "InvalidJSON")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := r.URL.Query().Get("uploadId")
	u := s.uploads[id]
	o, sums := object{meta: u.meta}, []byte(nil)
	for _, p := range details.PartsToCommit {
		part := u.parts[fmt.Sprint(p.PartNum)]
		if digest(part) != p.Etag {
			refuse(w, 400, "InvalidUploadPart")
			return
		}
		sum := md5.Sum(part)
		o.content, sums = append(o.content, part...), append(sums, sum[:]...)
	}
	o.multipart = fmt.Sprint(digest(sums), "-", len(details.PartsToCommit))
	s.objects[u.name] = o
	delete(s.uploads, id)
	w.Header().Set("opc-multipart-md5", o.multipart)
}

func (s *ObjectStore) abort(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.uploads, r.URL.Query().Get("uploadId"))
	w.WriteHeader(204)
}
