package environment

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/catalog"
)

// sdkClients returns the clients of oci-go-sdk, as package.Name, from the sources in the module cache.
func sdkClients(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/oracle/oci-go-sdk/v65")
	dir, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "*", "*_client.go"))
	if err != nil {
		t.Fatal(err)
	}
	declaration := regexp.MustCompile(`(?m)^type (\w+Client) struct`)
	var clients []string
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if m := declaration.FindSubmatch(source); m != nil { // some models are called client, too
			clients = append(clients, filepath.Base(filepath.Dir(file))+"."+string(m[1]))
		}
	}
	return clients
}

// providerNames reads what testdata says of the clients of the SDK whose names do not say the provider's. The value is
// the name in the provider, or "" if it has no such client.
func providerNames(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/sdk-clients.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			names[fields[0]] = strings.Join(fields[1:], " ")
		}
	}
	return names
}

// former are clients of older versions of the provider, which the SDK no longer has.
var former = []catalog.Client{"oci_globally_distributed_database.ShardedDatabaseServiceClient"}

// The provider's sources are not in the module cache, the SDK's are. A new version of the SDK with another client fails
// this test. If terraform-provider-oci registers that client, its name belongs in catalog/clients.txt.
func TestEveryClientOfTheSDKIsKnown(t *testing.T) {
	left := map[string]catalog.Client{} // by name in the SDK
	for _, client := range catalog.ProviderClients() {
		pkg, name, _ := strings.Cut(strings.TrimPrefix(string(client), "oci_"), ".")
		left[strings.ReplaceAll(pkg, "_", "")+"."+name] = client
	}
	names := providerNames(t)
	for sdk, client := range names {
		for guess, other := range left {
			if string(other) == client {
				delete(left, guess)
				left[sdk] = other
			}
		}
		if client != "" && left[sdk] == "" {
			t.Errorf("testdata says %s for %s: catalog/clients.txt has no such client, or the line is not needed",
				client, sdk)
		}
	}
	clients := sdkClients(t)
	if len(clients) < 300 {
		t.Fatalf("the SDK has only %d clients: %v", len(clients), clients)
	}
	for _, sdk := range clients {
		_, explained := names[sdk]
		if left[sdk] == "" && !explained {
			t.Errorf("%s is a client of the SDK: add its name in the provider to catalog/clients.txt, or say in "+
				"testdata/sdk-clients.txt that the provider has none", sdk)
		}
		if left[sdk] != "" && explained && names[sdk] == "" {
			t.Errorf("testdata says that the provider has no %s, catalog/clients.txt has %s", sdk, left[sdk])
		}
		delete(left, sdk)
		delete(names, sdk)
	}
	for sdk, client := range left {
		if !slices.Contains(former, client) {
			t.Errorf("%s: the SDK has no %s", client, sdk)
		}
	}
	for sdk := range names {
		t.Errorf("testdata names %s, which the SDK does not have", sdk)
	}
}

// hostOverrides reads CLIENT_HOST_OVERRIDES as the official provider does (getClientHostOverrides in
// terraform-provider-oci, internal/client/provider_clients.go).
func hostOverrides(value string) map[string]string {
	hosts := map[string]string{}
	for _, item := range strings.Split(value, ";") {
		if pair := strings.Split(item, "="); len(pair) == 2 {
			hosts[pair[0]] = pair[1]
		}
	}
	return hosts
}

func TestEveryClientOfTheProviderIsRedirected(t *testing.T) {
	s := Settings{Dir: t.TempDir(), Port: 65535}
	writeConfig(t, s)
	variables, err := s.CloudVariables("/bin")
	if err != nil {
		t.Fatal(err)
	}
	// A process gets no variable of more than 128 KiB from Linux, so that it is read in one.
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `printf %s "$CLIENT_HOST_OVERRIDES"`)
	cmd.Env = variables
	value, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("CLIENT_HOST_OVERRIDES has %d bytes", len(value))
	hosts := hostOverrides(string(value))
	for _, client := range catalog.ProviderClients() {
		if hosts[string(client)] != "http://127.0.0.1:65535" {
			t.Errorf("%s is directed to %q", client, hosts[string(client)])
		}
	}
}
