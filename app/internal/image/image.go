// Package image builds and pushes this project's container images without Docker. Each holds one static binary.
// The build is reproducible: the same source makes the same bytes.
//
// It does not use google/ko, which cannot set the image's environment, ports and stop signal, needs a base image from
// a registry, and brings 161 modules (cosign, the AWS and Azure SDKs, Docker's client) to build on the user's machine.
package image

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Architectures are the images' Linux architectures: those of OKE's x86 shapes and of Ampere A1.
var Architectures = []string{"amd64", "arm64"}

// User is the user and group that the guestbook runs as, unless the Pod sets others.
const User = "65532:65532"

// epoch is the time of all files and metadata in the image, so that the build is reproducible.
var epoch = time.Unix(0, 0).UTC()

// versions matches what is valid as a tag (OCI Distribution Specification).
var versions = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)

// Compile builds the image's command in the module source for one architecture into the file out. The binary depends on
// the source and the version of Go only: it has no paths, no C library and no VCS state.
func (k Kind) Compile(ctx context.Context, source, arch, version, out string) error {
	if !versions.MatchString(version) {
		return fmt.Errorf("version %q: 1 to 128 letters, digits, dots, _ or -, as in a tag", version)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-mod=readonly",
		"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", out, k.Command)
	cmd.Dir = source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=")
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for linux/%s: %w\n%s", arch, err, output)
	}
	return nil
}

// Index returns the multi-architecture image. binaries maps each architecture to its binary.
func (k Kind) Index(binaries map[string]string, labels map[string]string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range slices.Sorted(maps.Keys(binaries)) {
		img, err := k.image(arch, binaries[arch], labels)
		if err != nil {
			return nil, fmt.Errorf("image for linux/%s: %w", arch, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	return mutate.Annotations(index, labels).(v1.ImageIndex), nil
}

func (k Kind) image(arch, binary string, labels map[string]string) (v1.Image, error) {
	content, err := k.layerTar(binary)
	if err != nil {
		return nil, err
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}, tarball.WithMediaType(types.OCILayer))
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img, mutate.Addendum{
		Layer:   layer,
		History: v1.History{Created: v1.Time{Time: epoch}, CreatedBy: k.title},
	})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, v1.Time{Time: epoch}
	config.Config = k.config
	config.Config.Labels = labels
	return mutate.ConfigFile(img, config)
}

// layerTar returns the layer as a tar archive: the files, the binary, and the links to it.
func (k Kind) layerTar(binary string) ([]byte, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	add := func(h tar.Header, content []byte) {
		h.Size, h.ModTime, h.Format = int64(len(content)), epoch, tar.FormatUSTAR
		if err == nil {
			err = w.WriteHeader(&h)
		}
		if err == nil {
			_, err = w.Write(content)
		}
	}
	for _, f := range k.files {
		kind := byte(tar.TypeReg)
		if strings.HasSuffix(f.name, "/") {
			kind = tar.TypeDir
		}
		add(tar.Header{Typeflag: kind, Name: f.name, Mode: f.mode, Uid: f.owner, Gid: f.owner}, []byte(f.content))
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: k.program, Mode: 0o755}, program)
	for _, link := range k.links {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: link, Linkname: k.target(link), Mode: 0o777}, nil)
	}
	err = errors.Join(err, w.Close()) // which writes the archive's end
	return out.Bytes(), err
}

// Write writes the image to dir as an OCI image layout. It replaces an existing layout, and fails if dir holds anything
// else.
func Write(index v1.ImageIndex, dir, version string) error {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		if _, err := os.Stat(filepath.Join(dir, "oci-layout")); err != nil {
			return fmt.Errorf("%s is not an image: choose another directory", dir)
		}
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	next, err := os.MkdirTemp(filepath.Dir(dir), ".image-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(next)
	if err := os.Chmod(next, 0o755); err != nil {
		return err
	}
	path, err := layout.Write(next, empty.Index)
	if err != nil {
		return err
	}
	ref := map[string]string{"org.opencontainers.image.ref.name": version}
	if err := path.AppendIndex(index, layout.WithAnnotations(ref)); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(next, dir)
}
