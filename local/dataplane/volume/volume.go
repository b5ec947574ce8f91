// Package volume is the part of the CSI driver for block volumes that runs on a node. A block volume is a directory of
// the local cloud, which outlives nodes. With loop devices it holds a sparse file of the volume's size with a file
// system, else, for an ordinary user, a plain directory without a limit of size.
package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	registration "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
	mountutils "k8s.io/mount-utils"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/machine"
)

// Options describe a node's driver. Every field without "optional" is required.
type Options struct {
	// NodeName is the name of the Node object.
	NodeName string
	// Zone is the availability domain as the label topology.kubernetes.io/zone has it.
	Zone string
	// Dir holds a directory for each volume. All nodes of a local cloud have the same one.
	Dir string
	// KubeletDir is the kubelet's root directory. The driver must see it with the kubelet's mounts.
	KubeletDir string
	// Loop uses loop devices, which need root on the machine; without, volumes are directories.
	Loop bool
	// Log receives failures. Optional.
	Log *slog.Logger
}

// perNode is how many volumes a node can attach (Oracle: "Block Volume", read 2026-11-28).
const perNode = 32

type driver struct {
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	registration.UnsafeRegistrationServer
	Options
	mounter mountutils.Interface
	volumes keyedMutex
}

// Serve registers the driver with the node's kubelet, and serves it, until ctx is done. What is mounted stays.
func Serve(ctx context.Context, o Options) error {
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	d := &driver{Options: o, mounter: mountutils.NewWithoutSystemd("")}
	service, err := listen(d.endpoint())
	if err != nil {
		return err
	}
	register, err := listen(filepath.Join(o.KubeletDir, "plugins_registry", cloud.VolumeDriver+"-reg.sock"))
	if err != nil {
		service.Close()
		return err
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(d.logFailure))
	csi.RegisterIdentityServer(server, d)
	csi.RegisterNodeServer(server, d)
	registrar := grpc.NewServer()
	registration.RegisterRegistrationServer(registrar, d)
	failed := make(chan error, 2)
	go func() { failed <- server.Serve(service) }()
	go func() { failed <- registrar.Serve(register) }()
	defer server.Stop()
	defer registrar.Stop()
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("driver of block volumes: %w", err)
	}
}

// listen listens on a UNIX socket, in the place of one that a killed driver has left.
func listen(path string) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return new(net.ListenConfig).Listen(context.Background(), "unix", path)
}

func (d *driver) logFailure(
	ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler,
) (any, error) {
	resp, err := handle(ctx, req)
	if err != nil {
		d.Log.Warn("block volumes", "call", info.FullMethod, "error", err)
	}
	return resp, err
}

// Prune deletes the data of the volumes that do not exist any more. It asks for the OCIDs of those that exist after it
// has read the directory, so that it cannot miss a new one; an error keeps all data.
func Prune(dir string, existing func() ([]string, error)) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	keep, err := existing()
	if err != nil {
		return fmt.Errorf("which block volumes exist: %w", err)
	}
	var errs []error
	for _, entry := range entries {
		if !slices.Contains(keep, entry.Name()) {
			errs = append(errs, machine.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	return errors.Join(errs...)
}
