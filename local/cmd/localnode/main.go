// Command localnode runs a node's first process, and containerd with its shim and its network plugin. It is apart from
// localcloudd, because each Pod has a shim and starts the network plugin: linked with all of Kubernetes, a shim takes
// 26 MB of memory instead of 13, and each start 80 ms instead of 10.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"oke-guestbook/local/dataplane/worker/node"
	"oke-guestbook/local/dataplane/worker/podnet"
	"oke-guestbook/local/dataplane/worker/runc"
	"oke-guestbook/local/dataplane/worker/runtime"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "localnode" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	os.Exit(run(name, args))
}

func run(name string, args []string) int {
	switch name {
	case node.Name:
		return node.Main(args)
	case runtime.Name:
		return runtime.Main(args)
	case runtime.ShimName:
		runtime.Shim()
		return 0
	case runc.Name:
		return runc.Main(args)
	case podnet.Plugin:
		podnet.PluginMain()
		return 0
	}
	fmt.Fprintf(os.Stderr, "localnode has no part %q; package worker starts it with the right one\n", name)
	return 1
}
