package kube

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
)

// Names of the components that Main runs.
const (
	etcdName              = "etcd"
	apiServerName         = "kube-apiserver"
	controllerManagerName = "kube-controller-manager"
	schedulerName         = "kube-scheduler"
	metricsServerName     = "metrics-server"
)

// IsComponent reports whether Main runs a component of that name.
func IsComponent(name string) bool {
	return slices.ContainsFunc(append(components, metricsServer), func(c component) bool { return c.name == name })
}

// Main runs the named component in this process until SIGTERM and returns the exit status. Args are the component's
// flags.
func Main(name string, args []string) int {
	var cmd *cobra.Command
	switch name {
	case etcdName:
		if err := etcdMain(args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case apiServerName:
		cmd = apiserver.NewAPIServerCommand()
	case controllerManagerName:
		cmd = controllermanager.NewControllerManagerCommand()
	case schedulerName:
		cmd = scheduler.NewSchedulerCommand()
	case metricsServerName:
		cmd = metricsServerCommand()
	default:
		fmt.Fprintf(os.Stderr, "no component %q\n", name)
		return 2
	}
	cmd.SetArgs(args)
	if cmd.Context() == nil {
		cmd.SetContext(context.Background())
	}
	return cli.Run(cmd)
}

// component describes how a control-plane process is started.
type component struct {
	name string
	args func(*cluster) []string
	env  []string // settings of the garbage collector
}

// components are listed in the order of their start; they stop in reverse order. Mostly they just start, which a high
// GOGC makes faster by a seventh. The memory limits do not count the binary's pages; all processes of the local cloud
// together stay within 1.5 GB.
var components = []component{
	{etcdName, etcdArgs, []string{"GOGC=200", "GOMEMLIMIT=200MiB"}},
	{apiServerName, apiServerArgs, []string{"GOGC=400", "GOMEMLIMIT=500MiB"}},
	{controllerManagerName, controllerManagerArgs, []string{"GOGC=200", "GOMEMLIMIT=150MiB"}},
	{schedulerName, schedulerArgs, []string{"GOGC=75", "GOMEMLIMIT=100MiB"}},
}

// metricsServer runs as an add-on, besides components.
var metricsServer = component{metricsServerName, metricsServerArgs, []string{"GOGC=75", "GOMEMLIMIT=100MiB"}}

func etcdArgs(c *cluster) []string {
	return []string{
		"--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-url=" + c.etcdURL(),
		"--trusted-ca-file=" + c.pkiPath("etcd-ca.crt"),
		"--cert-file=" + c.pkiPath("etcd.crt"),
		"--key-file=" + c.pkiPath("etcd.key"),
	}
}

func apiServerArgs(c *cluster) []string {
	args := []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.state.APIPort),
		"--endpoint-reconciler-type=none", // Endpoints must not hold the server's loopback address
		"--etcd-servers=" + c.etcdURL(),
		"--etcd-cafile=" + c.pkiPath("etcd-ca.crt"),
		"--etcd-certfile=" + c.pkiPath("etcd-client.crt"),
		"--etcd-keyfile=" + c.pkiPath("etcd-client.key"),
		"--tls-cert-file=" + c.pkiPath("apiserver.crt"),
		"--tls-private-key-file=" + c.pkiPath("apiserver.key"),
		"--client-ca-file=" + c.pkiPath("ca.crt"),
		"--service-account-key-file=" + c.pkiPath("service-account.key"),
		"--service-account-signing-key-file=" + c.pkiPath("service-account.key"),
		"--service-cluster-ip-range=" + c.state.Cluster.ServicesCIDR,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--profiling=false",
		"--v=0",
	}
	args = append(args, c.authenticationFlags()...)
	args = append(args, c.webhookFlags()...)
	args = append(args, kubeletArgs(c)...)
	return append(args, emulationFlags(c.state.Cluster.Version)...)
}

// kubeletArgs are for the way to the kubelets.
func kubeletArgs(c *cluster) []string {
	if c.cfg.DataPlane == nil {
		// Nodes have no address of this type, so that logs and exec fail at once instead of connecting to whatever
		// has the node's private address in this machine's network.
		return []string{"--kubelet-preferred-address-types=ExternalDNS"}
	}
	return []string{
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + c.pkiPath("ca.crt"),
		"--kubelet-client-certificate=" + c.pkiPath("kubelet-client.crt"),
		"--kubelet-client-key=" + c.pkiPath("kubelet-client.key"),
		"--egress-selector-config-file=" + c.egressPath(),
		// The way to the metrics server, an API server of an add-on: to the addresses of its Service's endpoints.
		"--enable-aggregator-routing",
		"--proxy-client-cert-file=" + c.pkiPath("kubelet-client.crt"),
		"--proxy-client-key-file=" + c.pkiPath("kubelet-client.key"),
		"--requestheader-client-ca-file=" + c.pkiPath("ca.crt"),
		"--requestheader-allowed-names=" + kubeletClient,
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
	}
}

func controllerManagerArgs(c *cluster) []string {
	args := []string{
		"--kubeconfig=" + c.kubeconfigPath("controller-manager"),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true", // its own user may do little else than create them
		"--service-account-private-key-file=" + c.pkiPath("service-account.key"),
		"--root-ca-file=" + c.pkiPath("ca.crt"),
		"--cluster-signing-cert-file=" + c.pkiPath("ca.crt"),
		"--cluster-signing-key-file=" + c.pkiPath("ca.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		// The binding of a claim waits for this period, by default 15 s.
		"--pvclaimbinder-sync-period=1s",
		"--horizontal-pod-autoscaler-sync-period=5s",
		// It creates the directory, by default below /usr/libexec.
		"--flex-volume-plugin-dir=" + filepath.Join(c.dir, "volume-plugins"),
		"--profiling=false",
		"--v=0",
	}
	if _, err := netip.ParsePrefix(c.state.Cluster.PodsCIDR); err == nil {
		args = append(args,
			"--cluster-cidr="+c.state.Cluster.PodsCIDR,
			"--allocate-node-cidrs=true",
			"--node-cidr-mask-size=25", // as with flannel on OKE
		)
	}
	return append(args, emulationFlags(c.state.Cluster.Version)...)
}

func schedulerArgs(c *cluster) []string {
	args := []string{"--config=" + c.schedulerConfigPath(), "--secure-port=0", "--v=0"}
	return append(args, emulationFlags(c.state.Cluster.Version)...)
}

// schedulerConfig returns the scheduler's configuration file. The maximum backoff is one second instead of ten, so that
// Pods are scheduled soon after their nodes or volumes appear.
func schedulerConfig(kubeconfig string) string {
	return fmt.Sprintf(`apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
clientConnection:
  kubeconfig: %q
  qps: 200
  burst: 400
leaderElection:
  leaderElect: false
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
`, kubeconfig)
}
