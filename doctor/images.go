package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

// images checks that the images which this project's users build can be pulled, and run on the nodes. The database's
// are public, and asking for them would count against the registry's limit on pulls.
func (v *visit) images(ctx context.Context) []Result {
	var own []string
	for _, g := range v.settings.Guestbooks {
		for _, image := range []string{g.FrontendImage, g.Chores()} {
			if !slices.Contains(own, image) {
				own = append(own, image)
			}
		}
	}
	var checks []check
	for _, image := range own {
		checks = append(checks, check{"", func(ctx context.Context) []Result { return []Result{v.image(ctx, image)} }})
	}
	return all(ctx, checks...)
}

func (v *visit) image(ctx context.Context, image string) Result {
	host, _, _ := net.SplitHostPort(workload.Host(image))
	if ip := net.ParseIP(host); redirected() && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return skipped("%s: the local cloud pulls no images", image)
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		return failed("%s is no image: %v", image, err)
	}
	login, as := authn.Anonymous, "anonymously"
	if registry := v.settings.Registry; registry.Serves(image) {
		if registry.Password == hiddenSecret {
			return skipped("%s: registryPassword is encrypted, and pulumi does not decrypt it here", image)
		}
		login = &authn.Basic{Username: registry.Username, Password: registry.Password}
		as = "as " + registry.Username
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuth(login))
	if err != nil {
		return v.unpulled(image, as, err)
	}
	have, err := architectures(found)
	if err != nil {
		return failed("%s: %v", image, err)
	}
	for _, p := range v.settings.Cluster.NodePools {
		if need := architecture(p.Shape); len(have) > 0 && !slices.Contains(have, need) {
			return failed("%s is for %s, and node pool %s is %s", image, strings.Join(have, ", "), p.Name, need).
				do("build it for both: make push builds amd64 and arm64; or choose another shape")
		}
	}
	return ok("%s (pulled %s, for %s)", image, as, strings.Join(have, ", "))
}

// hiddenSecret stands for a secret that settings.AsHanded could not read.
const hiddenSecret = "null"

// architectures lists those of Linux that the image is for.
func architectures(found *remote.Descriptor) (list []string, err error) {
	if !found.MediaType.IsIndex() {
		image, err := found.Image()
		if err != nil {
			return nil, err
		}
		config, err := image.ConfigFile()
		if err != nil {
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

func architecture(shape string) string {
	if cluster.ArmShape(shape) {
		return "arm64"
	}
	return "amd64"
}

// unpulled explains why an image cannot be read. Oracle's registry answers 403 to those who may not read a repository.
func (v *visit) unpulled(image, as string, err error) Result {
	var refused *transport.Error
	var resolve *net.DNSError
	credentials := "set registryUsername, and registryPassword with --secret: for Oracle's registry " +
		"<tenancy namespace>/<user> and an auth token of that user"
	switch {
	case errors.As(err, &refused) && refused.StatusCode == http.StatusNotFound:
		return failed("%s: the registry has no such image", image).do("make push IMAGE=%s VERSION=v1", image)
	case errors.As(err, &refused) && (refused.StatusCode == http.StatusUnauthorized ||
		refused.StatusCode == http.StatusForbidden):
		return failed("%s: the registry does not let it be pulled %s (%d)", image, as, refused.StatusCode).
			do("%s\nor make the repository public", credentials)
	case errors.As(err, &resolve):
		return failed("%s: there is no host %s", image, resolve.Name).do("correct frontendImage")
	}
	return failed("%s: %s", image, firstLine(fmt.Errorf("the registry: %w", err)))
}
