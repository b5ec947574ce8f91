package doctor_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// withoutKey takes away the API key, which the other tests sign with, and names another kind of credentials.
func (s *setup) withoutKey(auth string) {
	for _, name := range []string{
		"OCI_TENANCY_OCID", "OCI_USER_OCID", "OCI_FINGERPRINT", "OCI_PRIVATE_KEY", "OCI_REGION",
	} {
		s.env[name] = ""
	}
	s.config["oci:auth"], s.config["oci:region"] = auth, oci.Region
}

// withFile runs the command where a directory has nothing but one file, with the text of a variable. The command is
// root there, to mount it.
func (s *setup) withFile(directory, path, variable string) {
	s.wrap = []string{"unshare", "--map-root-user", "--mount", "sh", "-ec", "mount -t tmpfs tmpfs " + directory +
		"; mkdir -p $(dirname " + path + "); printf %s \"$" + variable + "\" >" + path + "; exec \"$@\"", "sh"}
}

// token makes a key, and a security token for it. It returns both.
func (s *setup) token(who engine.Principal) (key *rsa.PrivateKey, token string) {
	s.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		s.t.Fatal(err)
	}
	if token, err = s.cloud.IssueToken(who, &key.PublicKey, time.Hour); err != nil {
		s.t.Fatal(err)
	}
	return key, token
}

// files writes what token returns, and returns the paths.
func (s *setup) files(who engine.Principal) (keyFile, tokenFile string) {
	key, token := s.token(who)
	dir := s.t.TempDir()
	keyFile, tokenFile = filepath.Join(dir, "key.pem"), filepath.Join(dir, "token")
	s.write(keyFile, string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
	})))
	s.write(tokenFile, token)
	return keyFile, tokenFile
}

func session(s *setup) {
	s.withoutKey("SecurityToken")
	s.config["oci:configFileProfile"] = "SESSION"
	s.withFile("~root", "~root/.oci/config", "OCI_CONFIG") // the provider asks for no other home directory
	s.prepare = func(s *setup) {
		keyFile, tokenFile := s.files(engine.Principal{ID: oci.UserID, Type: engine.UserPrincipal})
		s.env["OCI_CONFIG"] = "[SESSION]\ntenancy=" + oci.TenancyID + "\nfingerprint=00\nregion=" + oci.Region +
			"\nkey_file=" + keyFile + "\nsecurity_token_file=" + tokenFile + "\n"
	}
}

func instance(s *setup) {
	s.withoutKey("InstancePrincipal")
	s.prepare = func(s *setup) {
		id := engine.NewOCID(compute.InstanceKind)
		if err := s.cloud.Update(func(t *engine.Tx) error {
			err := compute.Launch(t, compute.InstanceArgs{
				ID: id, Name: "runner", Compartment: oci.CompartmentID, AvailabilityDomain: oci.AvailabilityDomains[0],
				FaultDomain: oci.FaultDomains[0], Shape: "VM.Standard.A1.Flex",
				ShapeConfig: engine.Doc{"ocpus": 1.0, "memoryInGBs": 6.0}, ImageID: compute.Images[0].ID,
			})
			if err == nil {
				t.Find(id).SetState("RUNNING")
			}
			return err
		}); err != nil {
			s.t.Fatal(err)
		}
		s.env["OCI_METADATA_BASE_URL"] = s.endpoint + "/admin/instances/" + id + "/opc/v2"
		s.env["OCI_SDK_AUTH_CLIENT_REGION_URL"] = s.endpoint
	}
}

func function(s *setup) {
	s.withoutKey("ResourcePrincipal")
	s.prepare = func(s *setup) {
		keyFile, tokenFile := s.files(engine.Principal{ID: "ocid1.fnfunc.oc1.iad.f", Type: engine.ResourcePrincipal})
		s.env["OCI_RESOURCE_PRINCIPAL_VERSION"], s.env["OCI_RESOURCE_PRINCIPAL_REGION"] = "2.2", oci.Region
		s.env["OCI_RESOURCE_PRINCIPAL_RPST"], s.env["OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM"] = tokenFile, keyFile
	}
}

// podAddress is that of the service in a cluster which gives Pods security tokens. Its port is fixed in the SDK.
const podAddress = "127.0.0.1"

// pod runs the command where a Pod's token is: the path is fixed in the SDK, too. The Pod may do nothing, as no policy
// allows it; but the service knows it.
func pod(s *setup) {
	s.withoutKey("OKEWorkloadIdentity")
	s.withFile("/run", "/run/secrets/kubernetes.io/serviceaccount/token", "POD_TOKEN")
	s.prepare = func(s *setup) {
		listener, err := net.Listen("tcp", podAddress+":12250")
		if err != nil {
			s.t.Fatal(err)
		}
		server := httptest.NewUnstartedServer(http.HandlerFunc(s.podToken))
		server.Listener.Close()
		server.Listener = listener
		server.StartTLS()
		s.t.Cleanup(server.Close)
		authority := filepath.Join(s.t.TempDir(), "ca.crt")
		s.write(authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
		s.env["OCI_RESOURCE_PRINCIPAL_VERSION"], s.env["OCI_RESOURCE_PRINCIPAL_REGION"] = "2.2", oci.Region
		s.env["OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH"] = authority
		s.env["KUBERNETES_SERVICE_HOST"] = podAddress
		claims := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"exp":%d}`, time.Now().Add(time.Hour).Unix()))
		s.env["POD_TOKEN"] = "e30." + claims + ".e30"
	}
}

// podToken answers as a cluster does, in the form that local/kube's identity has from the SDK.
func (s *setup) podToken(w http.ResponseWriter, r *http.Request) {
	var body struct{ PodKey string }
	err := json.NewDecoder(r.Body).Decode(&body)
	block, _ := pem.Decode([]byte(body.PodKey))
	if err != nil || block == nil || r.Header.Get("Authorization") != "Bearer "+s.env["POD_TOKEN"] {
		http.Error(w, "no key, or not the Pod's token", http.StatusUnauthorized)
		return
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	token, err := s.cloud.IssueToken(
		engine.Principal{ID: "ocid1.workload.oc1.iad.w", Type: engine.WorkloadPrincipal}, key.(*rsa.PublicKey), time.Hour)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	inner, _ := json.Marshal(map[string]string{"token": "ST$" + token})
	fmt.Fprintf(w, "%q", base64.StdEncoding.EncodeToString(inner))
}

// TestEachKindOfCredentials signs in with each kind that the provider takes beside an API key.
func TestEachKindOfCredentials(t *testing.T) {
	const answers = "✓ the region us-ashburn-1 answers, and takes the credentials"
	account := []string{answers, "✓ region us-ashburn-1", "✓ home region us-ashburn-1", "✓ compartment oke-guestbook"}
	for _, c := range []struct {
		name   string
		change func(*setup)
		want   []string
	}{
		{"session", session, append(account, "✓ session token of profile SESSION, for another 1h0m0s")},
		{"instance principal", instance, []string{ // it is in no dynamic group, and may do nothing
			answers, "✓ an instance of Oracle Cloud", "✗ compartmentId: this user sees no compartment",
		}},
		{"resource principal", function, append(account, "✓ a resource principal")},
		{"workload identity", pod, []string{
			answers, "✓ a Pod of an enhanced OKE cluster", "✗ compartmentId: this user sees no compartment",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSetup(t)
			c.change(s)
			if s.wrap != nil && exec.Command("unshare", "--map-root-user", "--mount", "true").Run() != nil {
				t.Skip("this machine makes no mount namespaces")
			}
			out, _ := s.run()
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("%q is missing in\n%s", want, out)
				}
			}
		})
	}
}
