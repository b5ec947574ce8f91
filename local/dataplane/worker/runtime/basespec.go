package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/opencontainers/runtime-spec/specs-go"
)

// authorityPath is where a container has the authority of Oracle's services and registries of the local cloud.
const authorityPath = "/etc/ssl/certs/local-cloud.pem"

// writeBaseSpec writes what all containers have in common to a file: what containerd gives them without one, and the
// authority, if there is one. Nodes of OKE need none, as public authorities have issued Oracle's certificates.
func writeBaseSpec(path, authority string) error {
	ctx := namespaces.WithNamespace(context.Background(), "k8s.io")
	spec, err := oci.GenerateSpec(ctx, nil, &containers.Container{ID: "base"})
	if err != nil {
		return err
	}
	spec.Process.Rlimits = nil // as the CRI plugin does
	info, err := os.Stat(authority)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && info.Size() > 0 {
		spec.Mounts = append(spec.Mounts, specs.Mount{
			Destination: authorityPath, Type: "bind", Source: authority,
			Options: []string{"bind", "ro", "nosuid", "nodev", "noexec"},
		})
	}
	data, err := json.Marshal(spec)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
