// Package kubeplugin is the local cloud's stand-in for Pulumi's `kubernetes` plugin, for machines that cannot download
// the official one. It applies any object server-side and waits until it is ready. Validation is left to the API
// server.
package kubeplugin

import (
	"context"
	"fmt"
	"os"
	"strings"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/middleware/cancel"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"oke-guestbook/local/provider/value"
)

// Version is the version of the official plugin whose behaviour this one follows.
const Version = "4.33.0"

// standIn names the plugin in errors about what it lacks.
const standIn = "the local cloud's stand-in for the kubernetes plugin"

// Main serves the plugin to the engine that started this process.
func Main() error {
	serve := func(host *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		s, err := p.RawServer("kubernetes", Version, New())(host)
		return server{s}, err
	}
	return provider.MainContext(context.Background(), "kubernetes", serve)
}

// server serves the plugin. Its state of a provider is that of the official one, which would update the provider
// otherwise: the framework adds its own version.
type server struct {
	pulumirpc.ResourceProviderServer
}

func (s server) CheckConfig(ctx context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	out, err := s.ResourceProviderServer.CheckConfig(ctx, req)
	delete(out.GetInputs().GetFields(), "__pulumi-go-provider-version")
	return out, err
}

// New returns the plugin.
func New() p.Provider {
	g := &plugin{}
	return cancel.Wrap(p.Provider{
		GetSchema: func(context.Context, p.GetSchemaRequest) (p.GetSchemaResponse, error) {
			return p.GetSchemaResponse{Schema: `{"name":"kubernetes","version":"` + Version + `"}`}, nil
		},
		CheckConfig: g.checkConfig,
		DiffConfig:  g.diffConfig,
		Configure:   g.configure,
		Invoke: func(_ context.Context, req p.InvokeRequest) (p.InvokeResponse, error) {
			return p.InvokeResponse{}, fmt.Errorf("%s has no function %s", standIn, req.Token)
		},
		Check:  g.check,
		Diff:   g.diff,
		Create: g.create,
		Read:   g.read,
		Update: g.update,
		Delete: g.delete,
	})
}

// plugin is a configured provider, which manages the objects of one cluster.
type plugin struct {
	config  config
	cluster *cluster // nil while the kubeconfig is unknown
}

// config is the provider's configuration, with the names of the official schema.
type config struct {
	kubeconfig, context, cluster, namespace string
	clusterIdentifier                       string
	deleteUnreachable, skipUpdateUnreachable,
	enablePatchForce, enableConfigMapMutable, enableSecretMutable,
	suppressDeprecationWarnings, upsertExistingObjects bool
}

// unsupportedConfig lists settings of the official plugin that this one lacks.
var unsupportedConfig = []string{"renderYamlToDirectory", "helmReleaseSettings"}

func (g *plugin) checkConfig(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
	out := p.CheckResponse{Inputs: req.Inputs}
	_, err := newConfig(value.PlainMap(req.Inputs))
	if err != nil {
		out.Failures = append(out.Failures, p.CheckFailure{Reason: err.Error()})
	}
	return out, nil
}

// newConfig reads the configuration. Like the official plugin, it takes missing switches from environment variables.
func newConfig(args map[string]any) (config, error) {
	for _, name := range unsupportedConfig {
		if v := args[name]; v != nil && v != "" {
			return config{}, fmt.Errorf("%s is not supported by %s", name, standIn)
		}
	}
	if fmt.Sprint(args["enableServerSideApply"]) == "false" {
		return config{}, fmt.Errorf("enableServerSideApply: %s always applies server-side", standIn)
	}
	text := func(name string) string {
		s, _ := args[name].(string)
		return s
	}
	flag := func(name, env string) bool {
		if v, ok := args[name]; ok {
			return fmt.Sprint(v) == "true"
		}
		return os.Getenv(env) == "true"
	}
	return config{
		kubeconfig: text("kubeconfig"), context: text("context"), cluster: text("cluster"), namespace: text("namespace"),
		clusterIdentifier:           text("clusterIdentifier"),
		deleteUnreachable:           flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
		skipUpdateUnreachable:       flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
		enablePatchForce:            flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
		enableConfigMapMutable:      flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE"),
		enableSecretMutable:         flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE"),
		suppressDeprecationWarnings: flag("suppressDeprecationWarnings", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS"),
		upsertExistingObjects:       flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
	}, nil
}

// diffConfig replaces the provider, and so all of its objects, only if the cluster is another one.
func (g *plugin) diffConfig(_ context.Context, req p.DiffRequest) (p.DiffResponse, error) {
	old, now := value.PlainMap(req.OldInputs), value.PlainMap(req.Inputs)
	if len(old) == 0 {
		old = value.PlainMap(req.State)
	}
	out := p.DiffResponse{DetailedDiff: map[string]p.PropertyDiff{}}
	for _, k := range allKeys(old, now) {
		if strings.HasPrefix(k, "__") || equal(old[k], now[k]) {
			continue
		}
		out.HasChanges = true
		out.DetailedDiff[k] = p.PropertyDiff{Kind: p.Update, InputDiff: true}
		if replacesCluster(k, old, now) {
			out.DetailedDiff[k] = p.PropertyDiff{Kind: p.UpdateReplace, InputDiff: true}
		}
	}
	return out, nil
}

// replacesCluster reports whether the change of a setting makes the cluster another one.
func replacesCluster(key string, old, now map[string]any) bool {
	was, is := old["clusterIdentifier"], now["clusterIdentifier"]
	if was != nil && is != nil {
		return key == "clusterIdentifier"
	}
	if key != "kubeconfig" && key != "context" && key != "cluster" {
		return false
	}
	if value.ContainsUnknown(now[key]) {
		return true
	}
	oldConfig, err1 := newConfig(old)
	config, err2 := newConfig(now)
	if err1 != nil || err2 != nil {
		return false
	}
	before, err1 := oldConfig.server()
	after, err2 := config.server()
	return err1 == nil && err2 == nil && before != after
}

func (g *plugin) configure(ctx context.Context, req p.ConfigureRequest) error {
	args := value.PlainMap(req.Args)
	cfg, err := newConfig(args)
	if err != nil {
		return err
	}
	g.config = cfg
	if value.ContainsUnknown(args) {
		return nil
	}
	g.cluster, err = connect(ctx, cfg)
	return err
}
