package engine

// Permits decides by policies whether a principal has a permission for something in a compartment. Target are the
// variables of a policy's conditions that describe it.
type Permits func(t *Tx, who Principal, permission, compartment string, target map[string]string) bool

// DecideBy makes a function decide about principals. Without one, only the user may do anything.
func (e *Engine) DecideBy(permits Permits) { e.permits = permits }

// May reports whether a principal has a permission. Policies decide about all but the user, who is the tenancy's
// administrator.
func (t *Tx) May(who Principal, permission, compartment string, target map[string]string) bool {
	return who.Type == UserPrincipal || t.e.permits != nil && t.e.permits(t, who, permission, compartment, target)
}

// MayUse is May for a resource. A cluster and a node pool need no policy for what is in their own compartment (Oracle,
// "Additional IAM Policy when a Cluster and its Related Resources are in Different Compartments", 2026-09-05).
func (t *Tx) MayUse(who Principal, permission string, r *Resource) bool {
	compartment := r.Doc.Str("compartmentId")
	if who.Type == ClusterPrincipal || who.Type == NodePoolPrincipal {
		if own := t.Find(who.ID); own != nil && own.Doc.Str("compartmentId") == compartment {
			return true
		}
	}
	return t.May(who, permission, compartment, nil)
}

// Principal returns who has signed the request.
func (c *Call) Principal() Principal { return c.who }

// Permitted reports whether the request's principal has a permission; see Tx.May.
func (c *Call) Permitted(permission, compartment string, target map[string]string) bool {
	return c.note(c.May(c.who, permission, compartment, target))
}

// Needs refuses, as the service does, a request whose principal may not use a resource; see Tx.MayUse.
func (c *Call) Needs(permission string, r *Resource) error {
	if c.note(c.MayUse(c.who, permission, r)) {
		return nil
	}
	return NotFound(r.ID)
}

// NeedsTags refuses a request whose principal may not set the defined tags of its body. Namespaces are the tenancy's.
func (c *Call) NeedsTags() error {
	if len(c.Body.Sub("definedTags")) == 0 || c.Permitted("TAG_NAMESPACE_USE", TenancyID, nil) {
		return nil
	}
	return NotFound("tag namespace")
}

func (c *Call) note(permitted bool) bool {
	c.permitted = c.permitted || permitted
	return permitted
}

// unasked reports whether no service has asked for a permission of a principal that needs one for everything. Its
// request has no effect, and its answer is 404.
func (c *Call) unasked() bool {
	return !c.permitted && (c.who.Type == WorkloadPrincipal || c.who.Type == InstancePrincipal)
}
