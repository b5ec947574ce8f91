package loadbalancer

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/vcn"
)

// state is what the service remembers of a load balancer.
type state struct {
	PublicIP string // OCID of its public IP address
	// Keys are the private keys of certificates by name, which no answer shows.
	Keys map[string]string `json:",omitempty"`
}

func (s *state) setKey(certificate, key string) {
	if s.Keys == nil {
		s.Keys = map[string]string{}
	}
	s.Keys[certificate] = key
}

func create(c *engine.Call) (*engine.Answer, error) {
	reserved := c.Body.Objects("reservedIps")
	keys := map[string]string{}
	for name := range c.Body.Sub("certificates") {
		keys[name] = c.Body.Str("certificates", name, "privateKey")
	}
	r, err := c.Create(lbKind)
	if err != nil {
		return nil, err
	}
	for name, key := range keys {
		engine.Private[state](r).setKey(name, key)
	}
	if err := place(c.Tx, r, reserved); err != nil {
		return nil, err
	}
	a := begin(c.Tx, r, "CreateLoadBalancer", createTime, Change{})
	a.Created = r.ID
	return a, nil
}

// complete checks the body of a new load balancer and makes it the form of an answer.
func complete(c *engine.Call, doc engine.Doc) error {
	if err := checkShape(doc); err != nil {
		return err
	}
	if err := c.Take(bandwidthLimit, "", maximumBandwidth(doc)); err != nil {
		return err
	}
	doc.Default(engine.Doc{"requestIdHeader": ""})
	if err := completeRequestID(doc); err != nil {
		return err
	}
	doc.Default(engine.Doc{
		"isPrivate": false, "networkSecurityGroupIds": []any{}, "ipMode": "IPV4", "isDeleteProtectionEnabled": false,
		"isRequestIdEnabled": false, "hostnames": engine.Doc{}, "pathRouteSets": engine.Doc{},
		"sslCipherSuites": engine.Doc{}, "routingPolicies": engine.Doc{},
	})
	if doc["ipMode"] != "IPV4" {
		return engine.NotImplemented("the local cloud has no IPv6")
	}
	vcnID, err := checkSubnets(c.Tx, doc)
	if err != nil {
		return err
	}
	const groups = "networkSecurityGroupIds"
	if err := vcn.CheckSecurityGroups(c.Tx, groups, doc.Texts(groups), vcnID); err != nil {
		return err
	}
	if err := NeedRights(c, doc, doc.Texts("subnetIds")); err != nil {
		return err
	}
	return (&Balancers{Parts: parts}).Complete(c.Tx, doc)
}

// NeedRights refuses a load balancer for which its maker, such as a cluster, lacks a right.
func NeedRights(c *engine.Call, doc engine.Doc, subnetIDs []string) error {
	err := vcn.NeedPlace(c, subnetIDs, doc.Texts("networkSecurityGroupIds"), c.Body.Objects("reservedIps"))
	for _, name := range sortedNames(doc.Sub("listeners")) {
		if err == nil {
			err = needCertificates(c, doc.Sub("listeners", name))
		}
	}
	if err == nil {
		err = c.NeedsTags()
	}
	return err
}

// needCertificates refuses certificates of the Certificates service that the load balancer's maker may not manage
// (Oracle documentation, "Terminating SSL/TLS at the Load Balancer using OCI Certificates service", as of 2026-09-05).
// A cluster needs a policy for those of its own compartment, too.
func needCertificates(c *engine.Call, listener engine.Doc) error {
	for _, id := range listener.Sub("sslConfiguration").Texts("certificateIds") {
		certificate := c.Find(id)
		if certificate != nil && !c.Permitted("CERTIFICATE_CREATE", certificate.Doc.Str("compartmentId"), nil) {
			return engine.NotFound(id)
		}
	}
	return nil
}

// completeRequestID sets the default of the header with a request's id (API reference, CreateLoadBalancerDetails).
func completeRequestID(doc engine.Doc) error {
	const field = "requestIdHeader"
	if doc[field] == "" {
		doc[field] = "X-Request-Id"
	}
	if name := doc.Str(field); doc[field] != nil && !strings.HasPrefix(name, "X-") {
		return engine.Invalid("%s: %q must begin with X-", field, name)
	}
	return nil
}

// checkSubnets checks a load balancer's subnets, and returns their VCN.
func checkSubnets(t *engine.Tx, doc engine.Doc) (vcnID string, err error) {
	ids := doc.Texts("subnetIds")
	if len(ids) == 0 || len(ids) > 2 {
		return "", engine.Invalid("subnetIds: a load balancer has one regional subnet, or two of availability domains")
	}
	for i, id := range ids {
		if vcnID, err = CheckSubnet(t, doc, fmt.Sprintf("subnetIds[%d]", i), id); err != nil {
			return "", err
		}
	}
	return vcnID, nil
}

// CheckSubnet checks a subnet of a load balancer, which the field names, and returns its VCN.
func CheckSubnet(t *engine.Tx, doc engine.Doc, field, id string) (vcnID string, err error) {
	subnet, err := t.Live(vcn.SubnetKind, field, id)
	if err != nil {
		return "", err
	}
	if subnet.Doc.Flag("prohibitPublicIpOnVnic") && !doc.Flag("isPrivate") {
		return "", engine.Invalid("%s: the private subnet %s cannot hold a public load balancer", field, id)
	}
	return subnet.Doc.Str("vcnId"), nil
}

const flexible = "flexible"

var fixedShapes = []string{"10Mbps", "10Mbps-Micro", "100Mbps", "400Mbps", "8000Mbps"}

// checkShape checks the shape; a flexible one has 10 to 8000 Mbps (Oracle: "Load Balancer Shapes").
func checkShape(doc engine.Doc) error {
	name := doc.Str("shapeName")
	if slices.Contains(fixedShapes, name) {
		return nil
	}
	if name != flexible {
		return engine.Invalid("shapeName: %q must be flexible or one of %s", name, strings.Join(fixedShapes, ", "))
	}
	low := doc.Num("shapeDetails", "minimumBandwidthInMbps")
	high := doc.Num("shapeDetails", "maximumBandwidthInMbps")
	if low < 10 || high > 8000 || low > high {
		return engine.Invalid("shapeDetails: the bandwidth of a flexible load balancer is from 10 to 8000 Mbps, "+
			"not %v to %v", low, high)
	}
	return nil
}

// place creates a load balancer's VNICs in its subnets, and gives it its address.
func place(t *engine.Tx, r *engine.Resource, reserved []engine.Doc) error {
	var private []any
	for _, id := range r.Doc.Texts("subnetIds") {
		vnic, err := vcn.NewVnic(t, vcn.VnicArgs{
			SubnetID: id, Owner: r.ID, Name: "VNIC for LB " + r.Doc.Str("displayName"),
			GroupIDs: r.Doc.Texts("networkSecurityGroupIds"),
		})
		if err != nil {
			return err
		}
		private = append(private, engine.Doc{"ipAddress": vnic.Doc["privateIp"], "isPublic": false})
	}
	if r.Doc.Flag("isPrivate") {
		r.Doc["ipAddresses"] = private[:1]
		return nil
	}
	ip, address, err := PublicAddress(t, r, reserved)
	if err != nil {
		return err
	}
	engine.Private[state](r).PublicIP = ip.ID
	r.Doc["ipAddresses"] = []any{address}
	return nil
}

// PublicAddress gives a load balancer a public address, which is that of its reservedIps if there is one. It returns
// the entry of the load balancer's ipAddresses, too.
func PublicAddress(
	t *engine.Tx, r *engine.Resource, reserved []engine.Doc,
) (ip *engine.Resource, address engine.Doc, err error) {
	user := vcn.IPUser{Type: "PRIVATE_IP", ID: r.ID}
	address = engine.Doc{"isPublic": true}
	if len(reserved) > 0 {
		id := reserved[0].Str("id")
		address["reservedIp"] = engine.Doc{"id": id}
		ip, err = vcn.AssignReservedIP(t, "reservedIps[0].id", id, user)
	} else {
		ip, err = vcn.NewEphemeralIP(t, r.Doc["compartmentId"], r.Doc.Str("displayName"), user)
	}
	if err != nil {
		return nil, nil, err
	}
	address["ipAddress"] = ip.Doc["ipAddress"]
	return ip, address, nil
}

func setSecurityGroups(c *engine.Call, r *engine.Resource) (engine.Doc, error) {
	return SetSecurityGroups(c, r, r.Doc.Texts("subnetIds")[0])
}

// SetSecurityGroups sets the network security groups of a load balancer in the subnet to those of the body.
func SetSecurityGroups(c *engine.Call, r *engine.Resource, subnetID string) (engine.Doc, error) {
	const field = "networkSecurityGroupIds"
	ids := c.Body.Texts(field)
	subnet := c.Find(subnetID)
	if err := vcn.CheckSecurityGroups(c.Tx, field, ids, subnet.Doc.Str("vcnId")); err != nil {
		return nil, err
	}
	vcn.SetSecurityGroups(c.Tx, r.ID, ids)
	return engine.Doc{field: engine.List(ids)}, nil
}

func remove(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
	if r.Doc.Flag("isDeleteProtectionEnabled") {
		return nil, engine.Conflict("the load balancer %s is protected from deletion", r.ID)
	}
	r.SetState("DELETING")
	return begin(c.Tx, r, "DeleteLoadBalancer", deleteTime, Change{}), nil
}

func removed(t *engine.Tx, r *engine.Resource) error {
	if err := vcn.ReleasePublicIP(t, engine.Private[state](r).PublicIP); err != nil {
		return err
	}
	return vcn.RemoveVnics(t, r.ID)
}
