package worker_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/vishvananda/netlink"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/client-go/util/keyutil"
	"sigs.k8s.io/kwok/pkg/kwokctl/pki"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/netns"
	"oke-guestbook/local/dataplane/worker"
	"oke-guestbook/local/eventually"
	"oke-guestbook/local/freeport"
	"oke-guestbook/local/supervise"
)

// Addresses of the test's network.
var (
	apiAddress  = netip.MustParseAddr("10.0.0.2")
	nodesSubnet = netip.MustParsePrefix("10.0.64.0/20")
	podsSubnet  = netip.MustParsePrefix("10.0.96.0/20")
)

const testImage = "registry.test/pod:1"

// cluster is a control plane, with a router namespace through which nodes reach it.
type cluster struct {
	t       *testing.T
	dir     string
	router  *netns.Namespace
	ca      *x509.Certificate
	caKey   crypto.Signer
	rest    *rest.Config
	api     kubernetes.Interface
	apiPort int
}

// newCluster starts a control plane on loopback. PodsCIDR is empty for VCN-native pod networking.
func newCluster(t *testing.T, podsCIDR string) *cluster {
	c := &cluster{t: t, dir: t.TempDir()}
	now := time.Now()
	var err error
	c.ca, c.caKey, err = pki.NewCertificateAuthority(pki.CertConfig{
		CommonName: "test", PublicKeyAlgorithm: x509.ECDSA, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	})
	c.must(err)
	c.must(pki.WriteCertAndKey(c.dir, "ca", c.ca, c.caKey))
	t.Cleanup(func() {
		if err := worker.RemoveCgroups(c.cgroup()); err != nil {
			t.Errorf("control groups: %v", err)
		}
	})
	if machine.InUserNamespace() { // and in a network namespace that is new
		loopback, err := netlink.LinkByName("lo")
		c.must(err)
		c.must(netlink.LinkSetUp(loopback))
	}
	c.startControlPlane(podsCIDR)
	c.router, err = netns.New()
	c.must(err)
	t.Cleanup(func() { c.router.Close() })
	c.must(c.router.Do(func() error {
		if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
			return err
		}
		loopback, err := netlink.LinkByName("lo")
		if err != nil {
			return err
		}
		return netlink.AddrAdd(loopback, &netlink.Addr{IPNet: prefix(apiAddress, 32)})
	}))
	c.forward("6443", fmt.Sprintf("127.0.0.1:%d", c.apiPort))
	c.serveImages()
	return c
}

// cgroup is the parent of the nodes' control groups.
func (c *cluster) cgroup() string { return "/" + c.t.Name() + filepath.Base(filepath.Dir(c.dir)) }

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func prefix(a netip.Addr, bits int) *net.IPNet {
	return &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(bits, 32)}
}

func (c *cluster) caPEM() []byte { return pki.EncodeCertToPEM(c.ca) }

// issue makes a certificate of the cluster's authority.
func (c *cluster) issue(cn, org string, ips ...net.IP) worker.KeyPair {
	c.t.Helper()
	now := time.Now()
	cert, key, err := pki.NewCertAndKey(c.ca, c.caKey, pki.CertConfig{
		CommonName: cn, Organization: []string{org}, PublicKeyAlgorithm: x509.ECDSA,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		Usages:   []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		AltNames: pki.AltNames{IPs: append(ips, net.IPv4(127, 0, 0, 1)), DNSNames: []string{"localhost"}},
	})
	c.must(err)
	data, err := keyutil.MarshalPrivateKeyToPEM(key)
	c.must(err)
	return worker.KeyPair{CertPEM: pki.EncodeCertToPEM(cert), KeyPEM: data}
}

func (c *cluster) path(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) write(name string, data []byte) string {
	c.t.Helper()
	c.must(os.WriteFile(c.path(name), data, 0o600))
	return c.path(name)
}

// startControlPlane starts the components that package kube runs, with the flags that matter for nodes.
func (c *cluster) startControlPlane(podsCIDR string) {
	server := c.issue("server", "", apiAddress.AsSlice())
	admin := c.issue("admin", "system:masters")
	cert, key := c.write("server.crt", server.CertPEM), c.write("server.key", server.KeyPEM)
	adminCert, adminKey := c.write("admin.crt", admin.CertPEM), c.write("admin.key", admin.KeyPEM)
	var err error
	c.apiPort, err = freeport.Pick()
	c.must(err)
	etcdPort, err := freeport.Pick()
	c.must(err)
	etcd := fmt.Sprintf("https://127.0.0.1:%d", etcdPort)
	config := clientcmdapi.NewConfig()
	caPEM := pki.EncodeCertToPEM(c.ca)
	config.Clusters["c"] = &clientcmdapi.Cluster{
		Server: fmt.Sprintf("https://127.0.0.1:%d", c.apiPort), CertificateAuthorityData: caPEM,
	}
	config.AuthInfos["u"] = &clientcmdapi.AuthInfo{ClientCertificateData: admin.CertPEM, ClientKeyData: admin.KeyPEM}
	config.Contexts["x"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	config.CurrentContext = "x"
	data, err := clientcmd.Write(*config)
	c.must(err)
	kubeconfig := c.write("kubeconfig", data)

	c.start("etcd", "--data-dir="+c.path("etcd"), "--listen-client-url="+etcd, "--trusted-ca-file="+c.path("ca.crt"),
		"--cert-file="+cert, "--key-file="+key)
	c.start("kube-apiserver", "--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", c.apiPort),
		"--advertise-address="+apiAddress.String(), // a user namespace's network has none
		"--endpoint-reconciler-type=none", "--etcd-servers="+etcd, "--etcd-cafile="+c.path("ca.crt"),
		"--etcd-certfile="+adminCert, "--etcd-keyfile="+adminKey, "--tls-cert-file="+cert, "--tls-private-key-file="+key,
		"--client-ca-file="+c.path("ca.crt"), "--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file="+key, "--service-account-signing-key-file="+key,
		"--service-cluster-ip-range=10.96.0.0/16", "--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction", "--allow-privileged=true")
	manager := []string{
		"--kubeconfig=" + kubeconfig, "--secure-port=0", "--leader-elect=false",
		"--service-account-private-key-file=" + key, "--root-ca-file=" + c.path("ca.crt"),
		"--flex-volume-plugin-dir=" + c.path("flexvolume"), "--node-monitor-grace-period=10s",
	}
	if podsCIDR != "" {
		manager = append(manager, "--cluster-cidr="+podsCIDR, "--allocate-node-cidrs=true", "--node-cidr-mask-size=25")
	}
	c.start("kube-controller-manager", manager...)
	c.start("kube-scheduler", "--kubeconfig="+kubeconfig, "--secure-port=0", "--leader-elect=false")
	c.rest, err = clientcmd.BuildConfigFromFlags("", kubeconfig)
	c.must(err)
	c.rest.QPS = -1
	c.api, err = kubernetes.NewForConfig(c.rest)
	c.must(err)
	eventually.Succeeds(c.t, 60*time.Second, "the API server is ready", func(ctx context.Context) error {
		return c.api.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

// start starts a component until the test ends.
func (c *cluster) start(name string, args ...string) {
	binary, err := os.Executable()
	c.must(err)
	p := &supervise.Process{
		Name: name, Path: binary, Args: append([]string{name}, args...),
		Env: []string{"HOME=" + c.dir, "PATH=" + os.Getenv("PATH")},
		Log: c.path(name + ".log"), Out: slog.New(slog.DiscardHandler),
	}
	p.Start()
	c.t.Cleanup(func() {
		p.Stop()
		if c.t.Failed() {
			c.t.Logf("%s", p.LogEnd())
		}
	})
}

// forward makes a port of the API server's address in the router's namespace lead to an address of this machine.
func (c *cluster) forward(port, to string) {
	l, err := c.router.Listen(c.t.Context(), "tcp", net.JoinHostPort(apiAddress.String(), port))
	c.must(err)
	c.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer out.Close()
				go func() {
					_, _ = io.Copy(out, in)
					out.Close()
				}()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
}

// podVariable names the file of the test's image for a test that cannot build it.
const podVariable = "TEST_POD"

// buildPod builds the program of the test's image in a directory and returns its file.
func buildPod(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(dir, "pod")
	build := exec.Command("go", "build", "-o", file, "./testdata/pod")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the test's image: %v: %s", err, out)
	}
	return file
}

// serveImages serves a registry in the router's namespace, with the test's image.
func (c *cluster) serveImages() {
	l, err := c.router.Listen(c.t.Context(), "tcp", net.JoinHostPort(apiAddress.String(), "5000"))
	c.must(err)
	server := &http.Server{Handler: registry.New(registry.Logger(slog.NewLogLogger(slog.DiscardHandler, 0)))}
	go func() { _ = server.Serve(l) }()
	c.t.Cleanup(func() { server.Close() })

	file := os.Getenv(podVariable)
	if file == "" {
		file = buildPod(c.t, c.dir)
	}
	program, err := os.ReadFile(file)
	c.must(err)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	c.must(w.WriteHeader(&tar.Header{Name: "pod", Mode: 0o755, Size: int64(len(program))}))
	_, err = w.Write(program)
	c.must(err)
	c.must(w.Close())
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil }
	content, err := tarball.LayerFromOpener(open)
	c.must(err)
	image, err := mutate.AppendLayers(empty.Image, content)
	c.must(err)
	image, err = mutate.Config(image, v1.Config{Entrypoint: []string{"/pod"}, User: "65534"})
	c.must(err)
	ref, err := name.NewTag(fmt.Sprintf("%s:5000/pod:1", apiAddress), name.Insecure)
	c.must(err)
	c.must(remote.Write(ref, image, remote.WithTransport(&http.Transport{DialContext: c.router.Dial})))
}

// node makes the namespace of a node, with an interface for each address: the first is the node's, the others are of
// VNICs for Pods, each of which has some addresses.
func (c *cluster) network(node netip.Addr, vnic netip.Addr, pods ...netip.Addr) *netns.Namespace {
	namespace, err := netns.New()
	c.must(err)
	c.t.Cleanup(func() { namespace.Close() })
	c.connect(namespace, "ens3", nodesSubnet, node, node)
	if vnic.IsValid() {
		c.connect(namespace, "ens5", podsSubnet, vnic, append(pods, vnic)...)
	}
	c.must(namespace.Do(func() error {
		return netlink.RouteAdd(&netlink.Route{Gw: nodesSubnet.Addr().Next().AsSlice()})
	}))
	return namespace
}

// connect connects a namespace to the router, which answers for all other addresses of the subnet.
func (c *cluster) connect(
	namespace *netns.Namespace, name string, subnet netip.Prefix, addr netip.Addr, routed ...netip.Addr,
) {
	port := fmt.Sprintf("v%x", addr.AsSlice())
	c.must(c.router.Do(func() error {
		veth := &netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: port, MTU: 9000}, PeerName: name, PeerNamespace: netlink.NsFd(namespace.FD()),
			PeerMTU: 9000,
		}
		if err := netlink.LinkAdd(veth); err != nil {
			return err
		}
		if err := netlink.LinkSetUp(veth); err != nil {
			return err
		}
		gateway := &netlink.Addr{IPNet: prefix(subnet.Addr().Next(), 32)}
		if err := netlink.AddrAdd(veth, gateway); err != nil {
			return err
		}
		for path, value := range map[string]string{
			"conf/" + port + "/proxy_arp": "1", "neigh/" + port + "/proxy_delay": "0",
		} {
			if err := os.WriteFile("/proc/sys/net/ipv4/"+path, []byte(value), 0); err != nil {
				return err
			}
		}
		for _, a := range routed {
			r := &netlink.Route{LinkIndex: veth.Attrs().Index, Dst: prefix(a, 32), Scope: netlink.SCOPE_LINK}
			if err := netlink.RouteAdd(r); err != nil {
				return err
			}
		}
		return nil
	}))
	c.must(namespace.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: prefix(addr, subnet.Bits())}); err != nil {
			return err
		}
		return netlink.LinkSetUp(link)
	}))
}

// get asks for a URL from the router's namespace.
func (c *cluster) get(url string) (string, error) {
	transport := &http.Transport{DialContext: c.router.Dial, DisableKeepAlives: true}
	client := http.Client{Timeout: 3 * time.Second, Transport: transport}
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return string(body), err
}
