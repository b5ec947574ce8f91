package kube

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

var (
	//go:embed defaults/oke.yaml
	defaultObjects string
	//go:embed defaults/nodes.yaml
	nodeObjects string // of a cluster whose nodes run in the data plane
)

// applyDefaults applies the objects that OKE creates in every cluster.
func (c *cluster) applyDefaults(ctx context.Context) error {
	text := defaultObjects
	if c.cfg.DataPlane == nil {
		return c.apply(ctx, text)
	}
	// The API server takes the address first, and nobody else can make the Service then.
	err := c.waitFor(ctx, `the API server to make the Service "kubernetes"`, func(ctx context.Context) (bool, error) {
		_, err := c.api.CoreV1().Services(metav1.NamespaceDefault).Get(ctx, "kubernetes", metav1.GetOptions{})
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	return c.apply(ctx, text+"\n---\n"+nodeObjects)
}

// apply applies objects, with the cluster's addresses in the place of their names.
func (c *cluster) apply(ctx context.Context, text string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client, err := dynamic.NewForConfig(c.rest)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(c.api.Discovery()))
	endpoint, _, _ := strings.Cut(c.state.Cluster.PrivateEndpoint, ":")
	text = strings.NewReplacer(
		"DNS_IP", dnsIP(c.state.Cluster.ServicesCIDR), "API_IP", apiIP(c.state.Cluster.ServicesCIDR),
		"ENDPOINT_IP", endpoint, "KUBELET_CLIENT", kubeletClient,
	).Replace(text)
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(text)), 4096)
	for {
		obj := &unstructured.Unstructured{}
		if err := decoder.Decode(obj); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("default objects: %w", err)
		}
		gvk := obj.GroupVersionKind()
		mapping, err := mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
		if err != nil {
			return fmt.Errorf("default object %s: %w", gvk.Kind, err)
		}
		var resource dynamic.ResourceInterface = client.Resource(mapping.Resource)
		if ns := obj.GetNamespace(); ns != "" {
			resource = client.Resource(mapping.Resource).Namespace(ns)
		}
		options := metav1.ApplyOptions{FieldManager: "oke", Force: true}
		if _, err := resource.Apply(ctx, obj.GetName(), obj, options); err != nil {
			return fmt.Errorf("default object %s %s: %w", gvk.Kind, obj.GetName(), err)
		}
	}
}

// apiIP returns the address of the Service "kubernetes": the first one of the services CIDR.
func apiIP(servicesCIDR string) string {
	prefix, _ := netip.ParsePrefix(servicesCIDR) // prepare has checked it
	return prefix.Masked().Addr().Next().String()
}

// dnsIP returns the address of the cluster's DNS service: as on OKE, 10.96.5.5 for 10.96.0.0/16. In a range that is too
// small for that it is the fifth address.
func dnsIP(servicesCIDR string) string {
	prefix, err := netip.ParsePrefix(servicesCIDR)
	if err != nil {
		return "None"
	}
	ip := prefix.Masked().Addr()
	if prefix.Bits() <= 16 && ip.Is4() {
		b := ip.As4()
		b[2], b[3] = b[2]+5, 5
		return netip.AddrFrom4(b).String()
	}
	for range 5 {
		ip = ip.Next()
	}
	return ip.String()
}
