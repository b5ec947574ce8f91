package iam

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/workload"
)

const (
	here   = "ocid1.compartment.oc1..here"
	there  = "ocid1.compartment.oc1..there"
	someOC = ".oc1.iad.aaaa"
)

// plain returns a stack with the defaults of the network, one node pool and one guestbook.
func plain() Input {
	in := Input{
		Project: "oke-guestbook", Stack: "test", CompartmentID: here, Group: "ops",
		Cluster: cluster.Spec{ClusterType: cluster.Basic, NodePools: []cluster.NodePool{{Name: "workers", Size: 2}}},
		Guestbooks: []workload.Guestbook{{
			Name: "guestbook", Spec: workload.Spec{Namespace: "guestbook", FrontendImage: "registry.example/guestbook:v1"},
		}},
	}
	in.Network.Settings().ApplyDefaults()
	return in
}

// existing puts the stack into an existing VCN of compartment there.
func existing(in *Input) {
	in.Network.VcnID, in.NetworkCompartment = "ocid1.vcn"+someOC, there
}

// allExisting also names existing subnets.
func allExisting(in *Input) {
	existing(in)
	in.Network.SecurityBy = layout.Groups
	in.Network.Subnets = map[layout.Role]layout.SubnetSpec{}
	for role, cidr := range map[layout.Role]string{
		layout.API: "10.0.0.0/28", layout.Workers: "10.0.64.0/18", layout.PublicLoadBalancers: "10.0.32.0/24",
	} {
		in.Network.Subnets[role] = layout.SubnetSpec{ID: "ocid1.subnet" + someOC, CIDR: cidr}
	}
}

// granted returns what is granted to whom and where, such as "operators: manage vcns here".
func granted(in Input) map[string]bool {
	all := map[string]bool{}
	for _, s := range Statements(in) {
		place := map[string]string{"compartment id " + here: "here", "compartment id " + there: "there"}[s.Location]
		if place == "" {
			place = s.Location
		}
		all[string(s.Principal)+": "+s.Grant+" "+place] = true
	}
	return all
}

// change is a setting, the grants that come with it, and those that go.
type change struct {
	name       string
	set        func(in *Input)
	come, gone []string
}

// networkThere is what a network in another compartment adds for any Pods' network.
var networkThere = []string{
	"operators: read virtual-network-family there", "operators: use vnics there", "operators: use private-ips there",
	"operators: use network-security-groups there", "operators: {VCN_READ, VCN_ATTACH, VCN_DETACH} there",
	"operators: {DHCP_READ, DHCP_ATTACH, DHCP_DETACH} there",
	"cluster: use subnets there", "cluster: read vcns there", "cluster: use private-ips there",
	"cluster: manage volumes tenancy", "cluster: manage volume-attachments tenancy",
	"nodePools: use subnets there", "nodePools: use vnics there",
}

var noLongerHere = []string{
	"operators: use private-ips here", "operators: use network-security-groups here", "operators: manage vcns here",
	"operators: {DHCP_READ, DHCP_ATTACH, DHCP_DETACH} here",
}

func plus(list []string, more ...string) []string { return append(slices.Clone(list), more...) }

func without(list []string, less ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(less, s) })
}

var backingUp = []string{
	"operators: {OBJECTSTORAGE_NAMESPACE_READ} tenancy",
	"operators: manage buckets here", "operators: inspect objects here", "operators: manage policies here",
}

var autoscaling = []string{
	"autoscaler: manage cluster-node-pools here", "autoscaler: manage instance-family here",
	"autoscaler: use subnets here",
	"autoscaler: use vnics here", "autoscaler: read virtual-network-family here", "autoscaler: inspect compartments here",
}

var changes = []change{
	{"addons", func(in *Input) { in.Cluster.Addons = []string{"CertManager"} }, nil, nil},
	{
		"public endpoint", func(in *Input) { in.Network.APIEndpoint = layout.Public },
		[]string{"operators: manage public-ips here"},
		nil,
	},
	{
		"internal load balancers only", func(in *Input) { in.Network.LoadBalancers = layout.Internal },
		nil,
		[]string{"operators: manage internet-gateways here"},
	},
	{
		"no egress", func(in *Input) { in.Network.InternetEgress = layout.EgressNone },
		nil,
		[]string{"operators: manage nat-gateways here"},
	},
	{"VCN-native Pods in the same compartment", func(in *Input) { in.Network.PodNetwork = layout.VCNNative }, nil, nil},
	{
		"network security groups", func(in *Input) { in.Network.SecurityBy = layout.Groups },
		[]string{"operators: manage network-security-groups here"},
		[]string{"operators: use network-security-groups here"},
	},
	{
		"bastion", func(in *Input) { in.Network.Bastion = true },
		[]string{"operators: manage bastion-family here", "operators: inspect work-requests here"},
		nil,
	},
	{
		"alarms", func(in *Input) { in.Alarms, in.OwnTopic, in.Guestbooks[0].Measured = true, true, true },
		[]string{
			"operators: manage alarms here", "operators: manage ons-topics here", "operators: manage policies here",
			"operators: read metrics here",
		},
		nil,
	},
	{"budget", func(in *Input) { in.Budget = true }, []string{
		"operators: manage usage-budgets tenancy", "operators: inspect tenancies tenancy",
	}, nil},
	{
		"flow logs", func(in *Input) { in.Network.FlowLogs = []layout.Role{layout.Workers} },
		[]string{"operators: manage log-groups here"},
		nil,
	},
	{
		"container logs", func(in *Input) { in.ContainerLogs = true },
		[]string{
			"operators: manage log-groups here", "operators: manage unified-configuration here",
			"operators: manage dynamic-groups tenancy", "operators: manage policies here",
		},
		nil,
	},
	{
		"container logs, a dynamic group of others", func(in *Input) {
			in.ContainerLogs, in.LogsGroup = true, "ocid1.dynamicgroup"+someOC
		},
		[]string{
			"operators: manage log-groups here", "operators: manage unified-configuration here",
			"operators: manage policies here",
		},
		nil,
	},
	{"gateway to peers", func(in *Input) {
		in.Network.DrgID, in.Network.PeerCIDRs = "ocid1.drg"+someOC, []string{"10.9.0.0/16"}
	}, []string{
		"operators: {DRG_READ, DRG_ATTACH, DRG_DETACH, DRG_ROUTE_TABLE_READ} here",
		"operators: manage drg-attachments here",
	}, nil},
	{
		"existing VCN in the same compartment", func(in *Input) { in.Network.VcnID = "ocid1.vcn" + someOC },
		[]string{"operators: {VCN_READ, VCN_ATTACH, VCN_DETACH} here"},
		[]string{"operators: manage vcns here"},
	},
	{
		"network compartment that is the stack's", func(in *Input) { existing(in); in.NetworkCompartment = here },
		[]string{"operators: {VCN_READ, VCN_ATTACH, VCN_DETACH} here"},
		[]string{"operators: manage vcns here"},
	},
	{"existing VCN elsewhere", existing, networkThere, noLongerHere},
	{
		"existing VCN elsewhere, no database", func(in *Input) {
			existing(in)
			in.Guestbooks[0].ExternalDatabase = "db.example"
		},
		without(networkThere, "cluster: manage volumes tenancy", "cluster: manage volume-attachments tenancy"),
		noLongerHere,
	},
	{
		"existing VCN elsewhere, VCN-native Pods", func(in *Input) { existing(in); in.Network.PodNetwork = layout.VCNNative },
		plus(networkThere, "cluster: use network-security-groups there", "cluster: manage instances here"), noLongerHere,
	},
	{"existing VCN elsewhere, gateway to peers", func(in *Input) {
		existing(in)
		in.Network.DrgID, in.Network.PeerCIDRs = "ocid1.drg"+someOC, []string{"10.9.0.0/16"}
	}, plus(networkThere, "operators: {DRG_READ, DRG_ATTACH, DRG_DETACH, DRG_ROUTE_TABLE_READ} there"), noLongerHere},
	{
		"existing gateways", func(in *Input) {
			existing(in)
			in.Network.InternetGatewayID = "ocid1.internetgateway" + someOC
			in.Network.NATGatewayID, in.Network.ServiceGatewayID = "ocid1.natgateway"+someOC, "ocid1.servicegateway"+someOC
		},
		plus(networkThere, "operators: {INTERNET_GATEWAY_ATTACH, INTERNET_GATEWAY_DETACH} there",
			"operators: {NAT_GATEWAY_ATTACH, NAT_GATEWAY_DETACH} there",
			"operators: {SERVICE_GATEWAY_ATTACH, SERVICE_GATEWAY_DETACH} there"),
		plus(noLongerHere, "operators: manage internet-gateways here", "operators: manage nat-gateways here",
			"operators: manage service-gateways here"),
	},
	{
		"existing subnets", allExisting,
		plus(without(networkThere,
			"operators: {DHCP_READ, DHCP_ATTACH, DHCP_DETACH} there", "operators: use network-security-groups there"),
			"operators: use subnets there", "operators: manage network-security-groups here"),
		plus(noLongerHere, "operators: manage subnets here", "operators: manage route-tables here",
			"operators: manage internet-gateways here", "operators: manage nat-gateways here",
			"operators: manage service-gateways here"),
	},
	{"flow log of an existing subnet", func(in *Input) {
		in.Network.VcnID = "ocid1.vcn" + someOC
		in.Network.Subnets = map[layout.Role]layout.SubnetSpec{
			layout.Workers: {ID: "ocid1.subnet" + someOC, CIDR: "10.0.64.0/18"},
		}
		in.Network.FlowLogs = []layout.Role{layout.API, layout.Workers}
	}, []string{
		"operators: {VCN_READ, VCN_ATTACH, VCN_DETACH} here", "operators: use subnets here",
		"operators: manage log-groups here", "operators: {SUBNET_READ, SUBNET_UPDATE} here",
	}, []string{"operators: manage vcns here", "operators: manage nat-gateways here"}},
	{
		"key", func(in *Input) { in.Cluster.KMSKeyID = "ocid1.key" + someOC },
		[]string{"operators: read keys here", "operators: inspect vaults here", "cluster: use keys here"},
		nil,
	},
	{
		"key elsewhere", func(in *Input) { in.Cluster.KMSKeyID, in.KeyCompartment = "ocid1.key"+someOC, there },
		[]string{"operators: read keys there", "operators: inspect vaults here", "cluster: use keys there"},
		nil,
	},
	{
		"image", func(in *Input) { in.Cluster.NodePools[0].ImageID = "ocid1.image" + someOC },
		[]string{"nodePools: read instance-images here"},
		nil,
	},
	{"image elsewhere", func(in *Input) {
		in.Cluster.NodePools[0].ImageID, in.ImageCompartment = "ocid1.image"+someOC, there
	}, []string{"operators: read instance-images there", "nodePools: read instance-images there"}, nil},
	{
		"reserved address", func(in *Input) { in.Guestbooks[0].ReservedAddress = "192.0.2.7" },
		[]string{
			"operators: inspect load-balancers here", "operators: inspect network-load-balancers here",
			"operators: read public-ips here",
		},
		nil,
	},
	{
		"certificate", func(in *Input) { in.Guestbooks[0].TLSCertificateID = "ocid1.certificate" + someOC },
		[]string{"operators: read leaf-certificates here", "cluster: manage leaf-certificate-family here"},
		nil,
	},
	{"certificate elsewhere", func(in *Input) {
		in.Guestbooks[0].TLSCertificateID, in.CertificateCompartment = "ocid1.certificate"+someOC, there
	}, []string{"operators: read leaf-certificates there", "cluster: manage leaf-certificate-family there"}, nil},
	{"certificate elsewhere, alarms", func(in *Input) {
		in.Guestbooks[0].TLSCertificateID, in.CertificateCompartment = "ocid1.certificate"+someOC, there
		in.Alarms, in.Guestbooks[0].Measured = true, true
	}, []string{
		"operators: manage alarms here", "operators: read ons-topics here", "operators: manage policies here",
		"operators: read metrics here",
		"operators: read leaf-certificates there", "cluster: manage leaf-certificate-family there",
		"measuringJobs: read leaf-certificates there",
	}, nil},
	{
		"DNS zone", func(in *Input) { in.Guestbooks[0].DNSZoneID = "ocid1.dns-zone" + someOC },
		[]string{"operators: use dns-zones here", "operators: manage dns-records here"},
		nil,
	},
	{"DNS zone elsewhere", func(in *Input) {
		in.Guestbooks[0].DNSZoneID, in.ZoneCompartment = "ocid1.dns-zone"+someOC, there
	}, []string{"operators: use dns-zones there", "operators: manage dns-records there"}, nil},
	{"reserved address elsewhere", func(in *Input) {
		in.Guestbooks[0].ReservedAddress, in.AddressCompartment = "192.0.2.7", there
	}, []string{
		"operators: inspect load-balancers here", "operators: inspect network-load-balancers here",
		"operators: read public-ips there", "cluster: read public-ips there", "cluster: manage floating-ips there",
	}, nil},
	{"backups", func(in *Input) { in.Guestbooks[0].BackupSchedule = "0 3 * * *" }, backingUp, nil},
	{"restore", func(in *Input) { in.Guestbooks[0].RestoreFrom = "guestbook-1" }, backingUp, nil},
	{
		"Oracle's registry by region key", func(in *Input) { in.Guestbooks[0].FrontendImage = "iad.ocir.io/t/guestbook:v1" },
		[]string{"operators: manage repos here"},
		nil,
	},
	{"Oracle's registry by region name", func(in *Input) {
		in.Guestbooks[0].MongoImage = "ocir.us-ashburn-1.oci.oraclecloud.com/t/mongo:8.0"
	}, []string{"operators: manage repos here"}, nil},
	{"image of the chores", func(in *Input) {
		in.Guestbooks[0].ChoresImage = "iad.ocir.io/t/guestbook:v1"
	}, []string{"operators: manage repos here"}, nil},
	{"autoscaled pool of a basic cluster", func(in *Input) { in.Cluster.NodePools[0].Autoscaled = true }, nil, nil},
	{"autoscaled pool of an enhanced cluster", func(in *Input) {
		in.Cluster.ClusterType, in.Cluster.NodePools[0].Autoscaled = cluster.Enhanced, true
	}, autoscaling, nil},
	{"autoscaled pool, network elsewhere", func(in *Input) {
		existing(in)
		in.Cluster.ClusterType, in.Cluster.NodePools[0].Autoscaled = cluster.Enhanced, true
	}, plus(append(without(autoscaling, "autoscaler: read virtual-network-family here"), networkThere...),
		"autoscaler: use subnets there", "autoscaler: use vnics there", "autoscaler: read virtual-network-family there",
		"autoscaler: inspect compartments there"), noLongerHere},
	{
		"bounded pool, whose policy the program creates", bounded,
		[]string{"operators: manage policies here"},
		nil,
	},
	{"bounded pool, network elsewhere", func(in *Input) {
		existing(in)
		bounded(in)
	}, plus(append([]string{"operators: manage policies here"}, networkThere...),
		"autoscaler: use subnets there", "autoscaler: use vnics there", "autoscaler: read virtual-network-family there",
		"autoscaler: inspect compartments there"), noLongerHere},
	{"bounded pool, whose policy an administrator creates", func(in *Input) {
		bounded(in)
		in.Cluster.AutoscalerPolicy = false
	}, autoscaling, nil},
	{"virtual nodes", virtual, []string{
		"operators: manage cluster-virtualnode-pools here", "operators: manage vnics here",
	}, nil},
	{"defined tags", func(in *Input) { in.DefinedTags = true }, []string{
		"operators: use tag-namespaces tenancy", "cluster: use tag-namespaces tenancy",
		"nodePools: use tag-namespaces tenancy",
	}, nil},
	{"key of boot volumes elsewhere", func(in *Input) {
		in.Cluster.NodePools[0].BootVolumeKMSKeyID, in.KeyCompartment = "ocid1.key"+someOC, there
	}, []string{
		"operators: use key-delegates there", "nodePools: use key-delegates there", "blockVolumes: use keys there",
		"operators: read keys there", "operators: inspect vaults here",
	}, nil},
	{
		"verified images", func(in *Input) { in.Cluster.ImageKeys = []string{"ocid1.key" + someOC} },
		[]string{
			"operators: read keys here", "operators: inspect vaults here", "cluster: use keys here", "cluster: read repos here",
		},
		nil,
	},
	{
		"vaults elsewhere",
		func(in *Input) { in.Cluster.VaultIDs, in.KeyCompartment = []string{"ocid1.vault" + someOC}, there },
		[]string{"operators: read vaults there"},
		nil,
	},
	{
		"capacity reservation",
		func(in *Input) { in.Cluster.NodePools[0].CapacityReservationID = "ocid1.capacityreservation" + someOC },
		[]string{
			"operators: use compute-capacity-reservations here", "nodePools: use compute-capacity-reservations here",
		},
		nil,
	},
	{
		"capacity reservation elsewhere",
		func(in *Input) {
			in.Cluster.NodePools[0].CapacityReservationID = "ocid1.capacityreservation" + someOC
			in.ReservationCompartment = there
		},
		[]string{
			"operators: use compute-capacity-reservations there", "nodePools: use compute-capacity-reservations there",
		},
		nil,
	},
	{
		"groups", func(in *Input) { in.Cluster.NodePools[0].NSGIDs = []string{"ocid1.networksecuritygroup" + someOC} },
		nil, nil,
	},
	{
		"groups elsewhere", func(in *Input) {
			in.Cluster.NodePools[0].NSGIDs = []string{"ocid1.networksecuritygroup" + someOC}
			in.GroupCompartment = there
		},
		[]string{"operators: use network-security-groups there", "nodePools: use network-security-groups there"},
		nil,
	},
	{"policy of a cluster that needs none", func(in *Input) { in.Cluster.ClusterPolicy = true }, nil, nil},
	{
		"policy of the cluster", func(in *Input) {
			in.Cluster.ClusterPolicy, in.Cluster.KMSKeyID = true, "ocid1.key"+someOC
		},
		[]string{"operators: read keys here", "operators: inspect vaults here", "operators: manage policies here"},
		nil,
	},
	{
		"policy of the cluster, key elsewhere", func(in *Input) {
			in.Cluster.ClusterPolicy, in.Cluster.KMSKeyID, in.KeyCompartment = true, "ocid1.key"+someOC, there
		},
		[]string{"operators: read keys there", "operators: inspect vaults here", "operators: manage policies tenancy"},
		nil,
	},
	{
		"alarms to a topic that exists", func(in *Input) { in.Alarms, in.Guestbooks[0].Measured = true, true },
		[]string{
			"operators: manage alarms here", "operators: read ons-topics here", "operators: manage policies here",
			"operators: read metrics here",
		},
		nil,
	},
}

// bounded has the program install the autoscaler.
func bounded(in *Input) {
	in.Cluster.ClusterType, in.Cluster.AutoscalerPolicy, in.Cluster.NodePools[0].MaxSize = cluster.Enhanced, true, 3
}

// virtual has a pool of virtual nodes.
func virtual(in *Input) {
	in.Cluster.ClusterType = cluster.Enhanced
	in.Cluster.VirtualNodePools = []cluster.VirtualNodePool{{Name: "burst", Size: 1}}
}

// TestVirtualNodesAreAssumedToNeedNoPolicy expects the way to the statements that some realms may still ask for.
func TestVirtualNodesAreAssumedToNeedNoPolicy(t *testing.T) {
	in := plain()
	if all := strings.Join(Assumptions(in), "\n"); strings.Contains(all, "virtual") {
		t.Errorf("without virtual nodes: %s", all)
	}
	virtual(&in)
	if all := strings.Join(Assumptions(in), "\n"); !strings.Contains(all, "docs/nodes.md") {
		t.Errorf("with virtual nodes: %s", all)
	}
}

// TestAutoscalerPolicy expects the statements that the program creates to be those that an administrator would.
func TestAutoscalerPolicy(t *testing.T) {
	in := plain()
	bounded(&in)
	in.ClusterID = "ocid1.cluster" + someOC
	var created []string
	for _, policy := range CreatedByTheProgram(in) {
		if policy.Name != "oke-guestbook-test-autoscaler" {
			t.Errorf("policy %s", policy.Name)
		}
		created = append(created, policy.Statement)
	}
	in.Cluster.AutoscalerPolicy = false
	var wanted []string
	for _, s := range Statements(in) {
		if s.Principal == NodesAutoscaler {
			wanted = append(wanted, s.Text)
		}
	}
	if len(wanted) == 0 || !slices.Equal(created, wanted) {
		t.Errorf("created %q, want %q", created, wanted)
	}
}

func TestChanges(t *testing.T) {
	for _, c := range changes {
		t.Run(c.name, func(t *testing.T) {
			in := plain()
			before := granted(in)
			c.set(&in)
			if err := Validate(in); err != nil {
				t.Fatal(err)
			}
			after := granted(in)
			compare(t, "comes", c.come, minus(after, before))
			compare(t, "goes", c.gone, minus(before, after))
		})
	}
}

// TestChangesUseEveryGrant finds a grant that no row of changes, and no plain stack, brings.
func TestChangesUseEveryGrant(t *testing.T) {
	seen := map[string]bool{}
	note := func(in Input) {
		for _, s := range Statements(in) {
			seen[s.Why] = true
		}
	}
	note(plain())
	for _, c := range changes {
		in := plain()
		c.set(&in)
		note(in)
	}
	for _, g := range grants {
		if !seen[g.why] {
			t.Errorf("%s: %s is tested by no change: %s", g.to, g.allow, g.why)
		}
		if g.source == nil || g.in.text == "" || g.when.text == "" || g.why == "" {
			t.Errorf("%s: %s has no place, reason or source", g.to, g.allow)
		}
	}
}

func minus(all, less map[string]bool) (rest []string) {
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !less[key] {
			rest = append(rest, key)
		}
	}
	return rest
}

func compare(t *testing.T, what string, want, got []string) {
	t.Helper()
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(want, got) {
		t.Errorf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// text returns the statement that grants something to somebody.
func text(t *testing.T, in Input, principal Principal, allow string) string {
	t.Helper()
	for _, s := range Statements(in) {
		if s.Principal == principal && s.Grant == allow {
			return s.Text
		}
	}
	t.Fatalf("%s: nothing allows to %s", principal, allow)
	return ""
}

func TestTexts(t *testing.T) {
	const root = "ocid1.tenancy.oc1..root"
	key := func(in *Input) { in.Cluster.KMSKeyID, in.KeyCompartment = "ocid1.key.oc1.iad.k", there }
	for _, test := range []struct {
		name      string
		set       func(in *Input)
		principal Principal
		allow     string
		want      string
	}{
		{"group", func(*Input) {}, Operators, "manage vcns", "Allow group ops to manage vcns in compartment id " + here},
		{
			"group of a domain", func(in *Input) { in.Domain, in.Group = "Default", "OKE operators" },
			Operators, "manage vcns", "Allow group 'Default'/'OKE operators' to manage vcns in compartment id " + here,
		},
		{
			"group by OCID", func(in *Input) { in.Group = "ocid1.group.oc1..g" },
			Operators, "manage vcns", "Allow group id ocid1.group.oc1..g to manage vcns in compartment id " + here,
		},
		{
			"tenancy", func(in *Input) { in.CompartmentID = root },
			Operators, "manage vcns", "Allow group ops to manage vcns in tenancy",
		},
		{
			"tenancy of another realm", func(in *Input) { in.CompartmentID = "ocid1.tenancy.oc2..root" },
			Operators, "manage vcns", "Allow group ops to manage vcns in tenancy",
		},
		{
			"tenancy with an old OCID", func(in *Input) { in.CompartmentID = "ocidv1:tenancy:oc1:phx:1460406592660:root" },
			Operators, "manage vcns", "Allow group ops to manage vcns in tenancy",
		},
		{
			"key in the tenancy", func(in *Input) { key(in); in.KeyCompartment = root },
			Operators, "read keys", "Allow group ops to read keys in tenancy where target.key.id = 'ocid1.key.oc1.iad.k'",
		},
		{
			"principal of the tenancy", func(in *Input) { key(in); in.CompartmentID = root },
			ClusterItself, "use keys", "Allow any-user to use keys in compartment id " + there + " where all {" +
				"request.principal.type = 'cluster', request.principal.compartment.id = '" + root + "', " +
				"target.key.id = 'ocid1.key.oc1.iad.k'}",
		},
		{
			"known cluster", func(in *Input) { key(in); in.ClusterID = "ocid1.cluster.oc1.iad.c" },
			ClusterItself, "use keys", "Allow any-user to use keys in compartment id " + there + " where all {" +
				"request.principal.type = 'cluster', request.principal.id = 'ocid1.cluster.oc1.iad.c', " +
				"target.key.id = 'ocid1.key.oc1.iad.k'}",
		},
		{
			"image", func(in *Input) { in.Cluster.NodePools[0].ImageID = "ocid1.image" + someOC },
			NodePools, "read instance-images", "Allow any-user to read instance-images in compartment id " + here +
				" where all {request.principal.type = 'nodepool', request.principal.compartment.id = '" + here + "'}",
		},
		{
			"certificates of two guestbooks elsewhere", func(in *Input) {
				in.CertificateCompartment, in.ClusterID = there, "ocid1.cluster.oc1.iad.c"
				in.Guestbooks = nil
				for _, name := range []string{"a", "b", "c"} {
					in.Guestbooks = append(in.Guestbooks, workload.Guestbook{Name: name, Measured: name != "c", Spec: workload.Spec{
						Namespace: name, TLSCertificateID: "ocid1.certificate.oc1.iad.one",
					}})
				}
			},
			MeasuringJobs, "read leaf-certificates", "Allow any-user to read leaf-certificates in compartment id " + there +
				" where all {request.principal.type = 'workload', any {request.principal.namespace = 'a', " +
				"request.principal.namespace = 'b'}, request.principal.service_account = 'measure', " +
				"request.principal.cluster_id = 'ocid1.cluster.oc1.iad.c', " +
				"target.leaf-certificate.id = 'ocid1.certificate.oc1.iad.one'}",
		},
		{
			"one bucket", func(in *Input) { in.Guestbooks[0].BackupSchedule = "0 3 * * *" },
			Operators, "manage buckets", "Allow group ops to manage buckets in compartment id " + here +
				" where target.bucket.name = 'oke-guestbook-test-guestbook-backups'",
		},
		{"two of three buckets", func(in *Input) {
			in.Guestbooks = []workload.Guestbook{
				{Name: "a", Spec: workload.Spec{RestoreFrom: "x"}},
				{Name: "b"},
				{Name: "c", Spec: workload.Spec{BackupSchedule: "0 3 * * *"}},
			}
		}, Operators, "manage policies", "Allow group ops to manage policies in compartment id " + here + " where any {" +
			"target.policy.name = 'oke-guestbook-test-a-backups', target.policy.name = 'oke-guestbook-test-c-backups'}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := plain()
			test.set(&in)
			if err := Validate(in); err != nil {
				t.Fatal(err)
			}
			if got := text(t, in, test.principal, test.allow); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestPrincipalsAreNarrow finds a statement for any user that is not limited to a principal and to the stack.
func TestPrincipalsAreNarrow(t *testing.T) {
	for _, c := range changes {
		in := plain()
		c.set(&in)
		for _, s := range Statements(in) {
			subject := strings.Fields(s.Text)[1]
			limited := strings.Contains(s.Text, "request.principal.type = '") &&
				(strings.Contains(s.Text, "'"+here+"'") || strings.Contains(s.Text, "request.principal.cluster_id = '"))
			if (s.Principal == Operators) != (subject == "group") || subject == "any-user" && !limited {
				t.Errorf("%s: %s", c.name, s.Text)
			}
			if strings.Contains(s.Text, "all-resources") {
				t.Errorf("%s: %s", c.name, s.Text)
			}
		}
	}
}

func TestValidate(t *testing.T) {
	compartment := "ocid1.compartment.oc1..a"
	for _, test := range []struct {
		name string
		set  func(in *Input)
		want []string // beginnings of the error's lines
	}{
		{"no group", func(in *Input) { in.Group = " " }, []string{"--group: is empty"}},
		{"user for a group", func(in *Input) { in.Group = "ocid1.user.oc1..u" }, []string{"--group: \"ocid1.user"}},
		{
			"dynamic group for a group", func(in *Input) { in.Group = "ocid1.dynamicgroup.oc1..u" },
			[]string{"--group: \"ocid1.dynamicgroup"},
		},
		{
			"OCID with a domain", func(in *Input) { in.Group, in.Domain = "ocid1.group.oc1..g", "Default" },
			[]string{"--domain: "},
		},
		{"space without a domain", func(in *Input) { in.Group = "OKE operators" }, []string{"--group: "}},
		{
			"two statements in a group", func(in *Input) { in.Group = "ops to manage all-resources in tenancy\nAllow group x" },
			[]string{"--group: "},
		},
		{"quote in a group", func(in *Input) { in.Domain, in.Group = "Default", "o'ps" }, []string{"--group: "}},
		{"quoted domain", func(in *Input) { in.Domain = "'Default'" }, []string{"--domain: "}},
		{"line break in a domain", func(in *Input) { in.Domain = "Default\n" }, []string{"--domain: "}},
		{"domain with its group", func(in *Input) { in.Domain = "Default/ops" }, []string{"--domain: "}},
		{
			"subnet for a compartment", func(in *Input) { existing(in); in.NetworkCompartment = "ocid1.subnet.oc1.iad.s" },
			[]string{"--network-compartment: \"ocid1.subnet"},
		},
		{
			"name for a compartment", func(in *Input) { existing(in); in.NetworkCompartment = "network" },
			[]string{"--network-compartment: \"network\""},
		},
		{
			"condition in a compartment", func(in *Input) { existing(in); in.NetworkCompartment = compartment + " where x" },
			[]string{"--network-compartment: "},
		},
		{
			"network elsewhere without a VCN", func(in *Input) { in.NetworkCompartment = compartment },
			[]string{"--network-compartment: leave it out: vcnId"},
		},
		{
			"address elsewhere without one", func(in *Input) { in.AddressCompartment = compartment },
			[]string{"--address-compartment: leave it out: "},
		},
		{
			"certificate elsewhere without one", func(in *Input) { in.CertificateCompartment = compartment },
			[]string{"--certificate-compartment: leave it out: "},
		},
		{
			"zone elsewhere without one", func(in *Input) { in.ZoneCompartment = compartment },
			[]string{"--zone-compartment: leave it out: "},
		},
		{
			"key elsewhere without one", func(in *Input) { in.KeyCompartment = compartment },
			[]string{"--key-compartment: leave it out: no setting names a key"},
		},
		{
			"image elsewhere without one", func(in *Input) { in.ImageCompartment = compartment },
			[]string{"--image-compartment: leave it out: "},
		},
		{
			"groups elsewhere without one", func(in *Input) { in.GroupCompartment = compartment },
			[]string{"--group-compartment: leave it out: "},
		},
		{
			"reservation elsewhere without one", func(in *Input) { in.ReservationCompartment = compartment },
			[]string{"--reservation-compartment: leave it out: "},
		},
		{
			"node pool for a cluster", func(in *Input) { in.ClusterID = "ocid1.nodepool.oc1.iad.n" },
			[]string{"--cluster: \"ocid1.nodepool"},
		},
		{
			"quote in a setting", func(in *Input) { in.CompartmentID = "ocid1.compartment.oc1..a' or" },
			[]string{"compartmentId: "},
		},
		{
			"two problems", func(in *Input) { in.Group, in.KeyCompartment = "", "x" },
			[]string{"--group: is empty", "--key-compartment: \"x\""},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			in := plain()
			test.set(&in)
			err := Validate(in)
			if err == nil {
				t.Fatal("not refused")
			}
			lines := strings.Split(err.Error(), "\n")
			ok := len(lines) == len(test.want)
			for i := range min(len(lines), len(test.want)) {
				ok = ok && strings.HasPrefix(lines[i], test.want[i])
			}
			if !ok {
				t.Errorf("got %q, want lines that begin with %q", lines, test.want)
			}
		})
	}
}

func TestAssumptionsNameTheirFlags(t *testing.T) {
	in := plain()
	in.Network.VcnID, in.Cluster.KMSKeyID = "ocid1.vcn"+someOC, "ocid1.key"+someOC
	in.Network.DrgID, in.Network.PeerCIDRs = "ocid1.drg"+someOC, []string{"10.9.0.0/16"}
	in.Cluster.NodePools[0].ImageID, in.Cluster.NodePools[0].Autoscaled = "ocid1.image"+someOC, true
	in.Cluster.NodePools[0].NSGIDs = []string{"ocid1.networksecuritygroup" + someOC}
	in.Cluster.NodePools[0].CapacityReservationID = "ocid1.capacityreservation" + someOC
	in.Guestbooks[0].ReservedAddress = "192.0.2.7"
	in.Guestbooks[0].TLSCertificateID = "ocid1.certificate" + someOC
	in.Guestbooks[0].DNSZoneID = "ocid1.dns-zone" + someOC
	all := strings.Join(Assumptions(in), "\n")
	for _, want := range []string{
		"--network-compartment", "--address-compartment", "--certificate-compartment", "--key-compartment",
		"--image-compartment", "--zone-compartment", "--group-compartment", "--reservation-compartment",
		"drgId", "dynamic group",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing in\n%s", want, all)
		}
	}
	in.NetworkCompartment, in.AddressCompartment, in.KeyCompartment, in.ImageCompartment = here, here, here, there
	in.CertificateCompartment, in.ZoneCompartment = there, there
	in.GroupCompartment, in.ReservationCompartment = there, there
	if left := Assumptions(in); len(left) != 2 { // of the gateway, which has no flag, and of the autoscaler
		t.Errorf("left: %q", left)
	}
}

var update = flag.Bool("update", false, "rewrite the tables in docs/policies.md")

// TestDocumentation compares the tables in docs/policies.md, which are below the marker, with the grants.
func TestDocumentation(t *testing.T) {
	const page, marker = "../../docs/policies.md", "<!-- go test ./plan/iam -update writes what follows -->\n"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	head, tables, found := strings.Cut(string(raw), marker)
	if !found {
		t.Fatalf("%s has no marker", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(head+marker+Reference()), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if tables != Reference() {
		t.Errorf("%s is out of date: go test ./plan/iam -update", page)
	}
}

func TestPlaceholdersAreExplained(t *testing.T) {
	in := plain()
	in.Cluster.ClusterType, in.Cluster.NodePools[0].Autoscaled = cluster.Enhanced, true
	if all := strings.Join(Assumptions(in), "\n"); !strings.Contains(all, "--cluster") {
		t.Errorf("--cluster is missing in %q", all)
	}
	in.ClusterID = "ocid1.cluster" + someOC
	for _, s := range Statements(in) {
		if strings.Contains(s.Text, "<") {
			t.Error(s.Text)
		}
	}
	if left := Assumptions(in); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
}

func TestJSON(t *testing.T) {
	in := plain()
	in.Guestbooks[0].BackupSchedule = "0 3 * * *"
	var out strings.Builder
	if err := WriteJSON(&out, in); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Statements []struct{ Principal, Location, Statement, Grant, Why, Note string }
		Created    []struct{ Name, Statement string }
		Assumed    []string
		Tested     *bool
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Statements) != len(Statements(in)) || len(got.Created) != 1 || got.Assumed == nil || got.Tested == nil {
		t.Error(out.String())
	}
	if strings.Contains(out.String(), `\u003c`) {
		t.Error("placeholders are escaped")
	}
}
