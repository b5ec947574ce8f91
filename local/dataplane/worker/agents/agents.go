// Package agents runs Kubernetes' processes of a node, kubelet and kube-proxy, in this process.
package agents

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
)

// Names of the processes that Main runs.
const (
	KubeletName   = "kubelet"
	KubeProxyName = "kube-proxy"
)

// Main runs the named process until SIGTERM and returns the exit status. Args are its flags.
func Main(name string, args []string) int {
	switch name {
	case KubeletName:
		if err := kubelet(server.SetupSignalContext(), args); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	case KubeProxyName:
		cmd := proxy.NewProxyCommand()
		cmd.SetArgs(args)
		cmd.SetContext(context.Background())
		return cli.Run(cmd)
	}
	fmt.Fprintf(os.Stderr, "no process %q on a node\n", name)
	return 2
}
