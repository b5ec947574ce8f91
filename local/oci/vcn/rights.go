package vcn

import "oke-guestbook/local/oci/engine"

// NeedPlace refuses a request whose principal may not put something into subnets, groups and at reserved addresses: a
// cluster that makes a load balancer needs policies for those in another compartment. Users may.
func NeedPlace(c *engine.Call, subnetIDs, groupIDs []string, reserved []engine.Doc) error {
	for _, id := range subnetIDs {
		subnet, err := c.Named(SubnetKind, id)
		if err != nil {
			return err
		}
		for _, need := range []struct {
			permission string
			of         *engine.Resource
		}{{"SUBNET_ATTACH", subnet}, {"VCN_READ", c.Find(subnet.Doc.Str("vcnId"))}, {"PRIVATE_IP_CREATE", subnet}} {
			if err := c.Needs(need.permission, need.of); err != nil {
				return err
			}
		}
	}
	for _, id := range groupIDs {
		if group := c.Find(id); group != nil {
			if err := c.Needs("NETWORK_SECURITY_GROUP_UPDATE_MEMBERS", group); err != nil {
				return err
			}
		}
	}
	for _, address := range reserved {
		if ip := c.Find(address.Str("id")); ip != nil {
			if err := c.Needs("FLOATING_IP_ASSIGN", ip); err != nil {
				return err
			}
		}
	}
	return nil
}

// ClusterElsewhere reports whether a principal is a cluster whose VCN is not in its compartment.
func ClusterElsewhere(t *engine.Tx, who engine.Principal) bool {
	cluster := t.Find(who.ID)
	if who.Type != engine.ClusterPrincipal || cluster == nil {
		return false
	}
	network := t.Find(cluster.Doc.Str("vcnId"))
	return network != nil && network.Doc.Str("compartmentId") != cluster.Doc.Str("compartmentId")
}
