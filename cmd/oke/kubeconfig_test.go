package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written is a kubeconfig as OKE writes it.
const written = `apiVersion: v1
kind: ""
clusters: [{name: cluster-a, cluster: {server: "https://203.0.113.9:6443"}}]
users: [{name: user-a, user: {exec: {command: oci, args: [ce, cluster, generate-token, --region, us-ashburn-1]}}}]
contexts: [{name: context-a, context: {cluster: cluster-a, user: user-a}}]
current-context: context-a
`

// service answers like Container Engine for one cluster, and keeps which endpoint was asked for.
type service struct {
	public, private string
	status          int // of every answer; 0: as the service
	clock           time.Duration
	asked           string
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Date", time.Now().Add(-s.clock).UTC().Format(http.TimeFormat))
	switch path, found := strings.CutPrefix(r.URL.Path, "/20180222/clusters/"+someCluster); {
	case s.status != 0:
		w.WriteHeader(s.status)
		fmt.Fprint(w, `{"code":"NotAuthenticated","message":"no"}`)
	case !found || path != "" && path[0] != '/':
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"code":"NotAuthorizedOrNotFound","message":"no"}`)
	case path == "/kubeconfig/content":
		body := make([]byte, r.ContentLength)
		_, _ = r.Body.Read(body)
		s.asked = string(body)
		fmt.Fprint(w, written)
	default:
		fmt.Fprintf(w, `{"endpoints":{"publicEndpoint":%q,"privateEndpoint":%q}}`, s.public, s.private)
	}
}

// listen returns an address that answers, and one that does not.
func listen(t *testing.T) (answers, silent string) {
	t.Helper()
	open, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { open.Close() })
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	return open.Addr().String(), closed.Addr().String()
}

func TestKubeconfig(t *testing.T) {
	withoutLogin(t)
	config := configFile(t)
	answers, silent := listen(t)
	for _, test := range []struct {
		name    string
		service service
		flags   []string
		want    string // the endpoint that is asked for, or a part of the error
		note    string
		refused bool
	}{
		{"public answers", service{public: answers, private: silent}, nil, "PUBLIC_ENDPOINT", "", false},
		{"private answers", service{public: silent, private: answers}, nil, "PRIVATE_ENDPOINT", "", false},
		{"none answers", service{public: silent, private: silent}, nil, "PUBLIC_ENDPOINT", "apiAllowedCidrs", false},
		{"private is silent", service{private: silent}, nil, "PRIVATE_ENDPOINT", "make tunnel", false},
		{"chosen", service{public: answers}, []string{"--endpoint", "private"}, "PRIVATE_ENDPOINT", "", false},
		{"no public one", service{private: answers}, []string{"--endpoint", "public"}, "has no public endpoint", "", true},
		{"no such choice", service{}, []string{"--endpoint", "vpn"}, `"vpn" is not public, private or auto`, "", true},
		{"no such cluster", service{}, []string{"--cluster-id", "ocid1.cluster.oc1.iad.b"}, "does not exist", "", true},
		{"unknown key", service{status: 401}, nil, "does not know these credentials", "", true},
		{"clock", service{status: 401, clock: 10 * time.Minute}, nil, "clock is 10m", "", true},
		{"service is down", service{status: 500}, nil, "container engine: 500", "", true},
		{"no stack", service{}, []string{"--cluster-id", ""}, "name a stack, such as STACK=dev", "", true},
		{"unknown stack", service{}, []string{"--cluster-id", "", "--stack", "x"}, `Pulumi`, "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(&test.service)
			defer server.Close()
			var out, notes strings.Builder
			err := run(append([]string{
				"kubeconfig", "--cluster-id", someCluster, "--config-file", config, "--service-endpoint", server.URL,
			}, test.flags...), &out, &notes)
			if test.refused {
				if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("got %v, want %q in one line", err, test.want)
				}
				return
			}
			asked := test.service.asked
			if err != nil || !strings.Contains(asked, test.want) || !strings.Contains(notes.String(), test.note) {
				t.Errorf("%v; asked for %s; notes %s", err, asked, notes.String())
			}
			for _, want := range []string{
				"command: oke", "token, --cluster-id, " + someCluster, "--region, us-ashburn-1", "--config-file, " + config,
			} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q in %s", want, out.String())
				}
			}
		})
	}
}

// TestKubeconfigIsMerged expects the other clusters of a file to stay, and the cluster's own entries to be renewed.
func TestKubeconfigIsMerged(t *testing.T) {
	withoutLogin(t)
	answers, _ := listen(t)
	server := httptest.NewServer(&service{public: answers})
	defer server.Close()
	file := filepath.Join(t.TempDir(), "new", "config")
	merge := func() string {
		t.Helper()
		err := run([]string{
			"kubeconfig", "--cluster-id", someCluster, "--config-file", configFile(t), "--service-endpoint", server.URL,
			"--merge", file,
		}, &strings.Builder{}, &strings.Builder{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	merge()
	const other = "apiVersion: v1\nclusters:\n- name: cluster-a\n  cluster: {server: old}\n" +
		"- name: kind\n  cluster: {server: kind}\ncurrent-context: kind\n"
	if err := os.WriteFile(file, []byte(other), 0o600); err != nil {
		t.Fatal(err)
	}
	text := merge()
	if again := merge(); strings.Count(again, "name: user-a") != 1 {
		t.Errorf("merged twice:\n%s", again)
	}
	for want, times := range map[string]int{
		"server: kind": 1, "server: old": 0, "name: cluster-a": 1, "name: user-a": 1, "current-context: context-a": 1,
	} {
		if got := strings.Count(text, want); got != times {
			t.Errorf("%d times %q, want %d in\n%s", got, want, times, text)
		}
	}
	if err := os.WriteFile(file, []byte("clusters: ["), 0o600); err != nil {
		t.Fatal(err)
	}
	err := run([]string{
		"kubeconfig", "--cluster-id", someCluster, "--config-file", configFile(t), "--service-endpoint", server.URL,
		"--merge", file,
	}, &strings.Builder{}, &strings.Builder{})
	if err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file that is no YAML: %v", err)
	}
}
