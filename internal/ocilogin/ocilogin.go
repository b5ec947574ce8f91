// Package ocilogin finds the credentials that a command signs OCI's requests with: the same kinds, under the same
// names, as Pulumi's OCI provider and the command oci.
package ocilogin

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
)

// Methods of authentication, as the command oci names them.
const (
	APIKey            = "api_key" // the default: an API key, or the session token of a profile that has one
	SecurityToken     = "security_token"
	InstancePrincipal = "instance_principal"
	ResourcePrincipal = "resource_principal"
	WorkloadIdentity  = "oke_workload_identity"
)

// Methods lists them.
var Methods = []string{APIKey, SecurityToken, InstancePrincipal, ResourcePrincipal, WorkloadIdentity}

// Options say which credentials. Each that is empty comes from the variables that Find reads.
type Options struct {
	Auth       string // one of Methods; default APIKey
	Profile    string // of the configuration file; default DEFAULT
	ConfigFile string // path of the configuration file; default ~/.oci/config
	Region     string // such as "us-ashburn-1"; default that of the credentials
	PodToken   string // path of a Pod's service account token, for WorkloadIdentity; default the mounted one
}

// variable returns the first value among the variables of the command oci (OCI_CLI_...), and those of the OCI provider
// (TF_VAR_..., OCI_...; terraform-provider-oci, internal/provider/provider.go, read 2026-11-28).
func variable(cli, provider string) string {
	return cmp.Or(os.Getenv("OCI_CLI_"+cli), os.Getenv("TF_VAR_"+provider),
		os.Getenv("OCI_"+strings.ToUpper(provider)), os.Getenv("OCI_"+provider))
}

// timeout is the limit for the services that hand out principals' tokens. The SDK tries for minutes.
const timeout = 15 * time.Second

// Find returns the credentials and the region. Its errors are one line each, and say what to do.
func Find(ctx context.Context, o Options) (common.ConfigurationProvider, string, error) {
	explicit := o.Profile != "" || o.ConfigFile != ""
	o.Auth = strings.ToLower(cmp.Or(o.Auth, variable("AUTH", "auth"), APIKey))
	o.Profile = cmp.Or(o.Profile, variable("PROFILE", "config_file_profile"), "DEFAULT")
	o.ConfigFile = cmp.Or(o.ConfigFile, os.Getenv("OCI_CLI_CONFIG_FILE"), os.Getenv("OCI_CONFIG_FILE"), defaultFile())
	o.Region = cmp.Or(o.Region, variable("REGION", "region"))
	var provider common.ConfigurationProvider
	var err error
	switch o.Auth {
	case "apikey", APIKey:
		keys := keysOf(o.Region)
		if !explicit && keys.complete() {
			provider, err = keys.provider()
		} else {
			provider, err = fromFile(o, false)
		}
	case "securitytoken", SecurityToken:
		provider, err = fromFile(o, true)
	case "instanceprincipal", InstancePrincipal:
		provider, err = principal(ctx, "instance principal: no metadata service of a compute instance answers",
			auth.InstancePrincipalConfigurationProvider)
	case "resourceprincipal", ResourcePrincipal:
		provider, err = principal(ctx, "resource principal", func() (common.ConfigurationProvider, error) {
			return auth.ResourcePrincipalConfigurationProvider()
		})
	case "okeworkloadidentity", WorkloadIdentity:
		provider, err = principal(ctx, "workload identity", func() (common.ConfigurationProvider, error) {
			return auth.OkeWorkloadIdentityConfigurationProviderWithServiceAccountTokenProvider(
				auth.NewDefaultServiceAccountTokenProvider().WithSaTokenPath(
					cmp.Or(o.PodToken, auth.KubernetesServiceAccountTokenPath)))
		})
	default:
		err = fmt.Errorf("--auth: %q is no method of authentication: it is one of %s", o.Auth, strings.Join(Methods, ", "))
	}
	if err != nil {
		return nil, "", err
	}
	if o.Region == "" {
		if o.Region, err = provider.Region(); err != nil {
			return nil, "", fmt.Errorf("the credentials name no region: add --region, such as --region us-ashburn-1")
		}
	}
	return provider, o.Region, nil
}

func defaultFile() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".oci", "config")
}

// principal waits for the credentials of a principal, and for the token that its key is named by.
func principal(
	ctx context.Context, what string, find func() (common.ConfigurationProvider, error),
) (common.ConfigurationProvider, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type result struct {
		provider common.ConfigurationProvider
		err      error
	}
	found := make(chan result, 1)
	go func() {
		provider, err := find()
		if err == nil {
			_, err = provider.KeyID()
		}
		found <- result{provider, err}
	}()
	select {
	case r := <-found:
		if r.err != nil {
			return nil, fmt.Errorf("%s: %s", what, oneLine(r.err))
		}
		return r.provider, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s within %s", what, timeout)
	}
}

// oneLine is the error without the SDK's hints, which follow on lines of their own.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
