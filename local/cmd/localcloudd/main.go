// Command localcloudd is the local cloud: the OCI emulator, the Kubernetes control planes of its clusters, the data
// plane with the agents of its nodes, and the stand-in provider plugins. It is one binary because all of them share
// most of their code; the name by which it is called, or its first argument, says which part runs.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	"oke-guestbook/local/dataplane/sandbox"
	"oke-guestbook/local/dataplane/worker/agents"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/provider/kubeplugin"
	"oke-guestbook/local/provider/ociplugin"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "localcloudd" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	os.Exit(run(name, args))
}

func run(name string, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch name {
	case "serve":
		return exit(serve(ctx, args))
	case "dataplane":
		return exit(sandbox.Main(ctx, args))
	case "pulumi-resource-oci":
		go endWithParent()
		return exit(ociplugin.Main())
	case "pulumi-resource-kubernetes":
		go endWithParent()
		return exit(kubeplugin.Main())
	case "kubectl":
		os.Args = append([]string{"kubectl"}, args...)
		command := kubectl.NewDefaultKubectlCommand()
		if err := cli.RunNoErrOutput(command); err != nil {
			util.CheckErr(err)
		}
		return 0
	case "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "metrics-server":
		return kube.Main(name, args)
	case agents.KubeletName, agents.KubeProxyName:
		return agents.Main(name, args)
	}
	return exit(fmt.Errorf("localcloudd has no part %q; `make up` starts it with the right one", name))
}

// endWithParent ends this plugin when its engine has been killed: nothing else would.
func endWithParent() {
	parent := os.Getppid()
	for range time.Tick(time.Second) {
		if os.Getppid() != parent {
			os.Exit(1)
		}
	}
}

func exit(err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return 0
	}
	fmt.Fprintln(os.Stderr, "localcloudd:", err)
	return 1
}
