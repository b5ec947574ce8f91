// Package allowance is Oracle's Always Free allowance, as far as a stack uses it. It is the only place with the
// amounts: settings, estimates and help texts take them from here, and TestFiguresAreTheProgram keeps them out of the
// docs. Sizes and VNICs of shapes are in plan/cluster, shape.go. The local cloud, a program of its own, has both once
// more, in its packages limits and compute: tests of local/oci hold them to these.
package allowance

// Account is the kind of account on which a stack gets the amounts: one of the other kind has no OKE cluster once its
// trial has ended.
const Account = "an account that is upgraded to Pay As You Go"

// Amounts are what an account pays nothing for, in its home region.
type Amounts struct {
	Shape            string  // of the nodes
	OCPUs            float64 // of all nodes together
	MemoryGB         float64 // of all nodes together
	BlockVolumeGB    int     // of boot and block volumes together
	LoadBalancers    int     // flexible ones
	LoadBalancerMbps int     // of each
	ObjectStorageGB  int
	Sources          []string
	AsOf             string // when the reports in Sources were collected
}

// AlwaysFree are the amounts since 15 June 2026, when those of A1 were halved. That is from field reports and InfoQ's
// article of July 2026; Oracle's own page was not read after the change. The amounts hold for accounts of both kinds.
// But an account that was not upgraded to Pay As You Go has no NAT and service gateways and no OKE clusters once its
// trial has ended (oracle-quickstart/oci-cloudnative#31). What a Pay As You Go account uses beyond them is billed.
var AlwaysFree = Amounts{
	Shape: "VM.Standard.A1.Flex", OCPUs: 2, MemoryGB: 12, BlockVolumeGB: 200,
	LoadBalancers: 1, LoadBalancerMbps: 10, ObjectStorageGB: 10,
	Sources: []string{
		"https://www.infoq.com/news/2026/07/oracle-cloud-free-tier-limits",
		"https://github.com/robhunter/agentdeals/issues/1733",
	},
	AsOf: "November 2026",
}
