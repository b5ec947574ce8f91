package oci

import (
	"slices"
	"strings"
	"time"
)

// Sizes of a block volume (Oracle: "Block Volume", volume sizes).
const minVolumeGB, maxVolumeGB = 50, 32768

func (s *Server) blockStorageRoutes() {
	s.serveKind(&kind{
		name: "volume", path: coreBase + "/volumes", create: "core.CreateVolumeDetails", update: "core.UpdateVolumeDetails", model: "core.Volume",
		states: coreStates, made: 15 * time.Second, deleted: 10 * time.Second, filters: []string{"availabilityDomain", "volumeGroupId"},
		defaults: object{"vpusPerGB": 10.0, "isAutoTuneEnabled": false, "autotunePolicies": []any{}}, onCreate: createVolume, onUpdate: updateVolume, onDelete: deleteVolume,
	})
	s.serveKind(&kind{
		name: "volumeattachment", path: coreBase + "/volumeAttachments", create: "core.AttachVolumeDetails", model: "core.VolumeAttachment",
		states: states{"ATTACHING", "ATTACHED", "DETACHING", "DETACHED"}, made: 10 * time.Second, deleted: 10 * time.Second,
		filters: []string{"availabilityDomain", "instanceId", "volumeId"}, onCreate: attachVolume,
	})
	// The official provider reads it of every volume. No backup policy can be assigned here.
	s.route("GET "+coreBase+"/volumeBackupPolicyAssignments", "", func(c *call) (*answer, error) {
		if c.query.Get("assetId") == "" {
			return nil, missingParameter("assetId")
		}
		return c.page(nil)
	})
}

func checkVolumeSize(doc object) error {
	size := num(doc, "sizeInGBs")
	if mb := num(doc, "sizeInMBs"); size == 0 && mb > 0 {
		size = mb / 1024
	}
	if size == 0 {
		size = 1024 // what the service makes when no size is given
	}
	if size < minVolumeGB || size > maxVolumeGB {
		return invalid("sizeInGBs: %v must be from %d to %d", size, minVolumeGB, maxVolumeGB)
	}
	if v := num(doc, "vpusPerGB"); v < 0 || v > 120 || int(v)%10 != 0 {
		return invalid("vpusPerGB: %v must be 0, 10, 20 and so on to 120", v)
	}
	doc["sizeInGBs"], doc["sizeInMBs"] = size, size*1024
	return nil
}

func createVolume(c *call, doc object) error {
	ad := str(doc, "availabilityDomain")
	if ad == "" {
		return missingParameter("availabilityDomain")
	}
	if !slices.Contains(AvailabilityDomains, ad) {
		return invalid("availabilityDomain: %q must be one of %s", ad, strings.Join(AvailabilityDomains, ", "))
	}
	doc["isHydrated"] = true
	return checkVolumeSize(doc)
}

func updateVolume(_ *call, old, doc object) error {
	if num(doc, "sizeInGBs") < num(old, "sizeInGBs") {
		return invalid("sizeInGBs: a volume cannot shrink from %v to %v", old["sizeInGBs"], doc["sizeInGBs"])
	}
	doc["sizeInMBs"] = num(doc, "sizeInGBs") * 1024
	return checkVolumeSize(doc)
}

func deleteVolume(t *tx, r *resource) error {
	for _, a := range t.all("volumeattachment", with("volumeId", r.ID)) {
		return conflict("the volume %s is attached to %s", r.ID, str(a.Doc, "instanceId"))
	}
	return nil
}

func attachVolume(c *call, doc object) error {
	volume, err := c.live("volume", "volumeId", str(doc, "volumeId"))
	if err != nil {
		return err
	}
	instance, err := c.live("instance", "instanceId", str(doc, "instanceId"))
	if err != nil {
		return err
	}
	if volume.state() != "AVAILABLE" || instance.state() != "RUNNING" {
		return incorrectState("the volume %s is %s, the instance %s is %s", volume.ID, volume.state(), instance.ID, instance.state())
	}
	if volume.Doc["availabilityDomain"] != instance.Doc["availabilityDomain"] {
		return invalid("the volume is in %s, the instance in %s", volume.Doc["availabilityDomain"], instance.Doc["availabilityDomain"])
	}
	if others := c.all("volumeattachment", with("volumeId", volume.ID)); len(others) > 0 && !flag(doc, "isShareable") {
		return conflict("the volume %s is attached to %s", volume.ID, str(others[0].Doc, "instanceId"))
	}
	doc["attachmentType"] = doc["type"]
	delete(doc, "type")
	doc["compartmentId"], doc["availabilityDomain"] = instance.Doc["compartmentId"], instance.Doc["availabilityDomain"]
	orDefault(doc, object{"device": "/dev/oracleoci/oraclevdb", "isReadOnly": false, "isShareable": false})
	if doc["attachmentType"] == "iscsi" {
		doc["ipv4"], doc["port"], doc["iqn"] = "169.254.2.2", 3260, "iqn.2015-12.com.oracleiaas:"+tail(volume.ID)
	}
	return nil
}
