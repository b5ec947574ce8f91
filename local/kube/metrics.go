package kube

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	openapinamer "k8s.io/apiserver/pkg/endpoints/openapi"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/client-go/dynamic"
	"k8s.io/kubernetes/pkg/generated/openapi"
	"sigs.k8s.io/metrics-server/cmd/metrics-server/app/options"
	"sigs.k8s.io/metrics-server/pkg/api"

	"oke-guestbook/local/dataplane/tunnel"
	"oke-guestbook/local/supervise"
)

// metricsAddon is the name of OKE's add-on that serves the metrics API: kubectl top and autoscalers ask it.
const metricsAddon = "KubernetesMetricsServer"

//go:embed defaults/metrics.yaml
var metricsObjects string

var apiServices = schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}

// metricsServerCommand is metrics-server with a flag for the way to the kubelets, which is the API server's: a UNIX
// socket that takes CONNECT requests.
func metricsServerCommand() *cobra.Command {
	opts, socket := options.NewOptions(), ""
	cmd := &cobra.Command{Use: metricsServerName, SilenceUsage: true}
	cmd.SetContext(genericapiserver.SetupSignalContext())
	for _, set := range opts.Flags().FlagSets {
		cmd.Flags().AddFlagSet(set)
	}
	cmd.Flags().StringVar(&socket, "node-socket", "", "UNIX socket that takes CONNECT requests to kubelets")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := utilerrors.NewAggregate(opts.Validate()); err != nil {
			return err
		}
		config, err := opts.ServerConfig()
		if err != nil {
			return err
		}
		config.Kubelet.Client.Dial = func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, "unix", socket)
			if err != nil {
				return nil, err
			}
			return tunnel.Connect(ctx, conn, address)
		}
		// Its own definitions name the models as Kubernetes did before 1.35.
		definitions, namer := openapi.GetOpenAPIDefinitions, openapinamer.NewDefinitionNamer(api.Scheme)
		config.Apiserver.OpenAPIConfig = genericapiserver.DefaultOpenAPIConfig(definitions, namer)
		config.Apiserver.OpenAPIV3Config = genericapiserver.DefaultOpenAPIV3Config(definitions, namer)
		server, err := config.Complete()
		if err != nil {
			return err
		}
		return server.RunUntil(cmd.Context().Done())
	}
	return cmd
}

func metricsServerArgs(c *cluster) []string {
	return []string{
		"--kubeconfig=" + c.kubeconfigPath("admin"),
		"--authentication-kubeconfig=" + c.kubeconfigPath("admin"),
		"--authorization-kubeconfig=" + c.kubeconfigPath("admin"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", c.state.MetricsPort),
		"--cert-dir=" + filepath.Join(c.dir, metricsServerName),
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + c.pkiPath("ca.crt"),
		"--kubelet-client-certificate=" + c.pkiPath("kubelet-client.crt"),
		"--kubelet-client-key=" + c.pkiPath("kubelet-client.key"),
		"--node-socket=" + c.socketPath("nodes"),
		"--metric-resolution=10s", // the least: kubelets measure every 10 s
		"--kubelet-request-timeout=5s",
	}
}

// applyAddons starts and stops what add-ons run. The others, and those of a cluster with simulated nodes, run nothing.
// The caller holds c.mu.
func (c *cluster) applyAddons(ctx context.Context) error {
	if c.cfg.DataPlane == nil {
		return nil
	}
	wanted := slices.Contains(c.state.Cluster.Addons, metricsAddon)
	running := c.process(metricsServerName)
	switch {
	case wanted && running == nil:
		if err := c.apply(ctx, metricsObjects); err != nil {
			return fmt.Errorf("metrics server: %w", err)
		}
		c.startProcess(metricsServer)
	case !wanted && running != nil:
		running.Stop()
		c.setStatus(slices.DeleteFunc(c.processes(), func(p *supervise.Process) bool { return p == running }))
	}
	if wanted {
		return nil
	}
	// An API that nobody serves makes discovery fail, and with it the deletion of namespaces.
	client, err := dynamic.NewForConfig(c.rest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = client.Resource(apiServices).Delete(ctx, "v1beta1.metrics.k8s.io", metav1.DeleteOptions{})
	return utilerrors.FilterOut(err, apierrors.IsNotFound)
}
