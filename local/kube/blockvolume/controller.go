// Package blockvolume is what OKE's block volume driver for Kubernetes does outside of the nodes: it makes, attaches, grows and
// deletes block volumes of OCI as claims, Pods and volumes of Kubernetes ask for it.
package blockvolume

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
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

// DriverName is the provisioner's, the attacher's and the CSI driver's.
const DriverName = "blockvolume.csi.oraclecloud.com"

const (
	core      = "/20160918"
	zoneLabel = "topology.kubernetes.io/zone"
	gib       = 1 << 30
	minGB     = 50
	waitLimit = 10 * time.Minute // for a volume or an attachment to get where it shall, at the real service's speed
)

// Config is what the controller of a cluster needs.
type Config struct {
	API     kubernetes.Interface
	OCI     *ociclient.Client
	Cluster cloud.Cluster
	// Poll is how often a volume or an attachment that changes is looked at.
	Poll time.Duration
	Log  *slog.Logger
}

// Controller keeps a cluster's block volumes.
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

// New registers the controller with the factory's informers. The factory is to be started before Run.
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
	// The end of an attachment lets the deletion of its volume go on.
	err := c.attachmentQueue.watch(factory.Storage().V1().VolumeAttachments().Informer(), func(obj any) {
		if a, ok := obj.(*storagev1.VolumeAttachment); ok && a.Spec.Source.PersistentVolumeName != nil {
			c.volumeQueue.add(*a.Spec.Source.PersistentVolumeName)
		}
	})
	return c, err
}

// Run works until ctx ends.
func (c *Controller) Run(ctx context.Context) {
	c.broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.API.CoreV1().Events("")})
	defer c.broadcaster.Shutdown()
	done := make(chan struct{}, 3)
	for _, q := range []*queue{c.claimQueue, c.volumeQueue, c.attachmentQueue} {
		go func() {
			q.run(ctx, 4)
			done <- struct{}{}
		}()
	}
	for range 3 {
		<-done
	}
}

// volume of the REST API.
type volume struct {
	ID                 string  `json:"id"`
	DisplayName        string  `json:"displayName"`
	LifecycleState     string  `json:"lifecycleState"`
	AvailabilityDomain string  `json:"availabilityDomain"`
	SizeInGBs          float64 `json:"sizeInGBs"`
}

// attachment of the REST API.
type attachment struct {
	ID             string `json:"id"`
	InstanceID     string `json:"instanceId"`
	VolumeID       string `json:"volumeId"`
	LifecycleState string `json:"lifecycleState"`
}

type object = map[string]any

// await polls a resource until its lifecycle state is the wanted one. A resource that is gone has the state "".
func (c *Controller) await(ctx context.Context, path, want string) error {
	ctx, cancel := context.WithTimeout(ctx, waitLimit)
	defer cancel()
	ticker := time.NewTicker(c.Poll)
	defer ticker.Stop()
	state := ""
	for {
		var now struct {
			LifecycleState string `json:"lifecycleState"`
		}
		_, err := c.OCI.Do(ctx, http.MethodGet, path, nil, nil, &now)
		if err != nil && !ociclient.IsNotFound(err) {
			return err
		}
		state = now.LifecycleState
		if state == want || err != nil && (want == "TERMINATED" || want == "DETACHED") {
			return nil
		}
		if state == "" || state == "FAULTY" || state == "TERMINATED" {
			return fmt.Errorf("%s became %q instead of %s", path, state, want)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s stays %s instead of %s: %w", path, state, want, ctx.Err())
		case <-ticker.C:
		}
	}
}

func (c *Controller) list(ctx context.Context, collection string, filter url.Values, out any) error {
	filter.Set("compartmentId", c.Cluster.CompartmentID)
	_, err := c.OCI.Do(ctx, http.MethodGet, core+collection, filter, nil, out)
	return err
}
