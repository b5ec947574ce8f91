package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/oci"
)

// checkImagePulls runs Pods with images of a private repository: with and without credentials, a wrong tag, and an
// image for another architecture than the nodes'.
func checkImagePulls(t *testing.T, c *testCloud, api kubernetes.Interface) {
	const repository = "iad.ocir.io/" + oci.Namespace + "/private"
	token, _ := c.do(http.MethodPost, "/20160918/users/"+oci.UserID+"/authTokens", object{"description": "test"})
	password := token["token"].(string)
	pushTestImages(t, c, password)
	secret := func(name, password string) {
		t.Helper()
		mustCreate(t, api.CoreV1().Secrets("default"), pullSecret(t, name, password))
	}
	secret("right", password)
	secret("wrong", "wrong")
	for _, pod := range []struct{ name, tag, secret string }{
		{"anonymous", "v1", "missing"},
		{"mistaken", "v1", "wrong"},
		{"untagged", "v2", "right"},
		{"foreign", "index", "right"},
		{"good", "v1", "right"},
	} {
		mustCreate(t, api.CoreV1().Pods("default"), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: pod.name},
			Spec: corev1.PodSpec{
				ImagePullSecrets: []corev1.LocalObjectReference{{Name: pod.secret}},
				Containers:       []corev1.Container{{Name: "main", Image: repository + ":" + pod.tag}},
			},
		})
		defer mustDelete(t, api.CoreV1().Pods("default"), pod.name)
	}
	shows := func(pod, reason, words string) {
		t.Helper()
		eventually.Succeeds(t, 20*time.Second, pod+" shows "+reason, waiting(api, pod, reason, words))
	}
	shows("anonymous", "ErrImagePull", "reading manifest v1 in "+repository+": denied: Anonymous users")
	shows("anonymous", "ImagePullBackOff", `Back-off pulling image "`+repository+`:v1": ErrImagePull: `)
	shows("mistaken", "ErrImagePull", "unable to retrieve auth token: invalid username/password: unknown: Unauthorized")
	shows("untagged", "ErrImagePull", "reading manifest v2 in "+repository+": manifest unknown")
	shows("foreign", "ErrImagePull", `no image found in image index for architecture "arm64"`)
	eventually.Succeeds(t, 30*time.Second, "CoreDNS, whose image is Oracle's, runs", func(ctx context.Context) error {
		dns, err := api.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{})
		if err == nil && dns.Status.ReadyReplicas == 0 {
			err = fmt.Errorf("status %+v", dns.Status)
		}
		return err
	})
	running := func(pod string) {
		t.Helper()
		eventually.Succeeds(t, 30*time.Second, pod+" runs", func(ctx context.Context) error {
			p, err := api.CoreV1().Pods("default").Get(ctx, pod, metav1.GetOptions{})
			if err == nil && p.Status.Phase != corev1.PodRunning {
				err = fmt.Errorf("status %+v", p.Status)
			}
			return err
		})
	}
	running("good")
	secret("missing", password) // the next pull has it
	running("anonymous")
	events, err := api.CoreV1().Events("default").List(t.Context(),
		metav1.ListOptions{FieldSelector: "involvedObject.name=untagged,reason=Failed"})
	if err != nil || len(events.Items) < 2 {
		t.Errorf("events %v, error %v", events, err)
	}
}

// pullSecret is an image pull Secret of the local cloud's user.
func pullSecret(t *testing.T, name, password string) *corev1.Secret {
	t.Helper()
	config, err := json.Marshal(object{"auths": object{"iad.ocir.io": object{
		"username": oci.Namespace + "/local-user", "password": password,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Type: corev1.SecretTypeDockerConfigJson,
		Data: map[string][]byte{corev1.DockerConfigJsonKey: config},
	}
}

// waiting returns an error unless a container of the Pod waits for that reason, with these words in its message.
func waiting(api kubernetes.Interface, pod, reason, words string) func(context.Context) error {
	return func(ctx context.Context) error {
		p, err := api.CoreV1().Pods("default").Get(ctx, pod, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, s := range p.Status.ContainerStatuses {
			if w := s.State.Waiting; w != nil && w.Reason == reason && strings.Contains(w.Message, words) {
				return nil
			}
		}
		return fmt.Errorf("status %+v", p.Status.ContainerStatuses)
	}
}

// pushTestImages pushes tag v1, an image for any platform, and tag index, which has none for arm64.
func pushTestImages(t *testing.T, c *testCloud, password string) {
	t.Helper()
	login := remote.WithAuth(authn.FromConfig(authn.AuthConfig{
		Username: oci.Namespace + "/local-user", Password: password,
	}))
	reference := func(tag string) name.Reference {
		ref, err := name.ParseReference(strings.TrimPrefix(c.manager.cfg.OCIEndpoint, "http://") + "/" +
			oci.Namespace + "/private:" + tag)
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	image, err := random.Image(100, 1)
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(100, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(reference("v1"), image, login); err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(reference("index"), index, login); err != nil {
		t.Fatal(err)
	}
}
