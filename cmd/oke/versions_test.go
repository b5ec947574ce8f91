package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// versionService answers like Container Engine for a region whose lists have one entry a page.
type versionService struct {
	clusters []string
	pool     string // the node pool's name; default workers
}

const olderCluster = `{"id":"ocid1.cluster.oc1.iad.a","name":"oke-guestbook-test","lifecycleState":"ACTIVE",` +
	`"kubernetesVersion":"v1.35.2","availableKubernetesUpgrades":["v1.36.4"]}`

func (s *versionService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	page := func(items []string) {
		i := len(query.Get("page"))
		if i < len(items)-1 {
			w.Header().Set("opc-next-page", strings.Repeat("x", i+1))
		}
		fmt.Fprintf(w, "[%s]", strings.Join(items[min(i, len(items)):min(i+1, len(items))], ""))
	}
	switch r.URL.Path {
	case "/20180222/clusterOptions/all", "/20180222/nodePoolOptions/all":
		if query.Get("compartmentId") != "ocid1.compartment.oc1..a" || query.Get("shouldListAllPatchVersions") != "true" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code":"NotAuthorizedOrNotFound","message":"no"}`)
			return
		}
		fmt.Fprint(w, `{"kubernetesVersions":["v1.35.2","v1.36.4"],"sources":[
			{"imageId":"a","sourceName":"Oracle-Linux-9.8-aarch64-2026.08.14-0-OKE-1.36.4-1820"},
			{"imageId":"b","sourceName":"Oracle-Linux-9.8-aarch64-2026.08.14-0-OKE-1.35.2-1820"}]}`)
	case "/20180222/clusters":
		page(s.clusters)
	case "/20180222/nodePools":
		page([]string{
			`{"name":"` + cmp.Or(s.pool, "workers") + `","lifecycleState":"ACTIVE","kubernetesVersion":"v1.35.2",` +
				`"nodeShape":"VM.Standard.A1.Flex","freeformTags":{"nodePoolSetting":"workers"}}`,
			`{"name":"old","lifecycleState":"DELETED","kubernetesVersion":"v1.30.1"}`,
		})
	}
}

func TestVersions(t *testing.T) {
	withoutLogin(t)
	config := configFile(t)
	renamed := strings.NewReplacer("oke-guestbook-test", "renamed", "}", `,"freeformTags":{"project":"oke-guestbook",`+
		`"stack":"test"}}`).Replace(olderCluster)
	deleted := strings.ReplaceAll(olderCluster, `"ACTIVE"`, `"DELETED"`)
	for _, test := range []struct {
		name, settings string
		clusters       []string
		want           []string // parts of the answer, or of the error
		refused        bool
	}{
		{"no cluster", "protect: false", []string{deleted}, []string{
			"there is no cluster yet", "offered for clusters: v1.35.2, v1.36.4",
			"these settings ask for: control plane v1.36.4, node pool workers v1.36.4",
		}, false},
		{"a cluster, on the second page", "protect: false", []string{deleted, olderCluster}, []string{
			"control plane      v1.35.2  v1.36.4       30 days after OKE has v1.38.1",
			"node pool workers  v1.35.2  none", "these settings ask for: control plane v1.35.2, node pool workers v1.35.2",
		}, false},
		{"an upgrade", "kubernetesVersion: v1.36", []string{olderCluster}, []string{
			"these settings ask for: control plane v1.36.4, node pool workers v1.36.4",
		}, false},
		{"a refusal", "kubernetesVersion: v1.34", []string{olderCluster}, []string{
			"pulumi up would refuse these settings:\nkubernetesVersion: the control plane runs v1.35.2 and cannot go back",
		}, false},
		{"a cluster and a pool that somebody has renamed", "kubernetesVersion: v1.36", []string{renamed}, []string{
			"control plane      v1.35.2", "node pool workers  v1.35.2",
			"these settings ask for: control plane v1.36.4, node pool workers v1.36.4",
		}, false},
		{
			"two clusters of one version", "protect: false",
			[]string{olderCluster, strings.ReplaceAll(olderCluster, "iad.a", "iad.b")},
			[]string{"these settings ask for: control plane v1.35.2, node pool workers v1.35.2"},
			false,
		},
		{
			"two clusters", "protect: false",
			[]string{olderCluster, strings.NewReplacer("iad.a", "iad.b", "v1.35.2", "v1.36.4").Replace(olderCluster)},
			[]string{"two clusters can be this stack's: ocid1.cluster.oc1.iad.a, named oke-guestbook-test, of version v1.35.2"},
			true,
		},
		{"elsewhere", "compartmentId: ocid1.compartment.oc1..b", nil, []string{
			"there is no compartment ocid1.compartment.oc1..b",
		}, true},
		{"a bad version", "kubernetesVersion: latest", nil, []string{`"latest" is not a Kubernetes version`}, true},
		{"no compartment", `compartmentId: ""`, nil, []string{"compartmentId is not set"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			service := &versionService{clusters: test.clusters}
			if strings.Contains(test.name, "renamed") {
				service.pool = "renamed"
			}
			server := httptest.NewServer(service)
			defer server.Close()
			lines := []string{"oke-guestbook:" + test.settings}
			if !strings.HasPrefix(test.settings, "compartmentId") {
				lines = append(lines, "oke-guestbook:compartmentId: ocid1.compartment.oc1..a")
			}
			args := []string{
				"versions", "-C", project(t, withSettings(t, lines)), "--stack", "test", "--config-file", config,
				"--service-endpoint", server.URL,
			}
			var out, notes strings.Builder
			err := run(args, &out, &notes)
			text := out.String()
			if test.refused && err != nil {
				text = err.Error()
			}
			if (err != nil) != test.refused {
				t.Errorf("%v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if test.refused {
				return
			}
			out.Reset()
			var answer versions
			if err := run(append(args, "--json"), &out, &notes); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal([]byte(out.String()), &answer); err != nil || len(answer.Nodes) != 2 {
				t.Errorf("%v: %s", err, out.String())
			}
		})
	}
}
