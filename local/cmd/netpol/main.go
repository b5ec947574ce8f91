// Command netpol stands for the image of kube-network-policies on nodes that run Pods. It takes those of its flags that
// the stack sets.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"oke-guestbook/local/dataplane/netpol"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

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
