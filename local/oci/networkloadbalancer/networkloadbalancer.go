package networkloadbalancer

import (
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/loadbalancer"
	"oke-guestbook/local/oci/vcn"
)

// state is what the service remembers of a network load balancer.
type state struct {
	PublicIP string // OCID of its public IP address
}

type workArgs struct {
	Work   string
	Change loadbalancer.Change
}

const taskWorkDone engine.Task[workArgs] = "network load balancer work done"

// serve registers the requests that change a network load balancer as a whole.
func (s *service) serve() {
	s.work.Serve()
	api := s.work.API
	taskWorkDone.OnDue(api.Engine, s.end)
	api.Handle("POST "+path, models+"CreateNetworkLoadBalancerDetails", s.create)
	api.Handle("PUT "+path+"/{id}", models+"UpdateNetworkLoadBalancerDetails",
		s.changeFields("LoadBalancer", func(c *engine.Call, r *engine.Resource) (engine.Doc, error) {
			after := r.Doc.Clone()
			after.Merge(c.Body)
			return c.Body, checkTransparent(after)
		}))
	api.Handle("PUT "+path+"/{id}/networkSecurityGroups", models+"UpdateNetworkSecurityGroupsDetails",
		s.changeFields("NetworkSecurityGroups", func(c *engine.Call, r *engine.Resource) (engine.Doc, error) {
			return loadbalancer.SetSecurityGroups(c, r, r.Doc.Str("subnetId"))
		}))
	api.Handle("DELETE "+path+"/{id}", "", engine.OnChangeable(kind, s.remove, changeable...))
	api.Handle("POST "+path+"/{id}/actions/changeCompartment", "", func(*engine.Call) (*engine.Answer, error) {
		return nil, engine.NotImplemented("the local cloud has one compartment")
	})
	for name, values := range map[string][]string{
		"/networkLoadBalancersPolicies": policies, "/networkLoadBalancersProtocols": protocols,
	} {
		api.Handle("GET "+name, "", func(c *engine.Call) (*engine.Answer, error) {
			return engine.PageOfItems(c, engine.List(values))
		})
	}
}

func (s *service) create(c *engine.Call) (*engine.Answer, error) {
	reserved := c.Body.Objects("reservedIps")
	r, err := c.Create(kind)
	if err != nil {
		return nil, err
	}
	if err := place(c.Tx, r, reserved); err != nil {
		return nil, err
	}
	a := s.begin(c.Tx, r, operation("Create", "LoadBalancer"), createTime, loadbalancer.Change{})
	a.Header["etag"], a.Body, a.Created = r.Etag(), r.Doc, r.ID
	return a, nil
}

// complete checks the body of a new network load balancer and makes it the form of an answer.
func complete(c *engine.Call, parts *loadbalancer.Balancers, doc engine.Doc) error {
	const groups = "networkSecurityGroupIds"
	doc.Default(engine.Doc{
		"isPrivate": false, groups: []any{}, "nlbIpVersion": "IPV4", "isPreserveSourceDestination": false,
		"isSymmetricHashEnabled": false,
	})
	if doc["nlbIpVersion"] != "IPV4" {
		return engine.NotImplemented("the local cloud has no IPv6")
	}
	if doc.Str("assignedPrivateIpv4") != "" {
		return engine.NotImplemented("the local cloud assigns the private addresses of network load balancers itself")
	}
	vcnID, err := loadbalancer.CheckSubnet(c.Tx, doc, "subnetId", doc.Str("subnetId"))
	if err != nil {
		return err
	}
	if err := vcn.CheckSecurityGroups(c.Tx, groups, doc.Texts(groups), vcnID); err != nil {
		return err
	}
	if err := loadbalancer.NeedRights(c, doc, []string{doc.Str("subnetId")}); err != nil {
		return err
	}
	if err := parts.Complete(c.Tx, doc); err != nil {
		return err
	}
	return checkTransparent(doc)
}

// checkTransparent checks whether a network load balancer may keep the packets' source and destination: only private
// ones can (Oracle: "Enabling Network Load Balancer Source/Destination Preservation", read 2026-11-29).
func checkTransparent(doc engine.Doc) error {
	if doc.Flag("isPreserveSourceDestination") && !doc.Flag("isPrivate") {
		return engine.Invalid("isPreserveSourceDestination: only a private network load balancer can preserve it")
	}
	return nil
}

// place creates the VNIC and gives the network load balancer its addresses. A public one shows its private address, too
// (Oracle: "Concealing a Network Load Balancer's Private IP Address", read 2026-11-29).
func place(t *engine.Tx, r *engine.Resource, reserved []engine.Doc) error {
	vnic, err := vcn.NewVnic(t, vcn.VnicArgs{
		SubnetID: r.Doc.Str("subnetId"), Owner: r.ID, Name: "VNIC for NLB " + r.Doc.Str("displayName"),
		GroupIDs: r.Doc.Texts("networkSecurityGroupIds"),
	})
	if err != nil {
		return err
	}
	private := engine.Doc{"ipAddress": vnic.Doc["privateIp"], "isPublic": false, "ipVersion": "IPV4"}
	if r.Doc.Flag("isPrivate") {
		r.Doc["ipAddresses"] = []any{private}
		return nil
	}
	ip, address, err := loadbalancer.PublicAddress(t, r, reserved)
	if err != nil {
		return err
	}
	address["ipVersion"] = "IPV4"
	engine.Private[state](r).PublicIP = ip.ID
	r.Doc["ipAddresses"] = []any{private, address}
	return nil
}

// changeFields makes a handler that changes fields of a network load balancer.
func (s *service) changeFields(
	what string, fields func(*engine.Call, *engine.Resource) (engine.Doc, error),
) engine.Handler {
	return engine.OnChangeable(kind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		changed, err := fields(c, r)
		if err != nil {
			return nil, err
		}
		r.SetState("UPDATING")
		return s.begin(c.Tx, r, operation("Update", what), changeTime, loadbalancer.Change{Fields: changed}), nil
	}, changeable...)
}

func (s *service) remove(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	r.SetState("DELETING")
	return s.begin(c.Tx, r, operation("Delete", "LoadBalancer"), deleteTime, loadbalancer.Change{}), nil
}

func removed(t *engine.Tx, r *engine.Resource) error {
	if err := vcn.ReleasePublicIP(t, engine.Private[state](r).PublicIP); err != nil {
		return err
	}
	return vcn.RemoveVnics(t, r.ID)
}

// begin begins a work request about a network load balancer from Changeable or Create.
func (s *service) begin(
	t *engine.Tx, r *engine.Resource, operation string, d time.Duration, ch loadbalancer.Change,
) *engine.Answer {
	wr := s.work.Begin(t, operation, entity, r)
	taskWorkDone.After(t, d, r.ID, workArgs{wr.ID, ch})
	return engine.Accepted(wr)
}

// end ends a work request. A network load balancer whose creation or change failed is FAILED. After a failed creation
// it has no address (oci-cloud-controller-manager at 1100ac3, 2026-06-17, loadBalancerToStatus). Two assumptions: no
// change gives it one, and its VNIC and reserved address stay taken until it is deleted.
func (s *service) end(t *engine.Tx, target string, args workArgs) error {
	r, failure := t.Edit(target), s.work.Failure(t, args.Work)
	creating, deleting := r.State() == "CREATING", r.State() == "DELETING"
	switch {
	case failure != nil:
		if creating {
			r.Doc["ipAddresses"] = []any{}
		}
		r.SetState("FAILED")
	case deleting:
		if err := t.Remove(r); err != nil {
			return err
		}
	default:
		state := "ACTIVE"
		if len(r.Doc.Objects("ipAddresses")) == 0 {
			state = "FAILED"
		}
		r.SetState(state)
		args.Change.Apply(r.Doc)
	}
	s.work.End(t, args.Work, failure)
	return nil
}
