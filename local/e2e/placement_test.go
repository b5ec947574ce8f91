package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// node is a Kubernetes node, and what of it depends on where and how it was launched.
type node struct {
	Metadata meta `json:"metadata"`
	Spec     struct{ ProviderID string }
	Status   struct {
		Capacity map[string]string `json:"capacity"`
	} `json:"status"`
}

// TestPlacement moves the nodes of a pool that cycles away from the database's volume, and back. A second pool, which
// does not get machines in each of its domains, takes the place of the first.
func TestPlacement(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "nodePools[0].maxSurge=50%", "nodePools[0].bootVolumeGb=100")
	s.up()
	const zoneLabel = "topology.kubernetes.io/zone"
	zones := func() (zones []string) {
		t.Helper()
		var nodes list[node]
		s.kubectl(&nodes, "get", "nodes")
		for _, n := range nodes.Items {
			zones = append(zones, n.Metadata.Labels[zoneLabel])
		}
		return zones
	}
	var database struct {
		Spec struct{ NodeName string }
	}
	var home node
	namespace := s.output("namespace")

	step(t, "nodes have their boot volume as root file system", func() {
		s.kubectl(&database, "get", "pod", "mongo-0", "-n", namespace)
		s.kubectl(&home, "get", "node", database.Spec.NodeName)
		if got := home.Status.Capacity["ephemeral-storage"]; got != "88Gi" {
			t.Errorf("a node with a boot volume of 100 GB has %s", got)
		}
	})
	// One domain that has nodes, and is not the database's.
	here := home.Metadata.Labels[zoneLabel]
	there := 1
	if here[len(here)-1] == '1' {
		there = 2
	}

	step(t, "nodes stay where a volume is", func() {
		s.settings(fmt.Sprintf("availabilityDomains[0]=%d", there))
		s.refused("availabilityDomains " + here + " allowStrandedVolumes")
		s.unset("availabilityDomains")
		s.settings("nodePools[0].size=1")
		s.refused("nodePools[0].size " + here + " allowStrandedVolumes")
		s.settings("nodePools[0].size=2", "nodePools[0].bootVolumeGb=150") // two nodes in three domains, and one surges
		s.refused("nodePools[0].bootVolumeGb " + here + " nodePools[0].cycleBy boot-volume allowStrandedVolumes")
		s.settings("nodePools[0].bootVolumeGb=100", fmt.Sprintf("availabilityDomains[0]=%d", there))
	})

	step(t, "nodes of a cycling pool move when the settings say so", func() {
		s.settings("allowStrandedVolumes=true")
		s.up()
		for _, zone := range zones() {
			if zone != fmt.Sprint(here[:len(here)-1], there) {
				t.Errorf("a node is in %s", zone)
			}
		}
		s.up() // cycling is on again
		s.unchanged("after the move")
	})

	step(t, "the database returns with the nodes", func() {
		s.unset("availabilityDomains")
		s.unset("allowStrandedVolumes")
		s.settings("nodePools[0].size=4") // two more than are in the other domain: one for each that has none
		s.up()
		s.databaseIsReady()
	})

	volume := (book{s, namespace}).volume()
	domain := func(number int) string { return fmt.Sprint("Uocm:US-ASHBURN-AD-", number) }
	lacking, others := there, []int{1, 2, 3} // the database's node is elsewhere
	others = slices.DeleteFunc(others, func(n int) bool { return n == lacking })

	step(t, "a second pool, with no capacity in one of its domains", func() {
		s.settings("nodePools[1].name=green", "nodePools[1].size=3", "nodePools[1].ocpus=2", "nodePools[1].memoryGb=12",
			"nodePools[1].labels.pool=green")
		s.fault(`{"workRequest": "LAUNCH_INSTANCE", "availabilityDomain": "` + domain(lacking) + `", "message": "` +
			`3 node(s) launch failure. Reason for failure on one of the nodes : Out of host capacity."}`)
		s.fails("Out of host capacity.", "no limit or quota", "set nodePools[].availabilityDomains to others")
		s.settings(fmt.Sprintf("nodePools[1].availabilityDomains[0]=%d", others[0]),
			fmt.Sprintf("nodePools[1].availabilityDomains[1]=%d", others[1]))
		s.up()
	})
	step(t, "the first pool is removed", func() {
		if out, err := s.pulumi("config", "rm", "--path", "--stack", "local", "nodePools[0]"); err != nil {
			t.Fatalf("pulumi config rm: %v\n%s", err, out)
		}
		s.up()
		s.unchanged("with the second pool alone")
		var nodes list[node]
		s.kubectl(&nodes, "get", "nodes")
		for _, n := range nodes.Items {
			if n.Metadata.Labels["pool"] != "green" || n.Metadata.Labels[zoneLabel] == here[:len(here)-1]+fmt.Sprint(lacking) {
				t.Errorf("a node of another pool or domain is left: %v", n.Metadata.Labels)
			}
		}
		s.databaseIsReady()
		if now := (book{s, namespace}).volume(); now != volume || len(nodes.Items) != 3 {
			t.Errorf("%d nodes; the volume was %+v and is %+v", len(nodes.Items), volume, now)
		}
	})

	s.destroy()
	s.destroyed()
}
