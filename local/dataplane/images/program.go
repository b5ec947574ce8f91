package images

import (
	"archive/tar"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Program returns an image for an architecture that holds one static binary, under the name of the entry point. Nothing
// of it is kept in memory: the layer is read from the file, and compressed, for each pull.
func Program(binary, arch string, config v1.Config) (v1.Image, error) {
	if len(config.Entrypoint) == 0 || !path.IsAbs(config.Entrypoint[0]) {
		return nil, fmt.Errorf("image of %s: the entry point %q must be an absolute path", binary, config.Entrypoint)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return archive(binary, strings.TrimPrefix(config.Entrypoint[0], "/"))
	}, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.BestSpeed))
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	if image, err = mutate.AppendLayers(image, layer); err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", arch, config
	return mutate.ConfigFile(image, file)
}

// archive returns a tar archive with one program.
func archive(binary, name string) (io.ReadCloser, error) {
	file, err := os.Open(binary)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	r, w := io.Pipe()
	go func() {
		defer file.Close()
		out := tar.NewWriter(w)
		err := out.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: info.Size()})
		if err == nil {
			_, err = io.Copy(out, file)
		}
		if err == nil {
			err = out.Close()
		}
		w.CloseWithError(err) // nil: the end
	}()
	return r, nil
}
