package oci

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// VNICs are made by what is in a subnet, never by a request.
func (s *Server) vnicRoutes() {
	s.serveKind(&kind{
		name: "vnic", path: coreBase + "/vnics", model: "core.Vnic", update: "core.UpdateVnicDetails",
		states: coreStates, removed: vnicRemoved, onUpdate: updateVnic,
	})
	s.serveKind(&kind{name: "privateip", path: coreBase + "/privateIps", model: "core.PrivateIp", states: states{"PROVISIONING", "AVAILABLE", "TERMINATING", ""}, anywhere: true, filters: []string{"subnetId", "vnicId", "ipAddress"}})
	s.serveKind(&kind{
		name: "publicip", path: coreBase + "/publicIps", create: "core.CreatePublicIpDetails", update: "core.UpdatePublicIpDetails",
		model: "core.PublicIp", states: coreStates, made: time.Second, filters: []string{"scope", "lifetime", "availabilityDomain", "publicIpPoolId"},
		onCreate: createPublicIP, onDelete: deletePublicIP,
	})
	find := func(field, in string) handler {
		return func(c *call) (*answer, error) {
			for _, r := range c.all("publicip", with(field, str(c.body, in))) {
				return c.answerOf(r), nil
			}
			return nil, noSuch(str(c.body, in))
		}
	}
	s.route("POST "+coreBase+"/publicIps/actions/getByIpAddress", "core.GetPublicIpByIpAddressDetails", find("ipAddress", "ipAddress"))
	s.route("POST "+coreBase+"/publicIps/actions/getByPrivateIpId", "core.GetPublicIpByPrivateIpIdDetails", find("privateIpId", "privateIpId"))
}

// newVnic puts a VNIC with the lowest free address into a subnet, for the resource owner. The first two addresses and
// the last are the network's (Oracle: "VCNs and Subnets", reserved addresses).
func (t *tx) newVnic(subnetID, owner, name, ad string, nsgIDs []any, public bool) (*resource, error) {
	subnet := t.find(subnetID)
	address, err := t.freeAddress(subnet)
	if err != nil {
		return nil, err
	}
	doc := object{
		"id": newOCID("vnic"), "compartmentId": subnet.Doc["compartmentId"], "subnetId": subnetID, "displayName": name,
		"privateIp": address, "isPrimary": true, "skipSourceDestCheck": false, "nsgIds": append([]any{}, nsgIDs...),
		"availabilityDomain": cmp.Or(ad, str(subnet.Doc, "availabilityDomain"), AvailabilityDomains[0]),
	}
	doc["macAddress"] = "02:00:17:" + macOf(str(doc, "id"))
	vnic, err := t.born(t.s.kinds["vnic"], doc)
	if err != nil {
		return nil, err
	}
	vnic.hide("owner", owner)
	ip, err := t.born(t.s.kinds["privateip"], object{
		"id": newOCID("privateip"), "compartmentId": subnet.Doc["compartmentId"], "subnetId": subnetID, "vnicId": vnic.ID, "displayName": name,
		"ipAddress": address, "isPrimary": true, "availabilityDomain": doc["availabilityDomain"],
	})
	if err != nil {
		return nil, err
	}
	if public && !flag(subnet.Doc, "prohibitPublicIpOnVnic") {
		public, err := t.newPublicIP(object{"compartmentId": subnet.Doc["compartmentId"], "lifetime": "EPHEMERAL", "displayName": name})
		if err != nil {
			return nil, err
		}
		public.Doc["privateIpId"] = ip.ID
		t.assignPublicIP(public.ID, "PRIVATE_IP", ip.ID)
		vnic.Doc["publicIp"] = public.Doc["ipAddress"]
	}
	return vnic, nil
}

func (t *tx) freeAddress(subnet *resource) (string, error) {
	p, err := netip.ParsePrefix(str(subnet.Doc, "cidrBlock"))
	if err != nil {
		return "", err
	}
	used := map[string]bool{}
	for _, ip := range t.all("privateip", with("subnetId", subnet.ID)) {
		used[str(ip.Doc, "ipAddress")] = true
	}
	for addr := p.Addr().Next().Next(); p.Contains(addr.Next()); addr = addr.Next() {
		if !used[addr.String()] {
			return addr.String(), nil
		}
	}
	return "", limitExceeded("the subnet %s has no free IP address left", subnet.ID)
}

func (t *tx) vnicsIn(subnetID string) []*resource { return t.all("vnic", with("subnetId", subnetID)) }

// vnicsOf returns the VNICs that were made for a resource.
func (t *tx) vnicsOf(owner string) []*resource {
	return t.all("vnic", func(r *resource) bool { return r.Hidden["owner"] == owner })
}

// dropVnics removes the VNICs that were made for a resource, with their addresses.
func (t *tx) dropVnics(owner string) error {
	for _, r := range t.vnicsOf(owner) {
		if err := t.bury(t.edit(r.ID)); err != nil {
			return err
		}
	}
	return nil
}

func vnicRemoved(t *tx, vnic *resource) error {
	for _, ip := range t.all("privateip", with("vnicId", vnic.ID)) {
		for _, public := range t.all("publicip", with("privateIpId", ip.ID)) {
			if err := t.releasePublicIP(public.ID); err != nil {
				return err
			}
		}
		if err := t.bury(t.edit(ip.ID)); err != nil {
			return err
		}
	}
	return nil
}

func updateVnic(c *call, _, doc object) error {
	return c.checkNSGs("nsgIds", texts(doc, "nsgIds"), str(c.find(str(doc, "subnetId")).Doc, "vcnId"))
}

func createPublicIP(c *call, doc object) error {
	if str(doc, "lifetime") != "RESERVED" || str(doc, "privateIpId") != "" {
		return notImplemented("the local cloud makes reserved public IPs that are not assigned yet")
	}
	return c.completePublicIP(doc)
}

func (t *tx) completePublicIP(doc object) error {
	used := map[string]bool{}
	for _, r := range t.all("publicip") {
		used[str(r.Doc, "ipAddress")] = true
	}
	for _, block := range publicBlocks {
		for n := 1; n < 255; n++ {
			if address := fmt.Sprintf("%s.%d", block, n); !used[address] {
				doc["ipAddress"], doc["scope"] = address, "REGION"
				return nil
			}
		}
	}
	return limitExceeded("the local cloud has no free public IP address left")
}

// newPublicIP makes one for a resource of the service's own.
func (t *tx) newPublicIP(doc object) (*resource, error) {
	if err := t.completePublicIP(doc); err != nil {
		return nil, err
	}
	doc["id"] = newOCID("publicip")
	k := *t.s.kinds["publicip"]
	k.made = 0
	return t.born(&k, doc)
}

func (t *tx) assignPublicIP(id, entityType, entity string) {
	ip := t.edit(id)
	ip.Doc["assignedEntityType"], ip.Doc["assignedEntityId"], ip.Doc["lifecycleState"] = entityType, entity, "ASSIGNED"
}

// releasePublicIP ends an ephemeral address and frees a reserved one.
func (t *tx) releasePublicIP(id string) error {
	ip := t.edit(id)
	if ip == nil || ip.Gone != nil {
		return nil
	}
	for _, field := range []string{"assignedEntityType", "assignedEntityId", "privateIpId"} {
		delete(ip.Doc, field)
	}
	ip.Doc["lifecycleState"] = "AVAILABLE"
	if str(ip.Doc, "lifetime") == "EPHEMERAL" {
		return t.bury(ip)
	}
	return nil
}

func deletePublicIP(t *tx, r *resource) error {
	if str(r.Doc, "lifetime") == "EPHEMERAL" {
		return conflict("%s is ephemeral and goes with what it is assigned to", r.ID)
	}
	if user := str(r.Doc, "assignedEntityId"); user != "" && slices.Contains([]string{"NAT_GATEWAY", "LOAD_BALANCER"}, str(r.Doc, "assignedEntityType")) {
		return conflict("%s is assigned to %s", r.ID, user)
	}
	return nil
}
