package images

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
)

// partPrefix begins the names of files that are not whole yet.
const partPrefix = ".part-"

// manifest is a manifest or an index of images.
type manifest struct {
	mediaType, digest string
	content           []byte
}

// kept is a directory of manifests and blobs by digest, and of tags that point to them. A file is written under another
// name first, so that one with its own name is whole.
type kept struct {
	dir string

	mu    sync.Mutex
	locks map[string]chan struct{} // by digest: closed when it is free again
}

func (k *kept) path(kind, key string) string {
	return filepath.Join(k.dir, kind, url.PathEscape(key))
}

// manifest reads a manifest: the media type is its file's first line.
func (k *kept) manifest(digest string) (manifest, error) {
	data, err := os.ReadFile(k.path("manifests", digest))
	if err != nil {
		return manifest{}, err
	}
	mediaType, content, _ := bytes.Cut(data, []byte("\n"))
	return manifest{string(mediaType), digest, content}, nil
}

// tagged reads the manifest that a tag pointed to.
func (k *kept) tagged(ref name.Reference) (manifest, error) {
	digest, err := os.ReadFile(k.path("tags", ref.Name()))
	if err != nil {
		return manifest{}, err
	}
	return k.manifest(string(digest))
}

// keep writes a manifest, and the tag that points to it.
func (k *kept) keep(m manifest, ref name.Reference) error {
	data := append([]byte(m.mediaType+"\n"), m.content...)
	if err := k.write(k.path("manifests", m.digest), bytes.NewReader(data)); err != nil {
		return err
	}
	if _, isTag := ref.(name.Tag); !isTag {
		return nil
	}
	return k.write(k.path("tags", ref.Name()), strings.NewReader(m.digest))
}

// write writes a whole file.
func (k *kept) write(path string, content io.Reader) error {
	file, err := k.create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return k.end(file, path, err)
}

func (k *kept) create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.CreateTemp(filepath.Dir(path), partPrefix)
}

// end gives a file its name, or removes it after an error.
func (k *kept) end(file *os.File, path string, err error) error {
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func (k *kept) blob(digest string) (io.ReadCloser, int64, error) {
	file, err := os.Open(k.path("blobs", digest))
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, info.Size(), nil
}

// lock waits until nobody else has locked the digest.
func (k *kept) lock(ctx context.Context, digest string) (unlock func(), err error) {
	for {
		k.mu.Lock()
		taken, ok := k.locks[digest]
		if !ok {
			free := make(chan struct{})
			if k.locks == nil {
				k.locks = map[string]chan struct{}{}
			}
			k.locks[digest] = free
			k.mu.Unlock()
			return sync.OnceFunc(func() {
				k.mu.Lock()
				defer k.mu.Unlock()
				delete(k.locks, digest)
				close(free)
			}), nil
		}
		k.mu.Unlock()
		select {
		case <-taken:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// whileRead returns a reader of a blob that keeps what is read through it, if it is read to its end. It unlocks when it
// is closed. A full disk costs the copy, not the reader.
func (k *kept) whileRead(
	content io.ReadCloser, digest string, size int64, unlock func(), log *slog.Logger,
) io.ReadCloser {
	file, err := k.create(k.path("blobs", digest))
	if err != nil {
		log.Warn("a layer is not kept", "digest", digest, "error", err)
		return closer{content, func() error { unlock(); return content.Close() }}
	}
	c := &copying{from: content, to: file}
	return closer{c, func() error {
		defer unlock()
		err := content.Close()
		if c.err == nil && c.read < size {
			c.err = fmt.Errorf("%d of %d bytes were read", c.read, size)
		}
		if keepErr := k.end(file, k.path("blobs", digest), c.err); keepErr != nil && !errors.Is(keepErr, fs.ErrClosed) {
			log.Warn("a layer is not kept", "digest", digest, "error", keepErr)
		}
		return err
	}}
}

// closer is a reader with a function that closes it.
type closer struct {
	io.Reader
	close func() error
}

func (c closer) Close() error { return c.close() }

// copying is a reader that writes what is read through it, until the first error of either side.
type copying struct {
	from io.Reader
	to   io.Writer
	read int64
	err  error
}

func (c *copying) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.read += int64(n)
	if c.err == nil && n > 0 {
		_, c.err = c.to.Write(p[:n])
	}
	if err != nil && err != io.EOF && c.err == nil {
		c.err = err
	}
	return n, err
}
