package compute

import (
	"cmp"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// InstanceKind is the kind of instances.
const InstanceKind = "instance"

// VolumeKind is the kind of block volumes, which count against the limit on storage as boot volumes do.
const VolumeKind = "volume"

// defaultBootVolumeGB is the size of a boot volume for which no size is given.
const defaultBootVolumeGB = 50.0

// stopTime is how long the service usually takes to terminate an instance.
const stopTime = time.Minute

// instanceState is what the service remembers of an instance.
type instanceState struct {
	BootVolumeGB float64
	NodeLabels   map[string]string
	MaxPods      int
}

func registerInstances(api engine.API) {
	kind := &engine.Kind{
		Name: InstanceKind, Path: "/instances", Model: "core.Instance", Update: "core.UpdateInstanceDetails",
		Filters: []string{"availabilityDomain", "capacityReservationId", "computeClusterId"},
		Private: engine.PrivateOf[instanceState](), Async: true,
		States:  engine.States{Creating: "PROVISIONING", Live: "RUNNING", Deleting: "TERMINATING", Deleted: "TERMINATED"},
		Removed: removeInstance, DeleteTime: stopTime,
	}
	api.Serve(kind)
	api.ServeDelete(kind)
}

// InstanceArgs are the arguments of Launch.
type InstanceArgs struct {
	ID, Name                            string
	Compartment                         any
	AvailabilityDomain, FaultDomain     string
	Shape                               string
	ShapeConfig                         engine.Doc
	ImageID                             string
	BootVolumeGB                        float64 // 0: the default
	Metadata, FreeformTags, DefinedTags any
	NodeLabels                          map[string]string
	MaxPods                             int    // on the instance's node; 0: the kubelet's default
	CapacityReservationID               string // optional
	PreemptionAction                    string // of a preemptible instance; optional
	KeepBootVolume                      bool   // when the instance is preempted
}

// Launch creates an instance, which is PROVISIONING, with its boot volume. Its VNICs are the caller's.
func Launch(t *engine.Tx, args InstanceArgs) error {
	size := cmp.Or(args.BootVolumeGB, defaultBootVolumeGB)
	doc := engine.Doc{
		"id": args.ID, "compartmentId": args.Compartment, "displayName": args.Name,
		"availabilityDomain": args.AvailabilityDomain, "faultDomain": args.FaultDomain, "region": engine.RegionKey,
		"shape": args.Shape, "shapeConfig": args.ShapeConfig.Clone(), "imageId": args.ImageID,
		"launchMode":    "PARAVIRTUALIZED",
		"sourceDetails": engine.Doc{"sourceType": "image", "imageId": args.ImageID, "bootVolumeSizeInGBs": size},
		"metadata":      engine.Clone(args.Metadata),
		"freeformTags":  engine.Clone(args.FreeformTags), "definedTags": engine.Clone(args.DefinedTags),
	}
	if args.CapacityReservationID != "" {
		doc["capacityReservationId"] = args.CapacityReservationID
	}
	if args.PreemptionAction != "" {
		doc["preemptibleInstanceConfig"] = engine.Doc{"preemptionAction": engine.Doc{
			"type": args.PreemptionAction, "preserveBootVolume": args.KeepBootVolume,
		}}
	}
	instance, err := t.Insert(InstanceKind, doc)
	if err != nil {
		return err
	}
	*engine.Private[instanceState](instance) = instanceState{size, args.NodeLabels, args.MaxPods}
	countReserved(t, instance.Doc, 1)
	return createBootVolume(t, instance, size)
}

// NodeFacts returns the size of the boot volume in GB, and of the instance's node the labels and the most Pods.
func NodeFacts(instance *engine.Resource) (bootVolumeGB float64, labels map[string]string, maxPods int) {
	state := engine.Private[instanceState](instance)
	return state.BootVolumeGB, state.NodeLabels, state.MaxPods
}

// BootSource is what an instance boots from.
type BootSource struct {
	ImageID      string
	BootVolumeGB float64 // 0: the default
	Metadata     any
}

// ReplaceBootVolume gives an instance another boot volume. Everything else stays: name, VNICs and domains.
func ReplaceBootVolume(t *engine.Tx, id string, from BootSource) error {
	instance, size := t.Edit(id), cmp.Or(from.BootVolumeGB, defaultBootVolumeGB)
	if err := removeBootVolume(t, id); err != nil {
		return err
	}
	instance.Doc["imageId"], instance.Doc["metadata"] = from.ImageID, engine.Clone(from.Metadata)
	instance.Doc["sourceDetails"] = engine.Doc{
		"sourceType": "image", "imageId": from.ImageID, "bootVolumeSizeInGBs": size,
	}
	engine.Private[instanceState](instance).BootVolumeGB = size
	return createBootVolume(t, instance, size)
}

// Terminate removes an instance, with its boot volume and VNICs. Attached block volumes stay.
func Terminate(t *engine.Tx, id string) error {
	if r := t.Edit(id); r != nil && r.Removed == nil {
		return t.Remove(r)
	}
	return nil
}

func removeInstance(t *engine.Tx, instance *engine.Resource) error {
	countReserved(t, instance.Doc, -1)
	if err := removeBootVolume(t, instance.ID); err != nil {
		return err
	}
	return vcn.RemoveVnics(t, instance.ID)
}

func registerVnicAttachments(api engine.API) {
	api.Handle("GET /vnicAttachments", "", func(c *engine.Call) (*engine.Answer, error) {
		var out []any
		for _, vnic := range vcn.Vnics(c.Tx) {
			instance := c.Find(vcn.Owner(vnic))
			if instance == nil || instance.Kind != InstanceKind {
				continue
			}
			doc := engine.Doc{
				"id":         strings.Replace(vnic.ID, ".vnic.", ".vnicattachment.", 1),
				"instanceId": instance.ID, "vnicId": vnic.ID, "lifecycleState": "ATTACHED", "nicIndex": 0,
			}
			for _, field := range []string{"availabilityDomain", "compartmentId", "subnetId", "displayName", "timeCreated"} {
				doc[field] = vnic.Doc[field]
			}
			if c.Matches(doc, "instanceId", "vnicId", "availabilityDomain") {
				out = append(out, doc)
			}
		}
		return c.Page(out)
	})
}
