package recover

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

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
	t.Setenv("CLIENT_HOST_OVERRIDES", network+"="+listener.URL)
	client, err := ociclient.New(listener.URL, creds)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func createVCN(t *testing.T, client *ociclient.Client, name, cidr, stack string) string {
	t.Helper()
	var made struct{ ID string }
	_, err := client.Do(t.Context(), http.MethodPost, "/20160918/vcns", nil, map[string]any{
		"compartmentId": oci.CompartmentID, "displayName": name, "cidrBlocks": []string{cidr},
		"freeformTags": map[string]string{"stack": stack},
	}, &made)
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

const urn = "urn:pulumi:dev::oke-guestbook::oci:Core/vcn:Vcn::net"

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
