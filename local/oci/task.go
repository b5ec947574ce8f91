package oci

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// task is something that happens later. Tasks are part of the snapshot: after a restart they happen still.
type task struct {
	ID     int64     `json:"id"`
	Due    time.Time `json:"due"`
	Op     string    `json:"op"`     // a name in ops
	Target string    `json:"target"` // OCID of the resource that it is about
	Args   object    `json:"args,omitempty"`
	// Key makes tasks with the same key happen one after the other, in the order of their ids.
	Key string `json:"key,omitempty"`
}

// op is what a task does. change happens at once, inside a transaction. work happens outside, may take long, and
// returns the change that ends it.
type op struct {
	change func(*tx, *task) error
	work   func(context.Context, *Server, *task) func(*tx) error
}

// later adds a task that is due after the real service's duration, shortened by the configured speed.
func (t *tx) later(after time.Duration, name, target string, args object) *task {
	t.s.store.seq++
	k := &task{ID: t.s.store.seq, Due: t.now.Add(t.s.short(after)), Op: name, Target: target, Args: args}
	t.added = append(t.added, k)
	return k
}

func (s *Server) short(d time.Duration) time.Duration {
	return time.Duration(float64(d) / s.config.Speed)
}

func (s *Server) wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// loop runs tasks as they become due, until ctx ends.
func (s *Server) loop(ctx context.Context) {
	defer close(s.stopped)
	var workers sync.WaitGroup
	defer workers.Wait()
	running := map[int64]bool{} // guarded by the store's lock
	timer := time.NewTimer(time.Hour)
	for {
		wait := time.Hour
		for {
			next, in := s.nextTask(running)
			if next == nil {
				wait = in
				break
			}
			if s.ops[next.Op].work == nil {
				s.finish(next, func(t *tx) error { return s.ops[next.Op].change(t, next) })
				continue
			}
			s.store.mu.Lock()
			running[next.ID] = true
			s.store.mu.Unlock()
			workers.Go(func() {
				end := s.ops[next.Op].work(ctx, s, next)
				// A daemon that stops half-way does the work again after its restart.
				if ctx.Err() == nil {
					s.finish(next, end)
				}
				s.store.mu.Lock()
				delete(running, next.ID)
				s.store.mu.Unlock()
				s.wake()
			})
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		case <-timer.C:
		}
	}
}

// trySaveAgain is how long a task waits whose change could not be saved, because the disk is full, say.
const trySaveAgain = 5 * time.Second

// finish removes the task together with its change. A change that fails is told and dropped: trying again would fail again.
func (s *Server) finish(k *task, change func(*tx) error) {
	err := s.update(func(t *tx) error {
		t.done = append(t.done, k.ID)
		return change(t)
	})
	if err == nil {
		return
	}
	s.log.Error("task", "op", k.Op, "target", k.Target, "error", err)
	if save := (*saveError)(nil); errors.As(err, &save) {
		s.store.mu.Lock()
		defer s.store.mu.Unlock()
		again := *k
		again.Due = time.Now().Add(trySaveAgain)
		s.store.tasks[k.ID] = &again
		return
	}
	if err := s.update(func(t *tx) error { t.done = append(t.done, k.ID); return nil }); err != nil {
		s.store.mu.Lock()
		delete(s.store.tasks, k.ID)
		s.store.mu.Unlock()
	}
}

// nextTask returns a task that can run now, or how long until one can.
func (s *Server) nextTask(running map[int64]bool) (*task, time.Duration) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	now, wait := time.Now(), time.Hour
	busy := map[string]bool{}
	byID := slices.SortedFunc(maps.Values(s.store.tasks), func(a, b *task) int { return cmp.Compare(a.ID, b.ID) })
	var due *task
	for _, k := range byID {
		if k.Key != "" {
			if busy[k.Key] {
				continue
			}
			busy[k.Key] = true
		}
		switch in := k.Due.Sub(now); {
		case running[k.ID]:
		case in > 0:
			wait = min(wait, in)
		case due == nil || k.Due.Before(due.Due):
			due = k
		}
	}
	return due, wait
}

// checkOps says whether every task in the store has an op: a snapshot may come from another version.
func (s *Server) checkOps() error {
	for _, k := range s.store.tasks {
		if _, ok := s.ops[k.Op]; !ok {
			return fmt.Errorf("the state holds a task %q, which this version does not know", k.Op)
		}
	}
	return nil
}
