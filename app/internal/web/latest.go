package web

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"html/template"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// freshFor is how long the first page is cached. Each replica reads it at most once per freshFor, for any number of
// readers.
const freshFor = time.Second

// snapshot is the first page at one point in time.
type snapshot struct {
	total int
	read  time.Time // when the read started
	tag   string    // changes with the entries
	html  map[*texts]func() template.HTML
}

// latest caches the first page.
type latest struct {
	read func(context.Context) (*snapshot, error)
	last atomic.Pointer[snapshot]

	// At most one read runs, and at most one waits for it.
	group   singleflight.Group
	loading sync.Mutex
	started atomic.Uint64
}

// get returns a page that was read less than freshFor ago. If fresh is set, the page is read after the call, so that
// visitors who have just signed see their entry on every replica.
func (l *latest) get(ctx context.Context, fresh bool) (*snapshot, error) {
	if s := l.last.Load(); !fresh && s != nil && time.Since(s.read) < freshFor {
		return s, nil
	}
	// The key changes when a read starts, so that no call shares a read that started before it. The read is not canceled
	// with the request that started it, because others wait for it.
	key := strconv.FormatUint(l.started.Load(), 10)
	result := l.group.DoChan(key, func() (any, error) { return l.load(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		if fault := (*fault)(nil); errors.As(r.Err, &fault) {
			panic(fault) // recovered in observe
		}
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*snapshot), nil
	}
}

// fault carries a panic of a read to the goroutines of the requests that wait for it.
type fault struct {
	cause any
	stack []byte
}

func (f *fault) Error() string { return fmt.Sprintf("%v\n%s", f.cause, f.stack) }

func (l *latest) load(ctx context.Context) (_ *snapshot, err error) {
	l.loading.Lock()
	defer l.loading.Unlock()
	defer func() {
		if cause := recover(); cause != nil {
			err = &fault{cause, debug.Stack()}
		}
	}()
	l.started.Add(1)
	began := time.Now()
	s, err := l.read(ctx)
	if err != nil {
		return nil, err
	}
	s.read = began
	l.last.Store(s)
	return s, nil
}

// readLatest reads the first page. Its HTML is rendered once per language, on first use.
func (s *Server) readLatest(ctx context.Context) (*snapshot, error) {
	entries, total, err := s.cfg.Store.Page(ctx, 0, s.cfg.PageSize)
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d %d", s.pages.version, total, s.cfg.PageSize)
	for _, e := range entries {
		fmt.Fprintf(h, " %s", e.ID)
	}
	snap := &snapshot{total: total, tag: fmt.Sprintf("%x", h.Sum64()), html: map[*texts]func() template.HTML{}}
	for _, t := range languages {
		first := book{T: t, Live: true, Tag: snap.etag(t), Entries: entries, Total: total, Page: 1, Size: s.cfg.PageSize}
		snap.html[t] = sync.OnceValue(func() template.HTML { return s.pages.book(first) })
	}
	return snap, nil
}

func (s *snapshot) etag(t *texts) string { return `"` + t.Lang + "-" + s.tag + `"` }

// readiness caches the database's state for freshFor: /readyz is public and must not become a load on the database.
type readiness struct {
	ask func(context.Context) error

	mu   sync.Mutex
	at   time.Time
	last error
}

func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.at) < freshFor {
		return r.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	r.last = r.ask(ctx)
	r.at = time.Now()
	return r.last
}
