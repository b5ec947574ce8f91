// Package blockstorage emulates the Block Volume service: volumes and their attachments to instances.
package blockstorage

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

const (
	base       = "/20160918"
	volumeKind = compute.VolumeKind
)

// Sizes of a block volume (Oracle: "Block Volume", volume sizes).
const minVolumeGB, maxVolumeGB, defaultVolumeGB = 50, 32768, 1024

// Register adds the Block Volume service to an engine.
func Register(e *engine.Engine) {
	api := e.API(base)
	api.Serve(&engine.Kind{
		Name: volumeKind, Path: "/volumes", Create: "core.CreateVolumeDetails", Update: "core.UpdateVolumeDetails",
		Model: "core.Volume", Limit: 1000,
		Filters: []string{"availabilityDomain", "volumeGroupId", "clusterPlacementGroupId"},
		States:  engine.CoreStates, CreateTime: 15 * time.Second, DeleteTime: 10 * time.Second,
		Defaults: engine.Doc{"vpusPerGB": 10.0, "isAutoTuneEnabled": false, "autotunePolicies": []any{}},
		OnCreate: createVolume, OnUpdate: updateVolume, Check: checkVolume, OnDelete: checkDetached,
	})
	registerAttachments(api)
	e.WhenRemoved(compute.InstanceKind, removeAttachments)
	// The official provider reads it for every volume. No backup policy can be assigned here.
	api.Handle("GET /volumeBackupPolicyAssignments", "", func(c *engine.Call) (*engine.Answer, error) {
		if err := c.NeedsQuery("assetId"); err != nil {
			return nil, err
		}
		return c.Page(nil)
	})
}

// Volumes returns the OCIDs of the volumes that exist, those that are being deleted too.
func Volumes(t *engine.Tx) []string {
	var out []string
	for _, r := range t.All(volumeKind) {
		out = append(out, r.ID)
	}
	return out
}

func createVolume(c *engine.Call, doc engine.Doc) error {
	ad := doc.Str("availabilityDomain")
	if ad == "" {
		return engine.MissingParameter("availabilityDomain")
	}
	if !slices.Contains(engine.AvailabilityDomains, ad) {
		return engine.Invalid("availabilityDomain: %q must be one of %s",
			ad, strings.Join(engine.AvailabilityDomains, ", "))
	}
	if err := needRight(c, "VOLUME_CREATE", doc.Str("compartmentId")); err != nil {
		return err
	}
	if err := c.NeedsTags(); err != nil {
		return err
	}
	doc["isHydrated"] = true
	return c.Take(compute.StorageLimit, ad, volumeGB(doc))
}

// needRight refuses a request of a cluster whose nodes are in subnets of another compartment, unless a policy allows
// it: only then does it need one (Oracle documentation, "Provisioning PVCs on the Block Volume Service", 2025-01-31).
func needRight(c *engine.Call, permission, compartment string) error {
	if !vcn.ClusterElsewhere(c.Tx, c.Principal()) || c.Permitted(permission, compartment, nil) {
		return nil
	}
	return engine.NotFound(compartment)
}

// volumeGB returns the size that a body asks for.
func volumeGB(doc engine.Doc) float64 {
	return cmp.Or(doc.Num("sizeInGBs"), doc.Num("sizeInMBs")/1024, defaultVolumeGB)
}

func checkVolume(_ *engine.Tx, doc engine.Doc) error {
	size := volumeGB(doc)
	if size < minVolumeGB || size > maxVolumeGB {
		return engine.Invalid("sizeInGBs: %v must be from %d to %d", size, minVolumeGB, maxVolumeGB)
	}
	if v := doc.Num("vpusPerGB"); v < 0 || v > 120 || int(v)%10 != 0 {
		return engine.Invalid("vpusPerGB: %v must be 0, 10, 20 and so on to 120", v)
	}
	doc["sizeInGBs"], doc["sizeInMBs"] = size, size*1024
	return nil
}

func updateVolume(_ *engine.Call, old, doc engine.Doc) error {
	if doc.Num("sizeInGBs") < old.Num("sizeInGBs") {
		return engine.Invalid("sizeInGBs: a volume cannot shrink from %v to %v", old["sizeInGBs"], doc["sizeInGBs"])
	}
	return nil
}

func checkDetached(t *engine.Tx, r *engine.Resource) error {
	for _, a := range attachmentsOf(t, r.ID) {
		return attached(r.ID, a)
	}
	return nil
}
