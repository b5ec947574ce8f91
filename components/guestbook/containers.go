package guestbook

import (
	"maps"
	"slices"
	"strconv"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// resources are a container's requests and limits: it may use no more memory than it requests, and any free CPU.
func resources(cpuMillis, memoryMB int) corev1.ResourceRequirementsArgs {
	return corev1.ResourceRequirementsArgs{
		Requests: pulumi.StringMap{"cpu": millis(cpuMillis), "memory": mebibytes(memoryMB)},
		Limits:   pulumi.StringMap{"memory": mebibytes(memoryMB)},
	}
}

// millis writes thousandths of a CPU as Kubernetes does.
func millis(cpu int) pulumi.StringInput { return pulumi.String(strconv.Itoa(cpu) + "m") }

// mebibytes writes MiB of memory as Kubernetes does.
func mebibytes(memory int) pulumi.StringInput { return pulumi.String(strconv.Itoa(memory) + "Mi") }

// podSecurity and containerSecurity satisfy Pod Security level "restricted" (Kubernetes documentation, "Pod Security
// Standards"), with a read-only root file system. User and group own the Pod's volumes too.
func podSecurity(user int) corev1.PodSecurityContextArgs {
	return corev1.PodSecurityContextArgs{
		RunAsNonRoot: pulumi.Bool(true),
		RunAsUser:    pulumi.Int(user),
		RunAsGroup:   pulumi.Int(user),
		FsGroup:      pulumi.Int(user),
		// Otherwise each start changes the group of every file, which takes minutes on a large volume.
		FsGroupChangePolicy: pulumi.String("OnRootMismatch"),
		SeccompProfile:      corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}

func containerSecurity() corev1.SecurityContextArgs {
	return corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}

// helper is a container that runs a short time, with a writable directory /tmp.
func helper(name, image string, command []string, env map[string]string, mounts ...corev1.VolumeMountInput,
) corev1.ContainerArgs {
	return corev1.ContainerArgs{
		Name:            pulumi.String(name),
		Image:           pulumi.String(image),
		Command:         pulumi.ToStringArray(command),
		Env:             environment(env),
		Resources:       resources(workload.Helper.CPUMillis, workload.Helper.MemoryMB),
		SecurityContext: containerSecurity(),
		VolumeMounts:    append(corev1.VolumeMountArray{mount("tmp", "/tmp", false)}, mounts...),
	}
}

// environment returns variables in the order of their names.
func environment(values map[string]string) corev1.EnvVarArray {
	var env corev1.EnvVarArray
	for _, name := range slices.Sorted(maps.Keys(values)) {
		env = append(env, corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(values[name])})
	}
	return env
}

// mount mounts a volume of the Pod at a path.
func mount(volume, path string, readOnly bool) corev1.VolumeMountArgs {
	m := corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
	if readOnly {
		m.ReadOnly = pulumi.Bool(true)
	}
	return m
}

// scratch is an empty volume that is deleted with the Pod.
func scratch(name string) corev1.VolumeArgs {
	return corev1.VolumeArgs{Name: pulumi.String(name), EmptyDir: corev1.EmptyDirVolumeSourceArgs{}}
}

// port is a named port of a container.
func port(name string, number int) corev1.ContainerPortArgs {
	return corev1.ContainerPortArgs{Name: pulumi.String(name), ContainerPort: pulumi.Int(number)}
}

// spread prefers different zones and different nodes for the Pods of a component.
func spread(component string) corev1.TopologySpreadConstraintArray {
	var constraints corev1.TopologySpreadConstraintArray
	for _, key := range []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"} {
		constraints = append(constraints, corev1.TopologySpreadConstraintArgs{
			TopologyKey:       pulumi.String(key),
			MaxSkew:           pulumi.Int(1),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
			LabelSelector:     podSelector(component),
		})
	}
	return constraints
}
