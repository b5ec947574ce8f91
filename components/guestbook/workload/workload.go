// Package workload holds what a stack says of a guestbook: settings, defaults and validation.
package workload

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/distribution/reference"

	"oke-guestbook/settings/problem"
)

// Spec is what is set for a guestbook, or for all of a stack's at once.
type Spec struct {
	Namespace        string `json:"namespace" help:"Kubernetes namespace; empty for the guestbook's name"`
	FrontendImage    string `json:"frontendImage" help:"Image of the frontend, with its registry host"`
	FrontendReplicas int    `json:"frontendReplicas" help:"Pods of the frontend"`
	FrontendPort     int    `json:"frontendPort" help:"Port that the frontend's container listens on"`
	MongoImage       string `json:"mongoImage" help:"Image of the database, with its registry host"`
	StorageGB        int    `json:"storageGb" help:"Size of the database's block volume, 50 GB at least. It can grow, never shrink"`
	LoadBalancerMbps int    `json:"loadBalancerMbps" help:"Bandwidth of the load balancer; 10 is free of charge"`
}

// Guestbook is one guestbook of a stack.
type Guestbook struct {
	Name string `json:"name"` // unique in the stack; prefix of its Pulumi resources
	Spec
}

// Defaults returns the settings of a guestbook that says nothing.
func Defaults() Spec {
	return Spec{
		FrontendImage:    "docker.io/paulczar/gb-frontend:v5",
		FrontendReplicas: 3,
		FrontendPort:     80,
		MongoImage:       "docker.io/library/mongo:4.2",
		StorageGB:        minStorageGB,
		LoadBalancerMbps: minMbps,
	}
}

// Complete returns the guestbook of that name with everything filled in that depends on something else.
func Complete(name string, s Spec) Guestbook {
	if s.Namespace == "" {
		s.Namespace = name
	}
	return Guestbook{Name: name, Spec: s}
}

// Limits of what a guestbook is made of.
const (
	minStorageGB = 50    // smallest block volume (Oracle documentation, "Block Volume", section "Capabilities and Limits")
	maxStorageGB = 32768 // largest one
	minMbps      = 10    // flexible load balancer ("Load Balancer Shapes")
	maxMbps      = 8000
	maxReplicas  = 100
)

var dnsLabel = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// Validate adds every problem to list. A setting's key is told after prefix.
func (g *Guestbook) Validate(list *problem.List, prefix string) {
	if !dnsLabel.MatchString(g.Name) {
		list.Add(prefix+"name", "%q is not a name of 1 to 63 lower-case letters, digits and hyphens that begins with a letter", g.Name)
	} else if !dnsLabel.MatchString(g.Namespace) {
		list.Add(prefix+"namespace", "%q is not a name of 1 to 63 lower-case letters, digits and hyphens that begins with a letter", g.Namespace)
	} else if g.Namespace == "default" || strings.HasPrefix(g.Namespace, "kube-") {
		list.Add(prefix+"namespace", "%q belongs to Kubernetes; give the guestbook one of its own", g.Namespace)
	}
	for _, r := range []struct {
		key            string
		got, low, high int
	}{
		{"frontendReplicas", g.FrontendReplicas, 1, maxReplicas},
		{"frontendPort", g.FrontendPort, 1, 65535},
		{"storageGb", g.StorageGB, minStorageGB, maxStorageGB},
		{"loadBalancerMbps", g.LoadBalancerMbps, minMbps, maxMbps},
	} {
		if r.got < r.low || r.got > r.high {
			list.Add(prefix+r.key, "must be from %d to %d (got %d)", r.low, r.high, r.got)
		}
	}
	for _, image := range []struct{ key, value string }{{"frontendImage", g.FrontendImage}, {"mongoImage", g.MongoImage}} {
		if err := checkImage(image.value); err != nil {
			list.Add(prefix+image.key, "%v", err)
		}
	}
}

// checkImage returns an error unless image names its registry: OKE nodes resolve no short names from Kubernetes 1.34 on.
func checkImage(image string) error {
	ref, err := reference.Parse(image)
	if err != nil {
		return fmt.Errorf("%q is not an image reference: %w", image, err)
	}
	named, ok := ref.(reference.Named)
	if !ok {
		return fmt.Errorf("%q names no image", image)
	}
	host := reference.Domain(named)
	if !strings.ContainsAny(host, ".:") && host != "localhost" {
		return fmt.Errorf("%q has no registry host; write it in full, such as docker.io/library/mongo:8.0", image)
	}
	if reference.IsNameOnly(named) {
		return fmt.Errorf("%q has neither tag nor digest", image)
	}
	return nil
}
