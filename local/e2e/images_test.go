package e2e

import (
	"bufio"
	"debug/elf"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"oke-guestbook/local/dataplane/images"
	"oke-guestbook/local/launch/environment"
	"oke-guestbook/local/oci"
)

// repository is a private one of the emulated Container Registry. A push makes it in the root compartment, where the
// program does not look for it.
const repository = "iad.ocir.io/" + oci.Namespace + "/private"

// pushed is the image that make push makes, in a private repository of the stack's compartment.
const pushed = "iad.ocir.io/" + oci.Namespace + "/guestbook:v1"

// usual is the image of Pulumi.local.yaml.
const usual = "registry.local/guestbook:v1"

// TestPodsOfTheVCN signs guestbooks of both profiles, whose Pods have addresses of the VCN. Real nodes pull images from
// a private repository; what keeps Pods from becoming ready is what ends an update. Log agents send what the guestbooks
// write, and a replica set serves the page without one of its members.
func TestPodsOfTheVCN(t *testing.T) {
	t.Parallel()
	s := newRealStack(t)
	release := s.takePagePort()
	s.must(s.o.Prepare(t.Context()))
	s.settings("podNetwork=vcn-native", "nodePools[0].shape=VM.Standard.E5.Flex", // as the tutorial's frontend needs it
		"flowLogs[0]=workers",
		"guestbooks[0].name=guestbook", "guestbooks[1].name=classroom",
		"guestbooks[1].profile=tutorial", "guestbooks[1].exposure=none", "guestbooks[1].frontendReplicas=1",
		"guestbooks[1].frontendImage=docker.io/paulczar/gb-frontend:v5")
	s.up()
	release()
	page := s.pageURL()
	step(t, "sign", func() {
		s.sign(page)
		s.hasEntry(page)
		s.podsAreInTheirSubnet()
	})
	step(t, "without its rule", func() { s.pageNeedsItsRule(page) })
	b, classroom := book{s, s.output("namespace")}, book{s, "classroom"}
	step(t, "a command in a Pod, and a forwarded port", func() {
		out, err := b.kubectlCommand("exec", "mongo-0", "-c", "mongo", "--", "bash", "-c", "echo on $HOSTNAME").Output()
		if err != nil || string(out) != "on mongo-0\n" {
			t.Errorf("kubectl exec: %v: %q", err, out)
		}
		forwarded := classroom.forward("deployment/frontend", 80)
		s.sign(forwarded)
		s.hasEntry(forwarded)
	})
	token := b.authToken()
	var failed func()
	step(t, "Pods whose images cannot be used", func() { failed = b.unusableImages(token) })
	step(t, "an image that needs credentials is refused", func() { // meanwhile kubelets try again
		s.settings("guestbooks[0].frontendImage=" + repository + ":v1")
		b.refused("frontendImage " + repository + ":v1 anonymously 403 registryUsername registryPassword")
		s.settings("guestbooks[0].frontendImage=" + usual)
	})
	step(t, "the Pods say why", failed)
	step(t, "an image that nobody has, and no room", func() {
		s.settings("guestbooks[1].frontendImage=docker.io/library/none:v1")
		empty := b.noRoom()
		says := []string{"ImagePullBackOff"}
		if s.o.Plugins != environment.Official { // it says no more, and of each object by itself
			says = append(says, "docker.io/library/none cannot be pulled: with IMAGES=built nothing comes from the internet",
				"container mongo is waiting: CrashLoopBackOff", "exit code 1", "log of mongo: ", "no space left on device")
		}
		s.endsWith(says...)
		empty()
	})
	step(t, "a wrong tag is refused", func() {
		s.settings("registry=iad.ocir.io", "registryUsername="+oci.Namespace+"/local-user")
		s.secret("registryPassword=" + token)
		s.settings("guestbooks[0].frontendImage=" + repository + ":v9")
		b.refused("frontendImage " + repository + ":v9 has no image 404")
	})
	step(t, "a probe that fails", func() {
		b.push(pushed)
		s.settings("guestbooks[0].frontendImage="+pushed, "guestbooks[1].frontendImage=docker.io/paulczar/gb-frontend:v5")
		if s.o.Plugins == environment.Official {
			return // it waits for ten minutes
		}
		s.settings("guestbooks[1].readinessPath=/nothing")
		classroom.progressDeadline(20)
		s.endsWith("Progress deadline exceeded",
			"Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 404")
		classroom.progressDeadline(600)
	})
	step(t, "an image of a private repository, three members of the database, and log agents", func() {
		s.collectLogs()
		s.settings("guestbooks[1].readinessPath=/", "logDestination=collector.default:24224",
			"nodePools[0].size=3", "guestbooks[0].mongoReplicas=3")
		said := s.says(s.o.Up)
		if want := b.namespace + "/mongo has 3 members, and the first holds all data"; !strings.Contains(said, want) {
			t.Errorf("make up does not say %q:\n%s", want, said)
		}
		s.hasEntry(page)
	})
	step(t, "the guestbooks' logs, and no others", func() { b.logsArrive() })
	step(t, "a member of the database is deleted", func() { b.losesMember(page) })
	b.removeRepositories()
	s.must(s.o.Down(t.Context()))
}

// takePagePort takes the port of this machine that the page would get, which `make up` has to say. It returns what
// gives the port back after that.
func (s *stack) takePagePort() (release func()) {
	s.t.Helper()
	take := func() (net.Listener, error) {
		return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", s.o.Port+1))
	}
	listener, err := take()
	for errors.Is(err, syscall.EADDRINUSE) {
		s.o.Port = freePort(s.t)
		listener, err = take()
	}
	s.must(err)
	s.t.Cleanup(func() { listener.Close() })
	return func() {
		s.t.Helper()
		s.must(listener.Close())
		want := fmt.Sprintf("because another program has taken %d", s.o.Port+1)
		if !strings.Contains(s.log.String(), want) {
			s.t.Errorf("make up does not say %q:\n%s", want, s.log)
		}
	}
}

// collectLogs runs a server for log agents, of the image that stands for theirs.
func (s *stack) collectLogs() {
	s.t.Helper()
	pods := book{s, "default"}
	const image = "--image=docker.io/fluent/fluent-bit:4.0.3"
	out, err := pods.run("", "run", "collector", image, "--port=24224", "--expose", "--", "-listen", ":24224")
	if err == nil {
		out, err = pods.run("", "wait", "pod", "collector", "--for=condition=Ready", "--timeout=2m")
	}
	if err != nil {
		s.t.Fatalf("kubectl: %v\n%s", err, out)
	}
}

// logsArrive waits until the server for log agents has a line of each frontend and member of the database. It has none
// of other namespaces: the server itself, for one, writes all of this to its log.
func (b book) logsArrive() {
	b.t.Helper()
	var got string
	b.eventually(time.Minute, "the guestbooks' logs", func() (bool, string) {
		wanted := []string{"classroom.frontend-", b.namespace + ".mongo-1.mongo ", b.namespace + ".mongo-2.mongo "}
		for _, p := range b.all("pod", "-l", "app.kubernetes.io/name=guestbook") {
			wanted = append(wanted, fmt.Sprintf("%s.%s.guestbook ", b.namespace, p.Metadata.Name))
		}
		out, err := book{b.stack, "default"}.kubectlCommand("logs", "collector").Output()
		got = string(out)
		i := slices.IndexFunc(wanted, func(tag string) bool { return !strings.Contains("\n"+got, "\n"+tag) })
		if err != nil || i >= 0 {
			return false, fmt.Sprintf("%v: no line of %s in %s", err, wanted[max(i, 0)], got)
		}
		return true, ""
	})
	if !strings.Contains(got, `"msg\":\"started\"`) {
		b.t.Errorf("no frontend says that it has started: %s", got)
	}
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, b.namespace+".") && !strings.HasPrefix(line, "classroom.") {
			b.t.Errorf("a line of another namespace: %s", line)
		}
	}
}

// losesMember deletes a Pod of the database that is not its primary, while the page is asked for. It does not wait
// until the member is back, which with the deletion took 33 s.
func (b book) losesMember(page string) {
	b.t.Helper()
	setUp, err := b.run("", "logs", "job/mongo-setup")
	if err != nil || strings.Count(setUp, "adding a member") != 2 {
		b.t.Errorf("the set-up adds two members, and says: %v\n%s", err, setUp)
	}
	out, err := b.run("", "logs", "mongo-1", "-c", "mongo")
	if err != nil || !strings.Contains(out, "it holds no data, and can never become the primary") {
		b.t.Errorf("a member says: %v\n%s", err, out)
	}
	b.losesNothing(page, func() {
		b.kubectlMust("delete", "pod", "-n", b.namespace, "mongo-1", "--timeout=1m") // waits until it is gone
		b.sign(page)
		b.unchanged("with an image of a private repository")
	})
}

// endsWith runs `pulumi up`, which must fail within two minutes, with all of the texts. The official plugin says them
// too, but may wait for ten to thirty minutes: then the update is cancelled.
func (s *stack) endsWith(texts ...string) {
	s.t.Helper()
	if s.o.Plugins == environment.Official {
		s.cancelledAfter(texts...)
		return
	}
	began := time.Now()
	out, err := s.pulumi("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
	took := time.Since(began).Round(time.Second)
	s.t.Logf("up ended after %s", took)
	for _, want := range texts {
		if err == nil || !strings.Contains(out, want) {
			s.t.Errorf("up: error %v, want %q in\n%s", err, want, out)
		}
	}
	if took > 2*time.Minute {
		s.t.Errorf("up ended after %s", took)
	}
}

// cancelledAfter runs `pulumi up` until it has said all of the texts, and cancels it.
func (s *stack) cancelledAfter(texts ...string) {
	s.t.Helper()
	s.cancelledWhen(fmt.Sprintf("%q", texts), func(said string) (bool, string) {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(said, text) }), said
	})
}

// cancelledWhen runs `pulumi up` until a condition is true, which gets what the engine says, and cancels it. It returns
// all that the engine has said.
func (s *stack) cancelledWhen(what string, reached func(said string) (bool, string)) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "up.log")
	out, err := os.Create(path)
	s.must(err)
	defer out.Close()
	cmd := s.command("up", "--yes", "--skip-preview", "--continue-on-error", "--stack", "local")
	cmd.Stdout, cmd.Stderr = out, out
	s.must(cmd.Start())
	s.eventually(2*time.Minute, what, func() (bool, string) {
		said, err := os.ReadFile(path)
		s.must(err)
		return reached(string(said))
	})
	s.must(cmd.Process.Signal(os.Interrupt))
	if err := cmd.Wait(); err == nil {
		s.t.Errorf("up succeeded: %s", what)
	}
	said, err := os.ReadFile(path)
	s.must(err)
	return string(said)
}

// forward forwards a port of a Pod to this machine until the test ends, and returns its URL.
func (b book) forward(object string, port int) string {
	b.t.Helper()
	cmd := b.kubectlCommand("port-forward", object, fmt.Sprintf(":%d", port))
	out, err := cmd.StdoutPipe()
	b.must(err)
	b.must(cmd.Start())
	b.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	var local int
	for lines := bufio.NewScanner(out); local == 0 && lines.Scan(); {
		_, _ = fmt.Sscanf(lines.Text(), "Forwarding from 127.0.0.1:%d ->", &local)
	}
	if local == 0 {
		b.t.Fatalf("kubectl port-forward %s forwards nothing", object)
	}
	return fmt.Sprintf("http://127.0.0.1:%d", local)
}

// progressDeadline has the frontend's Deployment fail after so many seconds without a new Pod. It is ten minutes.
func (b book) progressDeadline(seconds int) {
	b.t.Helper()
	patch := fmt.Sprintf(`{"spec":{"progressDeadlineSeconds":%d}}`, seconds)
	if out, err := b.run("", "patch", "deployment", "frontend", "--patch", patch); err != nil {
		b.t.Fatalf("kubectl patch: %v\n%s", err, out)
	}
}

// noRoom fills the volume of the database, and has the next update start the database anew and wait for it for less
// than half an hour. It returns what undoes it.
func (b book) noRoom() (undo func()) {
	b.t.Helper()
	if os.Geteuid() != 0 {
		b.t.Skip("volumes of an ordinary user have no limit of size")
	}
	volume := b.volume().id
	dir := volumeDir(b.t, volume)
	file, err := os.Create(filepath.Join(dir, "full"))
	b.must(err)
	var offset int64
	for size := int64(1 << 30); size >= 4096; size /= 2 { // allocated, and not written
		for syscall.Fallocate(int(file.Fd()), 0, offset, size) == nil {
			offset += size
		}
	}
	b.must(file.Close())
	b.t.Logf("filled %s by %d MB", dir, offset>>20)
	const limit = "pulumi.com/timeoutSeconds"
	annotate := func(value string) {
		if out, err := b.run("", "annotate", "--overwrite", "statefulset", "mongo", limit+value); err != nil {
			b.t.Fatalf("kubectl annotate: %v\n%s", err, out)
		}
	}
	annotate("=35")
	b.settings("guestbooks[0].mongoMemoryMb=640")
	return func() {
		annotate("-")
		b.must(os.Remove(filepath.Join(volumeDir(b.t, volume), "full")))
		b.kubectlMust("delete", "pod", "-n", b.namespace, "mongo-0")
		b.databaseIsReady()
	}
}

// volumeDir returns a path to the file system of a block volume, which is mounted in a node's namespace.
func volumeDir(t *testing.T, volume string) string {
	t.Helper()
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, loop := range loops {
		if text, err := os.ReadFile(loop); err != nil || !strings.Contains(string(text), volume) {
			continue
		}
		device, err := os.ReadFile(filepath.Join(loop, "../../dev")) // "7:0"
		if err != nil {
			continue
		}
		processes, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
		for _, path := range processes {
			mounts, _ := os.ReadFile(path)
			for line := range strings.Lines(string(mounts)) {
				// Numbers of the mount and its parent, device, root and mount point (Linux, filesystems/proc.rst).
				if f := strings.Fields(line); len(f) > 4 && f[2] == strings.TrimSpace(string(device)) && f[3] == "/" {
					return filepath.Join(filepath.Dir(path), "root", f[4])
				}
			}
		}
	}
	t.Fatal("no mount of volume ", volume)
	return ""
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

// unusableImages pushes images of the guestbook, and runs Pods that cannot use them. It returns what waits until these
// say why.
func (b book) unusableImages(token string) (failed func()) {
	b.t.Helper()
	foreign := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	own, binary := b.guestbookImage(runtime.GOARCH), b.guestbookImage(foreign)
	user := remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: oci.Namespace + "/local-user", Password: token}))
	reference := func(tag string) name.Reference {
		ref, err := name.ParseReference(fmt.Sprintf("127.0.0.1:%d/%s/private:%s", b.o.Port, oci.Namespace, tag))
		b.must(err)
		return ref
	}
	b.must(remote.WriteIndex(reference("foreign"), withImage(empty.Index, binary, foreign), user))
	// The stack's shape may have another architecture than this machine.
	b.must(remote.WriteIndex(reference("v1"),
		withImage(withImage(empty.Index, binary, foreign), own, runtime.GOARCH), user))
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
	return func() {
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
		run("delete", "pod", "--all", "--now", "--wait=false")
	}
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

// withImage returns an index with one more image, for an architecture.
func withImage(index v1.ImageIndex, image v1.Image, arch string) v1.ImageIndex {
	return mutate.AppendManifests(index, mutate.IndexAddendum{
		Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
	})
}
