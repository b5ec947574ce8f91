package doctor_test

import (
	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

var rightFindings = []finding{
	{
		"clusters", without("/20180222/clusters"),
		[]string{
			"✗ the operator may not read clusters in the compartment",
			"missing: Allow group oke-operators to manage clusters in compartment id " + oci.CompartmentID,
			"make policies STACK=test",
		},
	},
	{"instances", without("/20160918/instances"), []string{"to manage instance-family in compartment id"}},
	{"VCNs", without("/20160918/vcns"), []string{"to manage vcns in", "to read virtual-network-family in"}},
	{"subnets", without("/20160918/subnets"), []string{"to manage subnets in"}},
	{
		"a group that is no name",
		func(s *setup) { s.args = []string{"--group", "a/b"} },
		[]string{"✗ --group: "},
	},
	{"volumes", without("/20160918/volumes"), []string{"to inspect volumes in"}},
	{
		"limits", without("/20190729/limitValues"),
		[]string{"– this user may not read the limits (read resource-availability in tenancy)"},
	},
	{
		"regions", without("/20160918/tenancies/*/regionSubscriptions"),
		[]string{"– regions: this user may not list those of the tenancy (inspect tenancies in tenancy)"},
	},
}

func limited(name string, n int) func(*setup) { return func(s *setup) { s.limits[name] = n } }

const console = "ask for more: Console, Governance & Administration, Limits, Quotas and Usage, service "

var limitFindings = []finding{
	{"clusters", limited("cluster", 0), []string{
		"✗ container-engine cluster-count: the stack needs 1 cluster, and 0 of 0 are left",
		console + "container-engine, region us-ashburn-1", "upgrade it to Pay As You Go first",
	}},
	{"VCNs", func(s *setup) { s.limits["vcn"] = 1; s.prepare = func(s *setup) { s.makeVCN() } }, []string{
		"✗ vcn vcn-count: the stack needs 1 VCN, and 0 of 1 are left", "free some of the 1 that are used, or ask for more",
	}},
	{"NAT gateways", limited("nat-gateway-count", 0), []string{
		"✗ vcn nat-gateway-count: internetEgress needs 1 gateway, and 0 of 0 are left", "Pay As You Go",
	}},
	{"internet gateways", limited("internet-gateway-count", 0), []string{
		"✗ vcn internet-gateway-count: public subnets needs 1 gateway",
	}},
	{"load balancers", limited("loadbalancer", 0), []string{
		"✗ load-balancer lb-flexible-count: exposure needs 1 load balancer, and 0 of 0 are left",
	}},
	{"bandwidth", limited("lb-flexible-bandwidth-sum", 5), []string{
		"✗ load-balancer lb-flexible-bandwidth-sum: loadBalancerMbps needs 10 Mbps, and 5 of 5 are left",
	}},
	{"network load balancers", func(s *setup) {
		set("loadBalancerType", "nlb")(s)
		s.limits["networkloadbalancer"] = 0
	}, []string{
		"✗ network-load-balancer-api max-nlb-flexible-count: exposure and loadBalancerType needs 1 network load balancer",
	}},
	{"cores", limited("standard-a1-core-count", 1), []string{
		"✗ compute standard-a1-core-count in Uocm:US-ASHBURN-AD-1: nodePools needs 2 OCPU, and 1 of 1 are left",
		"or set availabilityDomains to others",
	}},
	{"cores of the region", limited("standard-a1-core-regional-count", 1), []string{
		"✗ compute standard-a1-core-regional-count: nodePools needs 2 OCPU, and 1 of 1 are left",
	}},
	{"memory", limited("standard-a1-memory-count", 6), []string{
		"✗ compute standard-a1-memory-count in Uocm:US-ASHBURN-AD-1: nodePools needs 12 GB, and 6 of 6 are left",
	}},
	{"cores that an autoscaler adds", and(
		set("clusterType", "enhanced"), set("nodePools", []any{map[string]any{
			"name": "workers", "size": 1, "minSize": 1, "maxSize": 3, "ocpus": 2, "memoryGb": 12,
			"availabilityDomains": []int{1},
		}}), limited("standard-a1-core-count", 4),
	), []string{
		"– compute standard-a1-core-count in Uocm:US-ASHBURN-AD-1: nodePools needs 2 OCPU, and with what maxSize and " +
			"maxSurge add 6, but 4 of 4 are left",
		console + "compute",
	}},
	{"storage of nodes that a replacement adds", and(
		set("clusterType", "enhanced"), nodePool("maxSurge", "1"), limited("total-storage-gb", 120),
	), []string{
		"– block-storage total-storage-gb in Uocm:US-ASHBURN-AD-1: bootVolumeGb and storageGb needs 100 GB, and with what " +
			"maxSize and maxSurge add 150, but 120 of 120 are left",
	}},
	{"storage", limited("total-storage-gb", 60), []string{
		"✗ block-storage total-storage-gb in Uocm:US-ASHBURN-AD-1: bootVolumeGb and storageGb needs 100 GB, and 60 of 60",
	}},
}

var offerFindings = []finding{
	{
		"a shape of Pods",
		and(
			set("clusterType", "enhanced"), set("podNetwork", "vcn-native"), set("internetEgress", "workers-and-pods"),
			set("virtualNodePools", []any{map[string]any{"name": "v", "availabilityDomains": []int{2}}}),
			answer("/20180222/podShapes", `[{"name":"Pod.Standard.A1.Flex"}]`),
		),
		[]string{
			"✗ virtualNodePools[0].podShape: Uocm:US-ASHBURN-AD-2 has no Pod.Standard.E4.Flex",
			"set virtualNodePools[0].availabilityDomains to others, or another podShape",
		},
	},
	{
		"an availability domain for virtual nodes",
		and(
			set("clusterType", "enhanced"), set("podNetwork", "vcn-native"), set("internetEgress", "workers-and-pods"),
			set("virtualNodePools", []any{map[string]any{"name": "v", "availabilityDomains": []int{2}}}),
			answer("/20160918/availabilityDomains", `[{"name":"Uocm:US-ASHBURN-AD-1"}]`),
		),
		[]string{"✗ virtualNodePools[0].availabilityDomains: the region has no availability domain 2"},
	},
	{"a version", set("kubernetesVersion", "v1.20"), []string{
		"✗ kubernetesVersion: OKE does not offer v1.20 here; it offers",
	}},
	{
		"a shape",
		set("nodePools", []any{map[string]any{
			"name": "a", "size": 1, "shape": "VM.Standard.E6.Flex", "ocpus": 1, "memoryGb": 8,
		}}),
		[]string{"✗ nodePools[0].shape: OKE does not offer VM.Standard.E6.Flex here; it offers VM.Standard.A1.Flex"},
	},
	{
		"a shape in an availability domain",
		func(s *setup) { s.answers["/20160918/shapes"] = `[{"shape":"VM.Standard.E5.Flex"}]` },
		[]string{"✗ nodePools[0].shape: Uocm:US-ASHBURN-AD-3 has no VM.Standard.A1.Flex", "availabilityDomains to others"},
	},
	{
		"a region with one availability domain",
		func(s *setup) {
			s.answers["/20160918/availabilityDomains"] = `[{"name":"Uocm:US-ASHBURN-AD-1"}]`
			set("availabilityDomains", []int{2})(s)
		},
		[]string{"✗ nodePools[0].availabilityDomains: "},
	},
	{
		"a size that no machine has",
		func(s *setup) {
			const refused = `{"shapeAvailabilities":[{"availabilityStatus":"HARDWARE_NOT_SUPPORTED"}]}`
			s.answers["/20160918/computeCapacityReports"] = refused
		},
		[]string{"✗ nodePools[0]: Uocm:US-ASHBURN-AD-1 does not support VM.Standard.A1.Flex of that size", "another shape"},
	},
	{
		"an answer that is none",
		func(s *setup) { s.answers["/20160918/shapes"] = `<html>` },
		[]string{"✗ shapes in Uocm:US-ASHBURN-AD-1: ", "answer to GET "},
	},
	{
		"no capacity report",
		func(s *setup) {
			s.faults = []engine.Fault{{Path: "/20160918/computeCapacityReports", Status: 404, Code: "NotAuthorizedOrNotFound"}}
		},
		[]string{"– VM.Standard.A1.Flex in Uocm:US-ASHBURN-AD-1: there is no report on its capacity: the service", " 404 "},
	},
	{
		"capacity",
		func(s *setup) { s.faults = []engine.Fault{{WorkRequest: "LAUNCH_INSTANCE"}} },
		[]string{
			"✗ nodePools[0]: Uocm:US-ASHBURN-AD-1 is out of capacity for VM.Standard.A1.Flex of that size now",
			"try again later",
		},
	},
}
