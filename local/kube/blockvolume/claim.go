package blockvolume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"oke-guestbook/local/kube/initialtags"
)

const (
	annotationProvisioner  = "volume.kubernetes.io/storage-provisioner"
	annotationSelectedNode = "volume.kubernetes.io/selected-node"
	annotationProvisioned  = "pv.kubernetes.io/provisioned-by"
	provisionerFinalizer   = "external-provisioner.volume.kubernetes.io/finalizer"
)

// syncClaim creates the volume of a pending claim, or expands that of a bound claim which asks for more.
func (c *Controller) syncClaim(ctx context.Context, key string) error {
	namespace, name, err := cache.SplitMetaNamespaceKey(key)
	if err != nil {
		return nil // a retry would not help
	}
	claim, err := c.claims.PersistentVolumeClaims(namespace).Get(name)
	if err != nil {
		return ignoreNotFound(err)
	}
	if claim.Annotations[annotationProvisioner] != DriverName || claim.DeletionTimestamp != nil {
		return nil
	}
	if claim.Spec.VolumeName != "" {
		return c.expand(ctx, claim)
	}
	if claim.Spec.StorageClassName == nil {
		return nil
	}
	class, err := c.classes.Get(*claim.Spec.StorageClassName)
	if err != nil {
		return err
	}
	mode := ptr.Deref(class.VolumeBindingMode, storagev1.VolumeBindingImmediate)
	if mode == storagev1.VolumeBindingWaitForFirstConsumer && claim.Annotations[annotationSelectedNode] == "" {
		return nil
	}
	c.recorder.Eventf(claim, corev1.EventTypeNormal, "Provisioning",
		"External provisioner is provisioning volume for claim %q", key)
	pv, err := c.provision(ctx, claim, class)
	if err != nil {
		c.recorder.Eventf(claim, corev1.EventTypeWarning, "ProvisioningFailed",
			"failed to provision volume with StorageClass %q: %v", class.Name, err)
		return err
	}
	c.recorder.Eventf(claim, corev1.EventTypeNormal, "ProvisioningSucceeded", "Successfully provisioned volume %s", pv)
	return nil
}

// provision creates the claim's PersistentVolume, unless an earlier try has, and returns its name.
func (c *Controller) provision(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) (string, error) {
	name := "csi-" + string(claim.UID)
	if _, err := c.volumes.Get(name); err == nil {
		return name, nil
	}
	zone, err := c.zoneFor(claim, class)
	if err != nil {
		return "", err
	}
	body, err := c.volumeRequest(ctx, name, zone, claim, class)
	if err != nil {
		return "", err
	}
	v, err := c.ensureVolume(ctx, name, body)
	if err != nil {
		return "", err
	}
	pv := persistentVolume(name, zone, v, claim, class)
	_, err = c.API.CoreV1().PersistentVolumes().Create(ctx, pv, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return "", err
	}
	return name, nil
}

// zoneFor is the short name of an availability domain: that of the node which the scheduler chose, or the first that
// the class allows.
func (c *Controller) zoneFor(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) (string, error) {
	if selected := claim.Annotations[annotationSelectedNode]; selected != "" {
		node, err := c.nodes.Get(selected)
		if err != nil {
			return "", err
		}
		if zone := node.Labels[zoneLabel]; zone != "" {
			return zone, nil
		}
		return "", fmt.Errorf("node %s has no label %s", selected, zoneLabel)
	}
	for _, term := range class.AllowedTopologies {
		for _, e := range term.MatchLabelExpressions {
			if e.Key == zoneLabel && len(e.Values) > 0 {
				return e.Values[0], nil
			}
		}
	}
	nodes, err := c.nodes.List(labels.Everything())
	if err != nil {
		return "", err
	}
	for _, node := range nodes {
		if zone := node.Labels[zoneLabel]; zone != "" {
			return zone, nil
		}
	}
	return "", errors.New("no node and no allowed topology names an availability domain")
}

// volumeRequest returns the body of the request that creates the block volume.
func (c *Controller) volumeRequest(
	ctx context.Context, name, zone string, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) (object, error) {
	p, err := parseParameters(class.Parameters)
	if err != nil {
		return nil, fmt.Errorf("storage class %s: %w", class.Name, err)
	}
	if err := p.checkModes(claim); err != nil {
		return nil, err
	}
	var domains []struct {
		Name string `json:"name"`
	}
	if err := c.list(ctx, "/availabilityDomains", url.Values{}, &domains); err != nil {
		return nil, fmt.Errorf("availability domains: %w", err)
	}
	body := object{
		"compartmentId": c.Cluster.CompartmentID,
		"displayName":   name,
		"sizeInGBs":     sizeInGB(claim.Spec.Resources.Requests[corev1.ResourceStorage]),
		"vpusPerGB":     p.vpusPerGB,
	}
	for _, d := range domains {
		if d.Name == zone || strings.HasSuffix(d.Name, ":"+zone) {
			body["availabilityDomain"] = d.Name
		}
	}
	if body["availabilityDomain"] == nil {
		return nil, fmt.Errorf("there is no availability domain %s", zone)
	}
	if p.kmsKeyID != "" {
		body["kmsKeyId"] = p.kmsKeyID
	}
	tags, err := initialtags.Choose(ctx, c.OCI, c.Cluster.ID, initialtags.Volumes, p.tags)
	if err != nil {
		return nil, err
	}
	body["freeformTags"], body["definedTags"] = tags.Freeform, tags.Defined
	return body, nil
}

// sizeInGB rounds up to whole GB, and to the minimum of the service.
func sizeInGB(q resource.Quantity) int64 {
	return max((q.Value()+gib-1)/gib, minGB)
}

// ensureVolume creates the volume, unless an earlier try has, and waits until it is available.
func (c *Controller) ensureVolume(ctx context.Context, name string, body object) (*volume, error) {
	var all []volume
	if err := c.list(ctx, "/volumes", url.Values{"displayName": {name}}, &all); err != nil {
		return nil, fmt.Errorf("volumes: %w", err)
	}
	var v *volume
	for i := range all {
		if state := all[i].LifecycleState; all[i].DisplayName == name && state != "TERMINATED" && state != "TERMINATING" {
			v = &all[i]
		}
	}
	if v == nil {
		v = &volume{}
		if _, err := c.OCI.Do(ctx, http.MethodPost, corePath+"/volumes", nil, body, v); err != nil {
			return nil, err
		}
	}
	return v, c.await(ctx, corePath+"/volumes/"+v.ID, "AVAILABLE")
}

func persistentVolume(
	name, zone string, v *volume, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass,
) *corev1.PersistentVolume {
	reclaim := ptr.Deref(class.ReclaimPolicy, corev1.PersistentVolumeReclaimDelete)
	inZone := corev1.NodeSelectorRequirement{
		Key: zoneLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{zone},
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{annotationProvisioned: DriverName}},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: claim.Spec.AccessModes,
			Capacity: corev1.ResourceList{
				corev1.ResourceStorage: *resource.NewQuantity(int64(v.SizeInGBs)*gib, resource.BinarySI),
			},
			PersistentVolumeReclaimPolicy: reclaim,
			StorageClassName:              class.Name,
			MountOptions:                  class.MountOptions,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: claim.Namespace, Name: claim.Name,
				UID: claim.UID, ResourceVersion: claim.ResourceVersion,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: DriverName, VolumeHandle: v.ID,
				FSType:           cmp.Or(class.Parameters["csi.storage.k8s.io/fstype"], "ext4"),
				VolumeAttributes: map[string]string{"attachment-type": strings.ToLower(class.Parameters["attachment-type"])},
			}},
			NodeAffinity: &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{inZone}}},
			}},
		},
	}
	if reclaim == corev1.PersistentVolumeReclaimDelete {
		pv.Finalizers = []string{provisionerFinalizer}
	}
	return pv
}

// expand resizes the volume of a bound claim to the size that it asks for, and updates the PersistentVolume and the
// claim's status.
func (c *Controller) expand(ctx context.Context, claim *corev1.PersistentVolumeClaim) error {
	want := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	have := claim.Status.Capacity[corev1.ResourceStorage]
	if claim.Status.Phase != corev1.ClaimBound || want.Cmp(have) <= 0 {
		return nil
	}
	pv, err := c.volumes.Get(claim.Spec.VolumeName)
	if err != nil {
		return err
	}
	size := *resource.NewQuantity(sizeInGB(want)*gib, resource.BinarySI)
	if pv.Spec.Capacity.Storage().Cmp(size) < 0 {
		path := corePath + "/volumes/" + pv.Spec.CSI.VolumeHandle
		body := object{"sizeInGBs": sizeInGB(want)}
		if _, err := c.OCI.Do(ctx, http.MethodPut, path, nil, body, nil); err != nil {
			c.recorder.Eventf(claim, corev1.EventTypeWarning, "VolumeResizeFailed", "resize volume %q: %v", pv.Name, err)
			return err
		}
		if err := c.await(ctx, path, "AVAILABLE"); err != nil {
			return err
		}
		pv = pv.DeepCopy()
		pv.Spec.Capacity[corev1.ResourceStorage] = size
		if _, err := c.API.CoreV1().PersistentVolumes().Update(ctx, pv, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	if c.Kubelets {
		return c.requestNodeExpansion(ctx, claim, pv.Name, size)
	}
	claim = claim.DeepCopy()
	claim.Status.Capacity[corev1.ResourceStorage] = size
	claims := c.API.CoreV1().PersistentVolumeClaims(claim.Namespace)
	if _, err := claims.UpdateStatus(ctx, claim, metav1.UpdateOptions{}); err != nil {
		return err
	}
	c.recorder.Eventf(claim, corev1.EventTypeNormal, "FileSystemResizeSuccessful",
		"volume %q has %s", pv.Name, size.String())
	return nil
}

// requestNodeExpansion marks a claim as external-resizer does (its version 1.13, pkg/controller/resize_status.go), so
// that the kubelet of the node where it is mounted expands the file system, and updates the claim's capacity.
func (c *Controller) requestNodeExpansion(
	ctx context.Context, claim *corev1.PersistentVolumeClaim, pv string, size resource.Quantity,
) error {
	allocated := claim.Status.AllocatedResources[corev1.ResourceStorage]
	if allocated.Cmp(size) == 0 && claim.Status.AllocatedResourceStatuses[corev1.ResourceStorage] != "" {
		return nil // it has been requested
	}
	claim = claim.DeepCopy()
	claim.Status.AllocatedResources = corev1.ResourceList{corev1.ResourceStorage: size}
	claim.Status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{
		corev1.ResourceStorage: corev1.PersistentVolumeClaimNodeResizePending,
	}
	pending := corev1.PersistentVolumeClaimFileSystemResizePending
	isPending := func(c corev1.PersistentVolumeClaimCondition) bool { return c.Type == pending }
	claim.Status.Conditions = slices.DeleteFunc(claim.Status.Conditions, isPending)
	claim.Status.Conditions = append(claim.Status.Conditions, corev1.PersistentVolumeClaimCondition{
		Type: pending, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
		Message: "the node expands the file system when a Pod has the volume mounted",
	})
	claims := c.API.CoreV1().PersistentVolumeClaims(claim.Namespace)
	if _, err := claims.UpdateStatus(ctx, claim, metav1.UpdateOptions{}); err != nil {
		return err
	}
	c.recorder.Eventf(claim, corev1.EventTypeNormal, "FileSystemResizeRequired",
		"Require file system resize of volume %q on node", pv)
	return nil
}
