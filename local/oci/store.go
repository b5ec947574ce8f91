package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// resource is one thing in the local cloud.
type resource struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Seq  int64  `json:"seq"` // order of creation, which is the order of lists
	Rev  int64  `json:"rev"` // counts changes; the etag
	Doc  object `json:"doc"` // what clients see
	// Hidden is what the service knows and does not show.
	Hidden object `json:"hidden,omitempty"`
	// Gone is when it reached its terminal state. It still answers GET for a while.
	Gone *time.Time `json:"gone,omitempty"`

	encoded []byte // the snapshot's line, made when the resource changes
}

func (r *resource) clone() *resource {
	c := *r
	c.Doc, _ = clone(r.Doc).(map[string]any)
	c.Hidden, _ = clone(r.Hidden).(map[string]any)
	return &c
}

func (r *resource) state() string { return str(r.Doc, "lifecycleState") }

func (r *resource) hide(key string, v any) {
	if r.Hidden == nil {
		r.Hidden = object{}
	}
	r.Hidden[key] = v
}

func (r *resource) etag() string { return fmt.Sprintf("%s-%d", r.ID[len(r.ID)-8:], r.Rev) }

// retry remembers a request with an opc-retry-token, and its answer.
type retry struct {
	ResourceID string    `json:"resourceId,omitempty"` // what the request made
	Digest     string    `json:"digest"`               // of the request
	Answer     *answer   `json:"answer"`
	Until      time.Time `json:"until"`
}

// store holds everything, in memory and, whole, in one file. Readers and writers go through view and update.
type store struct {
	mu        sync.Mutex
	file      string
	resources map[string]*resource
	tasks     map[int64]*task
	retries   map[string]*retry
	seq       int64
}

type snapshot struct {
	Seq       int64             `json:"seq"`
	Tasks     []*task           `json:"tasks"`
	Retries   map[string]*retry `json:"retries"`
	Resources []json.RawMessage `json:"resources"`
}

const snapshotFile = "state.json"

func openStore(dir string) (*store, error) {
	st := &store{file: filepath.Join(dir, snapshotFile), resources: map[string]*resource{}, tasks: map[int64]*task{}, retries: map[string]*retry{}}
	data, err := os.ReadFile(st.file)
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return nil, err
	}
	var snap snapshot
	if err := json.Unmarshal(data, &snap); err != nil {
		return nil, fmt.Errorf("%s: %w", st.file, err)
	}
	st.seq = snap.Seq
	if snap.Retries != nil {
		st.retries = snap.Retries
	}
	for _, t := range snap.Tasks {
		st.tasks[t.ID] = t
	}
	for _, line := range snap.Resources {
		r := &resource{}
		if err := json.Unmarshal(line, r); err != nil {
			return nil, fmt.Errorf("%s: %w", st.file, err)
		}
		r.encoded = line
		st.resources[r.ID] = r
	}
	return st, nil
}

// save writes the snapshot by renaming, so that a killed process leaves the old or the new one. It does not force the
// data to the disk: what must survive is the end of this process, not of the machine.
func (st *store) save() error {
	var b bytes.Buffer
	tasks := slices.SortedFunc(maps.Values(st.tasks), func(a, b *task) int { return int(a.ID - b.ID) })
	head, err := json.Marshal(snapshot{Seq: st.seq, Tasks: tasks, Retries: st.retries})
	if err != nil {
		return err
	}
	b.Write(bytes.TrimSuffix(head, []byte("null}")))
	b.WriteString("[\n")
	for i, r := range st.sorted(func(*resource) bool { return true }) {
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(r.encoded)
	}
	b.WriteString("\n]}\n")
	tmp := st.file + ".new"
	if err := os.WriteFile(tmp, b.Bytes(), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, st.file)
}

func (st *store) sorted(keep func(*resource) bool) []*resource {
	var out []*resource
	for _, r := range st.resources {
		if keep(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *resource) int { return int(a.Seq - b.Seq) })
	return out
}

// tx is one transaction. All of its changes are made and saved, or none.
type tx struct {
	s       *Server
	now     time.Time
	changed map[string]*resource
	retries map[string]*retry
	added   []*task
	done    []int64
}

// view runs f with the store locked. f must not change anything.
func (s *Server) view(f func(*tx) error) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return f(s.newTx())
}

// update runs f with the store locked and commits what it did unless it fails.
func (s *Server) update(f func(*tx) error) error {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	t := s.newTx()
	if err := f(t); err != nil {
		return err
	}
	return t.commit()
}

func (s *Server) newTx() *tx {
	return &tx{s: s, now: time.Now().UTC(), changed: map[string]*resource{}, retries: map[string]*retry{}}
}

// find returns the resource or nil. It belongs to the store: look, or take edit.
func (t *tx) find(id string) *resource {
	if r, ok := t.changed[id]; ok {
		return r
	}
	return t.s.store.resources[id]
}

// edit returns the resource to change, or nil; the change is part of the transaction.
func (t *tx) edit(id string) *resource {
	if r, ok := t.changed[id]; ok {
		return r
	}
	r := t.s.store.resources[id]
	if r == nil {
		return nil
	}
	c := r.clone()
	c.Rev++
	t.changed[id] = c
	return c
}

// add puts a new resource into the store.
func (t *tx) add(kind, id string, doc object) *resource {
	t.s.store.seq++
	r := &resource{Kind: kind, ID: id, Seq: t.s.store.seq, Rev: 1, Doc: doc}
	t.changed[id] = r
	return r
}

// all returns the living resources of a kind for which every keep says yes, oldest first. They belong to the store.
func (t *tx) all(kind string, keep ...func(*resource) bool) []*resource {
	match := func(r *resource) bool {
		if r.Kind != kind || r.Gone != nil {
			return false
		}
		for _, k := range keep {
			if !k(r) {
				return false
			}
		}
		return true
	}
	out := t.s.store.sorted(func(r *resource) bool { return t.changed[r.ID] == nil && match(r) })
	for _, r := range t.changed {
		if match(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *resource) int { return int(a.Seq - b.Seq) })
	return out
}

// with selects resources by a text field.
func with(field, value string) func(*resource) bool {
	return func(r *resource) bool { return str(r.Doc, field) == value }
}

// saveError says that a change was right and could not be written down, so that it was not made.
type saveError struct{ err error }

func (e *saveError) Error() string { return "save the local cloud's state: " + e.err.Error() }
func (e *saveError) Unwrap() error { return e.err }

// keepGone is how long a deleted resource still answers GET, in real time: clients poll for its terminal state.
const keepGone = 10 * time.Minute

func (t *tx) commit() error {
	st := t.s.store
	if len(t.changed) == 0 && len(t.added) == 0 && len(t.done) == 0 && len(t.retries) == 0 {
		return nil
	}
	oldResources, oldTasks, oldRetries := maps.Clone(st.resources), maps.Clone(st.tasks), maps.Clone(st.retries)
	for id, r := range t.changed {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("%s %s: %w", r.Kind, id, err)
		}
		r.encoded = line
		st.resources[id] = r
	}
	for id, r := range st.resources {
		if r.Gone != nil && t.now.Sub(*r.Gone) > keepGone {
			delete(st.resources, id)
		}
	}
	for token, r := range st.retries {
		if t.now.After(r.Until) {
			delete(st.retries, token)
		}
	}
	maps.Copy(st.retries, t.retries)
	for _, id := range t.done {
		delete(st.tasks, id)
	}
	for _, k := range t.added {
		st.tasks[k.ID] = k
	}
	if err := st.save(); err != nil {
		st.resources, st.tasks, st.retries = oldResources, oldTasks, oldRetries
		return &saveError{err}
	}
	if len(t.added) > 0 || len(t.done) > 0 {
		t.s.wake()
	}
	return nil
}
