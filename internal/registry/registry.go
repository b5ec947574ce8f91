// Package registry asks the registries of images what a node gets that pulls from them. It imports nothing of Pulumi.
package registry

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"oke-guestbook/catalog"
	"oke-guestbook/plan/workload"
)

// Verdict is what a registry's answer means for a node that pulls.
type Verdict int

// The verdicts about an image.
const (
	Found   Verdict = iota // it can be pulled
	Unasked                // the local cloud stands for its registry
	Missing                // the registry has no such image, or does not show it to this user
	Denied                 // the registry refuses the credentials, or asks for some
	NoHost                 // the registry's name does not resolve from here
	Unknown                // nothing: the registry cannot be reached, is too slow, or fails
)

// Answer is what a registry says of an image.
type Answer struct {
	Verdict
	As            string   // "anonymously", or "as" and the user
	Status        int      // of a refusal
	Architectures []string // of Linux, that the image is for; empty: it does not say
	Err           error    // where the image was not found
}

// patience is how long a registry may take.
const patience = 10 * time.Second

// Ask asks the image's registry for it, with the credentials that nodes have there. Nothing is downloaded but manifests
// and, of an image for one platform, its configuration.
func Ask(ctx context.Context, image string, credentials workload.Registry) Answer {
	answer := Answer{As: "anonymously"}
	ref, err := name.ParseReference(image)
	if err != nil {
		return answer.failed(err)
	}
	way := way(image, ref)
	if way == nil {
		answer.Verdict = Unasked
		return answer
	}
	login := authn.Anonymous
	if credentials.Serves(image) {
		login = &authn.Basic{Username: credentials.Username, Password: credentials.Password}
		answer.As = "as " + credentials.Username
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuth(login), remote.WithTransport(way),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1})) // the nodes repeat
	if err == nil {
		answer.Architectures, err = architectures(found)
	}
	if err != nil {
		return answer.failed(err)
	}
	return answer
}

// failed adds the error and what it means.
func (a Answer) failed(err error) Answer {
	var refused *transport.Error
	var resolve *net.DNSError
	a.Verdict, a.Err = Unknown, err
	switch {
	case errors.As(err, &refused):
		a.Status = refused.StatusCode
		switch a.Status {
		case http.StatusNotFound:
			a.Verdict = Missing
		case http.StatusUnauthorized, http.StatusForbidden:
			a.Verdict = Denied
		}
	case errors.As(err, &resolve) && resolve.IsNotFound:
		a.Verdict = NoHost
	}
	return a
}

// way returns the transport to an image's registry: nil where none leads there. The services of the local cloud take
// CLIENT_HOST_OVERRIDES, and its Container Registry is that of every region. Images of other registries are stood for
// by its nodes, except of one on this machine.
func way(image string, ref name.Reference) http.RoundTripper {
	host, local := catalog.ArtifactsClient.Override()
	if !local || loopback(ref.Context().RegistryStr()) {
		return remote.DefaultTransport
	}
	endpoint, err := url.Parse(host)
	if err != nil || workload.OracleRegion(image) == "" {
		return nil
	}
	return redirect{endpoint}
}

func loopback(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// redirect sends all requests to the local cloud, which knows the registry by the host that they name.
type redirect struct{ endpoint *url.URL }

func (r redirect) RoundTrip(q *http.Request) (*http.Response, error) {
	sent := q.Clone(q.Context())
	sent.URL.Scheme, sent.URL.Host = r.endpoint.Scheme, r.endpoint.Host
	response, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		response.Request = q // to which locations in answers are relative
	}
	return response, err
}

// architectures lists those of Linux that the image is for.
func architectures(found *remote.Descriptor) (list []string, err error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if err != nil {
			return nil, err
		}
		config, err := image.ConfigFile()
		if err != nil || config.Architecture == "" {
			return nil, err
		}
		return []string{config.Architecture}, nil
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	for _, m := range manifest.Manifests {
		if m.Platform != nil && m.Platform.OS == "linux" && !slices.Contains(list, m.Platform.Architecture) {
			list = append(list, m.Platform.Architecture)
		}
	}
	return list, nil
}
