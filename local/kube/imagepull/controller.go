// Package imagepull pulls images for simulated nodes as far as it can fail: it asks the emulated Container Registry for
// each Pod's images with the credentials that the Pod has, and writes what a kubelet would into the Pod's status and
// events. No layer is downloaded, and nodes keep no images: each Pod asks. Images of other registries are not checked.
package imagepull

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/workqueue"
)

// The kubelet's back-off between pulls (Kubernetes documentation, "Images", section "ImagePullBackOff"): the first
// delay, which doubles, and the longest.
const (
	firstDelay = 10 * time.Second
	lastDelay  = 5 * time.Minute
	// errorShown is how long a Pod shows ErrImagePull before ImagePullBackOff: until the kubelet's next look.
	errorShown = time.Second
)

const workers = 4

// Config configures the controller of a cluster.
type Config struct {
	API      kubernetes.Interface
	Endpoint string   // URL of the emulator, which serves the registry
	Hosts    []string // names of the registry in images
	// Scaled converts a period of a kubelet's to the speed of the local cloud.
	Scaled func(time.Duration) time.Duration
	Log    *slog.Logger
}

// Controller pulls the images of a cluster's Pods.
type Controller struct {
	Config
	pods        corelisters.PodLister
	nodes       corelisters.NodeLister
	recorder    record.EventRecorder
	broadcaster record.EventBroadcaster
	keys        workqueue.TypedDelayingInterface[string]
	transport   http.RoundTripper

	mu      sync.Mutex
	waiting map[string]backOff // by Pod
}

// backOff is when a Pod's images are looked at next, and the delay after the next failure.
type backOff struct {
	due   time.Time
	delay time.Duration
}

// New registers the controller with the factory's informers. The factory must be started before Run.
func New(cfg Config, factory informers.SharedInformerFactory) (*Controller, error) {
	endpoint, err := url.Parse(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	c := &Controller{
		Config: cfg, pods: factory.Core().V1().Pods().Lister(), nodes: factory.Core().V1().Nodes().Lister(),
		broadcaster: record.NewBroadcaster(), keys: workqueue.NewTypedDelayingQueue[string](),
		transport: redirect{endpoint}, waiting: map[string]backOff{},
	}
	c.recorder = c.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "kubelet"})
	changed := func(obj any) {
		if key, err := cache.MetaNamespaceKeyFunc(obj); err == nil {
			c.keys.Add(key)
		}
	}
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    changed,
		UpdateFunc: func(_, obj any) { changed(obj) },
		DeleteFunc: func(obj any) {
			if key, err := cache.DeletionHandlingMetaNamespaceKeyFunc(obj); err == nil {
				c.forget(key)
			}
		},
	})
	return c, err
}

// Run runs the controller until ctx is done.
func (c *Controller) Run(ctx context.Context) {
	c.broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.API.CoreV1().Events("")})
	defer c.broadcaster.Shutdown()
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				key, shutdown := c.keys.Get()
				if shutdown {
					return
				}
				if err := c.sync(ctx, key); err != nil && ctx.Err() == nil {
					c.Log.Warn("image pull", "pod", key, "error", err)
					c.keys.AddAfter(key, time.Second)
				}
				c.keys.Done(key)
			}
		})
	}
	<-ctx.Done()
	c.keys.ShutDown()
	wg.Wait()
}

func (c *Controller) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, key)
}

// wait returns the back-off of a Pod; false if it is not due yet.
func (c *Controller) wait(key string) (backOff, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.waiting[key]
	return b, !time.Now().Before(b.due)
}

// later has the Pod looked at again after a delay.
func (c *Controller) later(key string, after, next time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[key] = backOff{time.Now().Add(after), next}
	c.keys.AddAfter(key, after)
}

// sync pulls the images of a Pod that has been accepted by its node and does not run yet.
func (c *Controller) sync(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return err
	}
	pod, err := c.pods.Pods(namespace).Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil || pod.DeletionTimestamp != nil || pod.Status.StartTime == nil ||
		pod.Status.Phase != corev1.PodPending || !c.missing(pod) {
		return err
	}
	b, due := c.wait(key)
	if !due {
		return nil
	}
	pod = pod.DeepCopy()
	var next func() // after the status was written
	if backsOff(pod) {
		delay := max(b.delay, firstDelay)
		next = func() { c.later(key, c.Scaled(delay), min(2*delay, lastDelay)) }
	} else if failed := c.pullAll(ctx, pod); failed {
		next = func() { c.later(key, c.Scaled(errorShown), b.delay) }
	} else {
		next = func() { c.forget(key) }
	}
	if _, err := c.API.CoreV1().Pods(namespace).UpdateStatus(ctx, pod, updateOptions); err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return nil // the next version of the Pod comes
		}
		return fmt.Errorf("status: %w", err)
	}
	c.report(pod)
	next()
	return nil
}

// missing reports whether an image of the registry is not pulled yet.
func (c *Controller) missing(pod *corev1.Pod) bool {
	return slices.ContainsFunc(statuses(pod), func(s *corev1.ContainerStatus) bool { return c.asks(s) })
}

// asks reports whether a container's image is the registry's, and not pulled yet.
func (c *Controller) asks(s *corev1.ContainerStatus) bool {
	return s.ImageID == "" && slices.Contains(c.Hosts, host(s.Image))
}
