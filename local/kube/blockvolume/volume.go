package blockvolume

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/utils/ptr"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/ociclient"
)

const attacherFinalizer = "external-attacher/blockvolume-csi-oraclecloud-com"

// syncVolume deletes a released PersistentVolume and its block volume.
func (c *Controller) syncVolume(ctx context.Context, name string) error {
	pv, err := c.volumes.Get(name)
	if err != nil {
		return ignoreNotFound(err)
	}
	if err := c.queueAttachments(name); err != nil { // they tell the volume's size
		return err
	}
	if pv.Annotations[annotationProvisioned] != DriverName || pv.Spec.CSI == nil ||
		pv.Status.Phase != corev1.VolumeReleased ||
		pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	attachments, err := c.attachments.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, a := range attachments {
		if ptr.Deref(a.Spec.Source.PersistentVolumeName, "") == name {
			return nil // its deletion adds the volume to the queue again
		}
	}
	path := corePath + "/volumes/" + pv.Spec.CSI.VolumeHandle
	if _, err := c.OCI.Do(ctx, http.MethodDelete, path, nil, nil, nil); err != nil && !ociclient.IsNotFound(err) {
		c.recorder.Eventf(pv, corev1.EventTypeWarning, "VolumeFailedDelete", "%v", err)
		return err
	}
	if err := c.await(ctx, path, "TERMINATED"); err != nil {
		return err
	}
	volumes := c.API.CoreV1().PersistentVolumes()
	if err := ignoreNotFound(volumes.Delete(ctx, name, metav1.DeleteOptions{})); err != nil {
		return err
	}
	return removeFinalizer(ctx, volumes, name, provisionerFinalizer)
}

func (c *Controller) queueAttachments(volume string) error {
	attachments, err := c.attachments.List(labels.Everything())
	for _, a := range attachments {
		if ptr.Deref(a.Spec.Source.PersistentVolumeName, "") == volume {
			c.attachmentQueue.add(a.Name)
		}
	}
	return err
}

// syncAttachment attaches or detaches the volume as the VolumeAttachment says.
func (c *Controller) syncAttachment(ctx context.Context, name string) error {
	va, err := c.attachments.Get(name)
	if err != nil {
		return ignoreNotFound(err)
	}
	if va.Spec.Attacher != DriverName || va.Spec.Source.PersistentVolumeName == nil {
		return nil
	}
	if va.DeletionTimestamp != nil {
		return c.detach(ctx, va)
	}
	if va.Status.Attached {
		return c.updateSize(ctx, va)
	}
	attached, err := c.attach(ctx, va)
	update := va.DeepCopy()
	if err != nil {
		update.Status.AttachError = &storagev1.VolumeError{Time: metav1.Now(), Message: err.Error()}
	} else {
		update.Status.Attached, update.Status.AttachError = true, nil
		update.Status.AttachmentMetadata = map[string]string{"attachment": attached.ID}
		c.setSize(update)
	}
	if fresh, getErr := c.API.StorageV1().VolumeAttachments().Get(ctx, name, metav1.GetOptions{}); getErr == nil {
		update.ResourceVersion = fresh.ResourceVersion
	}
	_, updateErr := c.API.StorageV1().VolumeAttachments().UpdateStatus(ctx, update, metav1.UpdateOptions{})
	return cmp.Or(ignoreNotFound(updateErr), err)
}

// setSize tells the node how large the volume is, and reports whether that is news.
func (c *Controller) setSize(va *storagev1.VolumeAttachment) bool {
	pv, err := c.volumes.Get(*va.Spec.Source.PersistentVolumeName)
	if err != nil { // it has been deleted
		return false
	}
	size := strconv.FormatInt(sizeInGB(*pv.Spec.Capacity.Storage()), 10)
	if va.Status.AttachmentMetadata[cloud.VolumeSizeKey] == size {
		return false
	}
	if va.Status.AttachmentMetadata == nil {
		va.Status.AttachmentMetadata = map[string]string{}
	}
	va.Status.AttachmentMetadata[cloud.VolumeSizeKey] = size
	return true
}

// updateSize tells the node that an attached volume has grown.
func (c *Controller) updateSize(ctx context.Context, va *storagev1.VolumeAttachment) error {
	va = va.DeepCopy()
	if !c.setSize(va) {
		return nil
	}
	_, err := c.API.StorageV1().VolumeAttachments().UpdateStatus(ctx, va, metav1.UpdateOptions{})
	return ignoreNotFound(err)
}

func (c *Controller) attach(ctx context.Context, va *storagev1.VolumeAttachment) (*attachment, error) {
	pv, err := c.volumes.Get(*va.Spec.Source.PersistentVolumeName)
	if err != nil {
		return nil, err
	}
	node, err := c.nodes.Get(va.Spec.NodeName)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(va.Finalizers, attacherFinalizer) {
		va = va.DeepCopy()
		va.Finalizers = append(va.Finalizers, attacherFinalizer)
		if _, err = c.API.StorageV1().VolumeAttachments().Update(ctx, va, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
	}
	found, err := c.findAttachment(ctx, pv.Spec.CSI.VolumeHandle)
	if err != nil {
		return nil, err
	}
	if found != nil && found.InstanceID != node.Spec.ProviderID {
		return nil, fmt.Errorf("volume %s is attached to %s", found.VolumeID, found.InstanceID)
	}
	if found == nil {
		found = &attachment{}
		body := object{
			"type":       cmp.Or(pv.Spec.CSI.VolumeAttributes["attachment-type"], "iscsi"),
			"instanceId": node.Spec.ProviderID, "volumeId": pv.Spec.CSI.VolumeHandle,
		}
		if _, err := c.OCI.Do(ctx, http.MethodPost, corePath+"/volumeAttachments", nil, body, found); err != nil {
			return nil, err
		}
	}
	return found, c.await(ctx, corePath+"/volumeAttachments/"+found.ID, "ATTACHED")
}

func (c *Controller) detach(ctx context.Context, va *storagev1.VolumeAttachment) error {
	if !slices.Contains(va.Finalizers, attacherFinalizer) {
		return nil
	}
	pv, err := c.volumes.Get(*va.Spec.Source.PersistentVolumeName)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err == nil {
		found, err := c.findAttachment(ctx, pv.Spec.CSI.VolumeHandle)
		if err != nil {
			return err
		}
		if found != nil {
			path := corePath + "/volumeAttachments/" + found.ID
			if _, err := c.OCI.Do(ctx, http.MethodDelete, path, nil, nil, nil); err != nil && !ociclient.IsNotFound(err) {
				return err
			}
			if err := c.await(ctx, path, "DETACHED"); err != nil {
				return err
			}
		}
	}
	return removeFinalizer(ctx, c.API.StorageV1().VolumeAttachments(), va.Name, attacherFinalizer)
}

// findAttachment returns the attachment of a volume that is not detached, or nil.
func (c *Controller) findAttachment(ctx context.Context, volumeID string) (*attachment, error) {
	var all []attachment
	if err := c.list(ctx, "/volumeAttachments", url.Values{"volumeId": {volumeID}}, &all); err != nil {
		return nil, fmt.Errorf("attachments of volume %s: %w", volumeID, err)
	}
	for i := range all {
		if all[i].VolumeID == volumeID && all[i].LifecycleState != "DETACHED" {
			return &all[i], nil
		}
	}
	return nil, nil
}

// objects is the client of one kind of Kubernetes object.
type objects[T any] interface {
	Get(ctx context.Context, name string, opts metav1.GetOptions) (T, error)
	Update(ctx context.Context, obj T, opts metav1.UpdateOptions) (T, error)
}

// removeFinalizer removes a finalizer from an object, if the object exists.
func removeFinalizer[T metav1.Object](ctx context.Context, client objects[T], name, finalizer string) error {
	obj, err := client.Get(ctx, name, metav1.GetOptions{})
	if err == nil {
		isFinalizer := func(f string) bool { return f == finalizer }
		obj.SetFinalizers(slices.DeleteFunc(obj.GetFinalizers(), isFinalizer))
		_, err = client.Update(ctx, obj, metav1.UpdateOptions{})
	}
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error { return utilerrors.FilterOut(err, apierrors.IsNotFound) }
