// Package nodescaler does what the cluster autoscaler add-on of OKE does, as far as its basics go: it adds nodes to
// node pools while Pods have no room, and removes nodes that have no Pods. The README says what differs.
package nodescaler

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
)

// Config configures the autoscaler of a cluster.
type Config struct {
	API     kubernetes.Interface
	OCI     *ociclient.Client // reads the add-on's configuration
	Cluster cloud.Cluster
	// Session returns a client with the rights of the autoscaler's Pods.
	Session func(context.Context) (*ociclient.Client, error)
	// Scaled converts a period of the real service to the speed of the local cloud.
	Scaled func(time.Duration) time.Duration
	// Template returns what the Node of an instance will be.
	Template func(cloud.Node) *corev1.Node
	Log      *slog.Logger
}

// Scaler changes the sizes of a cluster's node pools.
type Scaler struct {
	Config
	pods        corelisters.PodLister
	nodes       corelisters.NodeLister
	recorder    record.EventRecorder
	broadcaster record.EventBroadcaster

	session   *ociclient.Client // of this scan
	lastAdd   time.Time
	idleSince map[string]time.Time // by the instance's OCID
	problem   string               // the last one, to log it once
}

// New returns a scaler that reads the factory's informers. The factory must be started before Run.
func New(cfg Config, factory informers.SharedInformerFactory) *Scaler {
	s := &Scaler{
		Config: cfg, pods: factory.Core().V1().Pods().Lister(), nodes: factory.Core().V1().Nodes().Lister(),
		broadcaster: record.NewBroadcaster(), idleSince: map[string]time.Time{},
	}
	s.recorder = s.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "cluster-autoscaler"})
	return s
}

// The real autoscaler's interval, and how often the local cloud looks for the add-on.
const (
	scanInterval = 10 * time.Second
	lookInterval = time.Minute
	shortest     = 250 * time.Millisecond
)

// Run scales until ctx is done.
func (s *Scaler) Run(ctx context.Context) {
	s.broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: s.API.CoreV1().Events("")})
	defer s.broadcaster.Shutdown()
	for ctx.Err() == nil {
		installed, err := s.scan(ctx, time.Now())
		if err != nil && ctx.Err() == nil && err.Error() != s.problem {
			s.problem = err.Error()
			s.Log.Warn("the node pools are not scaled", "reason", err)
		}
		if err == nil {
			s.problem = ""
		}
		interval := max(s.Scaled(scanInterval), shortest)
		if !installed {
			interval = max(s.Scaled(lookInterval), 2*shortest)
		}
		_ = wait.PollUntilContextTimeout(ctx, interval, interval, false,
			func(context.Context) (bool, error) { return true, nil })
	}
}

// scan makes at most one change. It reports whether the add-on is installed.
func (s *Scaler) scan(ctx context.Context, now time.Time) (installed bool, err error) {
	config, installed, err := s.configuration(ctx)
	if err != nil || !installed {
		return installed, err
	}
	if s.session, err = s.Session(ctx); err != nil {
		return true, err
	}
	pools := make([]pool, len(config.groups))
	for i, g := range config.groups {
		if pools[i], err = s.pool(ctx, g); err != nil {
			return true, err
		}
		if pools[i].State != "ACTIVE" {
			return true, nil // a change is under way
		}
	}
	added, err := s.grow(ctx, pools)
	if err != nil || added {
		s.lastAdd = now
		return true, err
	}
	return true, s.shrink(ctx, pools, config, now)
}

// grow adds a node to the smallest pool whose nodes hold a Pod that has no room.
func (s *Scaler) grow(ctx context.Context, pools []pool) (added bool, err error) {
	waiting, err := s.unschedulable()
	if err != nil {
		return false, err
	}
	var best *pool
	var helped *corev1.Pod
	for i := range pools {
		p := &pools[i]
		if p.Config.Size >= p.max || best != nil && best.Config.Size <= p.Config.Size {
			continue
		}
		for _, pod := range waiting {
			if holds(s.Template(p.template()), pod) {
				best, helped = p, pod
				break
			}
		}
	}
	if best == nil {
		return false, nil
	}
	size := best.Config.Size + 1
	s.recorder.Eventf(helped, corev1.EventTypeNormal, "TriggeredScaleUp",
		"pod triggered scale-up: [{%s %d->%d (max: %d)}]", best.ID, best.Config.Size, size, best.max)
	return true, s.resize(ctx, best.ID, size)
}

// shrink removes a node that has been idle for as long as the configuration says.
func (s *Scaler) shrink(ctx context.Context, pools []pool, config configuration, now time.Time) error {
	idle, err := s.idle()
	if err != nil {
		return err
	}
	for id := range s.idleSince {
		if !idle[id] {
			delete(s.idleSince, id)
		}
	}
	for id := range idle {
		if _, known := s.idleSince[id]; !known {
			s.idleSince[id] = now
		}
	}
	if !config.scaleDown || now.Sub(s.lastAdd) < s.Scaled(config.delayAfterAdd) {
		return nil
	}
	for _, p := range pools {
		for _, node := range p.Nodes {
			since, isIdle := s.idleSince[node.ID]
			if isIdle && now.Sub(since) >= s.Scaled(config.unneeded) && p.Config.Size > p.min {
				delete(s.idleSince, node.ID)
				return s.remove(ctx, p.ID, node.ID)
			}
		}
	}
	return nil
}

// flag reads "true" and "false".
func flag(text string, byDefault bool) bool {
	if value, err := strconv.ParseBool(text); err == nil {
		return value
	}
	return byDefault
}
