package compute

import (
	"strings"

	"oke-guestbook/local/oci/engine"
)

const bootVolumeKind = "bootvolume"

// bootVolumeState is what the service remembers of a boot volume.
type bootVolumeState struct{ Instance string } // OCID

func registerBootVolumes(api engine.API) {
	api.Serve(&engine.Kind{
		Name: bootVolumeKind, Path: "/bootVolumes", Model: "core.BootVolume", States: engine.CoreStates,
		Filters: []string{"availabilityDomain", "volumeGroupId"}, Private: engine.PrivateOf[bootVolumeState](),
	})
	api.Handle("GET /bootVolumeAttachments", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, v := range c.All(bootVolumeKind) {
			doc := engine.Doc{
				"id":         strings.Replace(v.ID, ".bootvolume.", ".instance.", 1),
				"instanceId": engine.Private[bootVolumeState](v).Instance, "bootVolumeId": v.ID, "lifecycleState": "ATTACHED",
				"availabilityDomain": v.Doc["availabilityDomain"], "compartmentId": v.Doc["compartmentId"],
				"timeCreated": v.Doc["timeCreated"], "displayName": "Remote boot attachment for " + v.Doc.Str("displayName"),
			}
			if c.Matches(doc, "instanceId", "bootVolumeId", "availabilityDomain") {
				out = append(out, doc)
			}
		}
		return c.Page(out)
	})
}

func createBootVolume(t *engine.Tx, instance *engine.Resource, sizeGB float64) error {
	volume, err := t.Insert(bootVolumeKind, engine.Doc{
		"compartmentId": instance.Doc["compartmentId"], "displayName": instance.Doc.Str("displayName") + " (Boot Volume)",
		"availabilityDomain": instance.Doc["availabilityDomain"], "imageId": instance.Doc["imageId"],
		"sizeInGBs": sizeGB, "sizeInMBs": sizeGB * 1024, "vpusPerGB": 10, "isHydrated": true,
	})
	if err == nil {
		engine.Private[bootVolumeState](volume).Instance = instance.ID
	}
	return err
}

func removeBootVolume(t *engine.Tx, instanceID string) error {
	return t.RemoveAll(t.All(bootVolumeKind, func(r *engine.Resource) bool {
		return engine.Private[bootVolumeState](r).Instance == instanceID
	}))
}
