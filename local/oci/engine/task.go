package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Task is the name of something that happens later to a resource, and A the type of its arguments. Tasks are saved with
// the state: those that a stopped daemon had not finished run after its restart.
type Task[A any] string

// none are the arguments of tasks that need none.
type none struct{}

// OnDue registers what the task does: a change inside a transaction. A change that fails is logged and dropped.
func (k Task[A]) OnDue(e *Engine, change func(t *Tx, target string, args A) error) {
	e.tasks[string(k)] = taskKind{change: func(t *Tx, due *task) error {
		args, err := decodeArgs[A](due)
		if err != nil {
			return err
		}
		return change(t, due.Target, args)
	}}
}

// OnDueOutside registers what the task does outside of a transaction, because it may take long. It returns the change
// that ends the task. If the daemon stops before that, the task runs again after the restart.
func (k Task[A]) OnDueOutside(e *Engine, work func(ctx context.Context, target string, args A) func(*Tx) error) {
	e.tasks[string(k)] = taskKind{work: func(ctx context.Context, due *task) func(*Tx) error {
		args, err := decodeArgs[A](due)
		if err != nil {
			return func(*Tx) error { return err }
		}
		return work(ctx, due.Target, args)
	}}
}

func decodeArgs[A any](due *task) (A, error) {
	var args A
	err := json.Unmarshal(due.Args, &args)
	return args, err
}

// After adds a task that is due after the real service's duration, divided by the configured speed.
func (k Task[A]) After(t *Tx, d time.Duration, target string, args A) {
	t.e.store.seq++
	k.add(t, &task{ID: t.e.store.seq, Due: t.Now.Add(t.e.scaled(d)), Target: target}, args)
}

// InOrder adds a task that is due as soon as the earlier tasks with the same key have ended.
func (k Task[A]) InOrder(t *Tx, key, target string, args A) {
	t.e.store.seq++
	k.add(t, &task{ID: t.e.store.seq, Due: t.Now, Target: target, Key: key}, args)
}

// First adds a task that runs before all others with the same key. It is for functions of OnStart: no task runs yet.
func (k Task[A]) First(t *Tx, key, target string, args A) {
	k.add(t, &task{ID: -int64(len(t.added) + 1), Due: t.Now, Target: target, Key: key}, args)
}

func (k Task[A]) add(t *Tx, added *task, args A) {
	data, err := json.Marshal(args)
	if err != nil {
		t.err = fmt.Errorf("arguments of the task %s: %w", k, err)
	}
	added.Name, added.Args = string(k), data
	t.added = append(t.added, added)
}

// Pending reports whether a task for the resource waits or runs.
func (k Task[A]) Pending(t *Tx, target string) bool {
	for _, pending := range t.e.store.tasks {
		if pending.Name == string(k) && pending.Target == target {
			return true
		}
	}
	return false
}

type task struct {
	ID     int64           `json:"id"`
	Due    time.Time       `json:"due"`
	Name   string          `json:"name"`
	Target string          `json:"target"` // OCID of the resource
	Args   json.RawMessage `json:"args"`
	// Key makes tasks with the same key run one after the other, in the order of their ids.
	Key string `json:"key,omitempty"`
}

// taskKind is what a task does: one of the two.
type taskKind struct {
	change func(*Tx, *task) error
	work   func(context.Context, *task) func(*Tx) error
}

func sortedTasks(tasks map[int64]*task) []*task {
	return slices.SortedFunc(maps.Values(tasks), func(a, b *task) int { return cmp.Compare(a.ID, b.ID) })
}

// scaled returns how long the real service's duration takes here.
func (e *Engine) scaled(d time.Duration) time.Duration {
	return time.Duration(float64(d) / e.config.Speed)
}

// Remaining returns how much of the real service's duration d is left, if it began at that time.
func (t *Tx) Remaining(began time.Time, d time.Duration) time.Duration {
	left := t.e.scaled(d) - t.Now.Sub(began)
	return max(0, time.Duration(float64(left)*t.e.config.Speed))
}

func (e *Engine) wake() { notify(e.woken) }

// notify sends on a channel with room for one value, unless that waits there already.
func notify(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// loop runs tasks as they become due, until ctx ends.
func (e *Engine) loop(ctx context.Context) {
	defer close(e.stopped)
	var workers sync.WaitGroup
	defer workers.Wait()
	running := map[int64]bool{} // guarded by the store's lock
	timer := time.NewTimer(time.Hour)
	for {
		timer.Reset(e.runDue(ctx, running, &workers))
		select {
		case <-ctx.Done():
			return
		case <-e.woken:
		case <-timer.C:
		}
	}
}

// runDue runs or starts the tasks that are due, and returns how long until the next one is.
func (e *Engine) runDue(ctx context.Context, running map[int64]bool, workers *sync.WaitGroup) time.Duration {
	for {
		next, wait := e.nextTask(running)
		if next == nil {
			return wait
		}
		kind := e.tasks[next.Name]
		if kind.work == nil {
			e.finish(next, func(t *Tx) error { return kind.change(t, next) })
			continue
		}
		e.store.mu.Lock()
		running[next.ID] = true
		e.store.mu.Unlock()
		workers.Go(func() {
			change := kind.work(ctx, next)
			if ctx.Err() == nil { // otherwise the task runs again after the restart
				e.finish(next, change)
			}
			e.store.mu.Lock()
			delete(running, next.ID)
			e.store.mu.Unlock()
			e.wake()
		})
	}
}

// nextTask returns a task that can run now, or how long until one can.
func (e *Engine) nextTask(running map[int64]bool) (*task, time.Duration) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	now, wait := time.Now(), time.Hour
	busy := map[string]bool{}
	var due *task
	for _, k := range sortedTasks(e.store.tasks) {
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

// saveRetryDelay is how long a task waits whose change could not be saved, because the disk is full, say.
const saveRetryDelay = 5 * time.Second

// finish removes the task together with making its change. A change that fails is logged and dropped: it would fail
// again. A change that could not be saved is tried again.
func (e *Engine) finish(k *task, change func(*Tx) error) {
	remove := func(t *Tx) { t.done = append(t.done, k.ID) }
	err := e.Update(func(t *Tx) error {
		remove(t)
		return change(t)
	})
	if err == nil {
		return
	}
	e.log.Error("task", "name", k.Name, "target", k.Target, "error", err)
	if save := (*SaveError)(nil); errors.As(err, &save) {
		e.store.mu.Lock()
		defer e.store.mu.Unlock()
		again := *k
		again.Due = time.Now().Add(saveRetryDelay)
		e.store.tasks[k.ID] = &again
		return
	}
	if err := e.Update(func(t *Tx) error { remove(t); return nil }); err != nil {
		e.store.mu.Lock()
		delete(e.store.tasks, k.ID)
		e.store.mu.Unlock()
	}
}

// checkTasks refuses a state with a task that no service has registered.
func (e *Engine) checkTasks() error {
	for _, k := range e.store.tasks {
		if _, ok := e.tasks[k.Name]; !ok {
			return fmt.Errorf("the state holds a task %q, which this version does not know", k.Name)
		}
	}
	return nil
}

// Idle reports whether no task waits or runs.
func (e *Engine) Idle() bool {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	return len(e.store.tasks) == 0
}
