package dataplanetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/dataplane/machinetest"
	"oke-guestbook/local/eventually"
)

// smallDisk is a variable of TestImagesThatNodesCannotHave where it may mount.
const smallDisk = "DATAPLANETEST_SMALL_DISK"

// TestImagesThatNodesCannotHave has Pods of an image for another architecture, and of one that is larger than the disk.
// The kubelet's events say so.
func TestImagesThatNodesCannotHave(t *testing.T) {
	needsNodes(t)
	if os.Getenv(smallDisk) == "" {
		dir, err := os.MkdirTemp("", "pod")
		must(t, err)
		defer os.RemoveAll(dir)
		machinetest.Rerun(t, t.Name(), machinetest.Machine{}, smallDisk+"=1", podVariable+"="+buildPod(t, dir))
		return
	}
	dir, err := os.MkdirTemp("", "dp")
	must(t, err)
	nodes := filepath.Join(dir, "dp", "nodes")
	must(t, os.MkdirAll(nodes, 0o700))
	must(t, unix.Mount("tmpfs", nodes, "tmpfs", 0, "size=40m"))
	c := newCloudIn(t, dir)
	_, _, api := c.cluster(1)

	large, err := random.Image(64<<20, 1)
	must(t, err)
	c.push(large, "test/large:1")
	file, err := c.image().ConfigFile()
	must(t, err)
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	other, err := mutate.ConfigFile(c.image(), file)
	must(t, err)
	c.push(other, "test/other:1")

	c.doesNotStart(api, "other", "no match for platform in manifest")
	c.doesNotStart(api, "large", "no space left on device")
}

// doesNotStart makes a Pod of an image, and waits for an event that says why it does not start.
func (c *cloud) doesNotStart(api kubernetes.Interface, image, why string) {
	c.t.Helper()
	_, err := api.CoreV1().Pods("default").Create(c.t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: image},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "iad.ocir.io/test/" + image + ":1"}}},
	}, metav1.CreateOptions{})
	must(c.t, err)
	eventually.Succeeds(c.t, 2*time.Minute, "an event of Pod "+image, func(ctx context.Context) error {
		events, err := api.CoreV1().Events("default").List(ctx, metav1.ListOptions{
			FieldSelector: "involvedObject.name=" + image,
		})
		if err != nil {
			return err
		}
		var all []string
		for _, e := range events.Items {
			if strings.Contains(e.Message, why) {
				c.t.Logf("%s: %s", e.Reason, e.Message)
				return nil
			}
			all = append(all, e.Message)
		}
		return fmt.Errorf("none says %q: %q", why, all)
	})
	must(c.t, api.CoreV1().Pods("default").Delete(c.t.Context(), image, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64(0)),
	}))
}
