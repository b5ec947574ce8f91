// Package recovery_test runs the command oke recover against the local cloud. The command is of another module, whose
// changes go test does not see: run it with -count=1.
package recovery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"oke-guestbook/catalog"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

// cloud starts an emulator and points the environment at it.
func cloud(t *testing.T) *ociclient.Client {
	t.Helper()
	server, err := oci.New(oci.Config{Dir: t.TempDir(), Speed: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	creds := server.Credentials()
	t.Setenv("OCI_TENANCY_OCID", creds.Tenancy)
	t.Setenv("OCI_USER_OCID", creds.User)
	t.Setenv("OCI_FINGERPRINT", creds.Fingerprint)
	t.Setenv("OCI_REGION", creds.Region)
	t.Setenv("OCI_PRIVATE_KEY", creds.PrivateKeyPEM)
	var overrides []string
	for _, c := range catalog.Clients() {
		overrides = append(overrides, string(c)+"="+listener.URL)
	}
	t.Setenv("CLIENT_HOST_OVERRIDES", strings.Join(overrides, ";"))
	client, err := ociclient.New(listener.URL, creds)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type object = map[string]any

// create posts a resource, again while the service answers 409 because what it needs is not ready. It returns the id,
// if the answer has one.
func create(t *testing.T, client *ociclient.Client, path string, body object) string {
	t.Helper()
	for {
		var made struct{ ID string }
		_, err := client.Do(t.Context(), http.MethodPost, path, nil, body, &made)
		var refused *ociclient.Error
		switch {
		case err == nil:
			return made.ID
		case !errors.As(err, &refused) || refused.Status != http.StatusConflict:
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func get(t *testing.T, client *ociclient.Client, path string, out any) {
	t.Helper()
	if _, err := client.Do(t.Context(), http.MethodGet, path, nil, nil, out); err != nil {
		t.Fatal(err)
	}
}

func createVCN(t *testing.T, client *ociclient.Client, name, cidr, stack string) string {
	t.Helper()
	return create(t, client, "/20160918/vcns", object{
		"compartmentId": oci.CompartmentID, "displayName": name, "cidrBlocks": []string{cidr},
		"freeformTags": object{"stack": stack},
	})
}

const urn = "urn:pulumi:dev::oke-guestbook::oci:Core/vcn:Vcn::net"

// creating is an exported stack with the given resources, which was killed while it created one with the given inputs.
func creating(t *testing.T, typ string, inputs object, resources ...object) string {
	t.Helper()
	resource := object{"urn": urn, "custom": true, "type": typ, "inputs": inputs}
	pending := []any{object{"type": "creating", "resource": resource}}
	stack, err := json.Marshal(object{"deployment": object{"resources": resources, "pending_operations": pending}})
	if err != nil {
		t.Fatal(err)
	}
	return string(stack)
}

func exported(resources string) string {
	return `{"version": 3, "deployment": {"manifest": {"magic": "m", "big": 12345678901234567890},
		"resources": [` + resources + `],
		"pending_operations": [
			{"type": "creating", "resource": {"urn": "` + urn + `", "custom": true, "type": "oci:Core/vcn:Vcn", "inputs":
				{"compartmentId": "` + oci.CompartmentID + `", "displayName": "net", "freeformTags": {"stack": "dev"}}}},
			{"type": "creating", "resource":
				{"urn": "urn:ns", "custom": true, "type": "kubernetes:core/v1:Namespace", "inputs": {}}}]}}`
}

type state struct {
	Deployment struct {
		Resources []struct {
			URN, ID string
			Delete  bool
			Outputs map[string]any
		}
		Pending []any `json:"pending_operations"`
	}
}

// command builds the command oke once.
var command = sync.OnceValues(func() (string, error) {
	os.Getenv("SOURCES") // the Makefile says why
	dir, err := os.MkdirTemp("", "recovery")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "oke")
	build := exec.Command("go", "build", "-o", path, "./cmd/oke")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := command(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// pulumi is a script that stands in for Pulumi's CLI: it keeps the state in a file, and its other commands in a list.
const pulumi = `#!/bin/sh
case "$1 $2" in
"stack export") cat "$STATE" ;;
"stack import") cat >"$STATE" ;;
"config --show-secrets") printf %s "$CONFIG" ;;
*) echo "$*" >>"$STATE.calls" ;;
esac
`

// run recovers a stack whose exported state is in, and returns what the state is then.
func run(t *testing.T, in string) (s state, raw, said string, err error) {
	t.Helper()
	oke, err := command()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, cli := filepath.Join(dir, "state"), filepath.Join(dir, "pulumi")
	for name, text := range map[string]string{
		file: in, cli: pulumi, filepath.Join(dir, "Pulumi.yaml"): "name: oke-guestbook\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), oke, "recover", "--stack", "dev", "--yes", "--pulumi", cli, "-C", dir)
	if os.Getenv("CONFIG") == "" {
		t.Setenv("CONFIG", "{}")
	}
	cmd.Env = append(os.Environ(), "STATE="+file, "PULUMI_BACKEND_URL=file://"+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return s, "", string(out), fmt.Errorf("%w: %s", err, out)
	}
	after, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(after, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	calls, _ := os.ReadFile(file + ".calls")
	return s, string(after), string(out) + string(calls), nil
}

func TestCreatedResourceIsAddedToTheState(t *testing.T) {
	client := cloud(t)
	want := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	createVCN(t, client, "net", "10.1.0.0/16", "prod") // another stack's, of the same name
	s, raw, progress, err := run(t, exported(`{"urn": "urn:stack", "id": ""}`))
	if err != nil {
		t.Fatal(err)
	}
	r := s.Deployment.Resources
	if len(r) != 2 || r[1].URN != urn || r[1].ID != want || r[1].Outputs["displayName"] != "net" {
		t.Errorf("resources: %+v", r)
	}
	if len(s.Deployment.Pending) != 0 {
		t.Errorf("pending: %v", s.Deployment.Pending)
	}
	if !strings.Contains(raw, "12345678901234567890") {
		t.Errorf("numbers changed: %s", raw)
	}
	if !strings.Contains(progress, "creating Vcn net: it exists; add it to the state\n      "+want) ||
		!strings.Contains(progress, "refresh --yes") {
		t.Errorf("says %q", progress)
	}
}

// The key is in the stack's settings, as the provider takes it, and in no variable.
func TestCredentialsOfTheStack(t *testing.T) {
	client := cloud(t)
	want := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	config := map[string]map[string]string{}
	for setting, variable := range map[string]string{
		"tenancyOcid": "OCI_TENANCY_OCID", "userOcid": "OCI_USER_OCID", "fingerprint": "OCI_FINGERPRINT",
		"region": "OCI_REGION", "privateKey": "OCI_PRIVATE_KEY",
	} {
		config["oci:"+setting] = map[string]string{"value": os.Getenv(variable)}
		t.Setenv(variable, "")
	}
	t.Setenv("OCI_CONFIG_FILE_PROFILE", "nobody") // whatever this machine has in ~/.oci
	_, _, _, err := run(t, exported(""))
	if err == nil || !strings.Contains(err.Error(), "profile nobody") {
		t.Errorf("without any credentials: %v", err)
	}
	t.Setenv("OCI_CONFIG_FILE_PROFILE", "")
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONFIG", string(text))
	s, _, _, err := run(t, exported(""))
	if err != nil || len(s.Deployment.Resources) != 1 || s.Deployment.Resources[0].ID != want {
		t.Errorf("resources %+v, %v", s.Deployment.Resources, err)
	}
}

func TestCreationThatNeverStartedIsDropped(t *testing.T) {
	client := cloud(t)
	createVCN(t, client, "net", "10.1.0.0/16", "prod")
	s, _, said, err := run(t, exported(""))
	if !strings.Contains(said, "creating Vcn net: it does not exist; the next up creates it") {
		t.Errorf("says %q", said)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Deployment.Resources) != 0 || len(s.Deployment.Pending) != 0 {
		t.Errorf("state: %+v", s)
	}
}

type cluster struct{ ID, VcnID, LifecycleState string }

// createCluster creates a cluster named oke of stack dev, and returns it as the service lists it.
func createCluster(t *testing.T, client *ociclient.Client, typ string) cluster {
	t.Helper()
	vcn := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	body := object{"compartmentId": oci.CompartmentID, "vcnId": vcn, "cidrBlock": "10.0.0.0/24"}
	subnet := create(t, client, "/20160918/subnets", body)
	create(t, client, "/20180222/clusters", object{
		"compartmentId": oci.CompartmentID, "vcnId": vcn, "name": "oke", "type": typ,
		"kubernetesVersion": oci.KubernetesVersions[0], "endpointConfig": object{"subnetId": subnet},
		"freeformTags": object{"stack": "dev"},
	})
	var clusters []cluster
	get(t, client, "/20180222/clusters?compartmentId="+oci.CompartmentID, &clusters)
	if len(clusters) != 1 {
		t.Fatalf("clusters: %+v", clusters)
	}
	return clusters[0]
}

// OKE keeps a cluster whose creation failed; the launcher taints the one in the state.
func TestFailedClusterIsAddedToTheState(t *testing.T) {
	client := cloud(t)
	create(t, client, "/admin/faults", object{
		"workRequest": "CLUSTER_CREATE", "code": "InternalError", "message": "no control plane", "count": 1,
	})
	made := createCluster(t, client, "BASIC_CLUSTER")
	finds(t, catalog.Cluster, object{
		"compartmentId": oci.CompartmentID, "vcnId": made.VcnID, "name": "oke", "freeformTags": object{"stack": "dev"},
	}, made.ID)
	get(t, client, "/20180222/clusters/"+made.ID, &made)
	if made.LifecycleState != "FAILED" {
		t.Errorf("the cluster is %s", made.LifecycleState)
	}
}

func TestTwoCandidatesAreAnError(t *testing.T) {
	client := cloud(t)
	createVCN(t, client, "net", "10.0.0.0/16", "dev")
	createVCN(t, client, "net", "10.1.0.0/16", "dev")
	if _, _, _, err := run(t, exported("")); err == nil || !strings.Contains(err.Error(), "delete all but one") {
		t.Errorf("error %v", err)
	}
}

// A cluster is deleted before its replacement is created, a VCN after. The engine marks a resource that it has deleted.
func TestReplacementIsContinued(t *testing.T) {
	for name, c := range map[string]struct {
		mark string
		want []string // the resources of the state
	}{
		"deleted first": {`, "pendingReplacement": true`, []string{"NEW", "urn:subnet subnet"}},
		"created first": {"", []string{"NEW", "OLD, to be deleted", "urn:subnet subnet"}},
	} {
		t.Run(name, func(t *testing.T) {
			client := cloud(t)
			before := "gone"
			if c.mark == "" {
				before = createVCN(t, client, "net", "10.0.0.0/16", "dev")
			}
			after := createVCN(t, client, "net", "10.1.0.0/16", "dev")
			s, _, progress, err := run(t, exported(`{"urn": "`+urn+`", "type": "oci:Core/vcn:Vcn", "id": "`+before+`"`+c.mark+`},
				{"urn": "urn:subnet", "type": "oci:Core/subnet:Subnet", "id": "subnet"}`))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range s.Deployment.Resources {
				is := r.URN + " " + r.ID
				if r.Delete {
					is += ", to be deleted"
				}
				got = append(got, strings.NewReplacer(urn+" "+after, "NEW", urn+" "+before, "OLD").Replace(is))
			}
			if !slices.Equal(got, c.want) || !strings.Contains(progress, after) {
				t.Errorf("the state has %q, want %q; says %q", got, c.want, progress)
			}
		})
	}
}

// The resource to be replaced stays if the creation of its replacement never started.
func TestReplacementThatNeverStartedIsLeftToTheEngine(t *testing.T) {
	client := cloud(t)
	old := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	s, _, progress, err := run(t, exported(`{"urn": "`+urn+`", "type": "oci:Core/vcn:Vcn", "id": "`+old+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Deployment.Resources; len(r) != 1 || r[0].ID != old || r[0].Delete ||
		!strings.Contains(progress, "it does not exist") {
		t.Errorf("resources: %+v, says %q", r, progress)
	}
}

// A Kubernetes object has the id of the one that it replaces, so only the mark of a deleted one shows the replacement.
func TestReplacementOfTheSameIDNeedsADeletion(t *testing.T) {
	cloud(t)
	const typ = "kubernetes:core/v1:Namespace"
	for _, deleted := range []bool{true, false} {
		old := object{"urn": urn, "type": typ, "id": "guestbook", "pendingReplacement": deleted}
		s, _, progress, err := run(t, creating(t, typ, object{"metadata": object{"name": "guestbook"}}, old))
		if err != nil {
			t.Fatal(err)
		}
		r := s.Deployment.Resources
		if len(r) != 1 || r[0].ID != "guestbook" || r[0].Delete || (r[0].Outputs != nil) != deleted {
			t.Errorf("deleted %v: resources: %+v, says %q", deleted, r, progress)
		}
	}
}

// finds checks the id of the resource that a killed creation with these inputs is found to have created, "" for none.
func finds(t *testing.T, typ string, inputs object, want string) {
	t.Helper()
	s, _, _, err := run(t, creating(t, typ, inputs))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, r := range s.Deployment.Resources {
		got += r.ID
	}
	if got != want {
		t.Errorf("found %q, want %q", got, want)
	}
}

// The program chooses the ids of buckets and add-ons.
func TestResourcesWithChosenIDsAreFound(t *testing.T) {
	client := cloud(t)
	clusterID := createCluster(t, client, "ENHANCED_CLUSTER").ID
	create(t, client, "/20180222/clusters/"+clusterID+"/addons", object{"addonName": "CertManager"})
	addon := func(name string) object { return object{"clusterId": clusterID, "addonName": name} }

	bucket := func(name, stack string) object {
		tags := object{"stack": stack}
		return object{
			"compartmentId": oci.CompartmentID, "namespace": oci.Namespace, "name": name, "freeformTags": tags,
		}
	}
	for name, stack := range map[string]string{"ours": "dev", "theirs": "prod"} {
		body := bucket(name, stack)
		delete(body, "namespace")
		create(t, client, "/n/"+oci.Namespace+"/b", body)
	}

	for name, c := range map[string]struct {
		typ    string
		inputs object
		want   string
	}{
		"bucket":                 {catalog.Bucket, bucket("ours", "dev"), "n/" + oci.Namespace + "/b/ours"},
		"another stack's bucket": {catalog.Bucket, bucket("theirs", "dev"), ""},
		"no bucket":              {catalog.Bucket, bucket("none", "dev"), ""},
		"add-on":                 {catalog.Addon, addon("CertManager"), "clusters/" + clusterID + "/addons/CertManager"},
		"no add-on":              {catalog.Addon, addon("Istio"), ""},
	} {
		t.Run(name, func(t *testing.T) { finds(t, c.typ, c.inputs, c.want) })
	}
}

// The rules of a network security group have no tags and no names.
func TestSecurityRulesAreFound(t *testing.T) {
	client := cloud(t)
	vcn := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	body := object{"compartmentId": oci.CompartmentID, "vcnId": vcn}
	id := create(t, client, "/20160918/networkSecurityGroups", body)
	group := "/20160918/networkSecurityGroups/" + id

	rule := func(protocol, options string, value object) object {
		return object{"direction": "INGRESS", "protocol": protocol, "source": "10.0.0.0/8", options: value}
	}
	port := func(port int) object {
		return rule("6", "tcpOptions", object{"destinationPortRange": object{"min": port, "max": port}})
	}
	ping := func(code int) object { return rule("1", "icmpOptions", object{"type": 3, "code": code}) }
	everyCode := rule("1", "icmpOptions", object{"type": 3})

	var more []any // a first page
	for i := range 25 {
		more = append(more, port(1000+i))
	}
	for range 4 {
		create(t, client, group+"/actions/addSecurityRules", object{"securityRules": more})
	}
	rules := object{"securityRules": []any{port(80), port(443), ping(4), everyCode}}
	create(t, client, group+"/actions/addSecurityRules", rules)
	var ids []struct{ ID string }
	get(t, client, group+"/securityRules?page=100", &ids)

	for name, c := range map[string]struct {
		rule object
		want string
	}{
		"rule":                {port(443), ids[1].ID},
		"rule for every code": {ping(-1), ids[3].ID},
		"no rule":             {port(8080), ""},
	} {
		t.Run(name, func(t *testing.T) {
			inputs := object{"networkSecurityGroupId": id, "sourceType": "CIDR_BLOCK", "stateless": false}
			maps.Copy(inputs, c.rule)
			finds(t, catalog.NetworkSecurityGroupSecurityRule, inputs, c.want)
		})
	}
}

func TestEveryTypeOfTheProgramIsInTheCatalogue(t *testing.T) {
	files, err := filepath.Glob("../../tests/testdata/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	made := map[string]bool{}
	for _, file := range files {
		golden, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, typ := range regexp.MustCompile(`\boci:[A-Z]\w+/\w+:[A-Z]\w+`).FindAllString(string(golden), -1) {
			made[typ] = true
		}
	}
	for typ := range made {
		if _, known := catalog.Lookup(typ); !known {
			t.Errorf("%s: the catalogue lacks it", typ)
		}
	}
}
