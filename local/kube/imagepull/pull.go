package imagepull

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/kubernetes/pkg/credentialprovider"
	"k8s.io/kubernetes/pkg/credentialprovider/secrets"
)

// Hosts returns the names of Container Registry in a region (Oracle: "Preparing for Container Registry", "Availability
// by Region"). key is the region's, "iad".
func Hosts(region, key string) []string {
	return []string{key + ".ocir.io", region + ".ocir.io", "ocir." + region + ".oci.oraclecloud.com"}
}

// host returns the registry host of an image.
func host(image string) string {
	host, _, _ := strings.Cut(image, "/")
	return host
}

// redirect sends all requests to the emulator, whatever registry they are for.
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

// oracles is the Object Storage namespace of the tenancy that has OKE's own images. They are public, and not emulated.
const oracles = "axoxdievda5j/"

// pull asks for an image with each of the credentials that the Pod has, or without, and returns its identifier on the
// node. The error is in the words of CRI-O, which OKE's nodes run, as far as it is about the image and no OCI artifact.
func (c *Controller) pull(ctx context.Context, pod *corev1.Pod, image string) (string, error) {
	const prefix = "unable to pull image or OCI artifact: pull image err: initializing source docker://"
	ref, err := name.ParseReference(image, name.StrictValidation)
	if err != nil {
		return "", fmt.Errorf("%s%s: %w", prefix, image, err)
	}
	if strings.HasPrefix(ref.Context().RepositoryStr(), oracles) {
		return image, nil
	}
	credentials, err := c.credentials(ctx, pod, ref.Context().Name())
	if err != nil {
		return "", err
	}
	node, err := c.nodes.Get(pod.Spec.NodeName)
	if err != nil {
		return "", err
	}
	platform := v1.Platform{OS: "linux", Architecture: node.Status.NodeInfo.Architecture}
	for _, login := range credentials {
		var id string
		if id, err = c.ask(ctx, ref, platform, login); err == nil {
			return id, nil
		}
	}
	return "", fmt.Errorf("%s%s: %w", prefix, image, err)
}

// credentials returns those of the Pod's image pull secrets for a repository, or the anonymous ones. A secret that does
// not exist is passed over, as the kubelet does.
func (c *Controller) credentials(
	ctx context.Context, pod *corev1.Pod, repository string,
) ([]authn.Authenticator, error) {
	var found []corev1.Secret
	for _, ref := range pod.Spec.ImagePullSecrets {
		secret, err := c.API.CoreV1().Secrets(pod.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
		switch {
		case err == nil:
			found = append(found, *secret)
		case !apierrors.IsNotFound(err):
			return nil, err
		}
	}
	ring, err := secrets.MakeDockerKeyring(found, &credentialprovider.BasicDockerKeyring{})
	if err != nil {
		return nil, err
	}
	configs, _ := ring.Lookup(repository)
	logins := make([]authn.Authenticator, 0, len(configs))
	for _, config := range configs {
		logins = append(logins, authn.FromConfig(authn.AuthConfig{Username: config.Username, Password: config.Password}))
	}
	if len(logins) == 0 {
		logins = append(logins, authn.Anonymous)
	}
	return logins, nil
}

// ask gets the manifest of an image for a platform.
func (c *Controller) ask(
	ctx context.Context, ref name.Reference, platform v1.Platform, login authn.Authenticator,
) (string, error) {
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(c.transport), remote.WithAuth(login), remote.WithPlatform(platform),
	}
	found, err := remote.Get(ref, options...)
	var refused *transport.Error
	switch {
	case errors.As(err, &refused) && refused.Request.URL.Path != manifestPath(ref):
		return "", fmt.Errorf("unable to retrieve auth token: invalid username/password: %s", diagnosis(refused))
	case errors.As(err, &refused):
		return "", fmt.Errorf("reading manifest %s in %s: %s", ref.Identifier(), ref.Context(), diagnosis(refused))
	case err != nil:
		return "", err
	}
	if found.MediaType.IsIndex() {
		if _, err := found.Image(); err != nil {
			return "", fmt.Errorf("choosing image instance: no image found in image index for architecture %q, OS %q",
				platform.Architecture, platform.OS)
		}
	}
	return ref.Context().Digest(found.Digest.String()).String(), nil
}

func manifestPath(ref name.Reference) string {
	return "/v2/" + ref.Context().RepositoryStr() + "/manifests/" + ref.Identifier()
}

// diagnosis returns a registry's error as container runtimes print it: "denied: ...".
func diagnosis(e *transport.Error) string {
	if len(e.Errors) == 0 {
		return fmt.Sprintf("status %d", e.StatusCode)
	}
	code := strings.ToLower(strings.ReplaceAll(string(e.Errors[0].Code), "_", " "))
	return code + ": " + e.Errors[0].Message
}
