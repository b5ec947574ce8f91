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
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// queue holds the keys of objects that have changed, and those whose handling failed until their next try.
type queue struct {
	kind   string
	handle func(ctx context.Context, key string) error
	log    *slog.Logger
	keys   workqueue.TypedRateLimitingInterface[string]
}

func newQueue(kind string, handle func(context.Context, string) error, log *slog.Logger) *queue {
	return &queue{
		kind: kind, handle: handle, log: log,
		keys: workqueue.NewTypedRateLimitingQueue(workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)),
	}
}

func (q *queue) add(key string) { q.keys.Add(key) }

// watch puts every object of the informer that appears or changes into the queue; deleted is called with those that go.
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
					q.log.Warn("block volumes", q.kind, key, "error", err, "tries", q.keys.NumRequeues(key)+1)
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
