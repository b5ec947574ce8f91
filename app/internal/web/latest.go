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

	"oke-guestbook/app/internal/entry"
)

// freshFor is how long the first page is taken from memory: with any number of
// readers, each replica asks the database for it once a second at most.
const freshFor = time.Second

// snapshot is the first page at one moment.
type snapshot struct {
	entries []entry.Entry
	total   int
	read    time.Time
	tag     string // changes with the entries
	html    map[*texts]func() template.HTML
}

// latest keeps the first page.
type latest struct {
	read func(context.Context) (*snapshot, error)
	last atomic.Pointer[snapshot]

	// However many visitors ask, one read runs and one waits for it.
	group   singleflight.Group
	loading sync.Mutex
	started atomic.Uint64
}

// get returns a page that is younger than freshFor, or with now a page that is
// read after the call: whoever has just signed sees the entry on every replica.
func (l *latest) get(ctx context.Context, now bool) (*snapshot, error) {
	if s := l.last.Load(); !now && s != nil && time.Since(s.read) < freshFor {
		return s, nil
	}
	// The key changes when a read starts, so that nobody joins one that
	// started before the call. One visitor who leaves must not end it for all.
	key := strconv.FormatUint(l.started.Load(), 10)
	result := l.group.DoChan(key, func() (any, error) { return l.load(context.WithoutCancel(ctx)) })
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		if fault := (*fault)(nil); errors.As(r.Err, &fault) {
			panic(fault) // in the request, which answers for it
		}
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*snapshot), nil
	}
}

// fault is a panic of a read, which no request's own recover would catch.
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

// readLatest reads the first page and prepares it in each language, so that a
// request costs no more than its own form.
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
	snap := &snapshot{entries: entries, total: total, tag: fmt.Sprintf("%x", h.Sum64()), html: map[*texts]func() template.HTML{}}
	for _, t := range languages {
		snap.html[t] = sync.OnceValue(func() template.HTML {
			return s.pages.book(book{T: t, Live: true, Tag: snap.etag(t), Entries: entries, Total: total, Page: 1, Size: s.cfg.PageSize})
		})
	}
	return snap, nil
}

func (s *snapshot) etag(t *texts) string { return `"` + t.Lang + "-" + s.tag + `"` }

// readiness remembers the database's answer for a moment: /readyz is open to
// everybody and must not be a way to burden the database.
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
