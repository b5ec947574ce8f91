// Package capacity shows a kubelet the CPUs, the memory and the file system of its node in place of the machine's.
package capacity

import (
	"fmt"

	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
)

// Machine is a machine with the size of a node.
type Machine struct {
	cadvisor.Interface
	CPUs   int    // 0: the machine's
	Memory uint64 // 0: the machine's
	Disk   Disk
	// Measured says that the node has control groups of its own: else the topmost group is the machine's.
	Measured bool
}

// MachineInfo has the node's CPUs and memory.
func (m *Machine) MachineInfo() (*cadvisorapi.MachineInfo, error) {
	info, err := m.Interface.MachineInfo()
	if err != nil {
		return nil, err
	}
	changed := info.Clone()
	if m.CPUs > 0 {
		changed.NumCores = m.CPUs
	}
	if m.Memory > 0 {
		changed.MemoryCapacity = m.Memory
	}
	return changed, nil
}

// rootGroup is the topmost control group that the node sees: its own.
const rootGroup = "/"

// ContainerInfoV2 makes the node's memory the limit of its topmost group, in place of the machine's. When the eviction
// manager wants new figures of that group, it gets new ones of the file system, too.
func (m *Machine) ContainerInfoV2(
	name string, options cadvisorapiv2.RequestOptions,
) (map[string]cadvisorapiv2.ContainerInfo, error) {
	if name == rootGroup && options.MaxAge != nil && *options.MaxAge == 0 {
		if err := m.Disk.refresh(); err != nil {
			return nil, fmt.Errorf("the node's file system: %w", err)
		}
	}
	infos, err := m.Interface.ContainerInfoV2(name, options)
	if root, ok := infos[rootGroup]; ok && m.Measured && m.Memory > 0 {
		root.Spec.Memory.Limit = m.Memory
		for _, stats := range root.Stats {
			if stats.Memory != nil { // the kubelet takes one off the other, without a sign
				root.Spec.Memory.Limit = max(root.Spec.Memory.Limit, stats.Memory.WorkingSet)
			}
		}
		infos[rootGroup] = root
	}
	return infos, err
}

// RootFsInfo describes the file system of the kubelet's directory.
func (m *Machine) RootFsInfo() (cadvisorapiv2.FsInfo, error) { return m.Disk.info() }

// GetDirFsInfo describes the file system of images and containers: as on OKE, it is the same.
func (m *Machine) GetDirFsInfo(string) (cadvisorapiv2.FsInfo, error) { return m.Disk.info() }
