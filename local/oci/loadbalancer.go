package oci

import (
	"fmt"
	"slices"
	"strings"
)

const lbBase = "/20170115"

// lbPart is a named part of a load balancer, with a collection of its own.
type lbPart struct {
	field, name    string // in the load balancer, "backendSets"; in work request types, "BackendSet"
	nameKey        string
	create, update string // models
	build          func(doc object) error
}

var lbParts = []lbPart{
	{"backendSets", "BackendSet", "name", "CreateBackendSetDetails", "UpdateBackendSetDetails", buildBackendSet},
	{"listeners", "Listener", "name", "CreateListenerDetails", "UpdateListenerDetails", buildListener},
	{"certificates", "Certificate", "certificateName", "CreateCertificateDetails", "", buildCertificate},
	{"ruleSets", "RuleSet", "name", "CreateRuleSetDetails", "UpdateRuleSetDetails", func(object) error { return nil }},
}

func (s *Server) loadBalancerRoutes() {
	k := &kind{
		name: "loadbalancer", path: lbBase + "/loadBalancers", model: "loadbalancer.LoadBalancer", slow: true,
		states: states{"CREATING", "ACTIVE", "DELETING", "DELETED"}, onCreate: createLB, removed: lbRemoved,
	}
	s.serveKind(k)
	s.kinds["loadbalancerworkrequest"] = &kind{name: "loadbalancerworkrequest"}
	s.ops["lbDone"] = op{change: lbDone}
	s.route("POST "+k.path, "loadbalancer.CreateLoadBalancerDetails", func(c *call) (*answer, error) {
		reserved := objects(c.body, "reservedIps")
		r, err := c.make(k, c.body)
		if err != nil {
			return nil, err
		}
		if err := c.placeLB(r, reserved); err != nil {
			return nil, err
		}
		a := c.lbWork(r, "CreateLoadBalancer", lbCreateTime, nil, nil)
		a.made = r.ID
		return a, nil
	})
	s.route("PUT "+k.path+"/{id}", "loadbalancer.UpdateLoadBalancerDetails", changeLB("UpdateLoadBalancer", func(c *call, r *resource) (object, error) {
		return c.body, nil
	}))
	s.route("PUT "+k.path+"/{id}/networkSecurityGroups", "loadbalancer.UpdateNetworkSecurityGroupsDetails", changeLB("UpdateNetworkSecurityGroups",
		func(c *call, r *resource) (object, error) {
			ids := texts(c.body, "networkSecurityGroupIds")
			if err := c.checkNSGs("networkSecurityGroupIds", ids, c.vcnOf(r)); err != nil {
				return nil, err
			}
			for _, vnic := range c.vnicsOf(r.ID) {
				c.edit(vnic.ID).Doc["nsgIds"] = anys(ids)
			}
			return object{"networkSecurityGroupIds": anys(ids)}, nil
		}))
	s.route("PUT "+k.path+"/{id}/updateShape", "loadbalancer.UpdateLoadBalancerShapeDetails", changeLB("UpdateShape",
		func(c *call, r *resource) (object, error) { return c.body, checkLBShape(c.body) }))
	s.route("DELETE "+k.path+"/{id}", "", func(c *call) (*answer, error) {
		r, err := c.changeableLB("ACTIVE", "FAILED")
		if err != nil {
			return nil, err
		}
		if flag(r.Doc, "isDeleteProtectionEnabled") {
			return nil, conflict("the load balancer %s is protected from deletion", r.ID)
		}
		r.Doc["lifecycleState"] = "DELETING"
		return c.lbWork(r, "DeleteLoadBalancer", lbDeleteTime, nil, nil), nil
	})
	for _, p := range lbParts {
		s.lbPartRoutes(k.path, p)
	}
	s.backendRoutes(k.path)
	s.lbReadRoutes(k.path)
}

// createLB checks a load balancer and brings it into the form of an answer.
func createLB(c *call, doc object) error {
	if err := checkLBShape(doc); err != nil {
		return err
	}
	orDefault(doc, object{
		"isPrivate": false, "networkSecurityGroupIds": []any{}, "ipMode": "IPV4", "isDeleteProtectionEnabled": false, "isRequestIdEnabled": false,
		"hostnames": object{}, "pathRouteSets": object{}, "sslCipherSuites": object{}, "routingPolicies": object{},
	})
	if doc["ipMode"] != "IPV4" {
		return notImplemented("the local cloud has no IPv6")
	}
	vcnID := ""
	ids := texts(doc, "subnetIds")
	if len(ids) == 0 || len(ids) > 2 {
		return invalid("subnetIds: a load balancer has one regional subnet, or two of availability domains")
	}
	for i, id := range ids {
		subnet, err := c.live("subnet", fmt.Sprintf("subnetIds[%d]", i), id)
		if err != nil {
			return err
		}
		if vcnID = str(subnet.Doc, "vcnId"); flag(subnet.Doc, "prohibitPublicIpOnVnic") && !flag(doc, "isPrivate") {
			return invalid("subnetIds[%d]: the private subnet %s cannot hold a public load balancer", i, id)
		}
	}
	if err := c.checkNSGs("networkSecurityGroupIds", texts(doc, "networkSecurityGroupIds"), vcnID); err != nil {
		return err
	}
	for _, p := range lbParts {
		orDefault(doc, object{p.field: object{}})
		for name, v := range sub(doc, p.field) {
			v.(object)[p.nameKey] = name
			if err := p.build(v.(object)); err != nil {
				return err
			}
		}
	}
	return checkLBParts(doc)
}

// checkLBParts checks what the parts of a load balancer say of each other.
func checkLBParts(doc object) error {
	ports := map[float64]string{}
	for name, v := range sub(doc, "listeners") {
		listener := v.(object)
		if set := str(listener, "defaultBackendSetName"); sub(doc, "backendSets", set) == nil {
			return invalid("the listener %s has the default backend set %q, which the load balancer has not", name, set)
		}
		if cert := str(listener, "sslConfiguration", "certificateName"); cert != "" && sub(doc, "certificates", cert) == nil {
			return invalid("the listener %s has the certificate %q, which the load balancer has not", name, cert)
		}
		port := num(listener, "port")
		if other := ports[port]; other != "" {
			return invalid("the listeners %s and %s have the same port %v", name, other, port)
		}
		ports[port] = name
	}
	return nil
}

var fixedLBShapes = []string{"10Mbps", "10Mbps-Micro", "100Mbps", "400Mbps", "8000Mbps"}

// checkLBShape knows the flexible shape's limits (Oracle: "Load Balancer Shapes": 10 to 8000 Mbps).
func checkLBShape(doc object) error {
	name := str(doc, "shapeName")
	if slices.Contains(fixedLBShapes, name) {
		return nil
	}
	if name != "flexible" {
		return invalid("shapeName: %q must be flexible or one of %s", name, strings.Join(fixedLBShapes, ", "))
	}
	low, high := num(doc, "shapeDetails", "minimumBandwidthInMbps"), num(doc, "shapeDetails", "maximumBandwidthInMbps")
	if low < 10 || high > 8000 || low > high {
		return invalid("shapeDetails: the bandwidth of a flexible load balancer is from 10 to 8000 Mbps, not %v to %v", low, high)
	}
	return nil
}

func buildBackendSet(doc object) error {
	orDefault(doc, object{"backends": []any{}})
	if !slices.Contains(lbPolicies, str(doc, "policy")) {
		return invalid("policy: %q must be one of %s", str(doc, "policy"), strings.Join(lbPolicies, ", "))
	}
	checker := sub(doc, "healthChecker")
	orDefault(checker, object{
		"port": 0.0, "returnCode": 200.0, "responseBodyRegex": "", "retries": 3.0, "timeoutInMillis": 3000.0, "intervalInMillis": 10000.0, "isForcePlainText": false,
	})
	if !slices.Contains([]string{"HTTP", "TCP"}, str(checker, "protocol")) {
		return invalid("healthChecker.protocol: %q must be HTTP or TCP", str(checker, "protocol"))
	}
	seen := map[string]bool{}
	for i, b := range objects(doc, "backends") {
		if err := buildBackend(b); err != nil {
			return err
		}
		if name := str(b, "name"); seen[name] {
			return invalid("backends[%d]: %s is there twice", i, name)
		}
		seen[str(b, "name")] = true
	}
	return nil
}

func buildBackend(b object) error {
	if port := num(b, "port"); port < 1 || port > 65535 {
		return invalid("port: %v must be from 1 to 65535", port)
	}
	orDefault(b, object{"backup": false, "drain": false, "offline": false, "weight": 1.0})
	b["name"] = fmt.Sprintf("%s:%d", str(b, "ipAddress"), int(num(b, "port")))
	return nil
}

func buildListener(doc object) error {
	protocol := str(doc, "protocol")
	if !slices.Contains(lbProtocols, protocol) {
		return invalid("protocol: %q must be one of %s", protocol, strings.Join(lbProtocols, ", "))
	}
	if port := num(doc, "port"); port < 1 || port > 65535 {
		return invalid("port: %v must be from 1 to 65535", port)
	}
	idle := 60.0
	if protocol == "TCP" {
		idle = 300
	}
	orDefault(doc, object{"connectionConfiguration": object{"idleTimeout": idle}, "hostnameNames": []any{}, "ruleSetNames": []any{}})
	return nil
}

// buildCertificate drops what the service never shows.
func buildCertificate(doc object) error {
	delete(doc, "privateKey")
	delete(doc, "passphrase")
	orDefault(doc, object{"caCertificate": "", "publicCertificate": ""})
	return nil
}

func (t *tx) vcnOf(r *resource) string {
	for _, id := range texts(r.Doc, "subnetIds") {
		return str(t.find(id).Doc, "vcnId")
	}
	return ""
}

// placeLB puts a load balancer's VNICs into its subnets and gives it its address.
func (t *tx) placeLB(r *resource, reserved []object) error {
	var private []any
	for _, id := range texts(r.Doc, "subnetIds") {
		vnic, err := t.newVnic(id, r.ID, "VNIC for LB "+str(r.Doc, "displayName"), "", list(r.Doc, "networkSecurityGroupIds"), false)
		if err != nil {
			return err
		}
		private = append(private, object{"ipAddress": vnic.Doc["privateIp"], "isPublic": false})
	}
	if flag(r.Doc, "isPrivate") {
		r.Doc["ipAddresses"] = private[:1]
		return nil
	}
	if len(reserved) > 0 {
		ip, err := t.live("publicip", "reservedIps[0].id", str(reserved[0], "id"))
		if err != nil {
			return err
		}
		if user := str(ip.Doc, "assignedEntityId"); user != "" {
			return conflict("reservedIps[0].id: %s is assigned to %s", ip.ID, user)
		}
		t.assignPublicIP(ip.ID, "PRIVATE_IP", r.ID)
		r.hide("publicIP", ip.ID)
		r.Doc["ipAddresses"] = []any{object{"ipAddress": ip.Doc["ipAddress"], "isPublic": true, "reservedIp": object{"id": ip.ID}}}
		return nil
	}
	ip, err := t.newPublicIP(object{"compartmentId": r.Doc["compartmentId"], "lifetime": "EPHEMERAL", "displayName": r.Doc["displayName"]})
	if err != nil {
		return err
	}
	t.assignPublicIP(ip.ID, "PRIVATE_IP", r.ID)
	r.hide("publicIP", ip.ID)
	r.Doc["ipAddresses"] = []any{object{"ipAddress": ip.Doc["ipAddress"], "isPublic": true}}
	return nil
}

func lbRemoved(t *tx, r *resource) error {
	if err := t.releasePublicIP(str(r.Hidden, "publicIP")); err != nil {
		return err
	}
	return t.dropVnics(r.ID)
}
