package oci

import (
	"slices"
	"strings"
)

func (s *Server) computeRoutes() {
	s.serveKind(&kind{
		name: "instance", path: coreBase + "/instances", model: "core.Instance", update: "core.UpdateInstanceDetails",
		states: states{"PROVISIONING", "RUNNING", "TERMINATING", "TERMINATED"}, slow: true, filters: []string{"availabilityDomain"},
	})
	s.kinds["bootvolume"] = &kind{name: "bootvolume", path: coreBase + "/bootVolumes", model: "core.BootVolume", states: coreStates, filters: []string{"availabilityDomain"}}
	s.serveKind(s.kinds["bootvolume"])
	s.route("GET "+coreBase+"/images", "", func(c *call) (*answer, error) {
		var out []any
		for _, img := range images {
			doc := imageDoc(img)
			if s := shapeNamed(c.query.Get("shape")); s != nil && s.arm != img.arm {
				continue
			}
			if c.matches(doc, "displayName", "operatingSystem", "operatingSystemVersion", "lifecycleState") {
				out = append(out, doc)
			}
		}
		return c.page(out)
	})
	s.route("GET "+coreBase+"/images/{id}", "", func(c *call) (*answer, error) {
		if img := imageByID(c.id()); img != nil {
			return &answer{Body: imageDoc(*img)}, nil
		}
		return nil, noSuch(c.id())
	})
	s.route("GET "+coreBase+"/shapes", "", func(c *call) (*answer, error) {
		img := imageByID(c.query.Get("imageId"))
		var out []any
		for _, s := range shapes {
			if img == nil || img.arm == s.arm {
				out = append(out, shapeDoc(s))
			}
		}
		return c.page(out)
	})
	s.route("GET "+coreBase+"/vnicAttachments", "", func(c *call) (*answer, error) {
		var out []any
		for _, vnic := range c.all("vnic") {
			owner := c.find(str(vnic.Hidden, "owner"))
			if owner == nil || owner.Kind != "instance" {
				continue
			}
			doc := object{
				"id": strings.Replace(vnic.ID, ".vnic.", ".vnicattachment.", 1), "instanceId": owner.ID, "vnicId": vnic.ID, "lifecycleState": "ATTACHED",
				"availabilityDomain": vnic.Doc["availabilityDomain"], "compartmentId": vnic.Doc["compartmentId"], "subnetId": vnic.Doc["subnetId"],
				"displayName": vnic.Doc["displayName"], "timeCreated": vnic.Doc["timeCreated"], "nicIndex": 0,
			}
			if c.matches(doc, "instanceId", "vnicId", "availabilityDomain") {
				out = append(out, doc)
			}
		}
		return c.page(out)
	})
	s.route("GET "+coreBase+"/bootVolumeAttachments", "", func(c *call) (*answer, error) {
		var out []any
		for _, v := range c.all("bootvolume") {
			doc := object{
				"id": strings.Replace(v.ID, ".bootvolume.", ".instance.", 1), "instanceId": v.Hidden["instance"], "bootVolumeId": v.ID, "lifecycleState": "ATTACHED",
				"availabilityDomain": v.Doc["availabilityDomain"], "compartmentId": v.Doc["compartmentId"], "timeCreated": v.Doc["timeCreated"],
				"displayName": "Remote boot attachment for " + str(v.Doc, "displayName"),
			}
			if c.matches(doc, "instanceId", "bootVolumeId", "availabilityDomain") {
				out = append(out, doc)
			}
		}
		return c.page(out)
	})
}

// matches says whether a document has the values of those of the fields that the query names.
func (c *call) matches(doc object, fields ...string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool { return c.query.Get(f) != "" && c.query.Get(f) != str(doc, f) })
}

func imageDoc(img image) object {
	return object{
		"id": img.id, "compartmentId": TenancyID, "displayName": img.name, "createImageAllowed": true, "lifecycleState": "AVAILABLE",
		"operatingSystem": "Oracle Linux", "operatingSystemVersion": "8", "sizeInMBs": 47694, "launchMode": "NATIVE",
		"timeCreated": "2026-05-31T00:00:00.000Z", "freeformTags": object{}, "definedTags": object{},
	}
}

func shapeDoc(s shape) object {
	doc := object{
		"shape": s.name, "isFlexible": s.flexible, "ocpus": s.minOCPUs, "memoryInGBs": s.minMem, "processorDescription": s.processor,
		"maxVnicAttachments": 2, "networkPorts": 1, "networkingBandwidthInGbps": 1, "billingType": "PAID", "gpus": 0, "localDisks": 0,
	}
	if s.flexible {
		doc["ocpuOptions"] = object{"min": s.minOCPUs, "max": s.maxOCPUs}
		doc["memoryOptions"] = object{
			"minInGBs": s.minMem, "maxInGBs": s.maxMemGB, "defaultPerOcpuInGBs": 16, "minPerOcpuInGBs": 1, "maxPerOcpuInGBs": 64,
		}
	}
	return doc
}

// defaultBootVolumeGB is the size of a boot volume that a pool does not set.
const defaultBootVolumeGB = 50.0

// newInstance makes an instance and its boot volume for a node.
func (t *tx) newInstance(pool *resource, id, name, ad, fd string) error {
	config := sub(pool.Doc, "nodeConfigDetails")
	size := num(pool.Doc, "nodeSourceDetails", "bootVolumeSizeInGBs")
	if size == 0 {
		size = defaultBootVolumeGB
	}
	imageID := str(pool.Doc, "nodeSourceDetails", "imageId")
	instance, err := t.born(t.s.kinds["instance"], object{
		"id": id, "compartmentId": pool.Doc["compartmentId"], "displayName": name, "availabilityDomain": ad, "faultDomain": fd, "region": RegionKey,
		"shape": pool.Doc["nodeShape"], "shapeConfig": clone(pool.Doc["nodeShapeConfig"]), "imageId": imageID, "launchMode": "PARAVIRTUALIZED",
		"sourceDetails": object{"sourceType": "image", "imageId": imageID, "bootVolumeSizeInGBs": size},
		"metadata":      clone(dig(pool.Doc, "nodeMetadata")), "freeformTags": clone(dig(config, "freeformTags")), "definedTags": clone(dig(config, "definedTags")),
	})
	if err != nil {
		return err
	}
	instance.hide("bootVolumeGB", size)
	instance.hide("labels", clone(list(pool.Doc, "initialNodeLabels")))
	volume, err := t.born(t.s.kinds["bootvolume"], object{
		"id": newOCID("bootvolume"), "compartmentId": pool.Doc["compartmentId"], "displayName": name + " (Boot Volume)", "availabilityDomain": ad,
		"sizeInGBs": size, "sizeInMBs": size * 1024, "vpusPerGB": 10, "imageId": imageID, "isHydrated": true,
	})
	if err != nil {
		return err
	}
	volume.hide("instance", id)
	return nil
}

// terminate ends an instance with its boot volume and VNICs. Block volumes that were attached to it stay.
func (t *tx) terminate(id string) error {
	if r := t.edit(id); r != nil && r.Gone == nil {
		if err := t.bury(r); err != nil {
			return err
		}
	}
	for _, v := range t.all("bootvolume", func(r *resource) bool { return r.Hidden["instance"] == id }) {
		if err := t.bury(t.edit(v.ID)); err != nil {
			return err
		}
	}
	for _, a := range t.all("volumeattachment", with("instanceId", id)) {
		if err := t.bury(t.edit(a.ID)); err != nil {
			return err
		}
	}
	return t.dropVnics(id)
}
