package sdktest

import (
	"errors"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/vault"

	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
)

// A service that is not emulated refuses at once. Its client is given its host as the official provider gives it.
func TestServiceThatIsNotEmulated(t *testing.T) {
	settings, config, address := emulate(t)
	client := must[vault.VaultsClient](t)(vault.NewVaultsClientWithConfigurationProvider(config))
	client.Host = host(t, settings, "oci_vault.VaultsClient")
	_, err := client.ListSecrets(ctx, vault.ListSecretsRequest{CompartmentId: common.String(oci.CompartmentID)})
	var failure common.ServiceError
	if !errors.As(err, &failure) || failure.GetHTTPStatusCode() != 400 || failure.GetCode() != "NotImplemented" {
		t.Errorf("got %v, want 400 NotImplemented of %s", err, address)
	}
}

// emulate starts an emulator in a directory of the launcher's form, and returns the clients' configuration and its
// address.
func emulate(t *testing.T) (environment.Settings, common.ConfigurationProvider, string) {
	t.Helper()
	settings := environment.Settings{Dir: t.TempDir()}
	srv, err := oci.New(oci.Config{Dir: settings.Path("oci"), Speed: 2000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	web := httptest.NewServer(srv)
	t.Cleanup(web.Close)
	settings.Port = port(t, web.URL)
	config, err := common.ConfigurationProviderFromFile(settings.Path("oci", oci.ConfigFile), "")
	if err != nil {
		t.Fatal(err)
	}
	return settings, config, web.URL
}

func port(t *testing.T, address string) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// host returns the host of a client in the environment of the local cloud's commands.
func host(t *testing.T, settings environment.Settings, client string) string {
	t.Helper()
	variables, err := settings.CloudVariables("")
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range variables {
		if overrides, ok := strings.CutPrefix(kv, "CLIENT_HOST_OVERRIDES="); ok {
			t.Setenv("CLIENT_HOST_OVERRIDES", overrides)
		}
	}
	address, ok := ociclient.EndpointFromEnv(client)
	if !ok {
		t.Fatalf("no host for %s", client)
	}
	return address
}
