package dataplanetest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/ociclient"
)

// disk is a claim of a Pod that adds its name to a file of the volume.
type disk struct {
	c      *cloud
	api    kubernetes.Interface
	claims corev1client.PersistentVolumeClaimInterface
	volume string   // OCID
	pods   []string // that have written
}

// claim makes the Pod and its claim.
func (c *cloud) claim(t *testing.T, api kubernetes.Interface) *disk {
	t.Helper()
	claims := api.CoreV1().PersistentVolumeClaims("default")
	_, err := claims.Create(t.Context(), &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "disk"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}, StorageClassName: new("oci-bv"),
			Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{
				corev1.ResourceStorage: resource.MustParse("50Gi"),
			}},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	labels := map[string]string{"app": "disk"}
	_, err = api.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "disk"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{
					TerminationGracePeriodSeconds: new(int64(1)),
					SecurityContext:               &corev1.PodSecurityContext{FSGroup: new(int64(65534))},
					Containers: []corev1.Container{{
						Name: "disk", Image: "iad.ocir.io/test/pod:1", Args: []string{"disk", "/data"},
						VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/data"}},
					}},
					Volumes: []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
						PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "disk"},
					}}},
				},
			},
		},
	}, metav1.CreateOptions{})
	must(t, err)
	return &disk{c: c, api: api, claims: claims}
}

// grow has the volume grow after a first Pod has written to it.
func (d *disk) grow(t *testing.T) {
	t.Helper()
	d.written(t, 45, 50)
	claim, err := d.claims.Get(t.Context(), "disk", metav1.GetOptions{})
	must(t, err)
	pv, err := d.api.CoreV1().PersistentVolumes().Get(t.Context(), claim.Spec.VolumeName, metav1.GetOptions{})
	must(t, err)
	d.volume = pv.Spec.CSI.VolumeHandle
	if _, err := os.Stat(d.data()); err != nil {
		t.Errorf("the volume's data: %v", err)
	}
	_, err = d.claims.Patch(t.Context(), "disk", types.StrategicMergePatchType,
		[]byte(`{"spec":{"resources":{"requests":{"storage":"60Gi"}}}}`), metav1.PatchOptions{})
	must(t, err)
	eventually.Succeeds(t, time.Minute, "the volume grows", func(context.Context) error {
		if now, _ := d.c.do(http.MethodGet, "/20160918/volumes/"+d.volume, nil); now["sizeInGBs"] != float64(60) {
			return fmt.Errorf("it has %v GB", now["sizeInGBs"])
		}
		return nil
	})
	// Where the machine lacks CAP_SYS_RESOURCE, a file system grows only while it is not mounted.
	must(t, d.api.CoreV1().Pods("default").Delete(t.Context(), d.pods[0], metav1.DeleteOptions{}))
	d.written(t, 55, 60)
	eventually.Succeeds(t, time.Minute, "the claim tells its new size", func(ctx context.Context) error {
		claim, err := d.claims.Get(ctx, "disk", metav1.GetOptions{})
		if size := claim.Status.Capacity.Storage(); err == nil && size.String() != "60Gi" {
			err = fmt.Errorf("it is %s", size)
		}
		return err
	})
}

// data is the directory with the volume's data.
func (d *disk) data() string {
	return filepath.Join(sandbox.VolumesDir(filepath.Join(d.c.dir, "dp")), d.volume)
}

// written waits until a Pod that is not yet known has written to the volume, and checks that what those before it have
// written is there, and the size of the file system in GiB. Volumes of ordinary users have none of their own.
func (d *disk) written(t *testing.T, least, most int) {
	t.Helper()
	var size int
	var names []string
	eventually.Succeeds(t, 2*time.Minute, "a Pod writes to its volume", func(ctx context.Context) error {
		pods, err := d.api.CoreV1().Pods("default").List(ctx, metav1.ListOptions{LabelSelector: "app=disk"})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if slices.Contains(d.pods, pod.Name) || pod.Status.Phase != corev1.PodRunning {
				continue
			}
			text, err := d.api.CoreV1().Pods("default").GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
			if err != nil {
				return err
			}
			words := strings.Fields(string(text))
			if len(words) < 2 || words[len(words)-1] != pod.Name {
				return fmt.Errorf("%s has written %q", pod.Name, text)
			}
			names = words[1:]
			_, err = fmt.Sscan(words[0], &size)
			return err
		}
		return d.why(ctx)
	})
	if len(names) <= len(d.pods) || !slices.Equal(names[:len(d.pods)], d.pods) {
		t.Errorf("after Pods %v have written, the volume holds %v", d.pods, names)
	}
	if os.Getenv(machinetest.Inside) == "" && (size < least || size > most) {
		t.Errorf("the Pod's file system has %d GiB, want %d to %d", size, least, most)
	}
	d.pods = names
}

// why returns the last event, for Pods that do not run.
func (d *disk) why(ctx context.Context) error {
	events, err := d.api.CoreV1().Events("default").List(ctx, metav1.ListOptions{})
	if err != nil || len(events.Items) == 0 {
		return fmt.Errorf("no Pod runs: %w", err)
	}
	return errors.New("no Pod runs: " + events.Items[len(events.Items)-1].Message)
}

// remove deletes Pod and claim: the volume goes, with its data.
func (d *disk) remove(t *testing.T) {
	t.Helper()
	must(t, d.api.AppsV1().Deployments("default").Delete(t.Context(), "disk", metav1.DeleteOptions{}))
	must(t, d.claims.Delete(t.Context(), "disk", metav1.DeleteOptions{}))
	eventually.Succeeds(t, time.Minute, "the volume and its data are gone", func(ctx context.Context) error {
		var now object
		_, err := d.c.client.Do(ctx, http.MethodGet, "/20160918/volumes/"+d.volume, nil, nil, &now)
		if !ociclient.IsNotFound(err) && (err != nil || now["lifecycleState"] != "TERMINATED") {
			return fmt.Errorf("the volume is %v: %w", now["lifecycleState"], err)
		}
		_, err = os.Stat(d.data())
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("%s is there: %w", d.data(), err)
	})
}
