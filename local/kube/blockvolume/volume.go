package blockvolume

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"oke-guestbook/local/ociclient"
)

const attacherFinalizer = "external-attacher/blockvolume-csi-oraclecloud-com"

var everything = labels.Everything()

// syncVolume deletes the block volume of a released PersistentVolume, and then that.
func (c *Controller) syncVolume(ctx context.Context, name string) error {
	pv, err := c.volumes.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	if pv.Annotations[annotationProvisioned] != DriverName || pv.Spec.CSI == nil ||
		pv.Status.Phase != corev1.VolumeReleased || pv.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimDelete {
		return nil
	}
	attachments, err := c.attachments.List(everything)
	if err != nil {
		return err
	}
	for _, a := range attachments {
		if a.Spec.Source.PersistentVolumeName != nil && *a.Spec.Source.PersistentVolumeName == name {
			return nil // its end brings the volume back here
		}
	}
	path := core + "/volumes/" + pv.Spec.CSI.VolumeHandle
	if _, err := c.OCI.Do(ctx, http.MethodDelete, path, nil, nil, nil); err != nil && !ociclient.IsNotFound(err) {
		c.recorder.Eventf(pv, corev1.EventTypeWarning, "VolumeFailedDelete", "%v", err)
		return err
	}
	if err := c.await(ctx, path, "TERMINATED"); err != nil {
		return err
	}
	if err := c.API.CoreV1().PersistentVolumes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	pv, err = c.API.CoreV1().PersistentVolumes().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	pv.Finalizers = slices.DeleteFunc(pv.Finalizers, func(f string) bool { return f == provisionerFinalizer })
	_, err = c.API.CoreV1().PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// syncAttachment attaches or detaches the volume as the VolumeAttachment says.
func (c *Controller) syncAttachment(ctx context.Context, name string) error {
	va, err := c.attachments.Get(name)
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	if va.Spec.Attacher != DriverName || va.Spec.Source.PersistentVolumeName == nil {
		return nil
	}
	if va.DeletionTimestamp != nil {
		return c.detach(ctx, va)
	}
	if va.Status.Attached {
		return nil
	}
	attached, err := c.attach(ctx, va)
	update := va.DeepCopy()
	if err != nil {
		update.Status.AttachError = &storagev1.VolumeError{Time: metav1.Now(), Message: err.Error()}
	} else {
		update.Status.Attached, update.Status.AttachError = true, nil
		update.Status.AttachmentMetadata = map[string]string{"attachment": attached.ID}
	}
	if fresh, getErr := c.API.StorageV1().VolumeAttachments().Get(ctx, name, metav1.GetOptions{}); getErr == nil {
		update.ResourceVersion = fresh.ResourceVersion
	}
	if _, updateErr := c.API.StorageV1().VolumeAttachments().UpdateStatus(ctx, update, metav1.UpdateOptions{}); updateErr != nil && !apierrors.IsNotFound(updateErr) {
		return updateErr
	}
	return err
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
		if va, err = c.API.StorageV1().VolumeAttachments().Update(ctx, va, metav1.UpdateOptions{}); err != nil {
			return nil, err
		}
	}
	found, err := c.find(ctx, pv.Spec.CSI.VolumeHandle)
	if err != nil {
		return nil, err
	}
	if found != nil && found.InstanceID != node.Spec.ProviderID {
		return nil, fmt.Errorf("volume %s is attached to %s", found.VolumeID, found.InstanceID)
	}
	if found == nil {
		kind := pv.Spec.CSI.VolumeAttributes["attachment-type"]
		if kind == "" {
			kind = "iscsi"
		}
		found = &attachment{}
		body := object{"type": kind, "instanceId": node.Spec.ProviderID, "volumeId": pv.Spec.CSI.VolumeHandle}
		if _, err := c.OCI.Do(ctx, http.MethodPost, core+"/volumeAttachments", nil, body, found); err != nil {
			return nil, err
		}
	}
	return found, c.await(ctx, core+"/volumeAttachments/"+found.ID, "ATTACHED")
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
		found, err := c.find(ctx, pv.Spec.CSI.VolumeHandle)
		if err != nil {
			return err
		}
		if found != nil {
			path := core + "/volumeAttachments/" + found.ID
			if _, err := c.OCI.Do(ctx, http.MethodDelete, path, nil, nil, nil); err != nil && !ociclient.IsNotFound(err) {
				return err
			}
			if err := c.await(ctx, path, "DETACHED"); err != nil {
				return err
			}
		}
	}
	va, err = c.API.StorageV1().VolumeAttachments().Get(ctx, va.Name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	va.Finalizers = slices.DeleteFunc(va.Finalizers, func(f string) bool { return f == attacherFinalizer })
	_, err = c.API.StorageV1().VolumeAttachments().Update(ctx, va, metav1.UpdateOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// find returns the living attachment of a volume, or nil.
func (c *Controller) find(ctx context.Context, volumeID string) (*attachment, error) {
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
