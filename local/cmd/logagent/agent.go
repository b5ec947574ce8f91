package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

// batchLimit is how many bytes of log files are read before they are sent.
const batchLimit = 1 << 20

// record is a line of a container.
type record struct {
	tag    string
	time   time.Time
	fields map[string]string
}

// position is how far a file was sent.
type position struct {
	Inode  uint64
	Offset int64
}

// agent sends what is appended to log files.
type agent struct {
	*config
	log   *slog.Logger
	tails map[string]*tail // by path; nil: not to send
}

func newAgent(c *config, log *slog.Logger) *agent {
	return &agent{config: c, log: log, tails: map[string]*tail{}}
}

// run sends lines until ctx is done.
func (a *agent) run(ctx context.Context) error {
	kept, err := a.load()
	if err != nil {
		return err
	}
	fromHead := a.fromHead
	for ctx.Err() == nil {
		if err := a.find(kept, fromHead); err != nil {
			return err
		}
		fromHead = true // files that come later are read as a whole
		batch, more := a.read()
		if err := a.send(ctx, batch); err != nil {
			return nil // the lines are sent at the next start
		}
		now := a.positionsNow()
		if !maps.Equal(now, kept) {
			if err := a.save(now); err != nil {
				return err
			}
		}
		kept = now
		if !more {
			wait(ctx, a.flush)
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// find opens new files, and forgets those that are gone.
func (a *agent) find(kept map[string]position, fromHead bool) error {
	paths, err := filepath.Glob(a.path)
	if err != nil {
		return err
	}
	maps.DeleteFunc(a.tails, func(path string, t *tail) bool { return t == nil && !slices.Contains(paths, path) })
	for _, path := range paths {
		if _, ok := a.tails[path]; ok {
			continue
		}
		tag := a.tagOf(path)
		if tag == "" {
			a.tails[path] = nil
			continue
		}
		t, err := open(path, tag, kept[path], fromHead)
		if errors.Is(err, fs.ErrNotExist) { // a link whose file is gone, or not there yet
			continue
		}
		if err != nil {
			return err
		}
		a.tails[path] = t
	}
	return nil
}

// read reads what the files have more, up to batchLimit.
func (a *agent) read() (batch []record, more bool) {
	left := int64(batchLimit)
	for _, path := range slices.Sorted(maps.Keys(a.tails)) {
		t := a.tails[path]
		if t == nil {
			continue
		}
		replaced := t.replaced() // what was written before is still read
		records, size := t.read(left, a.log)
		batch = append(batch, records...)
		if left -= size; left <= 0 {
			return batch, true
		}
		if replaced {
			t.file.Close()
			delete(a.tails, path)
			more = true
		}
	}
	return batch, more
}

// send sends records. It gives up after the configured number of retries, as Fluent Bit does; its error is ctx's.
func (a *agent) send(ctx context.Context, batch []record) error {
	for try := 0; len(batch) > 0; try++ {
		err := a.post(batch)
		if err == nil {
			return ctx.Err()
		}
		if try == a.retries {
			a.log.Error("lines are lost", "records", len(batch), "error", err)
			break
		}
		a.log.Warn("sent again", "records", len(batch), "in", a.flush, "error", err)
		wait(ctx, a.flush)
		if ctx.Err() != nil {
			break
		}
	}
	return ctx.Err()
}

// post sends records by a connection of their own: a server that ended meanwhile would take those of an old one without
// a word.
func (a *agent) post(batch []record) error {
	client, err := fluent.New(fluent.Config{
		FluentHost: a.host, FluentPort: a.port, WriteTimeout: 10 * time.Second, MaxRetry: 1, SubSecondPrecision: true,
	})
	if err != nil {
		return err
	}
	for _, r := range batch {
		if err := client.PostWithTime(r.tag, r.time, r.fields); err != nil {
			return errors.Join(err, client.Close())
		}
	}
	return client.Close()
}

func (a *agent) positionsNow() map[string]position {
	now := map[string]position{}
	for path, t := range a.tails {
		if t != nil {
			now[path] = t.position
		}
	}
	return now
}

// load reads the positions of an agent before this one.
func (a *agent) load() (map[string]position, error) {
	data, err := os.ReadFile(a.positions)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var kept map[string]position
	if err == nil {
		err = json.Unmarshal(data, &kept)
	}
	if err != nil {
		return nil, fmt.Errorf("positions: %w", err)
	}
	return kept, nil
}

func (a *agent) save(now map[string]position) error {
	data, err := json.Marshal(now)
	if err != nil {
		return err
	}
	next := a.positions + ".new"
	if err := os.WriteFile(next, data, 0o600); err != nil {
		return err
	}
	return os.Rename(next, a.positions)
}
