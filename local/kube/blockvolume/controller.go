// Package blockvolume does what OKE's CSI driver for block volumes does outside the nodes: it creates, attaches,
// expands and deletes OCI block volumes for PersistentVolumeClaims.
//
// It is written by hand because the libraries of the real sidecars (external-provisioner, -attacher and -resizer) want
// a CSI driver that serves gRPC.
package blockvolume

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	storagelisters "k8s.io/client-go/listers/storage/v1"
	"k8s.io/client-go/tools/record"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
)

// DriverName is the name of the provisioner, the attacher and the CSI driver.
const DriverName = cloud.VolumeDriver

const (
	corePath     = "/20160918"
	zoneLabel    = "topology.kubernetes.io/zone"
	gib          = 1 << 30
	minGB        = 50
	workers      = 4                // for each queue
	stateTimeout = 10 * time.Minute // for a volume or an attachment to reach a state, enough for the real service
)

// Config configures the controller of a cluster.
type Config struct {
	API     kubernetes.Interface
	OCI     *ociclient.Client
	Cluster cloud.Cluster
	// Kubelets tells that the nodes have kubelets, which expand file systems. Simulated nodes have none.
	Kubelets bool
	Poll     time.Duration // polling interval of changing volumes and attachments
	Log      *slog.Logger
}

// Controller manages a cluster's block volumes.
type Controller struct {
	Config
	claims      corelisters.PersistentVolumeClaimLister
	volumes     corelisters.PersistentVolumeLister
	classes     storagelisters.StorageClassLister
	nodes       corelisters.NodeLister
	attachments storagelisters.VolumeAttachmentLister
	recorder    record.EventRecorder
	broadcaster record.EventBroadcaster

	claimQueue, volumeQueue, attachmentQueue *queue
}

// New registers the controller with the factory's informers. The factory must be started before Run.
func New(cfg Config, factory informers.SharedInformerFactory) (*Controller, error) {
	c := &Controller{
		Config:      cfg,
		claims:      factory.Core().V1().PersistentVolumeClaims().Lister(),
		volumes:     factory.Core().V1().PersistentVolumes().Lister(),
		classes:     factory.Storage().V1().StorageClasses().Lister(),
		nodes:       factory.Core().V1().Nodes().Lister(),
		attachments: factory.Storage().V1().VolumeAttachments().Lister(),
		broadcaster: record.NewBroadcaster(),
	}
	c.recorder = c.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: DriverName + "_local"})
	c.claimQueue = newQueue("claim", c.syncClaim, cfg.Log)
	c.volumeQueue = newQueue("volume", c.syncVolume, cfg.Log)
	c.attachmentQueue = newQueue("attachment", c.syncAttachment, cfg.Log)
	if err := c.claimQueue.watch(factory.Core().V1().PersistentVolumeClaims().Informer(), nil); err != nil {
		return nil, err
	}
	if err := c.volumeQueue.watch(factory.Core().V1().PersistentVolumes().Informer(), nil); err != nil {
		return nil, err
	}
	// The deletion of a volume waits for the end of its attachment.
	err := c.attachmentQueue.watch(factory.Storage().V1().VolumeAttachments().Informer(), func(obj any) {
		if a, ok := obj.(*storagev1.VolumeAttachment); ok && a.Spec.Source.PersistentVolumeName != nil {
			c.volumeQueue.add(*a.Spec.Source.PersistentVolumeName)
		}
	})
	return c, err
}

// Run runs the controller until ctx is done.
func (c *Controller) Run(ctx context.Context) {
	c.broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.API.CoreV1().Events("")})
	defer c.broadcaster.Shutdown()
	var wg sync.WaitGroup
	for _, q := range []*queue{c.claimQueue, c.volumeQueue, c.attachmentQueue} {
		wg.Go(func() { q.run(ctx, workers) })
	}
	wg.Wait()
}

// volume is a block volume in the REST API.
type volume struct {
	ID                 string  `json:"id"`
	DisplayName        string  `json:"displayName"`
	LifecycleState     string  `json:"lifecycleState"`
	AvailabilityDomain string  `json:"availabilityDomain"`
	SizeInGBs          float64 `json:"sizeInGBs"`
}

// attachment is a volume attachment in the REST API.
type attachment struct {
	ID             string `json:"id"`
	InstanceID     string `json:"instanceId"`
	VolumeID       string `json:"volumeId"`
	LifecycleState string `json:"lifecycleState"`
}

// object is a JSON object of the REST API.
type object = map[string]any

var finalStates = []string{"FAULTY", "TERMINATED"}

// await polls a resource until it has the wanted lifecycle state. A resource that does not exist (any more) counts as
// TERMINATED and as DETACHED.
func (c *Controller) await(ctx context.Context, path, want string) error {
	var now struct {
		LifecycleState string `json:"lifecycleState"`
	}
	err := wait.PollUntilContextTimeout(ctx, c.Poll, stateTimeout, true, func(ctx context.Context) (bool, error) {
		_, err := c.OCI.Do(ctx, http.MethodGet, path, nil, nil, &now)
		switch {
		case ociclient.IsNotFound(err) && (want == "TERMINATED" || want == "DETACHED"):
			return true, nil
		case err == nil && now.LifecycleState != want && slices.Contains(finalStates, now.LifecycleState):
			err = errors.New("the state is final")
		}
		return now.LifecycleState == want, err
	})
	if err != nil {
		return fmt.Errorf("%s is %q instead of %s: %w", path, now.LifecycleState, want, err)
	}
	return nil
}

// list reads a collection of the cluster's compartment into out.
func (c *Controller) list(ctx context.Context, collection string, filter url.Values, out any) error {
	filter.Set("compartmentId", c.Cluster.CompartmentID)
	_, err := c.OCI.Do(ctx, http.MethodGet, corePath+collection, filter, nil, out)
	return err
}
