package node

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"oke-guestbook/local/supervise"
)

// Paths within the node.
const (
	Dir              = "/node"                  // the node's directory
	BinDir           = "/node-bin"              // executables by the names of what they run
	ContainerdSocket = "/run/containerd/c.sock" // of the CRI, too
	CNIConfDir       = "/run/cni"               // holds a configuration as soon as Pods have a network
	kubeletDir       = "/var/lib/kubelet"       // kept in the node's directory
	logDir           = "/var/log"               // kept in the node's directory: pods, containers
	ContainerdRoot   = Dir + "/containerd"
	Authority        = Dir + "/etc/authority.crt"  // of what is outside of the VCN
	BaseSpec         = "/run/containerd/base.json" // what all containers have in common
	volumesDir       = "/volumes"                  // of all nodes' block volumes
)

const containerdName = "containerd"

// SearchPath is the PATH of all processes of a node: nft is in BinDir.
const SearchPath = BinDir + ":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// specFile is the file of a Spec, below the node's directory.
const specFile = "etc/node.json"

// Spec is what the node's first process has to know. The files of the other processes are in etc, too.
type Spec struct {
	Hostname       string
	Address        string        // the node's
	Cgroup         string        // below the hierarchies' roots; empty: this process may make none
	MemoryBytes    int64         // of all that runs on the node; 0: as much as there is
	ContainerGrace time.Duration // from SIGTERM to the end of containers when the node stops
	Nft, Runtime   string        // executables: nft and runc
	Volumes        string        // directory of the block volumes' data, of all nodes; empty: there are none
	Zone           string        // with Volumes
	KubeletArgs    []string
}

// Write writes the Spec to a node's directory.
func (s Spec) Write(dir string) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, specFile), data, 0o600)
}

// ReadSpec reads a Spec from its file.
func ReadSpec(path string) (Spec, error) {
	var s Spec
	data, err := os.ReadFile(path)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// supervised returns the node's processes. Containerd is the first.
func (s Spec) supervised() []*supervise.Process {
	process := func(name, gogc, limit string, args ...string) *supervise.Process {
		return &supervise.Process{
			Name: name, Path: filepath.Join(BinDir, name), Args: args,
			Env: []string{
				"PATH=" + SearchPath, "HOME=" + Dir, "TMPDIR=/tmp", "GOGC=" + gogc, "GOMEMLIMIT=" + limit,
			},
			Log: filepath.Join(Dir, "logs", name+".log"), Out: slog.Default(),
		}
	}
	etc := func(name string) string { return filepath.Join(Dir, "etc", name) }
	return []*supervise.Process{
		process(containerdName, "100", "150MiB", "--config="+etc("containerd.toml")),
		process("kubelet", "75", "100MiB", s.KubeletArgs...),
		process("kube-proxy", "75", "80MiB", "--config="+etc("kube-proxy.json")),
	}
}
