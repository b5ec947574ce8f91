package blockvolume

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/workqueue"
)

const (
	minRetryDelay = 200 * time.Millisecond
	maxRetryDelay = 10 * time.Second
)

// queue holds the keys of changed objects, and of those whose handling failed, until their retry.
type queue struct {
	name   string
	handle func(ctx context.Context, key string) error
	log    *slog.Logger
	keys   workqueue.TypedRateLimitingInterface[string]
}

func newQueue(name string, handle func(context.Context, string) error, log *slog.Logger) *queue {
	limiter := workqueue.NewTypedItemExponentialFailureRateLimiter[string](minRetryDelay, maxRetryDelay)
	return &queue{name: name, handle: handle, log: log, keys: workqueue.NewTypedRateLimitingQueue(limiter)}
}

func (q *queue) add(key string) { q.keys.Add(key) }

// watch adds the informer's new and changed objects to the queue, and calls deleted, if it is not nil, with the deleted
// ones.
func (q *queue) watch(informer cache.SharedIndexInformer, deleted func(any)) error {
	enqueue := func(obj any) {
		if key, err := cache.MetaNamespaceKeyFunc(obj); err == nil {
			q.add(key)
		}
	}
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    enqueue,
		UpdateFunc: func(_, obj any) { enqueue(obj) },
		DeleteFunc: func(obj any) {
			if last, ok := obj.(cache.DeletedFinalStateUnknown); ok {
				obj = last.Obj
			}
			if deleted != nil {
				deleted(obj)
			}
		},
	})
	return err
}

// run handles keys with that many workers until ctx is done.
func (q *queue) run(ctx context.Context, workers int) {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				key, shutdown := q.keys.Get()
				if shutdown {
					return
				}
				if err := q.handle(ctx, key); err != nil && ctx.Err() == nil {
					q.log.Warn("block volumes", q.name, key, "error", err, "tries", q.keys.NumRequeues(key)+1)
					q.keys.AddRateLimited(key)
				} else {
					q.keys.Forget(key)
				}
				q.keys.Done(key)
			}
		})
	}
	<-ctx.Done()
	q.keys.ShutDown()
	wg.Wait()
}
