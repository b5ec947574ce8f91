package worker

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	componentconfig "k8s.io/component-base/config/v1alpha1"
	kubeproxyconfig "k8s.io/kube-proxy/config/v1alpha1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"

	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
)

// kubeletArgs are the kubelet's flags: what its configuration file cannot say.
func kubeletArgs(cfg Config) []string {
	args := []string{
		"--config=" + etc("kubelet.json"),
		"--kubeconfig=" + etc("kubelet.kubeconfig"),
		"--hostname-override=" + cfg.Name,
		"--node-ip=" + cfg.Address.String(),
		"--cert-dir=" + node.Dir + "/kubelet/pki",
		"--capacity-cpus=" + strconv.Itoa(cfg.CPUs),
		"--capacity-memory=" + strconv.FormatInt(cfg.MemoryBytes, 10),
		"--capacity-disk=" + strconv.FormatInt(cfg.DiskBytes, 10),
		"--disk=" + node.Dir, // it shows the files, and not the volumes that are mounted in kubeletDir
	}
	if len(cfg.Labels) > 0 {
		args = append(args, "--node-labels="+labels.Set(cfg.Labels).String())
	}
	return args
}

// memoryThreshold is the memory below which a kubelet evicts Pods.
const memoryThreshold = "100Mi"

// thresholds are those below which the kubelet evicts Pods: its defaults (Kubernetes 1.36, DefaultEvictionHard in
// pkg/kubelet/eviction). No others were found in Oracle's documentation (searched 2026-11-29). Without control groups
// nothing tells the node's memory from the machine's.
func thresholds() map[string]string {
	all := map[string]string{
		"nodefs.available": "10%", "nodefs.inodesFree": "5%", "imagefs.available": "15%", "imagefs.inodesFree": "5%",
	}
	if node.HaveCgroups() {
		all["memory.available"] = memoryThreshold
	}
	return all
}

// kubeletConfig returns the kubelet's configuration.
func kubeletConfig(cfg Config) ([]byte, error) {
	socket := "unix://" + node.ContainerdSocket
	config := kubeletconfig.KubeletConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: "kubelet.config.k8s.io/v1beta1", Kind: "KubeletConfiguration"},
		Address:  cfg.Address.String(),
		Authentication: kubeletconfig.KubeletAuthentication{
			X509:      kubeletconfig.KubeletX509Authentication{ClientCAFile: etc("ca.crt")},
			Webhook:   kubeletconfig.KubeletWebhookAuthentication{Enabled: new(true)},
			Anonymous: kubeletconfig.KubeletAnonymousAuthentication{Enabled: new(false)},
		},
		Authorization:     kubeletconfig.KubeletAuthorization{Mode: kubeletconfig.KubeletAuthorizationModeWebhook},
		TLSCertFile:       etc("serving.crt"),
		TLSPrivateKeyFile: etc("serving.key"),

		ContainerRuntimeEndpoint: socket, ImageServiceEndpoint: socket,
		CgroupDriver:           "cgroupfs",
		FailCgroupV1:           new(false),
		FailSwapOn:             new(false),
		MakeIPTablesUtilChains: new(false),
		SerializeImagePulls:    new(false),
		EvictionHard:           thresholds(),
		// The kubelet does without /dev/kmsg where it may not be read.
		FeatureGates: map[string]bool{"KubeletInUserNamespace": true},

		ClusterDNS: []string{cfg.ClusterDNS.String()}, ClusterDomain: "cluster.local",
		ResolverConfig:     new(etc("resolv.conf")),
		MaxPods:            int32(cmp.Or(cfg.MaxPods, 110)),
		ProviderID:         cfg.ProviderID,
		RegisterWithTaints: cfg.Taints,
		SystemReserved:     reserved(cfg),
		// Pods start as soon as their images, volumes and network are there.
		SyncFrequency:             metav1.Duration{Duration: 10 * time.Second},
		NodeStatusUpdateFrequency: metav1.Duration{Duration: 10 * time.Second},
	}
	config.EvictionPressureTransitionPeriod.Duration = cfg.PressureTransition
	if !node.HaveCgroups() {
		config.CgroupsPerQOS, config.EnforceNodeAllocatable = new(false), []string{"none"}
	}
	return json.Marshal(config)
}

// reserved returns what the kubelet takes off the capacity, besides its threshold of memory.
func reserved(cfg Config) map[string]string {
	r, memory := map[string]string{}, resource.NewQuantity(cfg.ReservedMemoryBytes, resource.BinarySI)
	if node.HaveCgroups() {
		memory.Sub(resource.MustParse(memoryThreshold))
	}
	if cfg.ReservedCPU > 0 {
		r[string(corev1.ResourceCPU)] = resource.NewMilliQuantity(cfg.ReservedCPU, resource.DecimalSI).String()
	}
	if memory.Sign() > 0 {
		r[string(corev1.ResourceMemory)] = memory.String()
	}
	return r
}

// kubeProxyConfig returns kube-proxy's configuration. It leaves the limits of connection tracking as they are: they are
// the whole machine's.
func kubeProxyConfig(cfg Config) ([]byte, error) {
	return json.Marshal(kubeproxyconfig.KubeProxyConfiguration{
		TypeMeta:           metav1.TypeMeta{APIVersion: "kubeproxy.config.k8s.io/v1alpha1", Kind: "KubeProxyConfiguration"},
		ClientConnection:   componentconfig.ClientConnectionConfiguration{Kubeconfig: etc("kube-proxy.kubeconfig")},
		HostnameOverride:   cfg.Name,
		BindAddress:        cfg.Address.String(),
		HealthzBindAddress: fmt.Sprintf("%s:10256", cfg.Address),
		MetricsBindAddress: "127.0.0.1:10249",
		Mode:               "nftables",
		DetectLocalMode:    "InterfaceNamePrefix",
		DetectLocal:        kubeproxyconfig.DetectLocalConfiguration{InterfaceNamePrefix: podnet.LinkPrefix},
		NodePortAddresses:  []string{"primary"},
		Conntrack: kubeproxyconfig.KubeProxyConntrackConfiguration{
			MaxPerCore: new(int32(0)), Min: new(int32(0)),
			TCPEstablishedTimeout: new(metav1.Duration{}), TCPCloseWaitTimeout: new(metav1.Duration{}),
		},
		NFTables: kubeproxyconfig.KubeProxyNFTablesConfiguration{
			SyncPeriod:    metav1.Duration{Duration: 30 * time.Second},
			MinSyncPeriod: metav1.Duration{Duration: 100 * time.Millisecond},
		},
	})
}
