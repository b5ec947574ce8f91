// Package netpol enforces network policies on a node, with the decisions of kube-network-policies: its engine, its
// knowledge of Pods and its reading of packets, as its own program combines them.
//
// The packets come another way. That program sends them to its queue with nftables' expression queue, and marks judged
// connections by a label that it returns with its verdict. Kernels without CONFIG_NFT_QUEUE and
// CONFIG_NETFILTER_NETLINK_GLUE_CT have neither, though all with iptables' target NFQUEUE have the queue. Here rules
// have that target, and only the first packet of a connection is judged: a policy does not end connections.
package netpol

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/kube-network-policies/pkg/api"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
	"sigs.k8s.io/kube-network-policies/pkg/podinfo"
	"sigs.k8s.io/kube-network-policies/pkg/runner"
)

// Config says where to enforce.
type Config struct {
	// Node is the name of the node, whose network namespace the process is in.
	Node string
	// Queue is the number of the netfilter queue.
	Queue int
	Log   *slog.Logger
}

// Run enforces the policies that the API server has until ctx is done.
func Run(ctx context.Context, client kubernetes.Interface, config Config) error {
	engine, err := newEngine(ctx, client, config.Node)
	if err != nil {
		return err
	}
	rules := ruleSet{queue: uint16(config.Queue)}
	sync := runner.NewBoundedFrequencyRunner("rules", func() error {
		addresses, _, err := engine.GetManagedIPs(ctx)
		if err == nil {
			err = rules.replace(addresses)
		}
		if err != nil {
			config.Log.Error("rules", "error", err)
		}
		return err
	}, time.Second, time.Second, time.Hour)
	engine.SetDataplaneSyncCallbacks(sync.Run)
	go sync.Loop(ctx.Done())
	sync.Run()
	return judge(ctx, engine, config)
}

// newEngine returns an engine that knows the cluster's policies and Pods.
func newEngine(ctx context.Context, client kubernetes.Interface, node string) (*networkpolicy.PolicyEngine, error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	namespaces, pods := factory.Core().V1().Namespaces(), factory.Core().V1().Pods()
	addresses, err := podinfo.NewInformerResolver(pods.Informer())
	if err != nil {
		return nil, fmt.Errorf("index of Pods: %w", err)
	}
	provider := podinfo.NewInformerProvider(pods, namespaces, nil, []podinfo.IPResolver{addresses})
	engine := networkpolicy.NewPolicyEngine(provider, []api.PolicyEvaluator{
		networkpolicy.NewStandardNetworkPolicy(node, namespaces, pods, factory.Networking().V1().NetworkPolicies()),
	})
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	if !engine.Ready() {
		return nil, fmt.Errorf("the API server's policies and Pods: %w", context.Cause(ctx))
	}
	return engine, nil
}
