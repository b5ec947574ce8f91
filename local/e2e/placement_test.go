package e2e

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// node is a Kubernetes node, and what of it depends on where and how it was launched.
type node struct {
	Metadata meta `json:"metadata"`
	Status   struct {
		Capacity map[string]string `json:"capacity"`
	} `json:"status"`
}

// TestPlacement moves the nodes of a pool that cycles away from the database's volume, and back.
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
		s.settings("nodePools[0].size=3")
		s.up()
		s.eventually(2*time.Minute, "the database is ready", func() (bool, string) {
			var p pod
			s.kubectl(&p, "get", "pod", "mongo-0", "-n", namespace)
			said, _ := json.Marshal(p.Status)
			return p.ready(), string(said)
		})
	})

	s.destroy()
	s.destroyed()
}
