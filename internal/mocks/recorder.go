// Package mocks stands in for the engine, the providers and the cloud in tests of the program and of its components.
package mocks

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Resource is a resource that a program registered.
type Resource struct {
	Type, Name, Parent string // the parent's name; empty for the stack
	Inputs             resource.PropertyMap
	Options            *pulumirpc.RegisterResourceRequest
}

// Recorder is an update of a stack in one region, whose resources it records. It is safe for concurrent calls.
type Recorder struct {
	Project, Stack string
	Resources      []Resource
	// CompartmentID is the compartment of the region's public IP addresses.
	CompartmentID string
	// ExistingGateways are OCIDs of gateways in ExistingVCN.
	ExistingGateways []string
	// KubernetesVersions are what the region offers for clusters and nodes. There are images for KubernetesVersions of
	// New only.
	KubernetesVersions []string
	// FailsUnseen makes questions about what does not exist fail. Otherwise they get no values, as of the official plugin.
	FailsUnseen bool
	// Denied are the tokens of questions that the user may not ask, which get no values, or an error with FailsUnseen.
	Denied []string
	// OnlyMinorVersions makes the region list no patch versions, whatever it is asked for.
	OnlyMinorVersions bool
	// ExecKubeconfig makes the cluster's kubeconfig call the command oci, as OKE's does.
	ExecKubeconfig bool
	// HomeRegion is the tenancy's; empty if the user may not see it.
	HomeRegion string
	// Limits are service limits by name. The user may see no others.
	Limits map[string]int
	// TagNamespaces are the tenancy's with their keys. The user may see no others.
	TagNamespaces map[string][]string
	// Registries makes the program ask the registries of images.
	Registries bool
	// Nodes are those of each node pool; nil for one node of the pool's version.
	Nodes []map[string]any
	// Volumes are the compartment's block volumes.
	Volumes []map[string]any

	// Asked are the tokens of the questions to the cloud.
	Asked []string

	mu       sync.Mutex
	kept     resource.PropertyMap // values of the previous update's stashes by name
	previous []Resource           // of the previous update
}

// New returns the first update of a stack.
func New(project, stack string) *Recorder {
	return &Recorder{
		Project: project, Stack: stack, kept: resource.PropertyMap{}, KubernetesVersions: []string{"v1.35.2", "v1.36.4"},
	}
}

// Next returns the update after this one: stashes keep their values, and the region has the cluster.
func (r *Recorder) Next() *Recorder {
	next := New(r.Project, r.Stack)
	next.previous = r.Resources
	for _, res := range r.Resources {
		if res.Type == "pulumi:index:Stash" {
			next.kept[resource.PropertyKey(res.Name)] = stashed(res.Name, res.Inputs["input"])
		}
	}
	return next
}

// stashed returns what a new stash of that name keeps. A secret is random: it stands for another value in each update.
func stashed(name string, input resource.PropertyValue) resource.PropertyValue {
	if input.IsSecret() {
		return resource.MakeSecret(resource.NewProperty("kept as " + name))
	}
	return input
}

// Run runs a program.
func (r *Recorder) Run(program pulumi.RunFunc, opts ...pulumi.RunOption) error {
	return pulumi.RunErr(program, append(opts, pulumi.WithMocks(r.Project, r.Stack, r))...)
}

// Find returns the recorded resource of a type and name.
func (r *Recorder) Find(token, name string) (Resource, error) {
	for _, res := range r.Resources {
		if res.Type == token && res.Name == name {
			return res, nil
		}
	}
	return Resource{}, fmt.Errorf("no %s named %q was registered", token, name)
}

// NewResource records a resource and returns its outputs: its inputs, and what the provider adds to them. It refuses
// types that the program does not have.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	kind := Kind(args.TypeToken)
	if kind == "" && !slices.Contains(others, args.TypeToken) {
		return "", nil, fmt.Errorf("resource %q has the unknown type %s", args.Name, args.TypeToken)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Resources = append(r.Resources, Resource{
		Type: args.TypeToken, Name: args.Name, Parent: urnName(args.RegisterRPC.GetParent()),
		Inputs: args.Inputs, Options: args.RegisterRPC,
	})
	id := args.Name
	if kind != "" {
		id = "ocid1." + kind + ".oc1.iad." + args.Name
	}
	return id, r.outputs(args), nil
}

func (r *Recorder) outputs(args pulumi.MockResourceArgs) resource.PropertyMap {
	state := maps.Clone(args.Inputs)
	switch args.TypeToken {
	case "oci:Core/vcn:Vcn":
		state["defaultSecurityListId"] = resource.NewProperty("ocid1.securitylist.oc1.iad.default")
	case "oci:ContainerEngine/cluster:Cluster":
		state["endpoints"] = resource.NewPropertyValue([]any{map[string]any{"privateEndpoint": "10.0.0.2:6443"}})
	case "pulumi:index:Stash":
		state["output"] = stashed(args.Name, state["input"])
		renewed := slices.Contains(args.RegisterRPC.GetReplaceOnChanges(), "input")
		if kept, ok := r.kept[resource.PropertyKey(args.Name)]; ok && !renewed {
			state["output"] = kept
		}
	case "kubernetes:core/v1:Service":
		state["status"] = resource.NewPropertyValue(map[string]any{
			"loadBalancer": map[string]any{"ingress": []any{map[string]any{"ip": "192.0.2.10"}}},
		})
	}
	return state
}

// urnName returns the name in a URN, or nothing for the stack's.
func urnName(urn string) string {
	if urn == "" || strings.Contains(urn, "::pulumi:pulumi:Stack::") {
		return ""
	}
	return urn[strings.LastIndex(urn, "::")+2:]
}
