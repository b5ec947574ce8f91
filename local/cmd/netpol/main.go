// Command netpol stands for the image of kube-network-policies on nodes that run Pods. It takes those of its flags that
// the stack sets.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net/http"
	"os"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"oke-guestbook/local/cmd/internal/program"
	"oke-guestbook/local/dataplane/netpol"
)

func main() { program.Main(run) }

func run(ctx context.Context) error {
	config := netpol.Config{Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}
	flag.StringVar(&config.Node, "hostname-override", "", "name of the node")
	flag.IntVar(&config.Queue, "nfqueue-id", 100, "number of the netfilter queue")
	metrics := flag.String("metrics-bind-address", ":9080", "where to answer, without metrics, while it enforces")
	flag.Bool("disable-nri", true, "accepted, and true: the runtime is not asked for Pods")
	flag.Parse()
	kubeconfig, err := rest.InClusterConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(kubeconfig)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	server := http.Server{Addr: *metrics, Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { cancel(server.ListenAndServe()) }()
	return netpol.Run(ctx, client, config)
}
