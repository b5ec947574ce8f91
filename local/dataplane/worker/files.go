package worker

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"oke-guestbook/local/dataplane/machine"
	"oke-guestbook/local/dataplane/worker/node"
)

// containerGrace is how long containers may take to end after SIGTERM when a node stops.
const containerGrace = 5 * time.Second

// vcnResolver is the name server of every VCN.
var vcnResolver = netip.AddrFrom4([4]byte{169, 254, 169, 254})

// registriesDir is containerd's directory of registries, in etc.
const registriesDir = "certs.d"

// etc is the path of a configuration file within the node.
func etc(name string) string { return filepath.Join(node.Dir, "etc", name) }

// writeFiles writes the configuration of all of the node's processes to the directory etc of the node's.
func writeFiles(cfg Config) error {
	if !filepath.IsAbs(cfg.Dir) {
		return fmt.Errorf("directory %s is not absolute", cfg.Dir)
	}
	for _, name := range []string{"etc", "logs", "containerd", "kubelet", "log", "cni"} {
		if err := os.MkdirAll(filepath.Join(cfg.Dir, name), 0o700); err != nil {
			return err
		}
	}
	// Pods may mount these, with any user.
	for _, dir := range []string{"log", "kubelet"} {
		if err := os.Chmod(filepath.Join(cfg.Dir, dir), 0o755); err != nil {
			return err
		}
	}
	files := map[string][]byte{
		"ca.crt":      cfg.CA,
		"serving.crt": cfg.Serving.CertPEM, "serving.key": cfg.Serving.KeyPEM,
		filepath.Base(node.Authority): cfg.Authority,
		"resolv.conf":                 fmt.Appendf(nil, "nameserver %s\n", cmp.Or(cfg.Resolver, vcnResolver)),
		"containerd.toml":             containerdConfig(cfg),
	}
	for name, url := range cfg.Mirrors {
		// Without the server, containerd would turn to the registry itself for what the mirror does not have.
		files[filepath.Join(registriesDir, name, "hosts.toml")] = hosts(url, len(cfg.Authority) > 0)
	}
	var err error
	for name, content := range map[string]func(Config) ([]byte, error){
		"kubelet.kubeconfig":    func(c Config) ([]byte, error) { return kubeconfig(c, c.Kubelet) },
		"kube-proxy.kubeconfig": func(c Config) ([]byte, error) { return kubeconfig(c, c.KubeProxy) },
		"kubelet.json":          kubeletConfig,
		"kube-proxy.json":       kubeProxyConfig,
	} {
		if files[name], err = content(cfg); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for name, data := range files {
		path := filepath.Join(cfg.Dir, "etc", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return err
		}
	}
	// Containers have this one, with any user.
	if err := os.Chmod(filepath.Join(cfg.Dir, "etc", filepath.Base(node.Authority)), 0o644); err != nil {
		return err
	}
	return writeSpec(cfg)
}

// hosts returns containerd's configuration of a registry that a mirror stands for. With an authority, it has issued the
// mirror's certificate.
func hosts(url string, authority bool) []byte {
	ca := ""
	if authority {
		ca = fmt.Sprintf("ca = %q\n", node.Authority)
	}
	return fmt.Appendf(nil, "server = %[1]q\n%[2]s[host.%[1]q]\n%[2]scapabilities = [\"pull\", \"resolve\"]\n", url, ca)
}

func writeSpec(cfg Config) error {
	nft, nftFound := machine.Find("nft")
	runtime, runtimeFound := machine.Find("runc")
	if !nftFound || !runtimeFound {
		return errors.New("nft or runc is missing: apt-get install nftables runc")
	}
	if cfg.Volumes != "" {
		if err := os.MkdirAll(cfg.Volumes, 0o700); err != nil {
			return err
		}
	}
	cgroup := cfg.Cgroup
	if !node.HaveCgroups() {
		cgroup = ""
	}
	return node.Spec{
		Hostname: cfg.Name, Address: cfg.Address.String(), Cgroup: cgroup, MemoryBytes: cfg.MemoryBytes,
		ContainerGrace: containerGrace, Nft: nft, Runtime: runtime, Volumes: cfg.Volumes, Zone: cfg.Zone,
		KubeletArgs: kubeletArgs(cfg),
	}.Write(cfg.Dir)
}

func kubeconfig(cfg Config, user KeyPair) ([]byte, error) {
	const name = "node"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: cfg.Server, CertificateAuthorityData: cfg.CA}
	config.AuthInfos[name] = &clientcmdapi.AuthInfo{ClientCertificateData: user.CertPEM, ClientKeyData: user.KeyPEM}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	return clientcmd.Write(*config)
}

// containerdConfig returns the configuration of containerd. AppArmor's profiles and negative scores for the
// out-of-memory killer need privileges that a container or an ordinary user does not have.
func containerdConfig(cfg Config) []byte {
	return fmt.Appendf(nil, `version = 3
root = %[1]q
state = "/run/containerd"
[plugins.'io.containerd.server.v1.grpc']
address = %[2]q
[plugins.'io.containerd.server.v1.ttrpc']
address = "%[2]s.ttrpc"
[plugins.'io.containerd.cri.v1.images']
snapshotter = %[3]q
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = %[4]q
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = %[5]q
[plugins.'io.containerd.cri.v1.runtime']
disable_apparmor = true
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = [%[6]q]
conf_dir = %[7]q
use_internal_loopback = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = %[9]q
snapshotter = %[3]q
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
BinaryName = %[8]q
SystemdCgroup = false
`, node.ContainerdRoot, node.ContainerdSocket, snapshotter(cfg.Dir), cfg.PauseImage, etc(registriesDir), node.BinDir,
		node.CNIConfDir, filepath.Join(node.BinDir, "runc"), node.BaseSpec)
}
