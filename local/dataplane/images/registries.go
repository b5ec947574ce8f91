package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// How long a registry may take to be connected to, and to begin its answer; and how long one that took longer is not
// asked again.
const (
	connectLimit = 4 * time.Second
	answerLimit  = 10 * time.Second
	silentFor    = 30 * time.Second
)

// Registries pulls from the registries of the internet. What they give without credentials it keeps in a directory,
// which is that of all nodes, and answers from there when the registry does not answer any more.
type Registries struct {
	kept      kept
	transport http.RoundTripper
	log       *slog.Logger

	mu     sync.Mutex
	silent map[string]silence // by registry
}

// silence is why a registry did not answer, and until when it is not asked again.
type silence struct {
	reason error
	until  time.Time
}

// NewRegistries returns registries that keep in dir what they give.
func NewRegistries(dir string, log *slog.Logger) *Registries {
	parts, _ := filepath.Glob(filepath.Join(dir, "*", partPrefix+"*")) // of a process that was killed
	for _, part := range parts {
		_ = os.Remove(part)
	}
	dialer := &net.Dialer{Timeout: connectLimit}
	return newRegistries(dir, log, &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: connectLimit,
		ResponseHeaderTimeout: answerLimit, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute,
	})
}

func newRegistries(dir string, log *slog.Logger, t http.RoundTripper) *Registries {
	return &Registries{kept: kept{dir: dir}, transport: t, log: log, silent: map[string]silence{}}
}

// noAnswer is the error of a registry that cannot be reached.
type noAnswer struct {
	registry string
	reason   error
}

func (e noAnswer) Error() string { return fmt.Sprintf("%s does not answer: %v", e.registry, e.reason) }

// errNoRegistry is for names that lead to this machine or its network instead of to the internet.
var errNoRegistry = errors.New("no registry of the internet has this name")

// repositoryOf parses a name with its registry, such as "docker.io/library/mongo".
func repositoryOf(registry, repository string) (name.Repository, error) {
	repo, err := name.NewRepository(registry+"/"+repository, name.StrictValidation)
	if err != nil {
		return repo, err
	}
	host := strings.TrimSuffix((&url.URL{Host: registry}).Hostname(), ".")
	_, notName := netip.ParseAddr(host)
	if notName == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".local") || repo.Scheme() != "https" {
		err = errNoRegistry
	}
	return repo, err
}

// manifest returns a manifest by its tag or digest.
func (r *Registries) manifest(
	ctx context.Context, repo name.Repository, tagOrDigest string, auth authn.Authenticator,
) (manifest, error) {
	var ref name.Reference = repo.Tag(tagOrDigest)
	byDigest := isDigest(tagOrDigest)
	if byDigest {
		ref = repo.Digest(tagOrDigest)
	}
	anonymous := auth == authn.Anonymous
	if byDigest && anonymous {
		if m, err := r.kept.manifest(tagOrDigest); err == nil {
			return m, nil
		}
	}
	var got *remote.Descriptor
	err := r.ask(ctx, repo, func(options ...remote.Option) (err error) {
		got, err = remote.Get(ref, append(options, remote.WithAuth(auth))...)
		return err
	})
	if err != nil {
		if m, keptErr := r.kept.tagged(ref); keptErr == nil && anonymous && errors.As(err, new(noAnswer)) {
			r.log.Info("an image that was pulled before", "image", ref.String(), "because", err)
			return m, nil
		}
		return manifest{}, err
	}
	m := manifest{string(got.MediaType), got.Digest.String(), got.Manifest}
	if anonymous {
		if err := r.kept.keep(m, ref); err != nil {
			r.log.Warn("an image's manifest is not kept", "image", ref.String(), "error", err)
		}
	}
	return m, nil
}

// blob returns a layer or configuration by its digest, and its size. What comes from a registry is checked against the
// digest as it is read.
func (r *Registries) blob(
	ctx context.Context, repo name.Repository, digest string, auth authn.Authenticator,
) (content io.ReadCloser, size int64, err error) {
	if !isDigest(digest) {
		return nil, 0, fmt.Errorf("%q is no digest", digest)
	}
	anonymous := auth == authn.Anonymous
	if anonymous {
		unlock, err := r.kept.lock(ctx, digest) // another node may be pulling it
		if err != nil {
			return nil, 0, err
		}
		if content, size, err := r.kept.blob(digest); err == nil {
			unlock()
			return content, size, nil
		}
		defer func() {
			if err != nil {
				unlock()
				return
			}
			content = r.kept.whileRead(content, digest, size, unlock, r.log)
		}()
	}
	err = r.ask(ctx, repo, func(options ...remote.Option) error {
		layer, err := remote.Layer(repo.Digest(digest), append(options, remote.WithAuth(auth))...)
		if err != nil {
			return err
		}
		if size, err = layer.Size(); err != nil {
			return err
		}
		content, err = layer.Compressed()
		return err
	})
	return content, size, err
}

// ask asks a repository's registry by a function. It does so once: who pulls an image asks again.
func (r *Registries) ask(ctx context.Context, repo name.Repository, get func(...remote.Option) error) error {
	registry := repo.RegistryStr()
	r.mu.Lock()
	before, known := r.silent[registry]
	r.mu.Unlock()
	if known && time.Now().Before(before.until) {
		return noAnswer{registry, before.reason}
	}
	err := get(remote.WithContext(ctx), remote.WithTransport(r.transport),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}))
	if err == nil || ctx.Err() != nil || errors.As(err, new(*transport.Error)) {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent[registry] = silence{err, time.Now().Add(silentFor)}
	return noAnswer{registry, err}
}
