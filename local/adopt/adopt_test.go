package adopt

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

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
	for _, k := range kinds {
		overrides = append(overrides, k.client+"="+listener.URL)
	}
	t.Setenv("CLIENT_HOST_OVERRIDES", strings.Join(overrides, ";"))
	client, err := ociclient.New(listener.URL, creds)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

type object = map[string]any

// create returns the id, if the answer has one, of what it posts as soon as what that needs is ready.
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

func createVCN(t *testing.T, client *ociclient.Client, name, cidr, stack string) string {
	t.Helper()
	return create(t, client, "/20160918/vcns", object{
		"compartmentId": oci.CompartmentID, "displayName": name, "cidrBlocks": []string{cidr}, "freeformTags": object{"stack": stack},
	})
}

const urn = "urn:pulumi:dev::oke-guestbook::oci:Core/vcn:Vcn::net"

// creating is a stack of these resources whose last command was to create one with these inputs.
func creating(t *testing.T, typ string, inputs object, resources ...object) string {
	t.Helper()
	pending := []any{object{"type": "creating", "resource": object{"urn": urn, "custom": true, "type": typ, "inputs": inputs}}}
	stack, err := json.Marshal(object{"deployment": object{"resources": resources, "pending_operations": pending}})
	if err != nil {
		t.Fatal(err)
	}
	return string(stack)
}

func exported(resources string) string {
	return `{"version": 3, "deployment": {"manifest": {"magic": "m", "big": 12345678901234567890}, "resources": [` + resources + `],
		"pending_operations": [
			{"type": "creating", "resource": {"urn": "` + urn + `", "custom": true, "type": "oci:Core/vcn:Vcn", "inputs":
				{"compartmentId": "` + oci.CompartmentID + `", "displayName": "net", "freeformTags": {"stack": "dev"}}}},
			{"type": "creating", "resource": {"urn": "urn:ns", "custom": true, "type": "kubernetes:core/v1:Namespace", "inputs": {}}}]}}`
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

func run(t *testing.T, in string) (state, string, string, error) {
	t.Helper()
	var out, progress bytes.Buffer
	err := Main(t.Context(), strings.NewReader(in), &out, &progress)
	var s state
	if err == nil {
		if err := json.Unmarshal(out.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
	}
	return s, out.String(), progress.String(), err
}

func TestWhatWasCreatedGoesIntoTheState(t *testing.T) {
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
	if !strings.Contains(progress, urn+": "+want) {
		t.Errorf("says %q", progress)
	}
}

func TestWhatWasNotCreatedIsDropped(t *testing.T) {
	client := cloud(t)
	createVCN(t, client, "net", "10.1.0.0/16", "prod")
	s, _, _, err := run(t, exported(""))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Deployment.Resources) != 0 || len(s.Deployment.Pending) != 0 {
		t.Errorf("state: %+v", s)
	}
}

// OKE keeps a cluster that came to nothing, and launch has the one in the state replaced.
func TestClusterThatHasFailedGoesIntoTheState(t *testing.T) {
	client := cloud(t)
	vcn := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	subnet := create(t, client, "/20160918/subnets", object{"compartmentId": oci.CompartmentID, "vcnId": vcn, "cidrBlock": "10.0.0.0/24"})
	create(t, client, "/admin/faults", object{"workRequest": "CLUSTER_CREATE", "code": "InternalError", "message": "no control plane", "count": 1})
	tags := object{"stack": "dev"}
	create(t, client, "/20180222/clusters", object{
		"compartmentId": oci.CompartmentID, "vcnId": vcn, "name": "oke", "kubernetesVersion": oci.KubernetesVersions[0],
		"endpointConfig": object{"subnetId": subnet}, "freeformTags": tags,
	})
	s, _, _, err := run(t, creating(t, "oci:ContainerEngine/cluster:Cluster", object{"compartmentId": oci.CompartmentID, "vcnId": vcn, "name": "oke", "freeformTags": tags}))
	if err != nil {
		t.Fatal(err)
	}
	var clusters []struct{ ID, LifecycleState string }
	if _, err := client.Do(t.Context(), http.MethodGet, "/20180222/clusters?compartmentId="+oci.CompartmentID, nil, nil, &clusters); err != nil {
		t.Fatal(err)
	}
	r := s.Deployment.Resources
	if len(clusters) != 1 || clusters[0].LifecycleState != "FAILED" || len(r) != 1 || r[0].ID != clusters[0].ID {
		t.Errorf("of the clusters %+v the state holds %+v", clusters, r)
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

// A cluster is deleted before its successor is created, a VCN after. The engine marks what is deleted already.
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
			if !slices.Equal(got, c.want) || !strings.Contains(progress, urn+": "+after) {
				t.Errorf("the state has %q, want %q; says %q", got, c.want, progress)
			}
		})
	}
}

// A creation that asked for nothing yet leaves what it was to replace as it is.
func TestReplacementThatWasNotBegunIsLeftToTheEngine(t *testing.T) {
	client := cloud(t)
	old := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	s, _, progress, err := run(t, exported(`{"urn": "`+urn+`", "type": "oci:Core/vcn:Vcn", "id": "`+old+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := s.Deployment.Resources; len(r) != 1 || r[0].ID != old || r[0].Delete || progress != "" {
		t.Errorf("resources: %+v, says %q", r, progress)
	}
}

// An object of Kubernetes has the id of the one that it replaces, which is told by what became of that.
func TestReplacementOfTheSameIDIsOfWhatWasDeleted(t *testing.T) {
	cloud(t)
	const typ = "kubernetes:core/v1:Namespace"
	for _, deleted := range []bool{true, false} {
		old := object{"urn": urn, "type": typ, "id": "guestbook", "pendingReplacement": deleted}
		s, _, progress, err := run(t, creating(t, typ, object{"metadata": object{"name": "guestbook"}}, old))
		if err != nil {
			t.Fatal(err)
		}
		if r := s.Deployment.Resources; len(r) != 1 || r[0].ID != "guestbook" || r[0].Delete || (r[0].Outputs != nil) != deleted {
			t.Errorf("deleted %v: resources: %+v, says %q", deleted, r, progress)
		}
	}
}

// Buckets and add-ons are named by the program; add-ons and rules have no tags.
func TestNamedAndUntaggedResourcesAreFound(t *testing.T) {
	client := cloud(t)
	vcn := createVCN(t, client, "net", "10.0.0.0/16", "dev")
	group := create(t, client, "/20160918/networkSecurityGroups", object{"compartmentId": oci.CompartmentID, "vcnId": vcn})
	subnet := create(t, client, "/20160918/subnets", object{"compartmentId": oci.CompartmentID, "vcnId": vcn, "cidrBlock": "10.0.0.0/24"})
	create(t, client, "/20180222/clusters", object{
		"compartmentId": oci.CompartmentID, "vcnId": vcn, "name": "oke", "kubernetesVersion": oci.KubernetesVersions[0], "type": "ENHANCED_CLUSTER",
		"endpointConfig": object{"subnetId": subnet},
	})
	var clusters, rules []struct{ ID string }
	get := func(path string, out any) {
		t.Helper()
		if _, err := client.Do(t.Context(), http.MethodGet, path, nil, nil, out); err != nil {
			t.Fatal(err)
		}
	}
	get("/20180222/clusters?compartmentId="+oci.CompartmentID, &clusters)
	cluster := clusters[0].ID
	create(t, client, "/20180222/clusters/"+cluster+"/addons", object{"addonName": "CertManager"})

	bucket := func(name, stack string) object {
		return object{"compartmentId": oci.CompartmentID, "name": name, "freeformTags": object{"stack": stack}}
	}
	create(t, client, "/n/"+oci.Namespace+"/b", bucket("ours", "dev"))
	create(t, client, "/n/"+oci.Namespace+"/b", bucket("theirs", "prod"))

	rule := func(port int) object {
		ports := object{"min": port, "max": port}
		return object{"direction": "INGRESS", "protocol": "6", "source": "10.0.0.0/8", "tcpOptions": object{"destinationPortRange": ports}}
	}
	ping := func(code int) object {
		return object{"direction": "INGRESS", "protocol": "1", "source": "10.0.0.0/8", "icmpOptions": object{"type": 3, "code": code}}
	}
	anyCode := ping(0)
	delete(anyCode["icmpOptions"].(object), "code")
	var more []any // a second page
	for i := range 25 {
		more = append(more, rule(1000+i))
	}
	add := "/20160918/networkSecurityGroups/" + group + "/actions/addSecurityRules"
	for range 4 {
		create(t, client, add, object{"securityRules": more})
	}
	create(t, client, add, object{"securityRules": []any{rule(80), rule(443), ping(4), anyCode}})
	get("/20160918/networkSecurityGroups/"+group+"/securityRules?page=100", &rules)
	// as inputs are
	sought := func(body object) object {
		maps.Copy(body, object{"namespace": oci.Namespace, "networkSecurityGroupId": group, "sourceType": "CIDR_BLOCK", "stateless": false})
		return body
	}

	const bucketType, addonType = "oci:ObjectStorage/bucket:Bucket", "oci:ContainerEngine/addon:Addon"
	const ruleType = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
	for name, c := range map[string]struct {
		typ    string
		inputs object
		want   string
	}{
		"bucket":                 {bucketType, sought(bucket("ours", "dev")), "n/" + oci.Namespace + "/b/ours"},
		"another stack's bucket": {bucketType, sought(bucket("theirs", "dev")), ""},
		"no bucket":              {bucketType, sought(bucket("none", "dev")), ""},
		"add-on":                 {addonType, object{"clusterId": cluster, "addonName": "CertManager"}, "clusters/" + cluster + "/addons/CertManager"},
		"no add-on":              {addonType, object{"clusterId": cluster, "addonName": "Istio"}, ""},
		"rule":                   {ruleType, sought(rule(443)), rules[1].ID},
		"rule for every code":    {ruleType, sought(ping(-1)), rules[3].ID},
		"no rule":                {ruleType, sought(rule(8080)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, _, _, err := run(t, creating(t, c.typ, c.inputs))
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range s.Deployment.Resources {
				got += r.ID
			}
			if got != c.want {
				t.Errorf("found %q, want %q", got, c.want)
			}
		})
	}
}

// What the program makes and is not looked for, with the reason.
var unsought = map[string]string{
	"oci:Core/defaultSecurityList:DefaultSecurityList": "it comes with its VCN, and to create it is to update it",
}

func TestEveryTypeOfTheProgramIsLookedFor(t *testing.T) {
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
		if _, known := kinds[typ]; !known && unsought[typ] == "" {
			t.Errorf("%s: up does not look for one that was cut off", typ)
		}
	}
	for typ := range unsought {
		if !made[typ] {
			t.Errorf("%s: the program makes none", typ)
		}
	}
}
