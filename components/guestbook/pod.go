package guestbook

import (
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/workload"
)

// podSecurity and containerSecurity are what Pod Security level "restricted" asks for, and a read-only root file system
// (Kubernetes documentation, "Pod Security Standards"). User and group own the Pod's volumes too.
func podSecurity(user int) corev1.PodSecurityContextArgs {
	return corev1.PodSecurityContextArgs{
		RunAsNonRoot: pulumi.Bool(true),
		RunAsUser:    pulumi.Int(user),
		RunAsGroup:   pulumi.Int(user),
		FsGroup:      pulumi.Int(user),
		// A volume whose root has the group already is not walked through again, which takes minutes on a large one.
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

// helper is a container that runs a short time, with a directory to write to.
func helper(name, image string, command []string, env map[string]string, mounts ...corev1.VolumeMountInput) corev1.ContainerArgs {
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

func mount(volume, path string, readOnly bool) corev1.VolumeMountArgs {
	m := corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
	if readOnly {
		m.ReadOnly = pulumi.Bool(true)
	}
	return m
}

func scratch(name string) corev1.VolumeArgs {
	return corev1.VolumeArgs{Name: pulumi.String(name), EmptyDir: corev1.EmptyDirVolumeSourceArgs{}}
}

// port is a named port of a container.
func port(name string, number int) corev1.ContainerPortArgs {
	return corev1.ContainerPortArgs{Name: pulumi.String(name), ContainerPort: pulumi.Int(number)}
}

// spread asks for Pods of a component in different zones and on different nodes, as far as there are any.
func spread(component string) corev1.TopologySpreadConstraintArray {
	var constraints corev1.TopologySpreadConstraintArray
	for _, key := range []string{"topology.kubernetes.io/zone", "kubernetes.io/hostname"} {
		constraints = append(constraints, corev1.TopologySpreadConstraintArgs{
			TopologyKey:       pulumi.String(key),
			MaxSkew:           pulumi.Int(1),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
			LabelSelector:     matching(component),
		})
	}
	return constraints
}
