// Package guestbook makes a MongoDB guestbook on a Kubernetes cluster, in a namespace of its own.
package guestbook

import (
	"fmt"
	"slices"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/pull"
	"oke-guestbook/plan/workload"
)

// Args says what guestbook to make.
type Args struct {
	// Guestbook are the settings, complete and valid. Required.
	Guestbook workload.Guestbook
	// Protect keeps the namespace, the database's volumes and the bucket from being deleted. Optional, default false.
	Protect bool
	// Networks are the networks around the guestbook. Required.
	Networks Networks
	// LoadBalancerSubnetID is the OCID of the load balancer's subnet. Required with exposure public or internal.
	LoadBalancerSubnetID pulumi.StringInput
	// LoadBalancerNSGIDs are the OCIDs of the load balancer's network security groups. Optional, default none.
	LoadBalancerNSGIDs pulumi.StringArrayInput
	// Registry has the credentials with which images are pulled. Optional; default none.
	Registry workload.Registry
	// Store is where backups are kept, and metrics are posted. Required with backups and with metrics.
	Store Store
	// Enforcer enforces the network policies. Optional; with it the Pods are made after it.
	Enforcer []pulumi.Resource
	// Nodes are the node pools. Optional; with them volumes are claimed and Pods begin after the nodes are made, and
	// volumes are deleted before them.
	Nodes []pulumi.Resource
}

// Networks are the networks around a guestbook, as IPv4 CIDRs.
type Networks struct {
	// Visitors are the networks whose hosts may connect to the load balancer. Optional, default all.
	Visitors []string
	// Proxies are the sources of the connections that reach the frontend: load balancers, and nodes that forward. Required
	// unless the exposure is none.
	Proxies []string
	// Balancer is the load balancer's subnet. Required with a network load balancer.
	Balancer string
	// APIEndpoint is the subnet of the Kubernetes API endpoint. Required with backups.
	APIEndpoint string
	// Inside are all networks of VCN and cluster: VCN, Pods, Services and the hosts' link-local addresses. Required
	// with backups.
	Inside []string
}

// Guestbook is a guestbook with its database.
type Guestbook struct {
	pulumi.ResourceState

	// Namespace holds all objects.
	Namespace *corev1.Namespace
	// Claims are the claims of the database's volumes.
	Claims []*corev1.PersistentVolumeClaim
	// Database is the guestbook's own MongoDB; nil with an external database.
	Database *appsv1.StatefulSet
	// Frontend serves the pages.
	Frontend *appsv1.Deployment
	// Service is what visitors connect to; nil with exposure none.
	Service *corev1.Service
	// URL is the address of the pages; empty without a load balancer.
	URL pulumi.StringOutput
	// Address is the load balancer's IP address; empty without one.
	Address pulumi.StringOutput
	// Record is the DNS record of the host name, as a zone file has it; empty without a name or a load balancer.
	Record pulumi.StringOutput
	// LastBackup is the time of the newest backup in the bucket, in RFC 3339; empty without backups.
	LastBackup pulumi.StringOutput
}

// New makes a guestbook. opts must contain the Kubernetes provider of its cluster.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Guestbook, error) {
	none := pulumi.String("").ToStringOutput()
	g := &Guestbook{URL: none, Address: none, Record: none, LastBackup: none}
	if err := ctx.RegisterComponentResource("oke-guestbook:guestbook:Guestbook", name, g, opts...); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, name: name, args: args, book: args.Guestbook, g: g, before: args.Nodes}
	if err := b.build(); err != nil {
		return nil, fmt.Errorf("guestbook %q: %w", name, err)
	}
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"url": g.URL, "namespace": pulumi.String(b.book.Namespace)})
}

// builder carries what the steps of New share. Each step returns what it makes, and takes what it needs of earlier
// ones.
type builder struct {
	ctx  *pulumi.Context
	name string
	args *Args
	book workload.Guestbook
	pull *corev1.Secret // credentials of the registry; nil for public images
	g    *Guestbook

	// before are made before Pods: the node pools, so that nothing waits for Pods whose nodes cannot be made; the network
	// policies, and what enforces them.
	before []pulumi.Resource
}

// build makes the parts of the guestbook in the order in which they need each other.
func (b *builder) build() error {
	unchanged, err := b.immutable()
	if err != nil {
		return err
	}
	if b.g.Namespace, err = b.namespace(unchanged); err != nil {
		return fmt.Errorf("namespace: %w", err)
	}
	b.pull, err = pull.Secret(b.ctx, b.name+"-registry", b.args.Registry, b.meta("registry", "", nil), b.book.Images(),
		b.namespaced()...)
	if err != nil {
		return fmt.Errorf("credentials of the registry: %w", err)
	}
	var quota *corev1.ResourceQuota // nil in profile tutorial
	if b.book.Hardened() {
		if quota, err = b.guardRails(); err != nil {
			return fmt.Errorf("guard rails: %w", err)
		}
		policies, err := b.networkPolicies()
		if err != nil {
			return fmt.Errorf("network policies: %w", err)
		}
		b.before = slices.Concat(b.before, policies, b.args.Enforcer)
	}
	secret, err := b.credentials() // nil in profile tutorial
	if err != nil {
		return fmt.Errorf("credentials: %w", err)
	}
	if b.g.Claims, err = b.claims(quota); err != nil {
		return fmt.Errorf("volumes: %w", err)
	}
	database, err := b.database(secret)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if b.book.Backs() {
		if err := b.backup(secret, unchanged, database); err != nil {
			return fmt.Errorf("backup: %w", err)
		}
	}
	if b.g.Frontend, err = b.frontend(secret); err != nil {
		return fmt.Errorf("frontend: %w", err)
	}
	if b.book.Measured {
		if err := b.measure(secret, unchanged); err != nil {
			return fmt.Errorf("metrics: %w", err)
		}
	}
	if err := b.scaling(); err != nil {
		return fmt.Errorf("scaling: %w", err)
	}
	if err := b.services(); err != nil {
		return fmt.Errorf("services: %w", err)
	}
	return nil
}
