package blockstorage

import (
	"time"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

const attachmentKind = "volumeattachment"

func registerAttachments(api engine.API) {
	api.Serve(&engine.Kind{
		Name: attachmentKind, Path: "/volumeAttachments", Create: "core.AttachVolumeDetails", Model: "core.VolumeAttachment",
		Filters: []string{"availabilityDomain", "instanceId", "volumeId"},
		States:  engine.AttachStates, CreateTime: 10 * time.Second, DeleteTime: 10 * time.Second, OnCreate: attach,
	})
}

func attachmentsOf(t *engine.Tx, volumeID string) []*engine.Resource {
	return t.All(attachmentKind, engine.With("volumeId", volumeID))
}

func attached(volumeID string, attachment *engine.Resource) error {
	return engine.Conflict("the volume %s is attached to %s", volumeID, attachment.Doc.Str("instanceId"))
}

func attach(c *engine.Call, doc engine.Doc) error {
	volume, err := c.Live(volumeKind, "volumeId", doc.Str("volumeId"))
	if err != nil {
		return err
	}
	instance, err := c.Live(compute.InstanceKind, "instanceId", doc.Str("instanceId"))
	if err != nil {
		return err
	}
	if err := needRight(c, "VOLUME_ATTACHMENT_CREATE", instance.Doc.Str("compartmentId")); err != nil {
		return err
	}
	if volume.State() != "AVAILABLE" || instance.State() != "RUNNING" {
		return engine.IncorrectState("the volume %s is %s, the instance %s is %s",
			volume.ID, volume.State(), instance.ID, instance.State())
	}
	ad := instance.Doc["availabilityDomain"]
	if volume.Doc["availabilityDomain"] != ad {
		return engine.Invalid("the volume is in %s, the instance in %s", volume.Doc["availabilityDomain"], ad)
	}
	if others := attachmentsOf(c.Tx, volume.ID); len(others) > 0 && !doc.Flag("isShareable") {
		return attached(volume.ID, others[0])
	}
	doc["attachmentType"] = doc["type"]
	delete(doc, "type")
	doc["compartmentId"], doc["availabilityDomain"] = instance.Doc["compartmentId"], ad
	doc.Default(engine.Doc{"device": "/dev/oracleoci/oraclevdb", "isReadOnly": false, "isShareable": false})
	if doc["attachmentType"] == "iscsi" {
		doc["ipv4"], doc["port"] = "169.254.2.2", 3260
		doc["iqn"] = "iqn.2015-12.com.oracleiaas:" + engine.ShortID(volume.ID)
	}
	return nil
}

// removeAttachments detaches the volumes of a terminated instance; they stay.
func removeAttachments(t *engine.Tx, instance *engine.Resource) error {
	return t.RemoveAll(t.All(attachmentKind, engine.With("instanceId", instance.ID)))
}
