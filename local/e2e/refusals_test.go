package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

type object = map[string]any

// request is an entry of the program in the folder refuser.
type request struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Props object `json:"props"`
}

// refusal is a request that the service refuses, with its code and what its message must name.
type refusal struct {
	request
	code  string
	words []string
}

// The types that the requests below have, and the rest of the API that they speak of.
const (
	vcnType          = "oci:Core/vcn:Vcn"
	subnetType       = "oci:Core/subnet:Subnet"
	tableType        = "oci:Core/routeTable:RouteTable"
	listType         = "oci:Core/securityList:SecurityList"
	dhcpType         = "oci:Core/dhcpOptions:DhcpOptions"
	internetType     = "oci:Core/internetGateway:InternetGateway"
	natType          = "oci:Core/natGateway:NatGateway"
	servicesType     = "oci:Core/serviceGateway:ServiceGateway"
	clusterType      = "oci:ContainerEngine/cluster:Cluster"
	poolType         = "oci:ContainerEngine/nodePool:NodePool"
	everywhere       = "0.0.0.0/0"
	allServices      = "all-iad-services-in-oracle-services-network"
	core             = "/20160918"
	oke              = "/20180222"
	older, newer     = "v1.35.4", "v1.36.3"
	invalidParameter = "InvalidParameter"
)

// TestRefusals asks the cloud through the engine for what the service refuses, which the program's own checks would never
// let pass. Each refusal must arrive with its code and a sentence that names the thing, and change nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.refuser()
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	base := append(s.network(rest), request{"private", tableType, in("net", object{"routeRules": []any{
		route(everywhere, "CIDR_BLOCK", "${nat}"), route(allServices, "SERVICE_CIDR_BLOCK", "${services}"),
	}})})
	s.ask(base...)
	s.made()
	ids := s.byName()
	fixed := literal(base, ids) // no entry depends on another any more, so that each can be changed or dropped alone

	step(t, "creations", func() {
		s.refuses(fixed, append(badNetworks(ids, find(fixed, "services").Props["services"]), badPools(s.images(rest), ids)...))
	})
	step(t, "six security lists", func() {
		// Alone, because the official plugin refuses it before it asks, and the program ends.
		six := []any{}
		for i := range 6 {
			six = append(six, fmt.Sprint("ocid1.securitylist.oc1.iad.", i))
		}
		subnet := request{"subnet-lists", subnetType, with(object{"vcnId": ids["net"], "cidrBlock": "10.0.64.0/24", "securityListIds": six})}
		s.refuses(fixed, []refusal{{subnet, "", []string{"securityListIds", "5"}}})
	})
	step(t, "changes", func() {
		moved := changed(find(fixed, "pool"), []any{object{"availabilityDomain": oci.AvailabilityDomains[1], "subnetId": ids["workers"]}}, "nodeConfigDetails", "placementConfigs")
		moved = changed(moved, true, "nodePoolCyclingDetails", "isNodeCyclingEnabled")
		moved = changed(moved, "1", "nodePoolCyclingDetails", "maximumSurge")
		s.refuses(fixed, []refusal{
			{moved, "Conflict", []string{"node cycling", "placementConfigs"}},
			{changed(find(fixed, "list"), []any{object{"source": "10.0.0.9/16", "protocol": "6"}}, "ingressSecurityRules"), invalidParameter, []string{"ingressSecurityRules[0]", "10.0.0.9"}},
		})
		s.ask(fixed...)
		s.made() // the official plugin sends what was refused again, as it is now; the next change would meet that
		fixed = replaced(fixed, changed(find(fixed, "cluster"), newer, "kubernetesVersion"))
		s.ask(fixed...)
		s.made()
		s.refuses(fixed, []refusal{
			{changed(find(fixed, "cluster"), older, "kubernetesVersion"), invalidParameter, []string{"Invalid kubernetes version."}},
		})
		s.ask(fixed...)
		s.made()
	})
	step(t, "deletions", func() {
		// Two things that somebody else made in a VCN of this stack, and three that came with it.
		foreign := s.post(rest, core+"/natGateways", object{"compartmentId": oci.CompartmentID, "vcnId": ids["shared"]})
		s.adopt(rest, ids["shared"])
		ids = s.byName()
		s.refuses(fixed, []refusal{
			{request{Name: "shared"}, "IncorrectState", []string{ids["shared"], foreign}},
			{request{Name: "net"}, "IncorrectState", []string{ids["net"], "Subnet"}},
			{request{Name: "api"}, "Conflict", []string{ids["api"], "references the VNIC"}},
			{request{Name: "table"}, "IncorrectState", []string{ids["table"], "is associated with Subnet"}},
			{request{Name: "list"}, "IncorrectState", []string{ids["list"], "is associated with subnet"}},
			{request{Name: "internet"}, "Conflict", []string{ids["internet"], ids["table"]}},
			{request{Name: "nat"}, "Conflict", []string{ids["nat"], ids["private"]}},
			{request{Name: "services"}, "Conflict", []string{ids["services"], ids["private"]}},
			{request{Name: "default-list"}, "Conflict", []string{ids["default-list"], "default of its VCN"}},
			{request{Name: "default-table"}, "Conflict", []string{ids["default-table"], "default of its VCN"}},
			{request{Name: "default-dhcp"}, "Conflict", []string{ids["default-dhcp"], "default of its VCN"}},
		})
		for _, name := range []string{"default-list", "default-table", "default-dhcp"} {
			if out, err := s.pulumi("state", "delete", "--yes", "--stack", "local", s.urn(name)); err != nil {
				t.Fatalf("pulumi state delete %s: %v\n%s", name, err, out)
			}
		}
		_, err := rest.Do(t.Context(), "DELETE", core+"/natGateways/"+foreign, nil, nil, nil)
		s.must(err)
	})
	step(t, "what was there stays, and goes when it is asked to", func() {
		s.ask(replaced(base, changed(find(base, "cluster"), newer, "kubernetesVersion"))...)
		s.unchanged("after all refusals")
		s.made() // the state then knows again what depends on what
		s.destroy()
		s.destroyed()
	})
}

// TestVersionRefusals asks for versions that lie too far apart, and for a change while another is under way. It takes more
// versions than the local cloud can run, and a cloud as slow as the service: so the cloud is in this process, without
// control planes.
func TestVersionRefusals(t *testing.T) {
	const oldest, old = "v1.31.10", "v1.34.2"
	offered := oci.KubernetesVersions
	oci.KubernetesVersions = []string{oldest, old, older, newer}
	t.Cleanup(func() { oci.KubernetesVersions = offered })
	s := newStack(t)
	s.refuser()
	stop := s.cloudHere(1000)
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	base := s.network(rest)
	base = append(base, changed(request{"old-cluster", clusterType, find(base, "cluster").Props}, old, "kubernetesVersion"))
	s.ask(base...)
	s.made()
	ids := s.byName()
	fixed := literal(base, ids)

	step(t, "versions apart", func() {
		s.refuses(fixed, []refusal{
			{changed(find(fixed, "old-cluster"), newer, "kubernetesVersion"), invalidParameter, []string{"Invalid kubernetes version.", old, "the next minor", newer}},
			{changed(request{"oldest-pool", poolType, find(fixed, "pool").Props}, oldest, "kubernetesVersion"), invalidParameter, []string{"Invalid kubernetes version.", older, "3 minors older", oldest}},
		})
	})
	step(t, "two changes at a time", func() {
		stop()
		s.cloudHere(1)
		put := func(path string, body object) {
			_, err := rest.Do(t.Context(), "PUT", oke+path, nil, body, nil)
			s.must(err)
		}
		put("/nodePools/"+ids["pool"], object{"nodeConfigDetails": object{"size": 1}})
		s.eventually(shortly, "the node's instance", func() (bool, string) {
			there := s.inventory()
			return there["instance"] == 1, fmt.Sprint(there)
		})
		put("/clusters/"+ids["cluster"], object{"kubernetesVersion": newer})
		s.refuses(fixed, []refusal{
			{changed(find(fixed, "pool"), "other", "name"), "Conflict", []string{ids["pool"], "work request in progress"}},
			{changed(find(fixed, "cluster"), "other", "name"), "Conflict", []string{ids["cluster"], "work request in progress"}},
		})
	})
}

// cloudHere runs the stack's cloud in this process, without control planes, until it is stopped or the test ends.
func (s *stack) cloudHere(speed float64) (stop func()) {
	s.t.Helper()
	cloud, err := oci.New(oci.Config{Dir: filepath.Join(s.o.Dir, "oci"), Speed: speed})
	s.must(err)
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.o.Endpoint(), "http://"))
	s.must(err)
	mux := http.NewServeMux()
	mux.Handle("/", cloud)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		const nobody = 1 << 30 // no process has this id, so none can be stopped by it
		_ = json.NewEncoder(w).Encode(object{"dir": s.o.Dir, "pid": nobody})
	})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	stop = sync.OnceFunc(func() {
		s.must(errors.Join(server.Close(), cloud.Close()))
		http.DefaultClient.CloseIdleConnections()
	})
	s.t.Cleanup(stop)
	return stop
}

// refuser makes the stack one of the program in the folder refuser, which the language host runs in the place of the real one.
func (s *stack) refuser() {
	s.t.Helper()
	bin, project := s.t.TempDir(), s.t.TempDir()
	tools, err := filepath.Glob(filepath.Join(s.o.Bin, "*"))
	s.must(err)
	for _, path := range tools {
		if filepath.Base(path) != "oke-guestbook" {
			s.must(os.Symlink(path, filepath.Join(bin, filepath.Base(path))))
		}
	}
	program := filepath.Join(bin, "oke-guestbook")
	if out, err := exec.CommandContext(s.t.Context(), "go", "build", "-buildvcs=false", "-o", program, "./refuser").CombinedOutput(); err != nil {
		s.t.Fatalf("build the program: %v\n%s", err, out)
	}
	// The option is for a CLI from PATH, whose language host is not told otherwise what to run.
	yaml := fmt.Sprintf("name: refuser\nruntime:\n  name: go\n  options:\n    binary: %s\n", program)
	s.must(os.WriteFile(filepath.Join(project, "Pulumi.yaml"), []byte(yaml), 0o600))
	s.o.Root, s.o.Bin = project, bin
	s.ask()
}

// ask writes the stack's settings: what its program is to register.
func (s *stack) ask(requests ...request) {
	s.t.Helper()
	text, err := json.Marshal(requests)
	s.must(err)
	// A conflict is a refusal here, and not something to wait out.
	settings, err := json.Marshal(object{"config": object{"refuser:resources": string(text), "oci:disableAutoRetries": "true"}})
	s.must(err)
	s.must(os.WriteFile(s.config, settings, 0o600))
}

// made runs an `up` that has to succeed.
func (s *stack) made() {
	s.t.Helper()
	if out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "local"); err != nil {
		s.t.Fatalf("up: %v\n%s", err, out)
	}
}

// refuses asks for the requests beside what is there, or in its place where the name is the same; one without a type stands
// for a deletion. It asserts that each is refused as it should be, and that cloud and state hold what they held.
func (s *stack) refuses(there []request, cases []refusal) {
	s.t.Helper()
	asked := slices.Clone(there)
	for _, c := range cases {
		asked = slices.DeleteFunc(asked, func(r request) bool { return r.Name == c.Name })
		if c.Type != "" {
			asked = append(asked, c.request)
		}
	}
	s.ask(asked...)
	things, state := s.inventory(), s.ids()
	out, err := s.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
	if err == nil {
		s.t.Errorf("up with %d bad requests succeeded:\n%s", len(cases), out)
	}
	said := diagnostics(out)
	for _, c := range cases {
		for _, words := range append([]string{c.code}, c.words...) {
			if !strings.Contains(said[c.Name], words) {
				s.t.Errorf("%s: want an error with %q, got %q", c.Name, words, said[c.Name])
			}
		}
		delete(said, c.Name)
	}
	for name, text := range said {
		if name != "refuser-local" {
			s.t.Errorf("%s was to be let through: %s", name, text)
		}
	}
	if after := s.inventory(); !maps.Equal(things, after) {
		s.t.Errorf("the cloud held %v and holds %v", things, after)
	}
	if after := s.ids(); !maps.Equal(state, after) {
		s.t.Errorf("the state held %v and holds %v", state, after)
	}
	if s.t.Failed() {
		s.t.Log(out)
	}
}

var diagnostic = regexp.MustCompile(`(?m)^  \S+ \(([^)]+)\):$`)

// diagnostics returns what the engine says of each resource in the last part of its output, by name.
func diagnostics(out string) map[string]string {
	said := map[string]string{}
	_, out, _ = strings.Cut(out, "Diagnostics:\n")
	out, _, _ = strings.Cut(out, "\nResources:\n")
	heads := diagnostic.FindAllStringSubmatchIndex(out, -1)
	for i, h := range heads {
		end := len(out)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		said[out[h[2]:h[3]]] += out[h[1]:end]
	}
	return said
}

// byName maps each resource in the state, by name, to its id.
func (s *stack) byName() map[string]string {
	s.t.Helper()
	names := map[string]string{}
	for urn, id := range s.ids() {
		names[urn[strings.LastIndex(urn, "::")+2:]] = id
	}
	return names
}

// id returns the id of the resource of that type and name in the state.
func (s *stack) id(typ, name string) string {
	s.t.Helper()
	for urn, id := range s.ids() {
		if strings.HasSuffix(urn, typ+"::"+name) {
			return id
		}
	}
	s.t.Fatalf("the state holds no %s %s", typ, name)
	return ""
}

func (s *stack) urn(name string) string {
	s.t.Helper()
	for urn := range s.ids() {
		if strings.HasSuffix(urn, "::"+name) {
			return urn
		}
	}
	s.t.Fatalf("the state holds no %s", name)
	return ""
}

// rest is a client of the cloud beside the engine's.
func (s *stack) rest() *ociclient.Client {
	s.t.Helper()
	credentials, err := oci.LoadCredentials(filepath.Join(s.o.Dir, "oci"))
	s.must(err)
	client, err := ociclient.New(s.o.Endpoint(), credentials)
	s.must(err)
	return client
}

func (s *stack) get(rest *ociclient.Client, path string, out any) {
	s.t.Helper()
	_, err := rest.Do(s.t.Context(), "GET", path, nil, nil, out)
	s.must(err)
}

// post makes something behind the engine's back and returns its OCID.
func (s *stack) post(rest *ociclient.Client, path string, body object) string {
	s.t.Helper()
	var made struct{ ID string }
	_, err := rest.Do(s.t.Context(), "POST", path, nil, body, &made)
	s.must(err)
	s.eventually(shortly, "what was posted to "+path, func() (bool, string) {
		var doc struct{ LifecycleState string }
		s.get(rest, path+"/"+made.ID, &doc)
		return doc.LifecycleState == "AVAILABLE" || doc.LifecycleState == "ATTACHED", doc.LifecycleState
	})
	return made.ID
}

// adopt puts what came with a VCN into the state, as if the stack had made it.
func (s *stack) adopt(rest *ociclient.Client, vcn string) {
	s.t.Helper()
	var doc struct{ DefaultSecurityListID, DefaultRouteTableID, DefaultDhcpOptionsID string }
	s.get(rest, core+"/vcns/"+vcn, &doc)
	for _, thing := range [][]string{
		{listType, "default-list", doc.DefaultSecurityListID}, {tableType, "default-table", doc.DefaultRouteTableID}, {dhcpType, "default-dhcp", doc.DefaultDhcpOptionsID},
	} {
		args := append([]string{"import", "--yes", "--skip-preview", "--generate-code=false", "--protect=false", "--stack", "local"}, thing...)
		if out, err := s.pulumi(args...); err != nil {
			s.t.Fatalf("pulumi import %v: %v\n%s", thing, err, out)
		}
	}
}
