package guestbook

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/components/stash"
	"oke-guestbook/plan/flows"
)

// mongoUser is the user of the official image, and its group.
const mongoUser = 999

// tutorialDatabase is the tutorial's container, on a volume.
func (b *builder) tutorialDatabase() corev1.PodSpecArgs {
	return corev1.PodSpecArgs{
		ImagePullSecrets: pull.Names(b.pull),
		SecurityContext:  corev1.PodSecurityContextArgs{FsGroup: pulumi.Int(mongoUser)},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name:         pulumi.String(mongo),
			Image:        pulumi.String(b.book.MongoImage),
			Args:         pulumi.ToStringArray([]string{"--bind_ip", "0.0.0.0"}),
			Ports:        corev1.ContainerPortArray{port(mongo, flows.MongoPort)},
			VolumeMounts: corev1.VolumeMountArray{mount(dataVolume, "/data/db", false)},
			Resources: corev1.ResourceRequirementsArgs{Requests: pulumi.StringMap{
				"cpu": millis(b.book.MongoCPUMillis), "memory": mebibytes(b.book.MongoMemoryMB),
			}},
		}},
	}
}

// hardenedDatabase is a member of a replica set, with authentication, as an unprivileged user on a read-only root file
// system. A database of one member is a replica set too, so that others can join it without a restart.
func (b *builder) hardenedDatabase(secret *corev1.Secret) (corev1.PodSpecArgs, error) {
	prober, err := b.prober()
	if err != nil {
		return corev1.PodSpecArgs{}, err
	}
	return corev1.PodSpecArgs{
		ServiceAccountName:           pulumi.String(flows.Backend),
		AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              podSecurity(mongoUser),
		// A mongod that stops steps down as primary, writes its journal and closes its files.
		TerminationGracePeriodSeconds: pulumi.Int(60),
		Affinity: corev1.AffinityArgs{PodAntiAffinity: corev1.PodAntiAffinityArgs{
			RequiredDuringSchedulingIgnoredDuringExecution: corev1.PodAffinityTermArray{corev1.PodAffinityTermArgs{
				LabelSelector: podSelector(flows.Backend), TopologyKey: pulumi.String("kubernetes.io/hostname"),
			}},
		}},
		TopologySpreadConstraints: spread(flows.Backend)[:1], // over zones; the affinity separates by node
		// mongod refuses a key file that its group can read, and a Secret's files belong to root.
		InitContainers: corev1.ContainerArray{helper("key", b.book.MongoImage,
			[]string{"install", "-m", "0400", secretPath + "/" + keyFile, "/keys/" + keyFile}, nil,
			mount(credentialsVolume, secretPath, true), mount("keys", "/keys", false)), prober},
		Containers: corev1.ContainerArray{b.mongod()},
		Volumes: corev1.VolumeArray{
			scratch("tmp"), scratch("configdb"), scratch("keys"), scratch(probeVolume),
			credentialFiles(secret, rootFile, keyFile),
		},
	}, nil
}

const (
	probeVolume = "probe"
	probePath   = "/probe"
)

// prober is an init container that copies this project's binary to a volume, for the probes of mongod.
//
// Without choresImage it keeps the image that the database began with. A new frontendImage would otherwise restart the
// database, and one that cannot be pulled would stop it.
func (b *builder) prober() (corev1.ContainerArgs, error) {
	container := helper("probe", b.book.ChoresImage, nil, nil, mount(probeVolume, probePath, false))
	container.Command, container.Args = nil, pulumi.ToStringArray([]string{"install", probePath})
	if b.book.ChoresImage == "" {
		first := pulumi.String(b.book.FrontendImage)
		image, err := stash.Keep[string](b.ctx, b.name+"-probe-image", first, pulumi.Parent(b.g))
		if err != nil {
			return container, err
		}
		container.Image = image.(pulumi.StringOutput)
	}
	return container, nil
}

// startMember starts mongod, with as many open files as it may have: a container of CRI-O, which OKE's nodes run, has a
// soft limit of 1024 and a hard one of 524288 (cri-o/cri-o#10135, 2026-07), and MongoDB wants 64000 (MongoDB manual,
// "UNIX ulimit Settings"). Only the first member makes the root user: the others get it by replication.
const startMember = `ulimit -Sn "$(ulimit -Hn)"
[ "${HOSTNAME##*-}" = 0 ] || unset MONGO_INITDB_ROOT_USERNAME MONGO_INITDB_ROOT_PASSWORD_FILE
exec docker-entrypoint.sh mongod "$@"`

// mongod is the database's container.
func (b *builder) mongod() corev1.ContainerArgs {
	// mongod would size its cache by the node's memory. Half of the container's is for connections and the file system.
	cache := max(0.25, float64(b.book.MongoMemoryMB)/2/1024)
	return corev1.ContainerArgs{
		Name:    pulumi.String(mongo),
		Image:   pulumi.String(b.book.MongoImage),
		Command: pulumi.ToStringArray([]string{"bash", "-c", startMember, "mongod"}),
		Args: pulumi.ToStringArray([]string{
			"--replSet", replicaSet, "--keyFile", "/keys/" + keyFile, "--bind_ip_all",
			"--wiredTigerCacheSizeGB", fmt.Sprintf("%.2f", cache),
		}),
		Env: environment(map[string]string{
			"HOME":                            "/tmp", // of mongosh, which the image's entry point runs
			"MONGO_INITDB_ROOT_USERNAME":      rootUser,
			"MONGO_INITDB_ROOT_PASSWORD_FILE": secretPath + "/" + rootFile,
		}),
		Ports:           corev1.ContainerPortArray{port(mongo, flows.MongoPort)},
		Resources:       resources(b.book.MongoCPUMillis, b.book.MongoMemoryMB),
		SecurityContext: containerSecurity(),
		// A first start makes the root user and restarts; a start after a crash replays the journal: up to ten minutes.
		StartupProbe:   ask("startup", 10, 60),
		ReadinessProbe: ask("ready", 10, 3),
		LivenessProbe:  ask("live", 30, 4),
		VolumeMounts: corev1.VolumeMountArray{
			mount(dataVolume, "/data/db", false), mount("configdb", "/data/configdb", false), mount("tmp", "/tmp", false),
			mount("keys", "/keys", true), mount(probeVolume, probePath, true), mount(credentialsVolume, secretPath, true),
		},
	}
}

// ask is a probe by this project's binary, which asks the database itself: a mongod that hangs still accepts
// connections. kind is that of the command, period is in seconds.
func ask(kind string, period, failures int) corev1.ProbeArgs {
	command := []string{probePath + "/guestbook", "probe", kind}
	return corev1.ProbeArgs{
		Exec:             corev1.ExecActionArgs{Command: pulumi.ToStringArray(command)},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(10), // the command's own limit is 8 s
		FailureThreshold: pulumi.Int(failures),
	}
}
