package oke_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/oke"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem/problemtest"
)

const (
	compartment = "ocid1.compartment.oc1..aaaaexample"
	armImage    = "ocid1.image.oc1.iad.Oracle-Linux-8.10-aarch64-2026.09.30-0-OKE-1.36.4-1500"
	oldImage    = "ocid1.image.oc1.iad.Oracle-Linux-8.10-2026.06.30-0-OKE-1.35.2-1400"
	ownImage    = "ocid1.image.oc1.iad.own"
)

// spec has a pool for each way to choose an image and availability domains.
func spec() cluster.Spec {
	return cluster.Spec{
		KubernetesVersion: "v1.36.4", ClusterType: cluster.Enhanced, AvailabilityDomains: []int{3, 1},
		NodePools: []cluster.NodePool{
			{Name: "arm", Size: 1, Shape: "VM.Standard.A1.Flex"},
			{Name: "old", Size: 1, Shape: "VM.Standard.E5.Flex", KubernetesVersion: "v1.35.2", AvailabilityDomains: []int{2}},
			{Name: "own", Size: 1, Shape: "VM.Standard.E5.Flex", ImageID: ownImage},
		},
	}
}

// TestLook expects the domains and newest images of each pool. It registers nothing.
func TestLook(t *testing.T) {
	r := mocks.New("project", "stack")
	var offer *oke.Offer
	err := r.Run(func(ctx *pulumi.Context) (err error) {
		offer, err = oke.Look(ctx, "cluster", place, spec())
		return err
	})
	if err != nil || len(r.Resources) > 0 {
		t.Fatalf("%v; %d resources were registered", err, len(r.Resources))
	}
	if want := map[string]string{"arm": armImage, "old": oldImage}; !maps.Equal(offer.Images, want) {
		t.Errorf("images %v, want %v", offer.Images, want)
	}
	for pool, want := range map[string]string{"arm": "AD-3 AD-1", "old": "AD-2", "own": "AD-3 AD-1"} {
		got := strings.ReplaceAll(strings.Join(offer.Domains[pool], " "), "Uocm:US-ASHBURN-", "")
		if got != want {
			t.Errorf("pool %s is in %s, want %s", pool, got, want)
		}
	}
}

// TestLookRefuses expects one error with every setting that the region cannot satisfy.
func TestLookRefuses(t *testing.T) {
	err := mocks.New("project", "stack").Run(func(ctx *pulumi.Context) error {
		s := spec()
		s.KubernetesVersion, s.AvailabilityDomains, s.NodePools[1].AvailabilityDomains = "v1.30.1", []int{9}, []int{4}
		s.VirtualNodePools = []cluster.VirtualNodePool{{Name: "burst", AvailabilityDomains: []int{5}}, {Name: "more"}}
		_, err := oke.Look(ctx, "cluster", place, s)
		return err
	})
	problemtest.Check(t, err, "kubernetesVersion v1.30.1 v1.35.2", "availabilityDomains 9",
		"nodePools[1].availabilityDomains 4", "virtualNodePools[0].availabilityDomains 5")
}

// TestLookAtMinorVersions expects the same versions and images where the service lists minor versions only.
func TestLookAtMinorVersions(t *testing.T) {
	r := mocks.New("project", "stack")
	r.OnlyMinorVersions = true
	var offer *oke.Offer
	err := r.Run(func(ctx *pulumi.Context) (err error) {
		offer, err = oke.Look(ctx, "cluster", place, spec())
		return err
	})
	if err != nil || offer.ControlPlane != "v1.36.4" || offer.Images["old"] != oldImage {
		t.Errorf("%v: %+v", err, offer)
	}
}

// TestVersionStays expects a cluster to keep its versions and images when the service offers newer ones, whether it
// offers those of the cluster still or not, and a change of them to be refused.
func TestVersionStays(t *testing.T) {
	first := mocks.New("project", "stack")
	unset := func(args *oke.Args) { args.Spec.KubernetesVersion = "" }
	deploy(t, first, unset)
	for _, offered := range [][]string{{"v1.36.4", "v1.37.1"}, {"v1.37.1"}, {"v1.38.1"}} {
		next := first.Next()
		next.KubernetesVersions = offered
		deploy(t, next, unset)
		made := inputs(t, next, "oci:ContainerEngine/cluster:Cluster", "cluster")
		pool := inputs(t, next, "oci:ContainerEngine/nodePool:NodePool", "cluster-old")
		if made["kubernetesVersion"] != "v1.36.4" || pool["kubernetesVersion"] != "v1.35.2" ||
			pool["nodeSourceDetails.imageId"] != oldImage {
			t.Errorf("with %v offered: control plane %s, nodes %s of image %s", offered, made["kubernetesVersion"],
				pool["kubernetesVersion"], pool["nodeSourceDetails.imageId"])
		}
	}
	next := first.Next()
	next.KubernetesVersions = []string{"v1.38.1"}
	err := next.Run(func(ctx *pulumi.Context) error {
		s := spec()
		s.KubernetesVersion = "v1.38"
		_, err := oke.Look(ctx, "cluster", place, s)
		return err
	})
	problemtest.Check(t, err, "kubernetesVersion v1.36.4 v1.37")
}

// TestRenamed expects a cluster with its pools to keep versions, images and checks when somebody has renamed them, and
// when somebody has renamed a cluster with pools of an earlier program, which have no tag.
func TestRenamed(t *testing.T) {
	first := mocks.New("project", "stack")
	first.KubernetesVersions = []string{"v1.35.2"}
	older := func(args *oke.Args) { args.Spec.KubernetesVersion = "" }
	deploy(t, first, older)
	rename := func(pools bool) *mocks.Recorder {
		var all []mocks.Resource
		for _, res := range first.Resources {
			isPool := res.Type == "oci:ContainerEngine/nodePool:NodePool"
			if isPool || res.Type == "oci:ContainerEngine/cluster:Cluster" {
				res.Inputs = res.Inputs.Copy()
				if pools || !isPool {
					res.Inputs["name"] = resource.NewProperty("renamed " + res.Name)
				}
				if isPool && !pools {
					tags := mocks.Properties(res.Inputs["freeformTags"]).Copy()
					delete(tags, cluster.PoolTag)
					res.Inputs["freeformTags"] = resource.NewProperty(tags)
				}
			}
			all = append(all, res)
		}
		changed := mocks.Recorder{Project: "project", Stack: "stack", Resources: all}
		return changed.Next()
	}
	for _, pools := range []bool{true, false} {
		for _, offered := range [][]string{{"v1.35.2", "v1.36.4"}, {"v1.36.4"}} {
			next := rename(pools)
			next.KubernetesVersions, next.Volumes = offered, []map[string]any{volume("AD-2")}
			deploy(t, next, older)
			for name, kind := range map[string]string{
				"cluster": "cluster:Cluster", "cluster-arm": "nodePool:NodePool", "cluster-old": "nodePool:NodePool",
			} {
				was := inputs(t, first, "oci:ContainerEngine/"+kind, name)
				if is := inputs(t, next, "oci:ContainerEngine/"+kind, name); !maps.Equal(was, is) {
					t.Errorf("pools renamed %t, %v offered: %s was %v and is %v", pools, offered, name, was, is)
				}
			}
		}
		next := rename(pools)
		next.Volumes = []map[string]any{volume("AD-2")}
		err := update(next, func(args *oke.Args) {
			older(args)
			args.Spec.NodePools[1].Size = 0
		})
		problemtest.Check(t, err, "nodePools[1].size AD-2")
	}
}

// TestTagOfPool expects the tag with the pool's name where a pool takes one more, and that a pool without it is not
// updated for it.
func TestTagOfPool(t *testing.T) {
	for more, want := range map[int]bool{0: true, 7: true, 8: false} {
		all := maps.Clone(tags)
		for i := range more {
			all[fmt.Sprint("tag", i)] = "value"
		}
		r := mocks.New("project", "stack")
		deploy(t, r, func(args *oke.Args) { args.Tags = all })
		pool, err := r.Find("oci:ContainerEngine/nodePool:NodePool", "cluster-arm")
		if err != nil {
			t.Fatal(err)
		}
		expect := maps.Clone(all)
		if want {
			expect["nodePoolSetting"] = "arm"
		}
		made := pool.Inputs["freeformTags"]
		if got := mocks.Flatten(made); !maps.Equal(got, expect) {
			t.Errorf("with %d tags: the pool has %v", len(all), got)
		}
		old := resource.PropertyMap{"freeformTags": resource.NewPropertyValue(all)}
		now := resource.PropertyMap{"freeformTags": made}
		for _, text := range pool.Options.GetIgnoreChanges() {
			path, err := resource.ParsePropertyPath(text)
			if err != nil || !path.Reset(old, now) {
				t.Errorf("%s cannot be ignored: %v", text, err)
			}
		}
		if got := mocks.Flatten(now["freeformTags"]); !maps.Equal(got, all) {
			t.Errorf("with %d tags: an update gives a pool without the tag %v", len(all), got)
		}
	}
}

// TestTwoClusters expects the stack's cluster among others of its name, listed before and after it, by its tags and
// state, and an error where it cannot be told from another one.
func TestTwoClusters(t *testing.T) {
	first := mocks.New("project", "stack")
	deploy(t, first, func(*oke.Args) {})
	own := resource.PropertyMap{
		"project": resource.NewProperty("project"), "stack": resource.NewProperty("stack"),
	}
	for _, tc := range []struct {
		what, version, state string
		tags                 resource.PropertyMap
		refused              bool
	}{
		{"another's", "v1.35.2", "ACTIVE", nil, false},
		{"a failed one of the stack", "v1.35.2", "FAILED", own, false},
		{"another one of the stack", "v1.35.2", "ACTIVE", own, true},
	} {
		other := mocks.Resource{Type: "oci:ContainerEngine/cluster:Cluster", Name: "other", Inputs: resource.PropertyMap{
			"name": resource.NewProperty("cluster"), "kubernetesVersion": resource.NewProperty(tc.version),
			"state": resource.NewProperty(tc.state), "freeformTags": resource.NewProperty(tc.tags),
			"vcnId": resource.NewProperty("ocid1.vcn.oc1.iad.other"), // would replace the cluster
		}}
		for at, all := range [][]mocks.Resource{append(slices.Clone(first.Resources), other), append(
			[]mocks.Resource{other}, first.Resources...)} {
			both := mocks.Recorder{Project: "project", Stack: "stack", Resources: all}
			next := both.Next()
			next.Volumes = []map[string]any{volume("AD-1")}
			err := next.Run(func(ctx *pulumi.Context) error {
				s := spec()
				s.KubernetesVersion = ""
				offer, err := oke.Look(ctx, "cluster", place, s)
				if err == nil && offer.ControlPlane != "v1.36.4" {
					t.Errorf("%s, %d: version %s", tc.what, at, offer.ControlPlane)
				}
				return err
			})
			if refused := err != nil; refused != tc.refused || refused && !strings.Contains(err.Error(), "two clusters") {
				t.Errorf("%s, %d: %v", tc.what, at, err)
			}
		}
	}
}

// volume is one of the stack in an availability domain.
func volume(domain string) map[string]any {
	return map[string]any{
		"availabilityDomain": "Uocm:US-ASHBURN-" + domain, "state": "AVAILABLE",
		"freeformTags": map[string]any{"project": "project", "stack": "stack"},
	}
}

// deploy makes the cluster of spec as an update of a stack.
func deploy(t *testing.T, r *mocks.Recorder, change func(*oke.Args)) {
	t.Helper()
	if err := update(r, change); err != nil {
		t.Fatal(err)
	}
}

// update does the same, and may fail.
func update(r *mocks.Recorder, change func(*oke.Args)) error {
	return r.Run(func(ctx *pulumi.Context) error {
		subnets := map[layout.Role]pulumi.StringOutput{}
		for _, role := range layout.Roles {
			subnets[role] = pulumi.String("ocid1.subnet.oc1.iad." + string(role)).ToStringOutput()
		}
		args := &oke.Args{
			Name: "cluster", CompartmentID: compartment, Spec: spec(), VcnID: pulumi.String("ocid1.vcn.oc1.iad.vcn"),
			SubnetIDs: subnets, PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16", Tags: tags,
		}
		change(args)
		var err error
		if args.Offer, err = oke.Look(ctx, args.Name, place, args.Spec); err != nil {
			return err
		}
		_, err = oke.New(ctx, "cluster", args)
		return err
	})
}

// inputs returns the inputs of a recorded resource by their paths.
func inputs(t *testing.T, r *mocks.Recorder, token, name string) map[string]string {
	t.Helper()
	res, err := r.Find(token, name)
	if err != nil {
		t.Fatal(err)
	}
	return mocks.Flatten(resource.NewProperty(res.Inputs))
}

// TestPodNetwork expects an overlay's range, or addresses of the Pods' subnet, and never both.
func TestPodNetwork(t *testing.T) {
	for _, native := range []bool{false, true} {
		r := mocks.New("project", "stack")
		deploy(t, r, func(args *oke.Args) { args.VCNNativePods = native })
		made := inputs(t, r, "oci:ContainerEngine/cluster:Cluster", "cluster")
		pool := inputs(t, r, "oci:ContainerEngine/nodePool:NodePool", "cluster-arm")
		const podNetwork = "nodeConfigDetails.nodePoolPodNetworkOptionDetails."
		got := []string{
			made["clusterPodNetworkOptions[0].cniType"], made["options.kubernetesNetworkConfig.podsCidr"],
			pool[podNetwork+"cniType"], pool[podNetwork+"podSubnetIds[0]"],
		}
		want := []string{"FLANNEL_OVERLAY", "10.244.0.0/16", "FLANNEL_OVERLAY", ""}
		if native {
			want = []string{"OCI_VCN_IP_NATIVE", "", "OCI_VCN_IP_NATIVE", "ocid1.subnet.oc1.iad.pods"}
		}
		if !slices.Equal(got, want) {
			t.Errorf("VCN-native Pods %t: got %v, want %v", native, got, want)
		}
	}
}

// TestKubeconfig expects the provider to get the endpoint's kubeconfig, as a secret.
func TestKubeconfig(t *testing.T) {
	for public, endpoint := range map[bool]string{true: "PUBLIC_ENDPOINT", false: "PRIVATE_ENDPOINT"} {
		r := mocks.New("project", "stack")
		deploy(t, r, func(args *oke.Args) { args.PublicEndpoint = public })
		provider, err := r.Find("pulumi:providers:kubernetes", "cluster")
		if err != nil {
			t.Fatal(err)
		}
		kubeconfig := provider.Inputs["kubeconfig"]
		if !kubeconfig.IsSecret() {
			t.Fatalf("the provider's kubeconfig is no secret: %v", kubeconfig)
		}
		if got := kubeconfig.SecretValue().Element.StringValue(); !strings.HasSuffix(got, "at "+endpoint) {
			t.Errorf("public endpoint %t: %q", public, got)
		}
	}
}

// TestEssentialAddonsAreOverridden expects to change an add-on that a new cluster has, and to leave it there.
func TestEssentialAddonsAreOverridden(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, func(args *oke.Args) { args.Spec.Addons = []string{"CertManager", "CoreDNS"} })
	for name, want := range map[string][2]string{"CertManager": {"", "true"}, "CoreDNS": {"true", "false"}} {
		addon := inputs(t, r, "oci:ContainerEngine/addon:Addon", "cluster-"+name)
		if got := [2]string{addon["overrideExisting"], addon["removeAddonResourcesOnDelete"]}; got != want {
			t.Errorf("%s overrides and is removed: %q, want %q", name, got, want)
		}
	}
}

// TestBalancersSubnetsAreLeftAlone expects that a cluster is not replaced for the subnets of its load balancers.
func TestBalancersSubnetsAreLeftAlone(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, func(*oke.Args) {})
	for _, res := range r.Resources {
		if res.Type == "oci:ContainerEngine/cluster:Cluster" {
			if got := res.Options.GetIgnoreChanges(); !slices.Contains(got, "options.serviceLbSubnetIds") {
				t.Errorf("a cluster ignores changes of %v", got)
			}
			return
		}
	}
	t.Error("no cluster")
}

// TestCyclingIsOffWhileNodesMove expects no cycling in an update that changes where nodes are, as OKE refuses both.
func TestCyclingIsOffWhileNodesMove(t *testing.T) {
	domains := func(numbers ...int) func(*cluster.NodePool) {
		return func(p *cluster.NodePool) { p.AvailabilityDomains = numbers }
	}
	faultDomains := func(numbers ...int) func(*cluster.NodePool) {
		return func(p *cluster.NodePool) { p.FaultDomains = numbers }
	}
	preemptible := func(p *cluster.NodePool) { p.Preemptible = true }
	for _, tc := range []struct {
		what           string
		before, change func(*cluster.NodePool)
		want           string
	}{
		{"new pool", func(p *cluster.NodePool) { p.Name = "other" }, nil, "true"},
		{"same domains", nil, nil, "true"},
		{"same domains in another order", domains(1, 3), domains(3, 1), "true"},
		{"all fault domains", nil, faultDomains(3, 1, 2), "true"},
		{"one domain fewer", domains(1, 2, 3), nil, "false"},
		{"another domain", domains(1, 2), nil, "false"},
		{"fault domains", nil, faultDomains(1), "false"},
		{"preemptible", nil, preemptible, "false"},
		{"preemptible as before", preemptible, preemptible, "true"},
		{"another reservation", domains(1), func(p *cluster.NodePool) {
			p.AvailabilityDomains, p.CapacityReservationID = []int{1}, "ocid1.capacityreservation.oc1.iad.a"
		}, "false"},
	} {
		cycles := func(r *mocks.Recorder, change func(*cluster.NodePool)) string {
			deploy(t, r, func(args *oke.Args) {
				p := &args.Spec.NodePools[0]
				p.MaxSurge = "1"
				if change != nil {
					change(p)
				}
			})
			for _, res := range r.Resources {
				details := mocks.Properties(res.Inputs["nodePoolCyclingDetails"])
				if enabled := details["isNodeCyclingEnabled"]; enabled.IsBool() {
					return fmt.Sprint(enabled.BoolValue())
				}
			}
			return ""
		}
		first := mocks.New("project", "stack")
		if got := cycles(first, tc.before); got != "true" {
			t.Errorf("%s: node cycling of a new cluster is %q", tc.what, got)
		}
		if got := cycles(first.Next(), tc.change); got != tc.want {
			t.Errorf("%s: node cycling is %q, want %s", tc.what, got, tc.want)
		}
	}
}

// TestVolumesKeepTheirNodes expects a refusal while a volume of the stack is where no node would be any more.
func TestVolumesKeepTheirNodes(t *testing.T) {
	volume := func(domain, stack, state string) map[string]any {
		return map[string]any{
			"availabilityDomain": "Uocm:US-ASHBURN-" + domain, "state": state,
			"freeformTags": map[string]any{"project": "project", "stack": stack},
		}
	}
	lost := []map[string]any{volume("AD-2", "stack", "AVAILABLE")}
	all := func(s *cluster.Spec) { s.AvailabilityDomains, s.NodePools[1].AvailabilityDomains = nil, nil }
	// alone has the first pool alone in the volume's domain.
	alone := func(s *cluster.Spec) {
		s.AvailabilityDomains, s.NodePools[1].AvailabilityDomains = []int{1}, nil
		s.NodePools[0].AvailabilityDomains = []int{2}
	}
	size := func(n int) func(*cluster.Spec) {
		return func(s *cluster.Spec) { all(s); s.NodePools[0].Size = n }
	}
	taint := func(s *cluster.Spec) { alone(s); s.NodePools[0].Taints = []string{"team=web:NoSchedule"} }
	preemptible := func(s *cluster.Spec) { alone(s); s.NodePools[0].Preemptible = true }
	// few has one node for three domains in each pool, of which one cycles after the change.
	few := func(pool int, change func(*cluster.NodePool)) func(*cluster.Spec) {
		return func(s *cluster.Spec) {
			all(s)
			s.NodePools[pool].MaxSurge = "1"
			change(&s.NodePools[pool])
		}
	}
	same := func(*cluster.NodePool) {}
	for _, tc := range []struct {
		what    string
		volumes []map[string]any
		before  func(*cluster.Spec) // nil: all pools everywhere
		change  func(*cluster.Spec) // nil: all pools in domains 1 and 3
		want    string
	}{
		{"a volume in the lost domain", lost, nil, nil, "availabilityDomains AD-2 1"},
		{"no volumes", nil, nil, nil, ""},
		{"a volume elsewhere", []map[string]any{volume("AD-1", "stack", "AVAILABLE")}, nil, nil, ""},
		{"another stack's", []map[string]any{volume("AD-2", "other", "AVAILABLE")}, nil, nil, ""},
		{"a deleted one", []map[string]any{volume("AD-2", "stack", "TERMINATED")}, nil, nil, ""},
		{"nodes of another pool", lost, nil, func(s *cluster.Spec) {
			s.NodePools[1].AvailabilityDomains = []int{2}
		}, ""},
		{"an explicit setting", lost, nil, func(s *cluster.Spec) {
			s.AllowStrandedVolumes = true
		}, ""},
		{"a pool's own domains", lost, nil, func(s *cluster.Spec) {
			s.NodePools[0].AvailabilityDomains = []int{1}
		}, "nodePools[0].availabilityDomains AD-2"},
		{"a domain's only pool is parked", lost, alone, func(s *cluster.Spec) {
			alone(s)
			s.NodePools[0].Size = 0
		}, "nodePools[0].size AD-2 0 1"},
		{"fewer nodes than domains", lost, size(3), size(1), "nodePools[0].size AD-2 1 3"},
		{"as many nodes as domains", lost, size(6), size(3), ""},
		{"few nodes, and no fewer", lost, size(2), size(2), ""},
		{"another pool in each domain", lost, size(3), func(s *cluster.Spec) {
			size(1)(s)
			s.NodePools[1].Size = 3
		}, ""},
		{"a removed pool", lost, alone, func(s *cluster.Spec) {
			alone(s)
			s.NodePools = s.NodePools[1:]
		}, "nodePools arm AD-2"},
		{"a pool that repels instead", lost, alone, func(s *cluster.Spec) {
			taint(s)
			s.NodePools[0].Name = "other"
		}, "nodePools arm AD-2"},
		{"another pool instead", lost, alone, func(s *cluster.Spec) {
			alone(s)
			s.NodePools[0].Name = "other"
		}, ""},
		{"a pool that begins to repel", lost, alone, taint, "nodePools[0].taints AD-2"},
		{"a pool that has repelled before", lost, taint, taint, ""},
		{"a removed pool that has repelled", lost, taint, func(s *cluster.Spec) {
			alone(s)
			s.NodePools = s.NodePools[1:]
		}, ""},
		{"a removed pool beside one that repels", lost, func(s *cluster.Spec) {
			alone(s)
			s.NodePools[1].AvailabilityDomains = []int{2}
			s.NodePools[1].Taints = []string{"team=web:NoSchedule"}
		}, func(s *cluster.Spec) {
			s.NodePools[1].AvailabilityDomains = []int{2}
			s.NodePools[1].Taints = []string{"team=web:NoSchedule"}
			s.NodePools = s.NodePools[1:]
		}, "nodePools arm AD-2"},
		{"a pool that becomes preemptible", lost, alone, preemptible, "nodePools[0].preemptible AD-2"},
		{"a pool that is preemptible as before", lost, preemptible, preemptible, ""},
		{"virtual nodes alone", lost, alone, func(s *cluster.Spec) {
			s.NodePools[1].AvailabilityDomains = []int{1}
			s.VirtualNodePools = []cluster.VirtualNodePool{{Name: "burst", Size: 3, AvailabilityDomains: []int{2}}}
		}, "availabilityDomains AD-2"},
		{"a pool that an autoscaler resizes", lost, size(2), func(s *cluster.Spec) {
			size(0)(s)
			s.NodePools[0].MaxSize = 5
		}, ""},

		{"nodes that cycle, and no change", lost, few(0, same), few(0, same), ""},
		{"the version of nodes that cycle", lost, few(1, same), few(1, func(p *cluster.NodePool) {
			p.KubernetesVersion = "v1.36.4"
		}), "nodePools[1].kubernetesVersion AD-2 nodePools[1].cycleBy boot-volume nodePools[1].size allowStrandedVolumes"},
		{"the cluster's version of nodes that cycle", lost, few(1, same), few(1, func(p *cluster.NodePool) {
			p.KubernetesVersion = ""
		}), "kubernetesVersion AD-2 boot-volume"},
		{"nodes that begin to cycle with a change", lost, func(s *cluster.Spec) {
			size(1)(s)
			s.NodePools[0].BootVolumeGB = 50
		}, few(0, func(p *cluster.NodePool) { p.BootVolumeGB = 100 }), "nodePools[0].bootVolumeGb AD-2 boot-volume"},
		{"boot volumes whose size is not known", lost, few(0, same), few(0, func(p *cluster.NodePool) {
			p.BootVolumeGB = 100
		}), ""},
		{"taints that repel nothing of nodes that cycle", lost, few(0, same), few(0, func(p *cluster.NodePool) {
			p.Taints = []string{"team=web:PreferNoSchedule"}
		}), "nodePools[0].taints AD-2 boot-volume"},
		{"a version without cycling", lost, all, func(s *cluster.Spec) {
			all(s)
			s.NodePools[1].KubernetesVersion = ""
		}, ""},
		{"the shape of nodes that cycle", lost, few(1, same), few(1, func(p *cluster.NodePool) {
			p.Shape = "VM.Standard.E4.Flex"
		}), "nodePools[1].shape AD-2 nodePools[1].availabilityDomains"},
		{"labels of nodes that cycle", lost, few(0, same), few(0, func(p *cluster.NodePool) {
			p.Labels = map[string]string{"team": "web"}
		}), "nodePools[0].labels AD-2"},
		{"a script of nodes that cycle", lost, few(0, same), few(0, func(p *cluster.NodePool) {
			p.CloudInit = "#!/bin/sh\n"
		}), "nodePools[0].cloudInit AD-2 boot-volume"},
		{"the image of nodes that cycle", lost, few(2, same), few(2, func(p *cluster.NodePool) {
			p.ImageID = oldImage
		}), "nodePools[2].imageId AD-2 boot-volume"},
		{"two changes of nodes that cycle", lost, few(0, same), few(0, func(p *cluster.NodePool) {
			p.SSHPublicKey, p.BootVolumeKMSKeyID = "ssh-ed25519 AAAA", "ocid1.key.oc1.iad.a"
		}), "nodePools[0].bootVolumeKmsKeyId sshPublicKey AD-2"},
		{"boot volumes that are replaced", lost, few(1, same), few(1, func(p *cluster.NodePool) {
			p.KubernetesVersion, p.CycleBy, p.MaxSurge = "v1.36.4", cluster.BootVolume, ""
		}), ""},
		{
			"nodes that cycle in each domain", lost, few(1, func(p *cluster.NodePool) { p.Size = 3 }),
			few(1, func(p *cluster.NodePool) { p.Size, p.KubernetesVersion = 3, "v1.36.4" }), "",
		},
		{
			"nodes that cycle, with enough of them at last", lost, few(1, same),
			few(1, func(p *cluster.NodePool) { p.Size, p.KubernetesVersion = 3, "v1.36.4" }), "",
		},
		{"nodes that cycle in the volume's domain", lost, few(1, same), few(1, func(p *cluster.NodePool) {
			p.AvailabilityDomains, p.KubernetesVersion = []int{2}, "v1.36.4"
		}), ""},
		{"nodes that cycle, and no volumes", nil, few(1, same), few(1, func(p *cluster.NodePool) {
			p.KubernetesVersion = "v1.36.4"
		}), ""},
		{"fewer fault domains", lost, all, func(s *cluster.Spec) {
			all(s)
			s.NodePools[0].FaultDomains = []int{1, 2}
		}, "nodePools[0].faultDomains AD-2 nodePools[0].size"},
		{"more fault domains", lost, func(s *cluster.Spec) {
			all(s)
			s.NodePools[0].FaultDomains = []int{1}
		}, func(s *cluster.Spec) {
			all(s)
			s.NodePools[0].FaultDomains = []int{2, 1}
		}, ""},
		{"preemptible nodes instead", lost, all, func(s *cluster.Spec) {
			all(s)
			s.NodePools[0].Preemptible = true
		}, "nodePools[0].preemptible AD-2"},
	} {
		t.Run(tc.what, func(t *testing.T) {
			first := mocks.New("project", "stack")
			deploy(t, first, func(args *oke.Args) {
				if tc.before == nil {
					tc.before = all
				}
				tc.before(&args.Spec)
			})
			next := first.Next()
			next.Volumes = tc.volumes
			err := next.Run(func(ctx *pulumi.Context) error {
				s := spec()
				s.NodePools[1].AvailabilityDomains = nil
				if tc.change != nil {
					tc.change(&s)
				}
				_, err := oke.Look(ctx, "cluster", place, s)
				return err
			})
			if tc.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			problemtest.Check(t, err, tc.want)
		})
	}
}

// TestAddonVersions expects a refusal of a version that the region does not have, unless the cluster has it.
func TestAddonVersions(t *testing.T) {
	look := func(r *mocks.Recorder, version string) error {
		return r.Run(func(ctx *pulumi.Context) error {
			s := spec()
			s.AddonOptions = map[string]cluster.AddonOptions{"KubernetesMetricsServer": {Version: version}}
			_, err := oke.Look(ctx, "cluster", place, s)
			return err
		})
	}
	first := mocks.New("project", "stack")
	problemtest.Check(t, look(first, "v99.0.0"), "addonOptions.KubernetesMetricsServer.version v99.0.0 v0.7.2 v1.36.4")
	for _, version := range []string{"", "v0.7.2", "0.7.2"} {
		if err := look(first, version); err != nil {
			t.Errorf("version %q: %v", version, err)
		}
	}
	deploy(t, first, func(args *oke.Args) {
		args.Spec.Addons = []string{"KubernetesMetricsServer"}
		args.Spec.AddonOptions = map[string]cluster.AddonOptions{"KubernetesMetricsServer": {Version: "v0.7.2"}}
	})
	for i := range first.Resources { // as if it was offered then
		if first.Resources[i].Type == "oci:ContainerEngine/addon:Addon" {
			first.Resources[i].Inputs["version"] = resource.NewProperty("v0.6.1")
		}
	}
	if err := look(first.Next(), "v0.6.1"); err != nil {
		t.Errorf("a version that the cluster has: %v", err)
	}
}

// tags are those of the stack that the tests update.
var tags = map[string]string{"project": "project", "stack": "stack"}

// place is that of the cluster that deploy makes.
var place = oke.Place{CompartmentID: compartment, Tags: tags, Immutable: cluster.Immutable{
	VcnID: "ocid1.vcn.oc1.iad.vcn", SubnetID: "ocid1.subnet.oc1.iad.api",
	PodsCIDR: "10.244.0.0/16", ServicesCIDR: "10.96.0.0/16",
}}

// TestImages expects nodes to keep the image of the first update until the release changes.
func TestImages(t *testing.T) {
	const pool = "oci:ContainerEngine/nodePool:NodePool"
	first := mocks.New("project", "stack")
	deploy(t, first, func(*oke.Args) {})
	for name, want := range map[string]string{"cluster-arm": armImage, "cluster-old": oldImage, "cluster-own": ownImage} {
		if got := inputs(t, first, pool, name)["nodeSourceDetails.imageId"]; got != want {
			t.Errorf("%s has image %s, want %s", name, got, want)
		}
	}
	for i, res := range first.Resources {
		if res.Type == "pulumi:index:Stash" { // as if it was the newest then
			first.Resources[i].Inputs = resource.PropertyMap{"input": resource.NewProperty("earlier image")}
		}
	}
	for release, want := range map[string]string{"": "earlier image", "november": armImage} {
		next := first.Next()
		deploy(t, next, func(args *oke.Args) { args.Spec.NodeImageRelease = release })
		if got := inputs(t, next, pool, "cluster-arm")["nodeSourceDetails.imageId"]; got != want {
			t.Errorf("nodeImageRelease %q: image %s, want %s", release, got, want)
		}
	}
}

// TestImageOfNewPool adds a pool when OKE has newer images, and expects the newest for it, and no other for the pool
// that runs. The image of an earlier attempt to make the pool does not matter.
func TestImageOfNewPool(t *testing.T) {
	const pool, earlier = "oci:ContainerEngine/nodePool:NodePool", "earlier image"
	first := mocks.New("project", "stack")
	deploy(t, first, func(*oke.Args) {})
	made := first.Resources
	age := func(in resource.PropertyMap) {
		if source := mocks.Properties(in["nodeSourceDetails"]); source != nil {
			source["imageId"] = resource.NewProperty(earlier)
		}
		if _, stashed := in["input"]; stashed {
			in["input"] = resource.NewProperty(earlier)
		}
	}
	for _, res := range made { // as if all was of long ago
		age(res.Inputs)
	}
	green := func(args *oke.Args) {
		args.Spec.NodePools = append(args.Spec.NodePools,
			cluster.NodePool{Name: "green", Size: 1, Shape: "VM.Standard.A1.Flex"})
	}
	check := func(r *mocks.Recorder, when string) {
		for name, want := range map[string]string{"cluster-arm": earlier, "cluster-green": armImage} {
			if got := inputs(t, r, pool, name)["nodeSourceDetails.imageId"]; got != want {
				t.Errorf("%s: %s has image %s, want %s", when, name, got, want)
			}
		}
	}
	added := first.Next()
	deploy(t, added, green)
	check(added, "added")
	later := added.Next()
	deploy(t, later, green)
	check(later, "in the next update")

	failed := mocks.Recorder{Project: "project", Stack: "stack"} // the pool was not made, and its image is kept
	for _, res := range added.Resources {
		if res.Type == pool && res.Name == "cluster-green" {
			continue
		}
		age(res.Inputs)
		failed.Resources = append(failed.Resources, res)
	}
	again := failed.Next()
	deploy(t, again, green)
	check(again, "after an attempt that failed")

	before := mocks.Recorder{Project: "project", Stack: "stack"} // the state of an earlier program
	for _, res := range made {
		if res.Type != "pulumi:index:Stash" || strings.HasPrefix(res.Name, "cluster-image-") {
			before.Resources = append(before.Resources, res)
		}
	}
	after := before.Next()
	deploy(t, after, green)
	check(after, "after an earlier program")
}

// TestNodesLeftBehindKeepVolumes expects a refusal of cycling where it replaces nodes that an update without it has
// left with an earlier version.
func TestNodesLeftBehindKeepVolumes(t *testing.T) {
	first := mocks.New("project", "stack")
	deploy(t, first, func(*oke.Args) {})
	for _, tc := range []struct{ surge, version, state, want string }{
		{"1", "v1.35.2", "ACTIVE", "kubernetesVersion AD-1 nodePools[0].cycleBy"},
		{"", "v1.35.2", "ACTIVE", ""},
		{"1", "v1.36.4", "ACTIVE", ""},
		{"1", "v1.35.2", "DELETING", ""},
		{"1", "v1.35.2", "DELETED", ""},
		{"1", "v1.35.2", "FAILING", ""},
		{"1", "", "CREATING", ""},
	} {
		next := first.Next()
		next.Nodes = []map[string]any{
			{"kubernetesVersion": "v1.36.4", "state": "ACTIVE"}, {"kubernetesVersion": tc.version, "state": tc.state},
		}
		next.Volumes = []map[string]any{volume("AD-1")}
		err := next.Run(func(ctx *pulumi.Context) error {
			s := spec()
			s.NodePools[0].MaxSurge = tc.surge
			_, err := oke.Look(ctx, "cluster", place, s)
			return err
		})
		if tc.want != "" {
			problemtest.Check(t, err, tc.want)
		} else if err != nil {
			t.Errorf("%+v: %v", tc, err)
		}
	}
}

// TestStepsOfShrunkPool expects an update without a change to pass although an autoscaler has left fewer nodes than a
// step has, and another step to be refused.
func TestStepsOfShrunkPool(t *testing.T) {
	steps := func(surge string) func(*cluster.Spec) {
		return func(s *cluster.Spec) {
			s.NodePools[0].Size, s.NodePools[0].Autoscaled, s.NodePools[0].MaxSurge = 3, true, surge
		}
	}
	first := mocks.New("project", "stack")
	deploy(t, first, func(args *oke.Args) { steps("3")(&args.Spec) })
	for _, res := range first.Resources {
		if config := mocks.Properties(res.Inputs["nodeConfigDetails"]); res.Name == "cluster-arm" && config != nil {
			config["size"] = resource.NewProperty(1.0)
		}
	}
	for surge, want := range map[string][]string{"3": nil, "2": {"nodePools[0].maxSurge 2 1"}, "50%": nil} {
		problemtest.Check(t, first.Next().Run(func(ctx *pulumi.Context) error {
			s := spec()
			steps(surge)(&s)
			_, err := oke.Look(ctx, "cluster", place, s)
			return err
		}), want...)
	}
}

// TestVolumesAreCountedOnce expects one question for each availability domain, however many pools depend on the answer.
func TestVolumesAreCountedOnce(t *testing.T) {
	all := func(s *cluster.Spec) {
		s.AvailabilityDomains = nil
		for i := range s.NodePools {
			p := &s.NodePools[i]
			p.AvailabilityDomains, p.MaxSurge, p.ImageID = nil, "1", ""
		}
	}
	first := mocks.New("project", "stack")
	deploy(t, first, func(args *oke.Args) { all(&args.Spec) })
	next := first.Next()
	err := next.Run(func(ctx *pulumi.Context) error {
		s := spec()
		all(&s)
		_, err := oke.Look(ctx, "cluster", place, s)
		return err
	})
	asked := 0
	for _, token := range next.Asked {
		if token == "oci:Core/getVolumes:getVolumes" {
			asked++
		}
	}
	if err != nil || asked != 1 {
		t.Errorf("%d questions about the volumes: %v", asked, err)
	}
}

// TestRightsOfLists expects an error that names the right of a list that the user may not see, not the compartment,
// whether a plugin answers with an error or, as official ones do, without values.
func TestRightsOfLists(t *testing.T) {
	first := mocks.New("project", "stack")
	deploy(t, first, func(args *oke.Args) {
		args.Spec.AvailabilityDomains, args.Spec.NodePools[1].AvailabilityDomains = nil, nil
	})
	for token, right := range map[string]string{
		"oci:ContainerEngine/getClusterOption:getClusterOption":   "manage clusters",
		"oci:ContainerEngine/getNodePoolOption:getNodePoolOption": "manage clusters",
		"oci:ContainerEngine/getClusters:getClusters":             "manage clusters",
		"oci:ContainerEngine/getNodePools:getNodePools":           "manage cluster-node-pools",
		"oci:ContainerEngine/getNodePool:getNodePool":             "manage cluster-node-pools",
		"oci:Core/getVolumes:getVolumes":                          "inspect volumes",
	} {
		for _, fails := range []bool{true, false} {
			next := first.Next()
			next.FailsUnseen, next.Denied = fails, []string{token}
			err := next.Run(func(ctx *pulumi.Context) error {
				s := spec()
				s.AvailabilityDomains, s.NodePools[1].AvailabilityDomains = []int{1, 3}, nil
				_, err := oke.Look(ctx, "cluster", place, s)
				return err
			})
			if err == nil || !strings.Contains(err.Error(), right) || strings.Contains(err.Error(), "no compartment") {
				t.Errorf("%s, with an error: %v: %v", token, fails, err)
			}
		}
	}
}

// TestNewImagesKeepVolumes expects a refusal of another image where that replaces the nodes that volumes depend on, and
// none while the image stays, although a newer one is there.
func TestNewImagesKeepVolumes(t *testing.T) {
	cycling := func(release string) func(*oke.Args) {
		return func(args *oke.Args) { args.Spec.NodeImageRelease, args.Spec.NodePools[0].MaxSurge = release, "1" }
	}
	first := mocks.New("project", "stack")
	deploy(t, first, cycling(""))
	for i, res := range first.Resources {
		if res.Type == "pulumi:index:Stash" { // as if it was the newest then
			first.Resources[i].Inputs = resource.PropertyMap{"input": resource.NewProperty("earlier image")}
		}
		if details := mocks.Properties(res.Inputs["nodeSourceDetails"]); res.Name == "cluster-arm" && details != nil {
			details["imageId"] = resource.NewProperty("earlier image")
		}
	}
	for release, want := range map[string][]string{
		"": nil, "november": {"nodeImageRelease", "arm", "AD-1", "boot-volume", "allowStrandedVolumes"},
	} {
		next := first.Next()
		next.Volumes = []map[string]any{{
			"availabilityDomain": "Uocm:US-ASHBURN-AD-1", "state": "AVAILABLE",
			"freeformTags": map[string]any{"project": "project", "stack": "stack"},
		}}
		err := update(next, cycling(release))
		if refused := err != nil; refused != (want != nil) {
			t.Errorf("release %q: %v", release, err)
		}
		for _, word := range want {
			if err != nil && !strings.Contains(err.Error(), word) {
				t.Errorf("release %q: %v, want %q", release, err, word)
			}
		}
	}
}

// TestAutoscaler expects the add-on to be told the bounds and the OCIDs of its pools, after its policy, and the pools
// to keep what it makes of their sizes.
func TestAutoscaler(t *testing.T) {
	r := mocks.New("project", "stack")
	deploy(t, r, func(args *oke.Args) {
		args.Spec.AutoscalerPolicy = true
		for i := range args.Spec.NodePools[:2] {
			args.Spec.NodePools[i].MinSize, args.Spec.NodePools[i].MaxSize = 1, 3+i
		}
		args.Spec.AddonOptions = map[string]cluster.AddonOptions{
			cluster.Autoscaler: {Version: "v1.34.3", Configuration: map[string]string{"maxNodeProvisionTime": "15m"}},
		}
	})
	addon := inputs(t, r, "oci:ContainerEngine/addon:Addon", "cluster-ClusterAutoscaler")
	got := map[string]string{}
	for i := range 5 {
		at := fmt.Sprintf("configurations[%d].", i)
		got[addon[at+"key"]] = addon[at+"value"]
	}
	want := map[string]string{
		"authType": "workload", "balanceSimilarNodeGroups": "true", "maxNodeProvisionTime": "15m", "numOfReplicas": "2",
		"nodes": "1:3:ocid1.nodepool.oc1.iad.cluster-arm, 1:4:ocid1.nodepool.oc1.iad.cluster-old",
	}
	if !maps.Equal(got, want) || addon["version"] != "v1.34.3" {
		t.Errorf("got %v of version %s, want %v", got, addon["version"], want)
	}
	policy := inputs(t, r, "oci:Identity/policy:Policy", "cluster-autoscaler")
	if !strings.Contains(policy["statements[0]"], "request.principal.cluster_id = 'ocid1.cluster.oc1.iad.cluster'") {
		t.Errorf("policy %v", policy)
	}
	for _, res := range r.Resources {
		ignores := slices.Contains(res.Options.GetIgnoreChanges(), "nodeConfigDetails.size")
		if res.Type == "oci:ContainerEngine/nodePool:NodePool" && ignores != (res.Name != "cluster-own") {
			t.Errorf("%s ignores a changed size: %t", res.Name, ignores)
		}
	}
}
