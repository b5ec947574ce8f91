package kube

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

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
)

// IsComponent says whether Main runs something of that name.
func IsComponent(name string) bool {
	switch name {
	case etcdName, apiServerName, controllerManagerName, schedulerName:
		return true
	}
	return false
}

// Main runs the named component in this process until it gets SIGTERM and returns the exit status. Args are the
// component's flags.
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

// component is how a control-plane process of a cluster is started.
type component struct {
	name string
	args func(*cluster) []string
	env  []string // for the runtime's collector
}

// components in the order in which they start; they stop in the reverse one. Most of what they do is to start, and a lazy
// collector takes a seventh off that. The limits are for what the runtime holds beside the binary's own pages; all together
// they keep the local cloud within 1.5 GB.
var components = []component{
	{etcdName, etcdArgs, []string{"GOGC=200", "GOMEMLIMIT=200MiB"}},
	{apiServerName, apiServerArgs, []string{"GOGC=400", "GOMEMLIMIT=500MiB"}},
	{controllerManagerName, controllerManagerArgs, []string{"GOGC=200", "GOMEMLIMIT=150MiB"}},
	{schedulerName, schedulerArgs, []string{"GOGC=75", "GOMEMLIMIT=100MiB"}},
}

func etcdArgs(c *cluster) []string {
	return []string{
		"--data-dir=" + filepath.Join(c.dir, "etcd"),
		"--listen-client-url=" + c.etcdURL(),
		"--trusted-ca-file=" + c.pki("etcd-ca.crt"),
		"--cert-file=" + c.pki("etcd.crt"),
		"--key-file=" + c.pki("etcd.key"),
	}
}

func apiServerArgs(c *cluster) []string {
	args := []string{
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.state.APIPort),
		"--endpoint-reconciler-type=none", // its endpoint would be a loopback address, which Endpoints may not hold
		"--etcd-servers=" + c.etcdURL(),
		"--etcd-cafile=" + c.pki("etcd-ca.crt"),
		"--etcd-certfile=" + c.pki("etcd-client.crt"),
		"--etcd-keyfile=" + c.pki("etcd-client.key"),
		"--tls-cert-file=" + c.pki("apiserver.crt"),
		"--tls-private-key-file=" + c.pki("apiserver.key"),
		"--client-ca-file=" + c.pki("ca.crt"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + c.pki("service-account.key"),
		"--service-account-signing-key-file=" + c.pki("service-account.key"),
		"--service-cluster-ip-range=" + c.state.Cluster.ServicesCIDR,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		// Nodes have no such address: logs and exec fail at once, in place of a connection to whoever has the node's
		// private address in the network of this machine.
		"--kubelet-preferred-address-types=ExternalDNS",
		"--profiling=false",
		"--v=0",
	}
	if v := emulated(c.state.Cluster.Version); v != "" {
		args = append(args, "--emulated-version=kube="+v)
	}
	return args
}

func controllerManagerArgs(c *cluster) []string {
	args := []string{
		"--kubeconfig=" + c.kubeconfigPath("controller-manager"),
		"--secure-port=0",
		"--leader-elect=false",
		"--use-service-account-credentials=true", // its own user may do little but make them
		"--service-account-private-key-file=" + c.pki("service-account.key"),
		"--root-ca-file=" + c.pki("ca.crt"),
		"--cluster-signing-cert-file=" + c.pki("ca.crt"),
		"--cluster-signing-key-file=" + c.pki("ca.key"),
		"--kube-api-qps=200",
		"--kube-api-burst=400",
		// Claims wait for no other reason than this period, which is 15 s by default.
		"--pvclaimbinder-sync-period=1s",
		"--horizontal-pod-autoscaler-sync-period=5s",
		"--profiling=false",
		"--v=0",
	}
	if _, err := netip.ParsePrefix(c.state.Cluster.PodsCIDR); err == nil {
		args = append(args,
			"--cluster-cidr="+c.state.Cluster.PodsCIDR,
			"--allocate-node-cidrs=true",
			"--node-cidr-mask-size=25", // what OKE's flannel gives each node
		)
	}
	if v := emulated(c.state.Cluster.Version); v != "" {
		args = append(args, "--emulated-version=kube="+v)
	}
	return args
}

func schedulerArgs(c *cluster) []string {
	args := []string{"--config=" + c.schedulerConfigPath(), "--secure-port=0", "--v=0"}
	if v := emulated(c.state.Cluster.Version); v != "" {
		args = append(args, "--emulated-version=kube="+v)
	}
	return args
}

// schedulerConfig is the scheduler's file. Its longest back-off is a second, in place of ten: a Pod that waited for
// nodes or a volume shall not wait on when they are there.
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

// emulated returns the minor version, "1.35", that the processes have to emulate for a cluster of that version, or ""
// if it is their own.
func emulated(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return ""
	}
	if minor := parts[0] + "." + parts[1]; minor != binaryMinor {
		return minor
	}
	return ""
}
