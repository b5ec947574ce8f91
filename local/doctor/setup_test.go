// Package doctor_test runs the command oke doctor against the local cloud, and provokes what it can find. The command
// is of another module, whose changes go test does not see: run it with -count=1.
package doctor_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/catalog"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/ociclient"
)

// coverage is the directory with what the command's runs have counted. Its parent has the command.
var coverage string

// command builds the command once, with counters in the package doctor.
var command = sync.OnceValues(func() (string, error) {
	os.Getenv("SOURCES") // the Makefile says why
	dir, err := os.MkdirTemp("", "doctor")
	if err != nil {
		return "", err
	}
	coverage = filepath.Join(dir, "coverage")
	if err := os.Mkdir(coverage, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oke")
	build := exec.Command("go", "build", "-cover", "-coverpkg=./cmd/oke,./doctor", "-o", path, "./cmd/oke")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

// printed is what the command has printed, by test.
var printed sync.Map

func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && flag.Lookup("test.run").Value.String() == "" {
		profile, err := exec.Command("go", "tool", "covdata", "textfmt", "-i="+coverage, "-o=/dev/stdout").Output()
		problems := slices.Concat(unprovoked(string(profile)), unadvised(), unprovokedLogins())
		if err != nil {
			problems = append(problems, "the coverage: "+err.Error())
		}
		for _, problem := range problems {
			fmt.Fprintln(os.Stderr, problem)
			code = 1
		}
	}
	if path, err := command(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// setup is a stack, its machine and its cloud. newSetup makes one without a fault.
type setup struct {
	t        *testing.T
	config   map[string]any // of the stack
	limits   map[string]int
	faults   []engine.Fault
	env      map[string]string
	pulumi   string            // script that stands in for the command
	golang   string            // one for the command go; empty for that of this machine
	tokens   string            // name of the command that makes tokens; empty for none
	args     []string          // further arguments of the command
	images   map[string]string // body of a manifest by the path in the registry
	answers  map[string]string // body by path, instead of the cloud's own
	asked    sync.Map          // the compartment of the last request for each path
	registry *httptest.Server
	cloud    *oci.Server
	endpoint string
	prepare  func(*setup) // runs with the cloud, before the command
	wrap     []string     // a command that runs the command; optional
}

// key is the local clouds' API key: a new one for each would take most of the tests' time.
var key = sync.OnceValue(newKey)

func newKey() []byte {
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

const working = `case "$1" in
version) echo v3.253.0 ;;
config) cat "$STACK_CONFIG" ;;
plugin) echo '[{"name":"oci","kind":"resource","version":"3.16.0"}]' ;;
esac
`

// index is an image for both architectures.
const index = `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[` +
	`{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":2,"digest":"sha256:` +
	`44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","platform":{"os":"linux","architecture":"%s"}}]}`

func newSetup(t *testing.T) *setup {
	t.Helper()
	s := &setup{
		t: t, limits: map[string]int{}, env: map[string]string{}, pulumi: working, tokens: "oke",
		answers: map[string]string{},
		images:  map[string]string{"/v2/guestbook/manifests/v1": fmt.Sprintf(index, "arm64")},
	}
	s.registry = httptest.NewServer(http.HandlerFunc(s.serveImage))
	t.Cleanup(s.registry.Close)
	s.config = map[string]any{
		"oke-guestbook:compartmentId":            oci.CompartmentID,
		"oke-guestbook:loadBalancerAllowedCidrs": []string{"0.0.0.0/0"},
		"oke-guestbook:frontendImage":            s.image("guestbook:v1"),
		"oke-guestbook:vcnCidr":                  "198.18.0.0/16", // no machine's
	}
	return s
}

// image returns an image of the test's registry.
func (s *setup) image(name string) string {
	return strings.TrimPrefix(s.registry.URL, "http://") + "/" + name
}

// serveImage is a registry that lets nobody pull what begins with "private".
func (s *setup) serveImage(w http.ResponseWriter, r *http.Request) {
	manifest, found := s.images[r.URL.Path]
	user, password, _ := r.BasicAuth()
	switch {
	case strings.HasPrefix(r.URL.Path, "/v2/private") && (user != "ns/me" || password != "token"):
		http.Error(w, "", http.StatusForbidden)
	case r.URL.Path == "/v2/":
	case !found:
		http.Error(w, "", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/vnd.oci.image.index.v1+json")
		_, _ = w.Write([]byte(manifest))
	}
}

// run starts the cloud and the command, and returns what it prints and its exit status.
func (s *setup) run(args ...string) (out string, status int) {
	s.t.Helper()
	oke, err := command()
	if err != nil {
		s.t.Fatal(err)
	}
	s.startCloud()
	args = slices.Concat(s.wrap, []string{oke, "doctor", "-C", s.project(), "--stack", "test"}, s.args, args)
	cmd := exec.CommandContext(s.t.Context(), args[0], args[1:]...)
	cmd.Env = s.environment()
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	defer func() { printed.Store(s.t.Name(), text.String()) }()
	var exit *exec.ExitError
	if err := cmd.Run(); errors.As(err, &exit) {
		return text.String(), exit.ExitCode()
	} else if err != nil {
		s.t.Fatal(err)
	}
	return text.String(), 0
}

func (s *setup) startCloud() {
	dir := s.t.TempDir()
	s.write(filepath.Join(dir, engine.KeyFile), string(key()))
	var err error
	if s.cloud, err = oci.New(oci.Config{Dir: dir, Speed: 1e6, Limits: s.limits}); err != nil {
		s.t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Store(r.URL.Path, r.URL.Query().Get("compartmentId"))
		if body, is := s.answers[r.URL.Path]; is {
			_, _ = w.Write([]byte(body))
			return
		}
		s.cloud.ServeHTTP(w, r)
	}))
	s.endpoint = server.URL
	s.t.Cleanup(func() {
		server.Close()
		s.cloud.Close()
	})
	for _, fault := range s.faults {
		if err := s.cloud.Inject(fault); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.prepare != nil {
		s.prepare(s)
	}
}

// project writes the stack, and returns its directory. The configuration is in the file and in what pulumi prints.
func (s *setup) project() string {
	dir := s.t.TempDir()
	s.write(filepath.Join(dir, "Pulumi.yaml"), "name: oke-guestbook\nruntime: go\nrequiredPulumiVersion: \">=3.240.0\"\n")
	type value struct {
		Value  string `json:"value"`
		Secret bool   `json:"secret"`
	}
	printed := map[string]value{}
	for name, setting := range s.config {
		text, isText := setting.(string)
		if !isText {
			raw, err := json.Marshal(setting)
			if err != nil {
				s.t.Fatal(err)
			}
			text = string(raw)
		}
		printed[name] = value{text, strings.HasSuffix(name, "Password")}
	}
	file, err := json.Marshal(map[string]any{"config": s.config}) // JSON is YAML
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(filepath.Join(dir, "Pulumi.test.yaml"), string(file))
	raw, err := json.Marshal(printed)
	if err != nil {
		s.t.Fatal(err)
	}
	s.env["STACK_CONFIG"] = filepath.Join(dir, "printed.json")
	s.write(s.env["STACK_CONFIG"], string(raw))
	return dir
}

// environment is that of make env, with a PATH of its own.
func (s *setup) environment() []string {
	bin := s.t.TempDir()
	if s.pulumi != "" {
		s.write(filepath.Join(bin, "pulumi"), "#!/bin/sh\n"+s.pulumi)
	}
	if s.tokens != "" {
		s.write(filepath.Join(bin, s.tokens), "#!/bin/sh\n")
	}
	if s.golang != "" {
		s.write(filepath.Join(bin, "go"), "#!/bin/sh\n"+s.golang)
	}
	compiler, err := exec.LookPath("go")
	if err != nil {
		s.t.Fatal(err)
	}
	path, err := launchtest.Without(s.t.TempDir(), filepath.Dir(compiler)+":/bin:/usr/bin", "oci", "oke")
	if err != nil {
		s.t.Fatal(err)
	}
	var overrides []string
	for _, client := range catalog.ProviderClients() {
		overrides = append(overrides, string(client)+"="+s.endpoint)
	}
	creds := s.cloud.Credentials()
	env := map[string]string{
		"GOCOVERDIR": coverage,
		"PATH":       bin + ":" + path, "HOME": os.Getenv("HOME"),
		"CLIENT_HOST_OVERRIDES": strings.Join(overrides, ";"),
		"OCI_TENANCY_OCID":      creds.Tenancy, "OCI_USER_OCID": creds.User, "OCI_FINGERPRINT": creds.Fingerprint,
		"OCI_REGION": creds.Region, "OCI_PRIVATE_KEY": creds.PrivateKeyPEM, "GOFLAGS": "-buildvcs=false",
	}
	maps.Copy(env, s.env)
	var list []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// create makes a resource in the compartment, and returns what the service answers.
func (s *setup) create(path string, body map[string]any) (made map[string]any) {
	s.t.Helper()
	client, err := ociclient.New(s.endpoint, s.cloud.Credentials())
	if err != nil {
		s.t.Fatal(err)
	}
	body["compartmentId"] = oci.CompartmentID
	if _, err := client.Do(s.t.Context(), "POST", "/20160918"+path, nil, body, &made); err != nil {
		s.t.Fatal(err)
	}
	return made
}

// settle waits until everything is made.
func (s *setup) settle() {
	s.t.Helper()
	eventually.Succeeds(s.t, 10*time.Second, "everything is made", func(context.Context) error {
		if !s.cloud.Idle() {
			return errors.New("tasks are left")
		}
		return nil
	})
}

// makeVCN creates a VCN, and returns its OCID.
func (s *setup) makeVCN() string {
	made := s.create("/vcns", map[string]any{"cidrBlocks": []string{"198.18.0.0/16"}, "displayName": "theirs"})
	s.settle()
	return made["id"].(string)
}

func (s *setup) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		s.t.Fatal(err)
	}
}
