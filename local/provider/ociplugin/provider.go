// Package ociplugin is the local cloud's stand-in for Pulumi's `oci` plugin, for machines that cannot download the
// official one. It maps resource types to OCI's REST API by tables and validates nothing: the emulator does.
package ociplugin

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/middleware/cancel"

	"oke-guestbook/catalog"
	"oke-guestbook/local/ociclient"
	"oke-guestbook/local/provider/value"
)

// Version is that of the official plugin whose schema this one follows.
const Version = "3.16.0"

// Main serves the plugin to the engine that started this process.
func Main() error {
	return p.RunProvider(context.Background(), "oci", Version, New())
}

// New returns the plugin. Credentials and endpoints come from the environment; CLIENT_HOST_OVERRIDES must name loopback
// addresses only.
func New() p.Provider {
	g := &plugin{clients: map[catalog.Client]*ociclient.Client{}}
	return cancel.Wrap(p.Provider{
		GetSchema: func(context.Context, p.GetSchemaRequest) (p.GetSchemaResponse, error) {
			return p.GetSchemaResponse{Schema: `{"name":"oci","version":"` + Version + `"}`}, nil
		},
		CheckConfig: func(_ context.Context, req p.CheckRequest) (p.CheckResponse, error) {
			return p.CheckResponse{Inputs: req.Inputs}, nil
		},
		DiffConfig: func(context.Context, p.DiffRequest) (p.DiffResponse, error) { return p.DiffResponse{}, nil },
		Configure:  g.configure,
		Invoke:     g.invoke,
		Check:      g.check,
		Diff:       g.diff,
		Create:     g.create,
		Read:       g.read,
		Update:     g.update,
		Delete:     g.delete,
	})
}

type plugin struct {
	mu      sync.Mutex
	creds   ociclient.Credentials
	retry   bool
	clients map[catalog.Client]*ociclient.Client
}

func (g *plugin) configure(_ context.Context, req p.ConfigureRequest) error {
	g.retry = true
	if v, ok := req.Args.GetOk("disableAutoRetries"); ok {
		g.retry = fmt.Sprint(value.Plain(v)) != "true"
	}
	for _, entry := range strings.Split(os.Getenv("CLIENT_HOST_OVERRIDES"), ";") {
		_, host, _ := strings.Cut(entry, "=")
		if !isLoopback(host) {
			return fmt.Errorf("this stand-in for the oci plugin only talks to the local cloud, and %q in "+
				"CLIENT_HOST_OVERRIDES does not point to a loopback address: install the official plugin for Oracle Cloud "+
				"(pulumi plugin install resource oci %s)", entry, Version)
		}
	}
	creds, err := ociclient.CredentialsFromEnv()
	if err != nil {
		return err
	}
	g.creds = creds
	return nil
}

func isLoopback(host string) bool {
	u, err := url.Parse(host)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && addr.IsLoopback()
}

func (g *plugin) client(name catalog.Client) (*ociclient.Client, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c, ok := g.clients[name]; ok {
		return c, nil
	}
	endpoint, ok := ociclient.EndpointFromEnv(string(name))
	if !ok {
		return nil, fmt.Errorf("CLIENT_HOST_OVERRIDES has no entry for %s", name)
	}
	c, err := ociclient.New(endpoint, g.creds)
	if err == nil {
		g.clients[name] = c
	}
	return c, err
}
