package blockstorage_test

import (
	"net/http"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestVolumeLife(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		body := func(size int) engine.Doc {
			return engine.Doc{
				"compartmentId": oci.CompartmentID, "availabilityDomain": oci.AvailabilityDomains[0],
				"sizeInGBs": size,
			}
		}
		c.Refused(400, "InvalidParameter", "sizeInGBs", "POST", ocitest.Core+"/volumes", body(49))
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		pool := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 1), nil))
		node := c.Get(ocitest.OKE + "/nodePools/" + pool).Objects("nodes")[0].Str("id")
		volume := c.Create("volumes", body(50)).Str("id")
		if got := c.GetList(ocitest.Core + "/volumeBackupPolicyAssignments?assetId=" + volume); len(got) != 0 {
			t.Errorf("backup policies %v of a new volume", got)
		}
		attach := engine.Doc{"type": "paravirtualized", "instanceId": node, "volumeId": volume}
		attachment := c.Want(http.StatusOK, "POST", ocitest.Core+"/volumeAttachments", attach).Object().Str("id")
		time.Sleep(time.Minute)
		got := c.Get(ocitest.Core + "/volumeAttachments/" + attachment)
		c.Conforms("core.VolumeAttachment", got)
		if got["lifecycleState"] != "ATTACHED" {
			t.Errorf("attachment %v", got)
		}
		c.Refused(409, "Conflict", "is attached to", "DELETE", ocitest.Core+"/volumes/"+volume, nil)
		c.Refused(409, "Conflict", "is attached to", "POST", ocitest.Core+"/volumeAttachments", attach)
		c.Succeeded(c.Send("DELETE", ocitest.OKE+"/clusters/"+cluster, nil, nil))
		// The volume of a claim outlives the cluster.
		if got := c.Server.Volumes(); len(got) != 1 || got[0] != volume {
			t.Errorf("volumes whose data must be kept: %v, want %s", got, volume)
		}
		c.Remove("volumes", volume)
		if got := c.Server.Volumes(); len(got) != 0 {
			t.Errorf("volumes whose data must be kept: %v, want none", got)
		}
		c.RemoveNetwork(n)
		c.NothingLeft()
	})
}
