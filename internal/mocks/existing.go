package mocks

import (
	"fmt"
	"maps"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Existing resources of the region. Those whose names do not begin with Existing suit no stack, each for another
// reason.
const (
	ExistingVCN      = "ocid1.vcn.oc1.iad.existing"
	ExistingWorkers  = "ocid1.subnet.oc1.iad.workers"
	OtherSubnet      = "ocid1.subnet.oc1.iad.other" // of OtherVCN
	ExistingInternet = "ocid1.internetgateway.oc1.iad.existing"
	DisabledInternet = "ocid1.internetgateway.oc1.iad.disabled"
	ExistingNAT      = "ocid1.natgateway.oc1.iad.existing"
	BlockedNAT       = "ocid1.natgateway.oc1.iad.blocked"
	ExistingServices = "ocid1.servicegateway.oc1.iad.existing"
	StorageServices  = "ocid1.servicegateway.oc1.iad.storage" // for Object Storage only
	ExistingDRG      = "ocid1.drg.oc1.iad.existing"
	OtherDRG         = "ocid1.drg.oc1.iad.other" // TakenVCN is attached to it
	OtherVCN         = "ocid1.vcn.oc1.iad.other"
	TakenVCN         = "ocid1.vcn.oc1.iad.taken" // contains all that a stack would make

	// Networkers is the compartment of the team that owns the VCNs and ExistingGateways.
	Networkers = "ocid1.compartment.oc1..networkers"
)

// existingNetwork answers questions about existing resources.
func (r *Recorder) existingNetwork(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	asked := func(key resource.PropertyKey) string { return Text(args.Args[key]) }
	switch args.Token {
	case "oci:Core/getVcn:getVcn":
		if made := r.available(asked("vcnId")); made != nil {
			return made, nil
		}
		tags := map[string]any{}
		if asked("vcnId") == ownVCN {
			tags = map[string]any{"project": r.Project, "stack": r.Stack}
		}
		return object(map[string]any{
			"vcnId": ExistingVCN, "compartmentId": Networkers, "cidrBlocks": []any{"10.20.0.0/16", "10.30.0.0/16"},
			"state": "AVAILABLE", "freeformTags": tags,
		}), nil
	case "oci:Core/getSubnet:getSubnet":
		if made := r.available(asked("subnetId")); made != nil {
			return made, nil
		}
		if asked("subnetId") == OtherSubnet {
			return object(map[string]any{"vcnId": OtherVCN, "cidrBlock": "10.20.8.0/24", "state": "AVAILABLE"}), nil
		}
		return object(map[string]any{
			"vcnId": ExistingVCN, "cidrBlock": "10.20.8.0/22", "prohibitPublicIpOnVnic": true, "state": "AVAILABLE",
		}), nil
	case "oci:Core/getNatGateway:getNatGateway":
		return object(map[string]any{
			"vcnId": ExistingVCN, "blockTraffic": asked("natGatewayId") == BlockedNAT, "state": "AVAILABLE",
		}), nil
	case "oci:Core/getDrgAttachments:getDrgAttachments":
		drgs := map[string]string{ExistingVCN: ExistingDRG, TakenVCN: OtherDRG}
		var all []any
		if asked("compartmentId") == Networkers {
			all = []any{
				map[string]any{"drgId": drgs[asked("vcnId")], "state": "ATTACHED"},
				map[string]any{"drgId": "ocid1.drg.oc1.iad.left", "state": "DETACHED"},
			}
		}
		return object(map[string]any{"drgAttachments": all}), nil
	}
	return r.listParts(args.Token, asked("vcnId"), asked("compartmentId") == Networkers)
}

// listParts lists the parts of a VCN, or for "" of all VCNs, in the compartment of the networkers or in the stack's. In
// ExistingVCN, the stack's compartment has what an earlier update made. In TakenVCN, the networkers own the subnet and
// the internet gateway, and the stack's compartment has the others.
func (r *Recorder) listParts(token, vcn string, networkers bool) (resource.PropertyMap, error) {
	list, ok := map[string]struct {
		key, kind  string
		networkers bool // own the one in TakenVCN
	}{
		"oci:Core/getSubnets:getSubnets":                   {"subnets", "subnet", true},
		"oci:Core/getInternetGateways:getInternetGateways": {"gateways", "internetgateway", true},
		"oci:Core/getNatGateways:getNatGateways":           {"natGateways", "natgateway", false},
		"oci:Core/getServiceGateways:getServiceGateways":   {"serviceGateways", "servicegateway", false},
	}[token]
	if !ok {
		return nil, fmt.Errorf("the program calls the unknown function %s", token)
	}
	var parts []any
	if list.kind == "subnet" {
		parts = r.madeSubnets(vcn)
	}
	add := func(id, of, state string, more map[string]any) {
		if vcn == "" || vcn == of {
			part := map[string]any{"id": id, "vcnId": of, "cidrBlock": "10.20.64.0/20", "state": state}
			maps.Copy(part, more)
			parts = append(parts, part)
		}
	}
	for _, of := range []string{ExistingVCN, TakenVCN} {
		add(list.key+" gone", of, "TERMINATED", nil)
	}
	for _, id := range r.ExistingGateways {
		if networkers && strings.HasPrefix(id, "ocid1."+list.kind+".") {
			add(id, ExistingVCN, "AVAILABLE", gateways[id])
		}
	}
	if !networkers {
		tags := map[string]any{"project": r.Project, "stack": r.Stack}
		add(list.key+" there", ExistingVCN, "AVAILABLE", map[string]any{"freeformTags": tags})
	}
	if networkers == list.networkers {
		add(list.key+" there", TakenVCN, "AVAILABLE", nil)
	}
	return object(map[string]any{list.key: parts}), nil
}

// available answers a look-up of what the previous update has made; nil if it has not made it.
func (r *Recorder) available(id string) resource.PropertyMap {
	found := maps.Clone(r.made(id))
	if found != nil {
		found["state"] = resource.NewProperty("AVAILABLE")
	}
	return found
}

// madeSubnets lists the subnets that the previous update has made in a VCN, or for "" in any.
func (r *Recorder) madeSubnets(vcn string) (list []any) {
	for _, res := range r.previous {
		if res.Type == "oci:Core/subnet:Subnet" && (vcn == "" || vcn == Text(res.Inputs["vcnId"])) {
			found := res.Inputs.Mappable()
			found["id"], found["state"] = "ocid1.subnet.oc1.iad."+res.Name, "AVAILABLE"
			list = append(list, found)
		}
	}
	return list
}

// gateways are further properties of the gateways above.
var gateways = map[string]map[string]any{
	ExistingInternet: {"enabled": true},
	DisabledInternet: {"enabled": false},
	ExistingServices: {"services": []any{map[string]any{"serviceName": allServices}}},
	StorageServices:  {"services": []any{map[string]any{"serviceName": "OCI IAD Object Storage"}}},
}
