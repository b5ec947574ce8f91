package kubeplugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is a connection to an API server.
type cluster struct {
	dynamic   dynamic.Interface
	core      corev1client.CoreV1Interface // Pods, their logs and events
	mapper    meta.ResettableRESTMapper
	namespace string // for objects that name none

	unreachable func() error // why the cluster cannot be reached, or nil; it asks once
}

// loader loads the kubeconfig from its content, from its path or, if neither is set, like kubectl.
func (c config) loader() clientcmd.ClientConfig {
	overrides := &clientcmd.ConfigOverrides{CurrentContext: c.context}
	overrides.Context.Cluster = c.cluster
	overrides.Context.Namespace = c.namespace
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if c.kubeconfig != "" && !strings.ContainsAny(c.kubeconfig, "\n{") {
		rules.ExplicitPath = expandHome(c.kubeconfig)
	} else if c.kubeconfig != "" {
		if parsed, err := clientcmd.Load([]byte(c.kubeconfig)); err == nil {
			return clientcmd.NewNonInteractiveClientConfig(*parsed, c.context, overrides, rules)
		}
	}
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

func expandHome(path string) string {
	if below, ok := strings.CutPrefix(path, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return home + "/" + below
		}
	}
	return path
}

// server returns the address and the CA of the active cluster, which together identify the cluster.
func (c config) server() (string, error) {
	cfg, err := c.loader().ClientConfig()
	if err != nil {
		return "", err
	}
	return cfg.Host + "\n" + string(cfg.CAData), nil
}

func connect(_ context.Context, c config) (*cluster, error) {
	if c.kubeconfig != "" && strings.ContainsAny(c.kubeconfig, "\n{") {
		if _, err := clientcmd.Load([]byte(c.kubeconfig)); err != nil {
			return nil, fmt.Errorf("kubeconfig: %w", err)
		}
	}
	loader := c.loader()
	cfg, err := loader.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	cfg.QPS, cfg.Burst = 120, 240 // the official plugin's
	if c.suppressDeprecationWarnings {
		cfg.WarningHandlerWithContext = rest.NoWarnings{}
	} else {
		cfg.WarningHandlerWithContext = warnings{}
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	core, err := corev1client.NewForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	disco, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig: %w", err)
	}
	return &cluster{
		dynamic: dyn, core: core, namespace: namespace,
		mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disco)),
		unreachable: sync.OnceValue(func() error {
			if _, err := disco.ServerVersion(); err != nil {
				return fmt.Errorf("configured Kubernetes cluster is unreachable: %w", err)
			}
			return nil
		}),
	}, nil
}

// warnings passes the API server's warnings on to Pulumi.
type warnings struct{}

func (warnings) HandleWarningHeaderWithContext(ctx context.Context, code int, _, text string) {
	if code == 299 && text != "" {
		p.GetLogger(ctx).Warning(text)
	}
}

var errUnknownCluster = errors.New("the cluster's kubeconfig is not known yet")

// checkReachable returns an error if the cluster is unknown or did not answer the first time.
func (g *plugin) checkReachable() error {
	if g.cluster == nil {
		return errUnknownCluster
	}
	return g.cluster.unreachable()
}

// client returns the client of a kind, in the namespace, by default the provider's, if the kind has namespaces.
func (c *cluster) client(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset() // the kind may be a new one
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, err
	}
	resource := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return resource, nil
	}
	if namespace == "" {
		namespace = c.namespace
	}
	return resource.Namespace(namespace), nil
}

// awaitKind waits until the API server serves the kind, which takes a moment after its definition.
func (c *cluster) awaitKind(ctx context.Context, gvk schema.GroupVersionKind) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return wait.PollUntilContextCancel(ctx, 250*time.Millisecond, true, func(context.Context) (bool, error) {
		_, err := c.client(gvk, "")
		if meta.IsNoMatchError(err) && ctx.Err() == nil {
			return false, nil
		}
		return err == nil, err
	})
}

func (c *cluster) clientOf(obj *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	return c.client(obj.GroupVersionKind(), obj.GetNamespace())
}
