package vcn

import (
	"fmt"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// publicBlocks hold the emulated public addresses: the blocks of RFC 5737 for documentation, which belong to nobody.
var publicBlocks = []string{"203.0.113", "198.51.100", "192.0.2"}

func registerPublicIPs(api engine.API) {
	api.Serve(&engine.Kind{
		Name: publicIPKind, Path: "/publicIps", Create: "core.CreatePublicIpDetails", Update: "core.UpdatePublicIpDetails",
		Model: "core.PublicIp", Filters: []string{"scope", "lifetime", "availabilityDomain", "publicIpPoolId"}, Limit: 50,
		States: engine.CoreStates, CreateTime: time.Second, OnCreate: createReservedIP, OnDelete: checkPublicIPUnused,
	})
	for action, by := range map[string]struct{ model, field string }{
		"getByIpAddress":   {"GetPublicIpByIpAddressDetails", "ipAddress"},
		"getByPrivateIpId": {"GetPublicIpByPrivateIpIdDetails", "privateIpId"},
	} {
		api.Handle("POST /publicIps/actions/"+action, "core."+by.model, func(c *engine.Call) (*engine.Answer, error) {
			value := c.Body.Str(by.field)
			for _, r := range c.All(publicIPKind, engine.With(by.field, value)) {
				return r.Answer(), c.Needs("PUBLIC_IP_READ", r)
			}
			return nil, engine.NotFound(value)
		})
	}
}

func createReservedIP(c *engine.Call, doc engine.Doc) error {
	if doc.Str("lifetime") != "RESERVED" || doc.Str("privateIpId") != "" {
		return engine.NotImplemented("the local cloud creates reserved public IPs that are not assigned yet")
	}
	return setPublicAddress(c.Tx, doc)
}

// setPublicAddress gives a public IP an address that no other has.
func setPublicAddress(t *engine.Tx, doc engine.Doc) error {
	used := map[string]bool{}
	for _, r := range t.All(publicIPKind) {
		used[r.Doc.Str("ipAddress")] = true
	}
	for _, block := range publicBlocks {
		for n := 1; n < 255; n++ {
			if address := fmt.Sprintf("%s.%d", block, n); !used[address] {
				doc["ipAddress"], doc["scope"] = address, "REGION"
				return nil
			}
		}
	}
	return engine.LimitExceeded("the local cloud has no free public IP address left")
}

// IPUser is what a public IP is assigned to: the entity type, such as PRIVATE_IP, and the OCID.
type IPUser struct{ Type, ID string }

// NewEphemeralIP creates a public IP that is deleted with its user.
func NewEphemeralIP(t *engine.Tx, compartment any, name string, user IPUser) (*engine.Resource, error) {
	doc := engine.Doc{"compartmentId": compartment, "lifetime": "EPHEMERAL", "displayName": name}
	if err := setPublicAddress(t, doc); err != nil {
		return nil, err
	}
	ip, err := t.InsertLive(publicIPKind, doc)
	if err != nil {
		return nil, err
	}
	assign(ip, user)
	return ip, nil
}

// AssignReservedIP assigns the reserved public IP that a body's field names.
func AssignReservedIP(t *engine.Tx, field, id string, user IPUser) (*engine.Resource, error) {
	ip, err := t.Live(publicIPKind, field, id)
	if err != nil {
		return nil, err
	}
	if other := ip.Doc.Str("assignedEntityId"); other != "" {
		return nil, engine.Conflict("%s: %s is assigned to %s", field, id, other)
	}
	ip = t.Edit(id)
	assign(ip, user)
	return ip, nil
}

func assign(ip *engine.Resource, user IPUser) {
	ip.Doc["assignedEntityType"], ip.Doc["assignedEntityId"] = user.Type, user.ID
	ip.SetState("ASSIGNED")
}

// ReleasePublicIP removes an ephemeral address, and frees a reserved one.
func ReleasePublicIP(t *engine.Tx, id string) error {
	ip := t.Edit(id)
	if ip == nil || ip.Removed != nil {
		return nil
	}
	for _, field := range []string{"assignedEntityType", "assignedEntityId", "privateIpId"} {
		delete(ip.Doc, field)
	}
	ip.SetState("AVAILABLE")
	if ip.Doc.Str("lifetime") == "EPHEMERAL" {
		return t.Remove(ip)
	}
	return nil
}

func checkPublicIPUnused(_ *engine.Tx, r *engine.Resource) error {
	if r.Doc.Str("lifetime") == "EPHEMERAL" {
		return engine.Conflict("%s is ephemeral and goes with what it is assigned to", r.ID)
	}
	user, typ := r.Doc.Str("assignedEntityId"), r.Doc.Str("assignedEntityType")
	if user != "" && slices.Contains([]string{"NAT_GATEWAY", "LOAD_BALANCER"}, typ) {
		return engine.Conflict("%s is assigned to %s", r.ID, user)
	}
	return nil
}
