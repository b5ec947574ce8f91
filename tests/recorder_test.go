// Package tests runs the whole program on Pulumi's mocks, in one test binary: one that links the providers' SDKs takes
// 15 s and 3 GB to make.
package tests

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"oke-guestbook/catalog"
)

// registration is one resource that the program asked for.
type registration struct {
	Type, Name, Parent string // the parent's name; empty for the stack
	Inputs             resource.PropertyMap
	Options            *pulumirpc.RegisterResourceRequest
}

// The public addresses that there are.
const (
	reservedAddress  = "192.0.2.7"
	ephemeralAddress = "192.0.2.8"
)

// recorder stands in for the engine and the providers. It is safe for concurrent calls and refuses what it does not know.
type recorder struct {
	mu        sync.Mutex
	resources []registration
	calls     map[string]int       // by token
	kept      resource.PropertyMap // what stashes of an earlier update hold, by name
}

func newRecorder() *recorder { return &recorder{calls: map[string]int{}, kept: resource.PropertyMap{}} }

// after returns a recorder that stands in for the update after the recorded one.
func (r *recorder) after() *recorder {
	next := newRecorder()
	for _, res := range r.resources {
		if res.Type == "pulumi:index:Stash" {
			next.kept[resource.PropertyKey(res.Name)] = stashed(res.Name, res.Inputs["input"])
		}
	}
	return next
}

// stashed is what a new stash of that name holds. A secret is random, and another one each time.
func stashed(name string, input resource.PropertyValue) resource.PropertyValue {
	if input.IsSecret() {
		return resource.MakeSecret(resource.NewProperty("kept as " + name))
	}
	return input
}

// ocidKinds are the kinds in the OCIDs of OCI's resources, by type.
var ocidKinds = func() map[string]string {
	kinds := map[string]string{}
	for _, k := range catalog.Kinds() {
		kinds[k.Token] = k.Name
	}
	return kinds
}()

// others are the types that are not OCI's.
var others = []string{
	"oke-guestbook:network:Network",
	"oke-guestbook:oke:Cluster",
	"oke-guestbook:guestbook:Guestbook",
	"oke-guestbook:logs:Agents",
	"pulumi:index:Stash",
	"pulumi:providers:kubernetes",
	"pulumi:providers:oci",
	"kubernetes:core/v1:Namespace",
	"kubernetes:core/v1:PersistentVolumeClaim",
	"kubernetes:core/v1:Service",
	"kubernetes:core/v1:ConfigMap",
	"kubernetes:core/v1:LimitRange",
	"kubernetes:core/v1:ResourceQuota",
	"kubernetes:core/v1:Secret",
	"kubernetes:core/v1:ServiceAccount",
	"kubernetes:apps/v1:DaemonSet",
	"kubernetes:apps/v1:Deployment",
	"kubernetes:apps/v1:StatefulSet",
	"kubernetes:autoscaling/v2:HorizontalPodAutoscaler",
	"kubernetes:batch/v1:CronJob",
	"kubernetes:batch/v1:Job",
	"kubernetes:networking.k8s.io/v1:NetworkPolicy",
	"kubernetes:policy/v1:PodDisruptionBudget",
}

// NewResource records a resource and answers as its provider would, with its inputs and what the provider adds.
func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	kind, oci := ocidKinds[args.TypeToken]
	if !oci && !slices.Contains(others, args.TypeToken) {
		return "", nil, fmt.Errorf("resource %q has the unknown type %s", args.Name, args.TypeToken)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resources = append(r.resources, registration{
		Type: args.TypeToken, Name: args.Name, Parent: urnName(args.RegisterRPC.GetParent()),
		Inputs: args.Inputs, Options: args.RegisterRPC,
	})
	id := args.Name
	if oci {
		id = "ocid1." + kind + ".oc1.iad." + args.Name
	}
	return id, r.outputs(args), nil
}

// outputs returns a resource's state after it was made.
func (r *recorder) outputs(args pulumi.MockResourceArgs) resource.PropertyMap {
	state := maps.Clone(args.Inputs)
	switch args.TypeToken {
	case "oci:Core/vcn:Vcn":
		state["defaultSecurityListId"] = resource.NewProperty("ocid1.securitylist.oc1.iad.default")
	case "oci:ContainerEngine/cluster:Cluster":
		state["endpoints"] = object(map[string]any{"endpoints": []any{map[string]any{"privateEndpoint": "10.0.0.2:6443"}}})["endpoints"]
	case "pulumi:index:Stash":
		state["output"] = stashed(args.Name, state["input"])
		if kept, ok := r.kept[resource.PropertyKey(args.Name)]; ok {
			state["output"] = kept
		}
	case "kubernetes:core/v1:Service":
		state["status"] = object(map[string]any{"status": map[string]any{
			"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "192.0.2.10"}}},
		}})["status"]
	}
	return state
}

// Call answers the program's questions to the region: one of three availability domains, with images for two versions.
func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[args.Token]++
	switch args.Token {
	case "oci:Identity/getAvailabilityDomains:getAvailabilityDomains":
		return object(map[string]any{"availabilityDomains": []any{
			map[string]any{"name": "Uocm:US-ASHBURN-AD-2"}, map[string]any{"name": "Uocm:US-ASHBURN-AD-1"}, map[string]any{"name": "Uocm:US-ASHBURN-AD-3"},
		}}), nil
	case "oci:ContainerEngine/getNodePoolOption:getNodePoolOption":
		var sources []any
		for _, name := range []string{
			"Oracle-Linux-8.10-2026.09.30-0-OKE-1.36.3-1500", "Oracle-Linux-8.10-aarch64-2026.09.30-0-OKE-1.36.3-1500",
			"Oracle-Linux-8.10-2026.06.30-0-OKE-1.35.4-1400", "Oracle-Linux-8.10-aarch64-2026.06.30-0-OKE-1.35.4-1400",
		} {
			sources = append(sources, map[string]any{"imageId": "ocid1.image.oc1.iad." + name, "sourceName": name, "sourceType": "IMAGE"})
		}
		return object(map[string]any{"kubernetesVersions": []any{"v1.35.4", "v1.36.3"}, "sources": sources}), nil
	case "oci:ContainerEngine/getClusterKubeConfig:getClusterKubeConfig":
		return object(map[string]any{"content": "kubeconfig of " + args.Args["clusterId"].StringValue() + " at " + args.Args["endpoint"].StringValue()}), nil
	case "oci:ObjectStorage/getNamespace:getNamespace":
		return object(map[string]any{"namespace": "tenancy"}), nil
	case "oci:Core/getPublicIp:getPublicIp":
		lifetime, ok := map[string]string{reservedAddress: "RESERVED", ephemeralAddress: "EPHEMERAL"}[text(args.Args["ipAddress"])]
		if !ok {
			return nil, errors.New("404-NotAuthorizedOrNotFound")
		}
		return object(map[string]any{"lifetime": lifetime}), nil
	case "oci:Core/getServices:getServices":
		return object(map[string]any{"services": []any{
			map[string]any{"id": "ocid1.service.oc1.iad.all", "cidrBlock": "all-iad-services-in-oracle-services-network", "name": "All IAD Services In Oracle Services Network"},
		}}), nil
	}
	return existingNetwork(args)
}

func object(m map[string]any) resource.PropertyMap { return resource.NewPropertyMapFromMap(m) }

// urnName returns the name in a URN, or nothing for the stack's.
func urnName(urn string) string {
	if urn == "" || strings.Contains(urn, "::pulumi:pulumi:Stack::") {
		return ""
	}
	return urn[strings.LastIndex(urn, "::")+2:]
}

// find returns the one recorded resource of a type and name.
func (r *recorder) find(typ, name string) (registration, error) {
	for _, res := range r.resources {
		if res.Type == typ && res.Name == name {
			return res, nil
		}
	}
	return registration{}, fmt.Errorf("no %s named %q was registered", typ, name)
}
