package ocilogin

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
)

// timeout is the limit for the services that hand out principals' tokens. The SDK tries for minutes.
const timeout = 15 * time.Second

// principal asks the machine, or the Pod, for its identity.
func (o Options) principal(ctx context.Context, kind string) (*Login, *Problem) {
	var find func() (common.ConfigurationProvider, error)
	var where, help string
	if o.Provider && o.Region == "" && kind == "instance_principal" {
		return nil, problem("InstancePrincipal needs the region").do("pulumi config set oci:region <region>")
	}
	switch kind {
	case "instance_principal":
		where, help = "an instance of Oracle Cloud", "an instance must be in a dynamic group with a policy; elsewhere "+
			o.either("pulumi config rm oci:auth", "use another --auth")
		find = func() (common.ConfigurationProvider, error) {
			if o.Region == "" {
				return auth.InstancePrincipalConfigurationProvider()
			}
			return auth.InstancePrincipalConfigurationProviderForRegion(common.StringToRegion(o.Region))
		}
	case "oke_workload_identity":
		where, help = "a Pod of an enhanced OKE cluster", "workload identity works in Pods of enhanced clusters only, whose "+
			"container has OCI_RESOURCE_PRINCIPAL_VERSION=2.2 and OCI_RESOURCE_PRINCIPAL_REGION"
		find = func() (common.ConfigurationProvider, error) {
			return auth.OkeWorkloadIdentityConfigurationProviderWithServiceAccountTokenProvider(
				auth.NewDefaultServiceAccountTokenProvider().WithSaTokenPath(
					cmp.Or(o.PodToken, auth.KubernetesServiceAccountTokenPath)))
		}
	default:
		where, help = "a resource principal", "resource principals work where OCI sets OCI_RESOURCE_PRINCIPAL_VERSION, such "+
			"as in functions and DevOps builds"
		find = func() (common.ConfigurationProvider, error) { return auth.ResourcePrincipalConfigurationProvider() }
	}
	keys, err := within(ctx, find)
	if err != nil {
		return nil, problem("this is not %s: %s", where, oneLine(err)).do("%s", help)
	}
	login := &Login{Keys: keys, From: where}
	login.Tenancy, _ = keys.TenancyOCID()
	login.Region, _ = keys.Region()
	return login, nil
}

// within waits for the credentials of a principal, and for the token that its key is named by. The SDK's clients do not
// end with a context.
func within(
	ctx context.Context, find func() (common.ConfigurationProvider, error),
) (common.ConfigurationProvider, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	type result struct {
		keys common.ConfigurationProvider
		err  error
	}
	found := make(chan result, 1)
	go func() {
		keys, err := find()
		if err == nil {
			_, err = keys.KeyID()
		}
		found <- result{keys, err}
	}()
	select {
	case r := <-found:
		return r.keys, r.err
	case <-ctx.Done():
		return nil, errors.New("the service that tells its identity does not answer")
	}
}
