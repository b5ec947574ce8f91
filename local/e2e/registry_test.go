package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"oke-guestbook/local/oci"
)

// privateImage pushes the frontend to a private repository of the emulated registry with `make push`, and deploys it:
// without credentials, with a wrong password, and with an auth token.
func (b book) privateImage(t *testing.T) {
	const image = "iad.ocir.io/" + oci.Namespace + "/guestbook:v1"
	out := b.push(image)
	for _, want := range []string{
		"made the private repository guestbook in compartment " + oci.CompartmentID,
		"pulumi config set --stack local registryUsername localcloud/local-user",
		"\niad.ocir.io/" + oci.Namespace + "/guestbook@sha256:",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("make push does not say %q:\n%s", want, out)
		}
	}
	b.settings("frontendImage=" + image)
	b.refused("frontendImage " + image + " registryUsername registryPassword")

	b.settings("registryUsername=" + oci.Namespace + "/local-user")
	b.secret("registryPassword=wrong")
	b.refused("frontendImage " + image + " registryUsername registryPassword 401")

	b.secret("registryPassword=" + b.authToken())
	b.deploy()
	var pods corev1.PodList
	b.kubectl(&pods, "get", "pods", "-n", b.namespace, "-l", "app.kubernetes.io/component=frontend")
	if len(pods.Items) == 0 {
		t.Error("no Pods of the frontend")
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil {
			continue // of the image before, which drains
		}
		if pod.Spec.Containers[0].Image != image || pod.Status.Phase != corev1.PodRunning {
			t.Errorf("Pod %s has %s, and is %s", pod.Name, pod.Spec.Containers[0].Image, pod.Status.Phase)
		}
	}
	b.unchanged("with an image of a private repository")
}

// push runs `make push` with the settings of `make env`, and returns what it prints.
func (b book) push(image string) string {
	b.t.Helper()
	env, err := b.o.CloudVariables(b.o.Bin)
	b.must(err)
	root, err := filepath.Abs("../..")
	b.must(err)
	cmd := exec.CommandContext(b.t.Context(), "make", "-s", "push", "IMAGE="+image, "STACK=local", "VERSION=v1")
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("make push: %v\n%s", err, out)
	}
	return string(out)
}

const authTokens = "/20160918/users/" + oci.UserID + "/authTokens"

// authToken makes an auth token of the local cloud's user.
func (b book) authToken() string {
	b.t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	_, err := b.rest().Do(b.t.Context(), http.MethodPost, authTokens, nil, map[string]string{"description": "test"}, &made)
	b.must(err)
	return made.Token
}

// removeRepositories deletes what privateImage has made outside of the stack.
func (b book) removeRepositories() {
	b.t.Helper()
	for _, item := range b.inventoryItems() {
		path := map[string]string{"containerrepo": "/20160918/container/repositories", "credential": authTokens}[item.Kind]
		if path != "" {
			_, err := b.rest().Do(b.t.Context(), http.MethodDelete, path+"/"+item.ID, nil, nil, nil)
			b.must(err)
		}
	}
}
