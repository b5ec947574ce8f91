package engine

import (
	"cmp"
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

// store holds the state in memory and, as a whole, in one file. Readers and writers go through View and Update.
//
// A database such as bbolt would write less, but the state of a usual stack is some 100 KB, which takes about a
// millisecond; and a JSON file can be read by the people who debug the emulator.
type store struct {
	mu        sync.Mutex
	file      string
	resources map[string]*Resource
	tasks     map[int64]*task
	retries   map[string]*retry
	seq       int64
}

const (
	snapshotFile = "state.json"
	// snapshotFormat changes with the form of the snapshot. A snapshot of another format is refused, not converted.
	snapshotFormat = 2
)

type snapshot struct {
	Format    int               `json:"format"`
	Seq       int64             `json:"seq"`
	Tasks     []*task           `json:"tasks"`
	Retries   map[string]*retry `json:"retries"`
	Resources []json.RawMessage `json:"resources"`
}

// open reads the snapshot in dir; without one the store is empty.
func (st *store) open(dir string, kinds map[string]*Kind) error {
	*st = store{
		file: filepath.Join(dir, snapshotFile), resources: map[string]*Resource{}, tasks: map[int64]*task{},
		retries: map[string]*retry{},
	}
	data, err := os.ReadFile(st.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := st.decode(data, kinds); err != nil {
		return fmt.Errorf("%s: %w", st.file, err)
	}
	return nil
}

func (st *store) decode(data []byte, kinds map[string]*Kind) error {
	// The format decides how to read the rest.
	head := struct{ Format int }{}
	if err := json.Unmarshal(data, &head); err != nil {
		return err
	}
	if head.Format != snapshotFormat {
		return fmt.Errorf("another version of the local cloud wrote this state, in format %d; this version reads format %d: "+
			"run make down with that version, or remove the whole directory of the local cloud (LOCAL_DIR, .local by default)",
			cmp.Or(head.Format, 1), snapshotFormat)
	}
	var snap snapshot
	if err := json.Unmarshal(data, &snap); err != nil {
		return err
	}
	st.seq = snap.Seq
	maps.Copy(st.retries, snap.Retries)
	for _, t := range snap.Tasks {
		st.tasks[t.ID] = t
	}
	for _, line := range snap.Resources {
		r, err := decodeResource(line, kinds)
		if err != nil {
			return err
		}
		st.resources[r.ID] = r
	}
	return nil
}

func decodeResource(line json.RawMessage, kinds map[string]*Kind) (*Resource, error) {
	var head struct{ Kind string }
	if err := json.Unmarshal(line, &head); err != nil {
		return nil, err
	}
	k := kinds[head.Kind]
	if k == nil {
		return nil, fmt.Errorf("a resource of the kind %q, which this version does not have", head.Kind)
	}
	r := &Resource{encoded: line}
	if k.Private != nil {
		r.Private = k.Private() // encoding/json fills in what the interface points to
	}
	return r, json.Unmarshal(line, r)
}

// save writes the snapshot to a new file and renames it, so that a killed process leaves the old or the new one. It
// does not sync the file: the state must survive the end of the process, not of the machine.
func (st *store) save() error {
	snap := snapshot{Format: snapshotFormat, Seq: st.seq, Retries: st.retries, Tasks: sortedTasks(st.tasks)}
	for _, r := range st.sorted(nil) {
		snap.Resources = append(snap.Resources, r.encoded)
	}
	data, err := json.Marshal(snap)
	if err != nil {
		return err
	}
	if err := os.WriteFile(st.file+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(st.file+".new", st.file)
}

// sorted returns the resources that match, oldest first; a nil match is all.
func (st *store) sorted(match func(*Resource) bool) []*Resource {
	var out []*Resource
	for _, r := range st.resources {
		if match == nil || match(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, bySeq)
	return out
}

func bySeq(a, b *Resource) int { return cmp.Compare(a.Seq, b.Seq) }

// SaveError reports that a change was valid and could not be written, so that it was not made.
type SaveError struct{ Err error }

func (e *SaveError) Error() string { return "save the local cloud's state: " + e.Err.Error() }
func (e *SaveError) Unwrap() error { return e.Err }

// keepRemoved is how long a deleted resource still answers GET, in real time: clients poll for its terminal state.
const keepRemoved = 10 * time.Minute

// apply makes a transaction's changes and saves them, or leaves the store as it was.
func (st *store) apply(t *Tx) error {
	resources, tasks, retries := maps.Clone(st.resources), maps.Clone(st.tasks), maps.Clone(st.retries)
	for id, r := range t.changed {
		var err error
		if r.encoded, err = json.Marshal(r); err != nil {
			return fmt.Errorf("%s %s: %w", r.Kind, id, err)
		}
		resources[id] = r
	}
	maps.DeleteFunc(resources, func(_ string, r *Resource) bool {
		return r.Removed != nil && t.Now.Sub(*r.Removed) > keepRemoved
	})
	maps.DeleteFunc(retries, func(_ string, r *retry) bool { return t.Now.After(r.Until) })
	maps.Copy(retries, t.retries)
	for _, id := range t.done {
		delete(tasks, id)
	}
	for _, k := range t.added {
		tasks[k.ID] = k
	}
	next := &store{file: st.file, seq: st.seq, resources: resources, tasks: tasks, retries: retries}
	if err := next.save(); err != nil {
		return &SaveError{err}
	}
	st.resources, st.tasks, st.retries = resources, tasks, retries
	return nil
}
