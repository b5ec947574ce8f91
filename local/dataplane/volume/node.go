package volume

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	mountutils "k8s.io/mount-utils"

	"oke-guestbook/local/cloud"
)

const gib = 1 << 30

// data is the directory in a volume's directory that an ordinary user's node mounts.
const data = "data"

// NodeStageVolume formats the volume, if it is new, and mounts it where Pods' directories get it from.
func (d *driver) NodeStageVolume(
	ctx context.Context, r *csi.NodeStageVolumeRequest,
) (*csi.NodeStageVolumeResponse, error) {
	if err := required(r.VolumeId, r.StagingTargetPath); err != nil {
		return nil, err
	}
	capability := r.VolumeCapability.GetMount()
	if capability == nil {
		return nil, status.Error(codes.InvalidArgument,
			"volumes of raw blocks are not supported: use the volume mode Filesystem")
	}
	gb, err := strconv.ParseInt(r.PublishContext[cloud.VolumeSizeKey], 10, 64)
	if err != nil || gb <= 0 {
		return nil, status.Errorf(codes.InvalidArgument,
			"the volume's attachment does not tell its size as %q", cloud.VolumeSizeKey)
	}
	defer d.volumes.lock(r.VolumeId)()
	mounted, err := d.prepareTarget(r.StagingTargetPath)
	if err != nil || mounted {
		return &csi.NodeStageVolumeResponse{}, internal(err)
	}
	dir := filepath.Join(d.Dir, r.VolumeId)
	if !d.Loop {
		source := filepath.Join(dir, data)
		if err := os.MkdirAll(source, 0o755); err != nil {
			return nil, internal(err)
		}
		options := append([]string{"bind"}, capability.MountFlags...)
		return &csi.NodeStageVolumeResponse{}, internal(d.mounter.Mount(source, r.StagingTargetPath, "", options))
	}
	fs, err := kindOf(cmp.Or(capability.FsType, "ext4"))
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	disk, err := fs.ensure(ctx, dir, gb*gib)
	if err != nil {
		return nil, internal(err)
	}
	return &csi.NodeStageVolumeResponse{}, internal(d.mountDisk(ctx, disk, fs, r.StagingTargetPath, capability.MountFlags))
}

// mountDisk mounts a file through a loop device, which ends with the mount.
func (d *driver) mountDisk(ctx context.Context, disk string, fs filesystem, target string, flags []string) error {
	device, err := attachLoop(ctx, disk)
	if err != nil {
		return err
	}
	defer device.Close()
	return d.mounter.Mount(device.Name(), target, fs.name, append(fs.mountOptions, flags...))
}

// prepareTarget makes a directory to mount on, and tells whether something is mounted there.
func (d *driver) prepareTarget(path string) (mounted bool, err error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return false, err
	}
	return d.mounter.IsMountPoint(path)
}

// NodeUnstageVolume unmounts the volume.
func (d *driver) NodeUnstageVolume(
	_ context.Context, r *csi.NodeUnstageVolumeRequest,
) (*csi.NodeUnstageVolumeResponse, error) {
	if err := required(r.VolumeId, r.StagingTargetPath); err != nil {
		return nil, err
	}
	defer d.volumes.lock(r.VolumeId)()
	return &csi.NodeUnstageVolumeResponse{}, internal(d.unmount(r.StagingTargetPath))
}

// NodePublishVolume mounts the volume in a Pod's directory. The kubelet gives it the Pod's group.
func (d *driver) NodePublishVolume(
	_ context.Context, r *csi.NodePublishVolumeRequest,
) (*csi.NodePublishVolumeResponse, error) {
	if err := required(r.VolumeId, r.StagingTargetPath, r.TargetPath); err != nil {
		return nil, err
	}
	defer d.volumes.lock(r.VolumeId)()
	if staged, err := d.mounter.IsMountPoint(r.StagingTargetPath); err != nil || !staged {
		return nil, status.Errorf(codes.FailedPrecondition, "the volume is not mounted at %s: %v", r.StagingTargetPath, err)
	}
	mounted, err := d.prepareTarget(r.TargetPath)
	if err != nil || mounted {
		return &csi.NodePublishVolumeResponse{}, internal(err)
	}
	options := []string{"bind"}
	if r.Readonly {
		options = append(options, "ro")
	}
	return &csi.NodePublishVolumeResponse{}, internal(d.mounter.Mount(r.StagingTargetPath, r.TargetPath, "", options))
}

// NodeUnpublishVolume unmounts the volume from a Pod's directory.
func (d *driver) NodeUnpublishVolume(
	_ context.Context, r *csi.NodeUnpublishVolumeRequest,
) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := required(r.VolumeId, r.TargetPath); err != nil {
		return nil, err
	}
	defer d.volumes.lock(r.VolumeId)()
	return &csi.NodeUnpublishVolumeResponse{}, internal(d.unmount(r.TargetPath))
}

// unmount unmounts all that is mounted on a directory, and removes the directory. It is no error if that is gone.
func (d *driver) unmount(path string) error {
	return mountutils.CleanupMountPoint(path, d.mounter, true)
}

// NodeExpandVolume grows the mounted file system to the volume's new size.
func (d *driver) NodeExpandVolume(
	ctx context.Context, r *csi.NodeExpandVolumeRequest,
) (*csi.NodeExpandVolumeResponse, error) {
	size := r.CapacityRange.GetRequiredBytes()
	if err := required(r.VolumeId, r.VolumePath); err != nil {
		return nil, err
	}
	if size <= 0 {
		return nil, status.Error(codes.InvalidArgument, "the new size is missing")
	}
	defer d.volumes.lock(r.VolumeId)()
	if mounted, err := d.mounter.IsMountPoint(r.VolumePath); err != nil || !mounted {
		return nil, status.Errorf(codes.NotFound, "the volume is not mounted at %s: %v", r.VolumePath, err)
	}
	if d.Loop {
		if err := growDisk(ctx, filepath.Join(d.Dir, r.VolumeId), r.VolumePath, size); err != nil {
			return nil, internal(err)
		}
	}
	return &csi.NodeExpandVolumeResponse{CapacityBytes: size}, nil
}

// NodeGetVolumeStats measures the mounted file system. A volume that is a directory has the machine's.
func (d *driver) NodeGetVolumeStats(
	_ context.Context, r *csi.NodeGetVolumeStatsRequest,
) (*csi.NodeGetVolumeStatsResponse, error) {
	if err := required(r.VolumeId, r.VolumePath); err != nil {
		return nil, err
	}
	var s unix.Statfs_t
	if err := unix.Statfs(r.VolumePath, &s); err != nil {
		return nil, status.Errorf(codes.NotFound, "%s: %v", r.VolumePath, err)
	}
	block := s.Bsize
	return &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{
		{
			Unit: csi.VolumeUsage_BYTES, Total: int64(s.Blocks) * block, Available: int64(s.Bavail) * block,
			Used: int64(s.Blocks-s.Bfree) * block,
		},
		{
			Unit: csi.VolumeUsage_INODES, Total: int64(s.Files), Available: int64(s.Ffree),
			Used: int64(s.Files - s.Ffree),
		},
	}}, nil
}

// required refuses a request that lacks a path, or whose volume is not a name: users write it in PersistentVolumes.
func required(volume string, paths ...string) error {
	if volume == "" || volume != filepath.Base(volume) || !filepath.IsLocal(volume) {
		return status.Errorf(codes.InvalidArgument, "the volume %q is not an OCID", volume)
	}
	for _, path := range paths {
		if path == "" {
			return status.Error(codes.InvalidArgument, "a path is missing")
		}
	}
	return nil
}

// internal gives an error the code that the kubelet retries.
func internal(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errInUse), errors.Is(err, errMounted):
		return status.Error(codes.FailedPrecondition, err.Error())
	default:
		return status.Error(codes.Internal, err.Error())
	}
}
