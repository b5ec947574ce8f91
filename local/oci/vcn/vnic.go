package vcn

import (
	"cmp"
	"net/netip"

	"oke-guestbook/local/oci/engine"
)

// vnicState is what the service remembers of a VNIC.
type vnicState struct {
	Owner string // OCID of the resource that it was created for
}

// registerVnics adds VNICs and their private IP addresses. Other resources create them, never a request.
func registerVnics(api engine.API) {
	api.Serve(&engine.Kind{
		Name: vnicKind, Path: "/vnics", Model: "core.Vnic", Update: "core.UpdateVnicDetails",
		Private: engine.PrivateOf[vnicState](), States: engine.CoreStates, Check: checkVnic, Removed: removeAddresses,
	})
	states := engine.CoreStates
	states.Deleted = "" // the service shows no deleted ones
	api.Serve(&engine.Kind{
		Name: privateIPKind, Path: "/privateIps", Model: "core.PrivateIp", AllCompartments: true,
		Filters: []string{"subnetId", "vnicId", "ipAddress", "ipState", "lifetime", "vlanId"}, States: states,
	})
}

// VnicArgs are the arguments of NewVnic.
type VnicArgs struct {
	SubnetID           string
	Owner              string // OCID of the resource that it is for
	Name               string
	AvailabilityDomain string   // default: the subnet's, or the region's first
	GroupIDs           []string // network security groups
	Secondary          bool
	PublicIP           bool // unless the subnet prohibits it
	MoreAddresses      int  // secondary private addresses
}

// NewVnic creates a VNIC with the lowest free address of its subnet.
func NewVnic(t *engine.Tx, args VnicArgs) (*engine.Resource, error) {
	subnet := t.Find(args.SubnetID)
	addresses, err := freeAddresses(t, subnet, 1+args.MoreAddresses)
	if err != nil {
		return nil, err
	}
	address := addresses[0]
	common := engine.Doc{
		"compartmentId": subnet.Doc["compartmentId"], "subnetId": args.SubnetID, "displayName": args.Name,
		"availabilityDomain": cmp.Or(args.AvailabilityDomain, subnet.Doc.Str("availabilityDomain"),
			engine.AvailabilityDomains[0]),
	}
	id := engine.NewOCID(vnicKind)
	doc := common.Clone()
	doc.Merge(engine.Doc{
		"id": id, "privateIp": address, "isPrimary": !args.Secondary, "skipSourceDestCheck": false,
		"nsgIds": engine.List(args.GroupIDs), "macAddress": "02:00:17:" + macSuffix(id),
	})
	vnic, err := t.Insert(vnicKind, doc)
	if err != nil {
		return nil, err
	}
	engine.Private[vnicState](vnic).Owner = args.Owner
	common.Merge(engine.Doc{
		"vnicId": vnic.ID, "ipAddress": address, "isPrimary": true,
		"ipState": "ASSIGNED", "lifetime": "EPHEMERAL",
	})
	ip, err := t.Insert(privateIPKind, common.Clone())
	if err != nil {
		return nil, err
	}
	for _, secondary := range addresses[1:] {
		common.Merge(engine.Doc{"ipAddress": secondary, "isPrimary": false})
		if _, err := t.Insert(privateIPKind, common.Clone()); err != nil {
			return nil, err
		}
	}
	if !args.PublicIP || subnet.Doc.Flag("prohibitPublicIpOnVnic") {
		return vnic, nil
	}
	public, err := NewEphemeralIP(t, subnet.Doc["compartmentId"], args.Name, IPUser{"PRIVATE_IP", ip.ID})
	if err != nil {
		return nil, err
	}
	public.Doc["privateIpId"] = ip.ID
	vnic.Doc["publicIp"] = public.Doc["ipAddress"]
	return vnic, nil
}

// freeAddresses returns the lowest addresses that are not used. The first two and the last are the network's (Oracle:
// "VCNs and Subnets", reserved addresses).
func freeAddresses(t *engine.Tx, subnet *engine.Resource, count int) ([]string, error) {
	p, err := netip.ParsePrefix(subnet.Doc.Str("cidrBlock"))
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, ip := range t.All(privateIPKind, engine.With("subnetId", subnet.ID)) {
		used[ip.Doc.Str("ipAddress")] = true
	}
	var free []string
	for addr := p.Addr().Next().Next(); p.Contains(addr.Next()) && len(free) < count; addr = addr.Next() {
		if text := addr.String(); !used[text] {
			free = append(free, text)
		}
	}
	if len(free) < count {
		return nil, engine.LimitExceeded("the subnet %s has no free IP address left", subnet.ID)
	}
	return free, nil
}

// Vnics returns all VNICs.
func Vnics(t *engine.Tx) []*engine.Resource { return t.All(vnicKind) }

func vnicsIn(t *engine.Tx, subnetID string) []*engine.Resource {
	return t.All(vnicKind, engine.With("subnetId", subnetID))
}

// Owner returns the OCID of the resource that a VNIC was created for.
func Owner(vnic *engine.Resource) string { return engine.Private[vnicState](vnic).Owner }

// VnicsOf returns the VNICs that were created for a resource.
func VnicsOf(t *engine.Tx, owner string) []*engine.Resource {
	return t.All(vnicKind, func(r *engine.Resource) bool { return Owner(r) == owner })
}

// SetSecurityGroups puts the VNICs of a resource into network security groups.
func SetSecurityGroups(t *engine.Tx, owner string, groupIDs []string) {
	for _, vnic := range VnicsOf(t, owner) {
		t.Edit(vnic.ID).Doc["nsgIds"] = engine.List(groupIDs)
	}
}

// RemoveVnics removes the VNICs of a resource, with their addresses.
func RemoveVnics(t *engine.Tx, owner string) error { return t.RemoveAll(VnicsOf(t, owner)) }

func removeAddresses(t *engine.Tx, vnic *engine.Resource) error {
	ips := t.All(privateIPKind, engine.With("vnicId", vnic.ID))
	for _, ip := range ips {
		for _, public := range t.All(publicIPKind, engine.With("privateIpId", ip.ID)) {
			if err := ReleasePublicIP(t, public.ID); err != nil {
				return err
			}
		}
	}
	return t.RemoveAll(ips)
}

func checkVnic(t *engine.Tx, doc engine.Doc) error {
	vcnID := t.Find(doc.Str("subnetId")).Doc.Str("vcnId")
	return CheckSecurityGroups(t, "nsgIds", doc.Texts("nsgIds"), vcnID)
}
