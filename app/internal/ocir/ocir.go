// Package ocir makes repositories of Oracle's Container Registry, and logs in to it, with the user's configuration of
// the OCI command line interface. For the local cloud, to which `make env` directs OCI clients, the registry is that
// cloud's.
package ocir

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/oracle/oci-go-sdk/v65/artifacts"
	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/containerregistry"
)

// host matches the names of the registry in a region (Oracle: "Preparing for Container Registry"): the region is given
// by its key or by its name.
var host = regexp.MustCompile(`^(?:([a-z0-9-]+)\.ocir\.io|ocir\.([a-z0-9-]+)\.oci\.oraclecloud\.com)$`)

// Serves reports whether a registry host is Oracle's.
func Serves(registry string) bool { return host.MatchString(registry) }

// Registry is the registry of a tenancy in a region.
type Registry struct {
	repository name.Repository
	namespace  string // of the tenancy, as the image has it
	path       string // of the repository, without the namespace
	profile    string // in messages
	artifacts  artifacts.ArtifactsClient
	tokens     containerregistry.ContainerRegistryClient
	local      *url.URL // of the local cloud; nil: Oracle Cloud
}

// Open returns the registry of an image, with the profile OCI_CLI_PROFILE, or DEFAULT, of the file OCI_CLI_CONFIG_FILE,
// or ~/.oci/config.
func Open(image name.Reference) (*Registry, error) {
	r := &Registry{repository: image.Context()}
	var ok bool
	if r.namespace, r.path, ok = strings.Cut(image.Context().RepositoryStr(), "/"); !ok {
		return nil, fmt.Errorf("IMAGE %s: want %s/<tenancy namespace>/<repository>:<tag>", image, image.Context().Registry)
	}
	home, _ := os.UserHomeDir()
	file := cmp.Or(os.Getenv("OCI_CLI_CONFIG_FILE"), filepath.Join(home, ".oci", "config"))
	profile := cmp.Or(os.Getenv("OCI_CLI_PROFILE"), "DEFAULT")
	r.profile = fmt.Sprintf("%s, profile %s", file, profile)
	provider, err := common.ConfigurationProviderFromFileWithProfile(file, profile, "")
	if err == nil {
		_, err = common.IsConfigurationProviderValid(provider)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w; `oci setup config` makes one", r.profile, err)
	}
	if r.local, err = localCloud(); err != nil {
		return nil, err
	}
	return r, r.connect(provider)
}

// User returns the user name of a login, without the user's own name.
func (r *Registry) User() string {
	if r.local != nil {
		return r.namespace + "/local-user"
	}
	return "'" + r.namespace + "/<user>'"
}

// connect makes the clients of the region of the registry's host.
func (r *Registry) connect(provider common.ConfigurationProvider) (err error) {
	parts := host.FindStringSubmatch(r.repository.RegistryStr())
	region := string(common.StringToRegion(parts[1] + parts[2]))
	own, err := provider.Region()
	if err != nil {
		return fmt.Errorf("%s: %w", r.profile, err)
	}
	if r.local != nil && region != own {
		return fmt.Errorf("IMAGE: %s is the registry of region %s, the local cloud's region is %s",
			r.repository.Registry, region, own)
	}
	if r.artifacts, err = artifacts.NewArtifactsClientWithConfigurationProvider(provider); err != nil {
		return err
	}
	if r.tokens, err = containerregistry.NewContainerRegistryClientWithConfigurationProvider(provider); err != nil {
		return err
	}
	r.artifacts.SetRegion(region)
	r.tokens.SetRegion(region)
	if r.local != nil {
		r.artifacts.Host, r.tokens.Host = r.local.String(), r.local.String()
	}
	return nil
}

// localCloud returns the endpoint to which CLIENT_HOST_OVERRIDES, of the OCI provider, directs the client of
// repositories; nil if there is none.
func localCloud() (*url.URL, error) {
	for entry := range strings.SplitSeq(os.Getenv("CLIENT_HOST_OVERRIDES"), ";") {
		if endpoint, ok := strings.CutPrefix(entry, "oci_artifacts.ArtifactsClient="); ok {
			u, err := url.Parse(endpoint)
			if err != nil || u.Host == "" {
				return nil, fmt.Errorf("CLIENT_HOST_OVERRIDES: %q is no URL", endpoint)
			}
			return u, nil
		}
	}
	return nil, nil
}

// Options returns how to push to the registry: with the credentials of `docker login`, if there are any for Oracle
// Cloud, or with an access token that the API key gets.
func (r *Registry) Options(ctx context.Context) ([]remote.Option, error) {
	var options []remote.Option
	if r.local != nil {
		options = append(options, remote.WithTransport(redirect{r.local}))
	} else {
		stored, err := authn.DefaultKeychain.Resolve(r.repository.Registry)
		if err == nil && stored != authn.Anonymous {
			return []remote.Option{remote.WithAuth(stored)}, nil
		}
	}
	response, err := r.tokens.GetAccessToken(ctx, containerregistry.GetAccessTokenRequest{})
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", r.repository.Registry, r.explain(err))
	}
	// Oracle's registry takes an access token as the password of this user.
	return append(options, remote.WithAuth(&authn.Basic{Username: "BEARER_TOKEN", Password: *response.Token})), nil
}

// redirect sends the requests of an Oracle registry to the local cloud.
type redirect struct{ endpoint *url.URL }

// RoundTrip implements http.RoundTripper.
func (r redirect) RoundTrip(q *http.Request) (*http.Response, error) {
	sent := q.Clone(q.Context())
	sent.URL.Scheme, sent.URL.Host = r.endpoint.Scheme, r.endpoint.Host
	response, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		response.Request = q // to which locations in answers are relative
	}
	return response, err
}

// explain adds to an error of the service what to do.
func (r *Registry) explain(err error) error {
	var failure common.ServiceError
	if !errors.As(err, &failure) {
		return err
	}
	reason := fmt.Errorf("%d %s: %s", failure.GetHTTPStatusCode(), failure.GetCode(), failure.GetMessage())
	switch failure.GetHTTPStatusCode() {
	case http.StatusUnauthorized:
		return fmt.Errorf("the API key of %s is not valid in this region: %w", r.profile, reason)
	case http.StatusForbidden, http.StatusNotFound:
		return fmt.Errorf("the user of %s needs `Allow group <group> to manage repos in compartment <compartment>` "+
			"in the compartment, which must exist: %w", r.profile, reason)
	}
	return reason
}

// ExplainPush adds to an error of a push what to do.
func (r *Registry) ExplainPush(err error) error {
	var failure *transport.Error
	if !errors.As(err, &failure) {
		return err
	}
	switch failure.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%[1]s refuses the user name or the auth token; `docker logout %[1]s` removes those of "+
			"`docker login`, and the API key is used: %[2]w", r.repository.Registry, err)
	case http.StatusForbidden:
		return fmt.Errorf("the user may not push, which needs "+
			"`Allow group <group> to manage repos in compartment <compartment>`: %w", err)
	}
	return err
}
