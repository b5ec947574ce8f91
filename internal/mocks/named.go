package mocks

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Ends of OCIDs. All others are of resources that can be used.
const (
	Unseen   = ".unseen"   // nothing has it, or the user may not see what has it
	Unusable = ".unusable" // in a state in which it cannot be used
	RSA      = ".rsa"      // a key that is no AES key
	InVault  = ".vault"    // a key that is in OtherVault only
)

// OtherVault is a vault in another compartment than the stack's.
const OtherVault = "ocid1.vault.oc1.iad.other"

// Groups of network security: of the stack's own VCN, of ExistingVCN and of OtherVCN.
const (
	OwnGroup      = "ocid1.networksecuritygroup.oc1.iad.a"
	ExistingGroup = "ocid1.networksecuritygroup.oc1.iad.existing"
	OtherGroup    = "ocid1.networksecuritygroup.oc1.iad.other"
	StackGroup    = "ocid1.networksecuritygroup.oc1.iad.stack" // that the stack has made
)

// Images that the region does not offer for node pools: one of OKE's that it has withdrawn, and one of the user's own.
const (
	WithdrawnImage = "ocid1.image.oc1.iad.withdrawn"
	OwnImage       = "ocid1.image.oc1.iad.own"
)

var imageNames = map[string]string{
	WithdrawnImage: "Oracle-Linux-8.10-aarch64-2025.09.16-0-OKE-1.33.1-1191", OwnImage: "our-nodes-aarch64",
}

const ownVCN = "ocid1.vcn.oc1.iad.own"

// endpoint is that of a vault, at which the vault's keys are asked for.
func endpoint(vault string) string { return "https://" + vault }

// named answers a look-up of what settings name by OCID, or of the tenancy. A reservation is in the first availability
// domain and has machines of shape VM.Standard.A1.Flex with 2 OCPUs and 12 GB.
func (r *Recorder) named(args pulumi.MockCallArgs) (found resource.PropertyMap, named bool) {
	asked := func(key resource.PropertyKey) string { return Text(args.Args[key]) }
	state := func(id, usable string) string {
		if strings.HasSuffix(id, Unusable) {
			return "INACTIVE"
		}
		return usable
	}
	switch args.Token {
	case "oci:ContainerEngine/getAddonOptions:getAddonOptions":
		return addonOptions(Text(args.Args["addonName"])), true
	case "oci:ContainerEngine/getCluster:getCluster":
		return r.cluster(asked("clusterId")), true
	case "oci:ContainerEngine/getAddon:getAddon":
		return r.addon(Text(args.Args["addonName"])), true
	case "oci:ContainerEngine/getNodePool:getNodePool":
		return r.nodePool(asked("nodePoolId")), true
	case "oci:Core/getImage:getImage":
		return object(map[string]any{
			"state": state(asked("imageId"), "AVAILABLE"), "displayName": imageNames[asked("imageId")],
		}), true
	case "oci:Core/getComputeCapacityReservation:getComputeCapacityReservation":
		return object(map[string]any{
			"state": state(asked("capacityReservationId"), "ACTIVE"), "availabilityDomain": "Uocm:US-ASHBURN-AD-1",
			"instanceReservationConfigs": []any{map[string]any{
				"instanceShape":        "VM.Standard.A1.Flex",
				"instanceShapeConfigs": []any{map[string]any{"ocpus": 2.0, "memoryInGbs": 12.0}},
			}},
		}), true
	case "oci:Core/getNetworkSecurityGroup:getNetworkSecurityGroup":
		id := asked("networkSecurityGroupId")
		vcns := map[string]string{
			OwnGroup: ownVCN, StackGroup: ownVCN, ExistingGroup: ExistingVCN, OtherGroup: OtherVCN,
		}
		tags := map[string]any{}
		if id == StackGroup {
			tags = map[string]any{"project": r.Project, "stack": r.Stack}
		}
		return object(map[string]any{
			"state": state(id, "AVAILABLE"), "vcnId": vcns[id], "displayName": "workers", "freeformTags": tags,
		}), true
	case "oci:Core/getDrgRouteTables:getDrgRouteTables":
		return object(map[string]any{"drgRouteTables": []any{map[string]any{"state": "AVAILABLE"}}}), true
	case "oci:Kms/getVaults:getVaults":
		return object(map[string]any{"vaults": []any{
			map[string]any{"state": "ACTIVE", "managementEndpoint": endpoint("own")},
			map[string]any{"state": "PENDING_DELETION", "managementEndpoint": endpoint("deleted")},
		}}), true
	case "oci:Kms/getVault:getVault":
		id := asked("vaultId")
		return object(map[string]any{"state": state(id, "ACTIVE"), "managementEndpoint": endpoint(id)}), true
	case "oci:Kms/getKey:getKey":
		return key(asked("keyId"), asked("managementEndpoint")), true
	case "oci:Identity/getTenancy:getTenancy":
		return object(map[string]any{"name": "example"}), true
	case "oci:Ons/getNotificationTopic:getNotificationTopic":
		return object(map[string]any{"state": state(asked("topicId"), "ACTIVE"), "name": "alarms"}), true
	}
	return r.tenancy(args)
}

// key answers the look-up of a key, which one vault has.
func key(id, at string) resource.PropertyMap {
	in := endpoint("own")
	if strings.HasSuffix(id, InVault) {
		in = endpoint(OtherVault)
	}
	if at != in {
		return nil
	}
	state, algorithm := "ENABLED", "AES"
	if strings.HasSuffix(id, Unusable) {
		state = "DISABLED"
	}
	if strings.HasSuffix(id, RSA) {
		algorithm = "RSA"
	}
	found := map[string]any{"state": state, "keyShapes": []any{map[string]any{"algorithm": algorithm}}}
	if in == endpoint(OtherVault) {
		found["compartmentId"] = Networkers
	}
	return object(found)
}
