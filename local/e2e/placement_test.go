package e2e

import (
	"fmt"
	"maps"
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

// TestPlacement gives the nodes of a pool that cycles new boot volumes beside the database's volume, then moves them
// away from it, and back. A second pool, which does not get machines in each of its domains, takes the place of the
// first.
func TestPlacement(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.must(s.o.Prepare(t.Context()))
	s.settings("clusterType=enhanced", "nodePools[0].maxSurge=50%", "nodePools[0].bootVolumeGb=100")
	s.up()
	const zoneLabel = "topology.kubernetes.io/zone"
	look := func() (zones map[string]string, disks []string) { // by the nodes' instances, and all that differ
		t.Helper()
		var nodes list[node]
		s.kubectl(&nodes, "get", "nodes")
		zones = map[string]string{}
		for _, n := range nodes.Items {
			zones[n.Spec.ProviderID] = n.Metadata.Labels[zoneLabel]
			disks = append(disks, n.Status.Capacity["ephemeral-storage"])
		}
		slices.Sort(disks)
		return zones, slices.Compact(disks)
	}
	var database struct {
		Spec struct{ NodeName string }
	}
	var home node
	namespace := s.output("namespace")

	step(t, "nodes have their boot volume as root file system", func() {
		s.kubectl(&database, "get", "pod", "mongo-0", "-n", namespace)
		s.kubectl(&home, "get", "node", database.Spec.NodeName)
		if _, disks := look(); !slices.Equal(disks, []string{"88Gi"}) {
			t.Errorf("nodes with boot volumes of 100 GB have %v", disks)
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
	})
	volume := (book{s, namespace}).volume()

	step(t, "nodes with new boot volumes stay where the volume is", func() {
		before, _ := look()
		s.unset("nodePools[0].maxSurge") // as the refusal says
		s.settings("nodePools[0].cycleBy=boot-volume")
		s.up()
		if after, disks := look(); !maps.Equal(before, after) || !slices.Equal(disks, []string{"138Gi"}) {
			t.Errorf("the nodes were %v, and are %v with %v", before, after, disks)
		}
		s.databaseIsReady()
		if now := (book{s, namespace}).volume(); now != volume {
			t.Errorf("the volume was %+v and is %+v", volume, now)
		}
		s.unset("nodePools[0].cycleBy")
		s.settings("nodePools[0].maxSurge=50%", fmt.Sprintf("availabilityDomains[0]=%d", there))
	})

	step(t, "nodes of a cycling pool move when the settings say so", func() {
		s.settings("allowStrandedVolumes=true")
		s.up()
		zones, _ := look()
		for _, zone := range zones {
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

	volume = (book{s, namespace}).volume()
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
		s.unset("nodePools[0]")
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
