package containerengine_test

import (
	"fmt"
	"slices"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// TestCyclingByBootVolume expects instances, addresses and domains to stay while version, image and metadata change,
// one node at a time, and a change that needs new instances to fail.
func TestCyclingByBootVolume(t *testing.T) {
	plane := ocitest.NewControlPlane()
	ocitest.Run(t, oci.Config{ControlPlane: plane}, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", clusters, changed(ocitest.ClusterBody(n), "type", "ENHANCED_CLUSTER"), nil))
		pool := ocitest.PoolBody(n, cluster, 3)
		pool["kubernetesVersion"] = "v1.35.2"
		pool.Sub("nodeSourceDetails")["imageId"] = ocitest.ImageFor("v1.35.2", true)
		id := c.Succeeded(c.Send("POST", pools, pool, nil))
		nodes := func() []engine.Doc { return c.Get(pools + "/" + id).Objects("nodes") }
		before, volumes := nodes(), len(c.GetList(ocitest.Core+"/bootVolumes?compartmentId="+oci.CompartmentID))

		c.Refused(400, "InvalidParameter", "maximumUnavailable", "PUT", pools+"/"+id,
			engine.Doc{"nodePoolCyclingDetails": engine.Doc{
				"isNodeCyclingEnabled": true, "cycleModes": []any{"BOOT_VOLUME_REPLACE"}, "maximumUnavailable": "0",
			}})
		cycling := engine.Doc{"isNodeCyclingEnabled": true, "cycleModes": []any{"BOOT_VOLUME_REPLACE"}}
		plane.Syncs = nil
		c.Succeeded(c.Send("PUT", pools+"/"+id, engine.Doc{
			"kubernetesVersion": "v1.36.4", "nodePoolCyclingDetails": cycling,
			"nodeMetadata": engine.Doc{"user_data": "IyEvYmluL2Jhc2gKL3Vzci9saWJleGVjL29jaS1ncm93ZnMgLXkK"},
			"nodeSourceDetails": engine.Doc{
				"sourceType": "IMAGE", "imageId": ocitest.ImageFor("v1.36.4", true), "bootVolumeSizeInGBs": 100,
			},
			"nodeConfigDetails": engine.Doc{"kmsKeyId": c.Key("AES", 32)},
		}, nil))
		if got := fmt.Sprint(plane.Syncs); got != "[2 3 2 3 2 3]" {
			t.Errorf("nodes in the cluster over the cycling: %s", got)
		}
		for i, node := range nodes() {
			for _, field := range []string{"id", "name", "privateIp", "availabilityDomain", "faultDomain"} {
				if node[field] != before[i][field] {
					t.Errorf("%s changed from %v to %v", field, before[i][field], node[field])
				}
			}
			if node["kubernetesVersion"] != "v1.36.4" || node["lifecycleState"] != "ACTIVE" {
				t.Errorf("node %v", node)
			}
		}
		if joined := plane.Nodes[cluster][0]; !joined.RootGrown || joined.BootVolumeGB != 100 || joined.Version != "v1.36.4" {
			t.Errorf("the cluster has the node %+v", joined)
		}
		if got := len(c.GetList(ocitest.Core + "/bootVolumes?compartmentId=" + oci.CompartmentID)); got != volumes {
			t.Errorf("%d boot volumes, want %d", got, volumes)
		}

		wr := c.WorkRequest(c.Send("PUT", pools+"/"+id, engine.Doc{"initialNodeLabels": []any{}}, nil))
		same := slices.EqualFunc(nodes(), before, func(a, b engine.Doc) bool { return a["id"] == b["id"] })
		if wr["status"] != "FAILED" || !same {
			t.Errorf("a change of labels: %v", wr)
		}
		c.Succeeded(c.Send("PUT", pools+"/"+id, engine.Doc{"nodePoolCyclingDetails": engine.Doc{
			"isNodeCyclingEnabled": true, "cycleModes": []any{"INSTANCE_REPLACE"},
		}, "nodeConfigDetails": engine.Doc{"kmsKeyId": ""}}, nil)) // new instances would need a policy for it
		if got := nodes()[0]["id"]; got == before[0]["id"] {
			t.Errorf("the node %v was not replaced", got)
		}
	})
}

func TestPlacementRefusals(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", clusters, ocitest.ClusterBody(n), nil))
		body := ocitest.PoolBody(n, cluster, 0)
		placed := func(pairs ...any) engine.Doc {
			placement := engine.Doc{"availabilityDomain": oci.AvailabilityDomains[0], "subnetId": n.Workers}
			for i := 0; i < len(pairs); i += 2 {
				placement[pairs[i].(string)] = pairs[i+1]
			}
			return changed(body, "nodeConfigDetails.placementConfigs", []any{placement})
		}
		reservation, elsewhere := c.Reservation(oci.AvailabilityDomains[0]), c.Reservation(oci.AvailabilityDomains[1])
		c.Refuses("reservation of another kind", "POST "+pools, placed("capacityReservationId", n.Vcn),
			"400 InvalidParameter: capacityReservationId")
		c.Refuses("reserved and preemptible", "POST "+pools, placed("capacityReservationId", reservation,
			"preemptibleNodeConfig", engine.Doc{"preemptionAction": engine.Doc{"type": "TERMINATE"}}),
			"400 InvalidParameter: preemptible")
		const none = "ocid1.capacityreservation.oc1.iad.none"
		c.Refuses("unknown reservation", "POST "+pools, placed("capacityReservationId", none),
			"400 RelatedResourceNotAuthorizedOrNotFound: "+none)
		c.Refuses("reservation elsewhere", "POST "+pools, placed("capacityReservationId", elsewhere),
			"400 InvalidParameter: "+oci.AvailabilityDomains[1])
		c.Refuses("reservation of another size", "POST "+pools,
			changed(placed("capacityReservationId", reservation), "nodeShapeConfig.ocpus", 1),
			"400 InvalidParameter: has no VM.Standard.A1.Flex with 1 OCPUs")
		unknown, rsa, disabled := "ocid1.key.oc1.iad.none", c.Key("RSA", 256), c.Key("AES", 32)
		c.Want(200, "POST", ocitest.Vault+"/keys/"+disabled+"/actions/disable", nil)
		for key, want := range map[string]string{
			unknown: "RelatedResourceNotAuthorizedOrNotFound: kmsKeyId", rsa: "InvalidParameter: is an RSA key",
			disabled: "InvalidParameter: is DISABLED",
		} {
			c.Refuses("key for disks", "POST "+pools, changed(body, "nodeConfigDetails.kmsKeyId", key), "400 "+want)
		}
		c.Refuses("key of another kind", "POST "+pools, changed(body, "nodeConfigDetails.kmsKeyId", n.Vcn),
			"400 InvalidParameter: kmsKeyId")
		empty := c.Succeeded(c.Send("POST", pools, placed("capacityReservationId", reservation), nil))
		if got := c.Get(pools + "/" + empty).Objects("nodes"); len(got) != 0 {
			t.Errorf("a pool of size 0 has %v", got)
		}
	})
}
