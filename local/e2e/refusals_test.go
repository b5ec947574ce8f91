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

	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

type object = map[string]any

// request is a resource that the program in the folder refuser registers.
type request struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Props object `json:"props"`
}

// refusal is a request that the service refuses, with the error code and texts of the message.
type refusal struct {
	request
	code  string
	words []string
}

// Types of the requests below, and values that they use.
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
	older, newer     = "v1.35.2", "v1.36.4"
	invalidParameter = "InvalidParameter"
)

// TestRefusals sends requests through the engine that the service refuses. The program's own checks would reject them
// before. Each refusal must have its code and a message that names the cause, and change nothing.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.refuser()
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	base := append(s.network(rest), request{"private", tableType, in("net", object{"routeRules": []any{
		route(everywhere, "CIDR_BLOCK", "${nat}"), route(allServices, "SERVICE_CIDR_BLOCK", "${services}"),
	}})})
	s.setRequests(base...)
	s.mustUp()
	ids := s.byName()
	fixed := literal(base, ids) // without dependencies, so that each request can be changed or dropped alone

	step(t, "creations", func() {
		networks := badNetworks(ids, find(fixed, "services").Props["services"])
		s.checkRefused(fixed, append(networks, badPools(s.images(rest), ids)...))
	})
	step(t, "six security lists", func() {
		// Alone, because the official plugin itself refuses it and ends the program.
		six := []any{}
		for i := range 6 {
			six = append(six, fmt.Sprint("ocid1.securitylist.oc1.iad.", i))
		}
		subnet := request{"subnet-lists", subnetType, with(object{
			"vcnId": ids["net"], "cidrBlock": "10.0.64.0/24", "securityListIds": six,
		})}
		s.checkRefused(fixed, []refusal{{subnet, "", []string{"securityListIds", "5"}}})
	})
	step(t, "changes", func() {
		placement := object{"availabilityDomain": oci.AvailabilityDomains[1], "subnetId": ids["workers"]}
		moved := changed(find(fixed, "pool"), []any{placement}, "nodeConfigDetails", "placementConfigs")
		moved = changed(moved, true, "nodePoolCyclingDetails", "isNodeCyclingEnabled")
		moved = changed(moved, "1", "nodePoolCyclingDetails", "maximumSurge")
		badRule := []any{object{"source": "10.0.0.9/16", "protocol": "6"}}
		badList := changed(find(fixed, "list"), badRule, "ingressSecurityRules")
		s.checkRefused(fixed, []refusal{
			refuse(moved, "Conflict", "nodepool cycling", "Placement Configuration"),
			refuse(badList, invalidParameter, "ingressSecurityRules[0]", "10.0.0.9"),
		})
		s.setRequests(fixed...)
		s.mustUp() // the official plugin repeats the refused request with the current values, before the next change
		fixed = replaced(fixed, changed(find(fixed, "cluster"), newer, "kubernetesVersion"))
		s.setRequests(fixed...)
		s.mustUp()
		downgrade := changed(find(fixed, "cluster"), older, "kubernetesVersion")
		s.checkRefused(fixed, []refusal{{downgrade, invalidParameter, []string{"Invalid kubernetes version."}}})
		s.setRequests(fixed...)
		s.mustUp()
	})
	step(t, "deletions", func() {
		// A NAT gateway that is not the stack's in a VCN of the stack, and the three defaults of the VCN.
		foreign := s.post(rest, core+"/natGateways", object{"compartmentId": oci.CompartmentID, "vcnId": ids["shared"]})
		s.adopt(rest, ids["shared"])
		ids = s.byName()
		s.checkRefused(fixed, []refusal{
			refuse(request{Name: "shared"}, "IncorrectState", ids["shared"], foreign),
			refuse(request{Name: "net"}, "IncorrectState", ids["net"], "Subnet"),
			refuse(request{Name: "api"}, "Conflict", ids["api"], "references the VNIC"),
			refuse(request{Name: "table"}, "IncorrectState", ids["table"], "is associated with Subnet"),
			refuse(request{Name: "list"}, "IncorrectState", ids["list"], "is associated with subnet"),
			refuse(request{Name: "internet"}, "Conflict", ids["internet"], ids["table"]),
			refuse(request{Name: "nat"}, "Conflict", ids["nat"], ids["private"]),
			refuse(request{Name: "services"}, "Conflict", ids["services"], ids["private"]),
			refuse(request{Name: "default-list"}, "Conflict", ids["default-list"], "default of its VCN"),
			refuse(request{Name: "default-table"}, "Conflict", ids["default-table"], "default of its VCN"),
			refuse(request{Name: "default-dhcp"}, "Conflict", ids["default-dhcp"], "default of its VCN"),
		})
		for _, name := range []string{"default-list", "default-table", "default-dhcp"} {
			if out, err := s.pulumi("state", "delete", "--yes", "--stack", "local", s.urn(name)); err != nil {
				t.Fatalf("pulumi state delete %s: %v\n%s", name, err, out)
			}
		}
		_, err := rest.Do(t.Context(), "DELETE", core+"/natGateways/"+foreign, nil, nil, nil)
		s.must(err)
	})
	step(t, "the resources are unchanged, and can be destroyed", func() {
		s.setRequests(replaced(base, changed(find(base, "cluster"), newer, "kubernetesVersion"))...)
		s.unchanged("after all refusals")
		s.mustUp() // adds the dependencies to the state again
		s.destroy()
		s.destroyed()
	})
}

// TestVersionRefusals requests version skews that the service refuses, and a change during another one. The program
// itself refuses to replace a cluster of a withdrawn version. All this needs more versions than the local cloud can
// run, and a cloud as slow as the service, so the cloud runs in this process without control planes.
func TestVersionRefusals(t *testing.T) {
	const oldest, old = "v1.31.10", "v1.34.2"
	offered := oci.KubernetesVersions
	oci.KubernetesVersions = []string{oldest, old, older, newer}
	t.Cleanup(func() { oci.KubernetesVersions = offered })
	s := newStack(t)
	root, bin := s.o.Root, s.o.Bin
	settings, err := os.ReadFile(s.config)
	s.must(err)
	s.refuser()
	stop := s.serveInProcess(1000)
	s.must(s.o.Prepare(t.Context()))
	rest := s.rest()
	base := s.network(rest)
	oldCluster := request{"old-cluster", clusterType, find(base, "cluster").Props}
	base = append(base, changed(oldCluster, old, "kubernetesVersion"))
	s.setRequests(base...)
	s.mustUp()
	ids := s.byName()
	fixed := literal(base, ids)

	step(t, "version skew", func() {
		oldestPool := request{"oldest-pool", poolType, find(fixed, "pool").Props}
		s.checkRefused(fixed, []refusal{
			refuse(changed(find(fixed, "old-cluster"), newer, "kubernetesVersion"), invalidParameter,
				"Invalid kubernetes version.", old, "the next minor", newer),
			refuse(changed(oldestPool, oldest, "kubernetesVersion"), invalidParameter,
				"Invalid kubernetes version.", older, "3 minors older", oldest),
		})
	})
	put := func(path string, body object) {
		_, err := rest.Do(t.Context(), "PUT", path, nil, body, nil)
		s.must(err)
	}
	step(t, "two changes at the same time", func() {
		stop()
		s.serveInProcess(1)
		put(oke+"/nodePools/"+ids["pool"], object{"nodeConfigDetails": object{"size": 1}})
		s.eventually(shortly, "the node's instance", func() (bool, string) {
			count := s.inventory()
			return count["instance"] == 1, fmt.Sprint(count)
		})
		put(oke+"/clusters/"+ids["cluster"], object{"kubernetesVersion": newer})
		s.checkRefused(fixed, []refusal{
			refuse(changed(find(fixed, "pool"), "other", "name"), "Conflict", ids["pool"], "work request in progress"),
			refuse(changed(find(fixed, "cluster"), "other", "name"), "Conflict", ids["cluster"], "work request in progress"),
		})
	})
	step(t, "a change that replaces a cluster of a withdrawn version", func() {
		own := object{"freeformTags": object{"project": "oke-guestbook", "stack": "local"}} // as if the program had made it
		put(core+"/vcns/"+ids["net"], own)
		put(core+"/subnets/"+ids["api"], own)
		put(oke+"/clusters/"+ids["old-cluster"], object{"name": "oke-guestbook-local"})
		oci.KubernetesVersions = []string{older, newer}
		s.o.Root, s.o.Bin = root, bin
		s.must(os.WriteFile(s.config, settings, 0o600))
		s.must(s.o.Prepare(t.Context()))
		s.settings("apiEndpoint=public", "apiAllowedCidrs[0]=203.0.113.0/24", "kmsKeyId=ocid1.key.oc1.iad.vault.example")
		before := s.inventory()
		out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
		want := "kmsKeyId " + old + " " + older + " " + newer + " kubernetesVersion"
		said := slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool { return reports(line, want) })
		if after := s.inventory(); err == nil || !said || !maps.Equal(before, after) {
			t.Errorf("up: %v, want a problem %q; the cloud held %v and holds %v\n%s", err, want, before, after, out)
		}
	})
}

// serveInProcess runs the stack's cloud in this process, without control planes, until stop or the end of the test.
func (s *stack) serveInProcess(speed float64) (stop func()) {
	s.t.Helper()
	cloud, err := oci.New(oci.Config{Dir: filepath.Join(s.o.Dir, "oci"), Speed: speed})
	s.must(err)
	listener, err := net.Listen("tcp", strings.TrimPrefix(s.o.Endpoint(), "http://"))
	s.must(err)
	mux := http.NewServeMux()
	mux.Handle("/", cloud)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		const nobody = 1 << 30 // no process has this id, so the launcher cannot stop any
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

// refuser makes the stack a stack of the program in the folder refuser.
func (s *stack) refuser() {
	s.t.Helper()
	project := s.t.TempDir()
	program := filepath.Join(project, "refuser")
	s.must(s.compile(".", program, "./refuser"))
	// The language host of a CLI from PATH needs the option to find the program.
	yaml := fmt.Sprintf("name: refuser\nruntime:\n  name: go\n  options:\n    binary: %s\n", program)
	s.must(os.WriteFile(filepath.Join(project, "Pulumi.yaml"), []byte(yaml), 0o600))
	s.runs(program, project)
	s.setRequests()
}

// compile builds a package of the module in a directory.
func (s *stack) compile(dir, program, pkg string) error {
	build := exec.CommandContext(s.t.Context(), "go", "build", "-buildvcs=false", "-o", program, pkg)
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// runs has the language host run a program instead of the real one, for a project in another directory.
func (s *stack) runs(program, project string) {
	s.t.Helper()
	bin := s.t.TempDir()
	tools, err := filepath.Glob(filepath.Join(s.o.Bin, "*"))
	s.must(err)
	for _, path := range tools {
		switch name := filepath.Base(path); name {
		case "pulumi": // it looks for the language host beside its file, not beside a link to it
			s.must(exec.CommandContext(s.t.Context(), "cp", path, bin).Run())
		case "pulumi-language-go": // the tools' own is for this repository's project
			script := fmt.Sprintf("#!/bin/sh\nexec '%s-host' -binary '%s' \"$@\"\n", path, program)
			launchtest.Write(s.t, filepath.Join(bin, name), script)
		default:
			s.must(os.Symlink(path, filepath.Join(bin, name)))
		}
	}
	// For oci ce cluster generate-token, whose answer is of an earlier version.
	launchtest.Write(s.t, filepath.Join(bin, "oci"),
		"#!/bin/sh\nshift 3\n'"+filepath.Join(s.o.Bin, "oke")+"' token \"$@\" | sed 's,k8s.io/v1,&beta1,'\n")
	s.o.Root, s.o.Bin = project, bin
}

// setRequests writes the stack's settings: the resources that the program registers.
func (s *stack) setRequests(requests ...request) {
	s.t.Helper()
	text, err := json.Marshal(requests)
	s.must(err)
	settings, err := json.Marshal(object{"config": object{
		"refuser:resources": string(text), "oci:disableAutoRetries": "true", // conflicts must not be retried
	}})
	s.must(err)
	s.must(os.WriteFile(s.config, settings, 0o600))
}

// mustUp runs `pulumi up`, which must succeed.
func (s *stack) mustUp() {
	s.t.Helper()
	if out, err := s.pulumi("up", "--yes", "--skip-preview", "--stack", "local"); err != nil {
		s.t.Fatalf("up: %v\n%s", err, out)
	}
}

// checkRefused sends the requests of the cases in addition to the existing ones, or instead of that of the same name;
// one without a type is a deletion. It asserts that each is refused as wanted, and that cloud and state are unchanged.
func (s *stack) checkRefused(existing []request, cases []refusal) {
	s.t.Helper()
	requests := slices.Clone(existing)
	for _, c := range cases {
		requests = slices.DeleteFunc(requests, func(r request) bool { return r.Name == c.Name })
		if c.Type != "" {
			requests = append(requests, c.request)
		}
	}
	s.setRequests(requests...)
	cloud, state := s.inventory(), s.ids()
	out, err := s.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
	if err == nil {
		s.t.Errorf("up with %d bad requests succeeded:\n%s", len(cases), out)
	}
	errs := diagnostics(out)
	for _, c := range cases {
		for _, words := range append([]string{c.code}, c.words...) {
			if !strings.Contains(errs[c.Name], words) {
				s.t.Errorf("%s: want an error with %q, got %q", c.Name, words, errs[c.Name])
			}
		}
		delete(errs, c.Name)
	}
	for name, text := range errs {
		if name != "refuser-local" {
			s.t.Errorf("%s: unexpected error: %s", name, text)
		}
	}
	if after := s.inventory(); !maps.Equal(cloud, after) {
		s.t.Errorf("the cloud held %v and holds %v", cloud, after)
	}
	if after := s.ids(); !maps.Equal(state, after) {
		s.t.Errorf("the state held %v and holds %v", state, after)
	}
	if s.t.Failed() {
		s.t.Log(out)
	}
}

var diagnostic = regexp.MustCompile(`(?m)^  \S+ \(([^)]+)\):$`)

// diagnostics returns the diagnostics at the end of the engine's output, by name of the resource.
func diagnostics(out string) map[string]string {
	byName := map[string]string{}
	_, out, _ = strings.Cut(out, "Diagnostics:\n")
	out, _, _ = strings.Cut(out, "\nResources:\n")
	heads := diagnostic.FindAllStringSubmatchIndex(out, -1)
	for i, h := range heads {
		end := len(out)
		if i+1 < len(heads) {
			end = heads[i+1][0]
		}
		byName[out[h[2]:h[3]]] += out[h[1]:end]
	}
	return byName
}

// byName returns the ids of the resources in the state, by name.
func (s *stack) byName() map[string]string {
	s.t.Helper()
	names := map[string]string{}
	for urn, id := range s.ids() {
		names[urn[strings.LastIndex(urn, "::")+2:]] = id
	}
	return names
}

// id returns the id of a resource in the state.
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

// rest returns a client of the cloud.
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

// post creates a resource without the engine, waits until it is available and returns its OCID.
func (s *stack) post(rest *ociclient.Client, path string, body object) string {
	s.t.Helper()
	var created struct{ ID string }
	_, err := rest.Do(s.t.Context(), "POST", path, nil, body, &created)
	s.must(err)
	s.eventually(shortly, "the new resource in "+path, func() (bool, string) {
		var doc struct{ LifecycleState string }
		s.get(rest, path+"/"+created.ID, &doc)
		live := []string{"AVAILABLE", "ATTACHED", "ACTIVE"}
		return slices.Contains(live, doc.LifecycleState), doc.LifecycleState
	})
	return created.ID
}

// adopt imports the default resources of a VCN into the state.
func (s *stack) adopt(rest *ociclient.Client, vcn string) {
	s.t.Helper()
	var doc struct{ DefaultSecurityListID, DefaultRouteTableID, DefaultDhcpOptionsID string }
	s.get(rest, core+"/vcns/"+vcn, &doc)
	for _, resource := range [][]string{
		{listType, "default-list", doc.DefaultSecurityListID},
		{tableType, "default-table", doc.DefaultRouteTableID},
		{dhcpType, "default-dhcp", doc.DefaultDhcpOptionsID},
	} {
		args := []string{"import", "--yes", "--skip-preview", "--generate-code=false", "--protect=false", "--stack", "local"}
		if out, err := s.pulumi(append(args, resource...)...); err != nil {
			s.t.Fatalf("pulumi import %v: %v\n%s", resource, err, out)
		}
	}
}
