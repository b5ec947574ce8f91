package blockvolume

import (
	"log/slog"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/kubernetes/pkg/apis/core"
	conversion "k8s.io/kubernetes/pkg/apis/core/v1"
	"k8s.io/kubernetes/pkg/apis/core/validation"

	"oke-guestbook/local/cloud"
)

// testController is a controller whose informers have the objects.
func testController(t *testing.T, kubelets bool, objects ...runtime.Object) (*Controller, *fake.Clientset) {
	t.Helper()
	api := fake.NewClientset(objects...)
	factory := informers.NewSharedInformerFactory(api, 0)
	c, err := New(Config{API: api, Kubelets: kubelets, Log: slog.New(slog.DiscardHandler)}, factory)
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	factory.WaitForCacheSync(t.Context().Done())
	return c, api
}

func storage(size string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
}

// claimOf80 is a claim of 50Gi that asks for 80Gi, and its volume, which has grown.
func claimOf80() (*corev1.PersistentVolumeClaim, *corev1.PersistentVolume) {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "default", Name: "data", ResourceVersion: "1",
			Annotations: map[string]string{annotationProvisioner: DriverName},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			VolumeName: "csi-1", AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{Requests: storage("80Gi")},
		},
		Status: corev1.PersistentVolumeClaimStatus{
			Phase: corev1.ClaimBound, Capacity: storage("50Gi"),
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		},
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-1"},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: storage("80Gi"),
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				CSI: &corev1.CSIPersistentVolumeSource{Driver: DriverName, VolumeHandle: "ocid1.volume.oc1.iad.test"},
			},
		},
	}
	return claim, pv
}

func TestKubeletIsAskedToExpand(t *testing.T) {
	before, pv := claimOf80()
	c, api := testController(t, true, before, pv)
	if err := c.syncClaim(t.Context(), "default/data"); err != nil {
		t.Fatal(err)
	}
	after, err := api.CoreV1().PersistentVolumeClaims("default").Get(t.Context(), "data", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	status := after.Status
	if status.Capacity.Storage().String() != "50Gi" {
		t.Errorf("capacity %s before the node has expanded the file system", status.Capacity.Storage())
	}
	if len(status.Conditions) != 1 || status.Conditions[0].Type != corev1.PersistentVolumeClaimFileSystemResizePending ||
		status.AllocatedResources.Storage().String() != "80Gi" ||
		status.AllocatedResourceStatuses[corev1.ResourceStorage] != corev1.PersistentVolumeClaimNodeResizePending {
		t.Errorf("status %+v", status)
	}
	var internal [2]core.PersistentVolumeClaim
	for i, claim := range []*corev1.PersistentVolumeClaim{after, before} {
		err := conversion.Convert_v1_PersistentVolumeClaim_To_core_PersistentVolumeClaim(claim, &internal[i], nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	options := validation.PersistentVolumeClaimSpecValidationOptions{EnableRecoverFromExpansionFailure: true}
	for _, err := range validation.ValidatePersistentVolumeClaimStatusUpdate(&internal[0], &internal[1], options) {
		t.Errorf("the API server refuses it: %v", err)
	}
	api.ClearActions()
	if err := c.expand(t.Context(), after); err != nil {
		t.Fatal(err)
	}
	for _, action := range api.Actions() {
		t.Errorf("%s of %s although it has been requested", action.GetVerb(), action.GetResource().Resource)
	}
}

func TestSimulatedNodeExpandsAtOnce(t *testing.T) {
	claim, pv := claimOf80()
	c, api := testController(t, false, claim, pv)
	if err := c.syncClaim(t.Context(), "default/data"); err != nil {
		t.Fatal(err)
	}
	after, err := api.CoreV1().PersistentVolumeClaims("default").Get(t.Context(), "data", metav1.GetOptions{})
	if err != nil || after.Status.Capacity.Storage().String() != "80Gi" || len(after.Status.Conditions) > 0 {
		t.Errorf("claim %+v, %v", after.Status, err)
	}
}

func TestAttachmentTellsTheSize(t *testing.T) {
	_, pv := claimOf80()
	va := &storagev1.VolumeAttachment{
		ObjectMeta: metav1.ObjectMeta{Name: "csi-attachment"},
		Spec: storagev1.VolumeAttachmentSpec{
			Attacher: DriverName, NodeName: "10.0.16.2",
			Source: storagev1.VolumeAttachmentSource{PersistentVolumeName: &pv.Name},
		},
		Status: storagev1.VolumeAttachmentStatus{
			Attached: true, AttachmentMetadata: map[string]string{"attachment": "ocid1", cloud.VolumeSizeKey: "50"},
		},
	}
	c, api := testController(t, true, pv, va)
	if err := c.syncAttachment(t.Context(), va.Name); err != nil {
		t.Fatal(err)
	}
	after, err := api.StorageV1().VolumeAttachments().Get(t.Context(), va.Name, metav1.GetOptions{})
	if err != nil || after.Status.AttachmentMetadata[cloud.VolumeSizeKey] != "80" ||
		after.Status.AttachmentMetadata["attachment"] != "ocid1" {
		t.Errorf("attachment %+v, %v", after.Status, err)
	}
}
