package e2e

import (
	"debug/elf"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/oci"
)

// repository is a private one of the emulated Container Registry. A push makes it in the root compartment, where the
// program does not look for it.
const repository = "iad.ocir.io/" + oci.Namespace + "/private"

// TestPodsOfTheVCN signs a guestbook whose Pods have addresses of the VCN, and has real nodes pull images from a
// private repository.
func TestPodsOfTheVCN(t *testing.T) {
	t.Parallel()
	s := newRealStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("podNetwork=vcn-native")
	s.up()
	page := s.pageURL()
	step(t, "sign", func() {
		s.sign(page)
		s.hasEntry(page)
		s.podsAreInTheirSubnet()
	})
	b := book{s, s.output("namespace")}
	token := b.authToken()
	step(t, "images that cannot be used", func() { b.unusableImages(token) })
	step(t, "an image of a private repository", func() {
		b.settings("frontendImage=" + repository + ":v1")
		out, err := b.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
		for _, want := range []string{"ImagePullBackOff", repository + ":v1", "Anonymous users are only allowed"} {
			if err == nil || !strings.Contains(out, want) {
				t.Errorf("up without credentials: error %v, want %q in\n%s", err, want, out)
			}
		}
		b.settings("registryUsername=" + oci.Namespace + "/local-user")
		b.secret("registryPassword=" + token)
		b.up()
		s.hasEntry(page)
		b.unchanged("with an image of a private repository")
	})
	b.removeRepositories()
	s.must(s.o.Down(t.Context()))
}

// podsAreInTheirSubnet fails the test if a Pod of the guestbook has an address outside of the Pods' subnet.
func (s *stack) podsAreInTheirSubnet() {
	s.t.Helper()
	var subnet struct{ CidrBlock string }
	s.get(s.rest(), core+"/subnets/"+s.id(subnetType, "oke-guestbook-local-pods"), &subnet)
	cidr, err := netip.ParsePrefix(subnet.CidrBlock)
	s.must(err)
	var pods list[struct{ Status struct{ PodIP netip.Addr } }]
	s.kubectl(&pods, "get", "pods", "-n", s.output("namespace"))
	if len(pods.Items) == 0 {
		s.t.Error("the guestbook has no Pods")
	}
	for _, p := range pods.Items {
		if !cidr.Contains(p.Status.PodIP) {
			s.t.Errorf("a Pod has the address %s, outside of %s", p.Status.PodIP, cidr)
		}
	}
}

// unusableImages pushes images of the guestbook, and runs Pods that cannot use them.
func (b book) unusableImages(token string) {
	b.t.Helper()
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	own, binary := b.guestbookImage(runtime.GOARCH), b.guestbookImage(foreign)
	user := remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: oci.Namespace + "/local-user", Password: token}))
	reference := func(tag string) name.Reference {
		ref, err := name.ParseReference(fmt.Sprintf("127.0.0.1:%d/%s/private:%s", b.o.Port, oci.Namespace, tag))
		b.must(err)
		return ref
	}
	b.must(remote.WriteIndex(reference("v1"), indexOf(own, runtime.GOARCH), user))
	b.must(remote.WriteIndex(reference("foreign"), indexOf(binary, foreign), user))
	b.must(remote.Write(reference("binary"), binary, user)) // says nothing of its architecture to who asks for the tag
	pods := book{b.stack, "default"}
	run := func(args ...string) {
		if out, err := pods.run("", args...); err != nil {
			b.t.Fatalf("kubectl %v: %v\n%s", args, err, out)
		}
	}
	run("create", "secret", "docker-registry", "ocir", "--docker-server=iad.ocir.io",
		"--docker-username="+oci.Namespace+"/local-user", "--docker-password="+token)
	tests := []struct{ pod, tag, secret, message string }{
		{"anonymous", "v1", "none", "403 Forbidden"},
		{"untagged", "v2", "ocir", repository + ":v2: not found"},
		{"foreign", "foreign", "ocir", "no match for platform in manifest"},
		{"binary", "binary", "ocir", "exec format error"},
	}
	for _, test := range tests {
		run("run", test.pod, "--image="+repository+":"+test.tag,
			`--overrides={"spec":{"imagePullSecrets":[{"name":"`+test.secret+`"}]}}`)
	}
	for _, test := range tests {
		want := []string{test.message, "ErrImagePull", "ImagePullBackOff"}
		if test.pod == "binary" {
			want = want[:1] // it is pulled
		}
		b.eventually(2*time.Minute, fmt.Sprint(test.pod, " says ", want), func() (bool, string) {
			said := pods.said(test.pod)
			return !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(said, w) }), said
		})
	}
	run("delete", "pod", "--all", "--now")
}

// said is what a Pod's status, events and log say.
func (b book) said(pod string) string {
	b.t.Helper()
	status, _ := b.run("", "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses}")
	events, _ := b.run("", "get", "events", "--field-selector=involvedObject.name="+pod,
		"-o", `jsonpath={range .items[*]}{.reason}: {.message}{"\n"}{end}`)
	log, _ := b.run("", "logs", pod)
	return status + "\n" + events + log
}

// guestbookImage returns an image of the guestbook's binary for an architecture. That for another one than this
// machine's says so in its header, so that the kernel does not run it.
func (b book) guestbookImage(arch string) v1.Image {
	b.t.Helper()
	i := slices.IndexFunc(images.StandIns, func(s images.StandIn) bool { return s.Program == "guestbook" })
	binary := filepath.Join(b.o.Bin, images.StandIns[i].Program)
	if arch != runtime.GOARCH {
		data, err := os.ReadFile(binary)
		b.must(err)
		machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
		binary = filepath.Join(b.t.TempDir(), "guestbook")
		data[18] = byte(machines[arch]) // e_machine
		b.must(os.WriteFile(binary, data, 0o600))
	}
	image, err := images.Program(binary, arch, images.StandIns[i].Config)
	b.must(err)
	return image
}

// indexOf returns the index of an image for one architecture.
func indexOf(image v1.Image, arch string) v1.ImageIndex {
	return mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
	})
}
