package image

import (
	"context"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Push pushes the image in the layout dir to target, "registry/repository:tag". The options say how to log in; without
// any it takes the credentials of `docker login` or `podman login`. It returns the reference by digest, for use in a
// Deployment.
func Push(ctx context.Context, dir, target string, options ...remote.Option) (string, error) {
	tag, err := Parse(target)
	if err != nil {
		return "", err
	}
	index, err := Read(dir)
	if err != nil {
		return "", err
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	if len(options) == 0 {
		options = []remote.Option{remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	}
	if err := remote.WriteIndex(tag, index, append(options, remote.WithContext(ctx))...); err != nil {
		return "", fmt.Errorf("push to %s: %w", tag, err)
	}
	return tag.Context().Digest(digest.String()).String(), nil
}

// Parse returns the target of a push.
func Parse(target string) (name.Tag, error) {
	tag, err := name.NewTag(target, name.StrictValidation)
	if err != nil {
		return name.Tag{}, fmt.Errorf("IMAGE %q: want registry/repository:tag, "+
			"such as iad.ocir.io/<tenancy namespace>/guestbook:v1", target)
	}
	return tag, nil
}

// Read returns the image in the layout dir.
func Read(dir string) (v1.ImageIndex, error) {
	path, err := layout.FromPath(dir)
	if err != nil {
		return nil, fmt.Errorf("no image in %s: build it first (make image): %w", dir, err)
	}
	top, err := path.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := top.IndexManifest()
	if err != nil {
		return nil, err
	}
	if len(manifest.Manifests) != 1 {
		return nil, fmt.Errorf("%s holds %d images, want one", dir, len(manifest.Manifests))
	}
	return top.ImageIndex(manifest.Manifests[0].Digest)
}
