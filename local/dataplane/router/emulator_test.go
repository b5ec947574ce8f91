package router_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// allServices names Oracle's services in the emulator's rules and routes.
const allServices = "all-iad-services-in-oracle-services-network"

// Hosts behind the dynamic routing gateway are emulated by those of a subnet, so that packets can be sent from and to
// their addresses.
const peerBlock = "172.16.0.0/16"

// emulated is a packetNetwork that the emulator holds, as a VCN of its own.
type emulated struct {
	packetNetwork
	cloud  *ocitest.Cloud
	number int
	groups bool // the rules are in network security groups, as with the setting securityBy: groups

	vcn     string
	subnets map[string]string // OCIDs by role
	holders map[string]string // OCIDs of the lists or groups with the rules, by role
}

func (e *emulated) String() string {
	by := map[bool]string{false: "lists", true: "groups"}[e.groups]
	return fmt.Sprintf("%s/security by %s", e.Name, by)
}

// emulate makes a network of the stack's by requests, as the program does. The bastion's rules are always in a list.
func emulate(c *ocitest.Cloud, n packetNetwork, number int, groups bool) *emulated {
	e := &emulated{
		packetNetwork: n, cloud: c, number: number, groups: groups,
		subnets: map[string]string{}, holders: map[string]string{},
	}
	e.vcn = c.Create("vcns", engine.Doc{"cidrBlocks": []any{n.VCN.String(), peerBlock}}).Str("id")
	gateways := map[string]string{
		"internet": e.create("internetGateways", engine.Doc{"isEnabled": true}),
		"nat":      e.create("natGateways", engine.Doc{}),
		"service":  e.create("serviceGateways", engine.Doc{"services": []any{engine.Doc{"serviceId": allServicesID(c)}}}),
	}
	closed := e.list("closed", nil)
	for _, role := range slices.Sorted(maps.Keys(n.Subnets)) {
		s, list := n.Subnets[role], closed
		if groups && role != "bastion" {
			e.holders[role] = e.create("networkSecurityGroups", engine.Doc{"displayName": role})
			e.addToGroup(role, s.Rules)
		} else {
			list = e.list(role, s.Rules)
			e.holders[role] = list
		}
		routes := []any{}
		for _, text := range s.Routes {
			destination, gateway, _ := strings.Cut(text, " ")
			if id, ok := gateways[gateway]; ok { // what is behind other gateways is a subnet here
				routes = append(routes, peerOf("destination", destination, engine.Doc{"networkEntityId": id}))
			}
		}
		e.subnet(role, s.CIDR.String(), list, e.create("routeTables", engine.Doc{"routeRules": routes}), !s.Public)
	}
	open := e.list("peer", []string{"ingress all 0.0.0.0/0", "egress all 0.0.0.0/0"})
	e.subnet("peer", "172.16.0.0/24", open, e.create("routeTables", engine.Doc{"routeRules": []any{}}), true)
	return e
}

func allServicesID(c *ocitest.Cloud) string {
	for _, service := range c.GetList(ocitest.Core + "/services") {
		if service["cidrBlock"] == allServices {
			return service.Str("id")
		}
	}
	return ""
}

func (e *emulated) create(collection string, body engine.Doc) string {
	body["vcnId"] = e.vcn
	return e.cloud.Create(collection, body).Str("id")
}

func (e *emulated) subnet(role, cidr, list, routes string, private bool) {
	e.subnets[role] = e.create("subnets", engine.Doc{
		"cidrBlock": cidr, "displayName": role, "routeTableId": routes, "securityListIds": []any{list},
		"prohibitPublicIpOnVnic": private,
	})
}

func (e *emulated) list(name string, rules []string) string {
	body := e.listRules(rules)
	body["displayName"] = name
	return e.create("securityLists", body)
}

// listRules returns the fields of a security list with the rules.
func (e *emulated) listRules(rules []string) engine.Doc {
	ingress, egress := []any{}, []any{}
	for _, text := range rules {
		if strings.HasPrefix(text, "ingress") {
			ingress = append(ingress, e.rule(text))
		} else {
			egress = append(egress, e.rule(text))
		}
	}
	return engine.Doc{"ingressSecurityRules": ingress, "egressSecurityRules": egress}
}

// rule reads the key of a rule, "ingress tcp 6443 10.0.64.0/20", "egress icmp 3/4 osn", "egress all 10.0.64.0/20". Its
// description is the key.
func (e *emulated) rule(text string) engine.Doc {
	e.cloud.T.Helper()
	words := strings.Fields(text)
	protocol, peer := words[1], words[len(words)-1]
	rule := engine.Doc{
		"protocol":    map[string]string{"all": "all", "icmp": "1", "tcp": "6", "udp": "17"}[protocol],
		"description": text,
	}
	end := map[string]string{"ingress": "source", "egress": "destination"}[words[0]]
	if rule = peerOf(end, peer, rule); len(words) == 3 {
		return rule
	}
	first, second, isRange := strings.Cut(strings.ReplaceAll(words[2], "/", "-"), "-")
	if !isRange {
		second = first
	}
	low, high := number(e.cloud.T, first), number(e.cloud.T, second)
	if protocol == "icmp" {
		rule["icmpOptions"] = engine.Doc{"type": low, "code": high}
	} else {
		rule[protocol+"Options"] = engine.Doc{"destinationPortRange": engine.Doc{"min": low, "max": high}}
	}
	return rule
}

// peerOf adds an end to a rule or route: a CIDR block, or Oracle's services.
func peerOf(end, peer string, doc engine.Doc) engine.Doc {
	doc[end], doc[end+"Type"] = peer, "CIDR_BLOCK"
	if peer == "osn" {
		doc[end], doc[end+"Type"] = allServices, "SERVICE_CIDR_BLOCK"
	}
	return doc
}

func (e *emulated) group(role string) string {
	return ocitest.Core + "/networkSecurityGroups/" + e.holders[role]
}

// isGroup reports whether the rules of a role are in a group.
func (e *emulated) isGroup(role string) bool { return e.groups && role != "bastion" }

func (e *emulated) addToGroup(role string, rules []string) {
	for part := range slices.Chunk(rules, 25) { // the most in a request
		all := []any{}
		for _, text := range part {
			rule := e.rule(text)
			rule["direction"] = strings.ToUpper(strings.Fields(text)[0])
			all = append(all, rule)
		}
		e.cloud.Want(200, "POST", e.group(role)+"/actions/addSecurityRules", engine.Doc{"securityRules": all})
	}
}

// take takes rules away from a role's list or group by a request, and returns what puts them back.
func (e *emulated) take(role string, rules []string) (putBack func()) {
	e.cloud.T.Helper()
	if e.isGroup(role) {
		ids := []any{}
		for _, rule := range e.cloud.GetList(e.group(role) + "/securityRules") {
			if slices.Contains(rules, rule.Str("description")) {
				ids = append(ids, rule["id"])
			}
		}
		path := e.group(role) + "/actions/removeSecurityRules"
		e.cloud.Want(204, "POST", path, engine.Doc{"securityRuleIds": ids})
		return func() { e.addToGroup(role, rules) }
	}
	put := func(rules []string) {
		e.cloud.Want(200, "PUT", ocitest.Core+"/securityLists/"+e.holders[role], e.listRules(rules))
	}
	put(slices.DeleteFunc(slices.Clone(e.Subnets[role].Rules), func(r string) bool { return slices.Contains(rules, r) }))
	return func() { put(e.Subnets[role].Rules) }
}

// hosts returns two hosts in each subnet, and one that stands for those behind the dynamic routing gateway.
func (e *emulated) hosts() (all []cloud.VNIC) {
	add := func(role, name, address string) {
		id := fmt.Sprintf("%s of %d", name, e.number)
		v := cloud.VNIC{ID: id, SubnetID: e.subnets[role], Host: id, Primary: true, Addresses: []netip.Addr{addr(address)}}
		if e.Subnets[role].Public {
			b := v.Addresses[0].As4()
			v = public(v, netip.AddrFrom4([4]byte{194, byte(e.number), b[2], b[3]}).String())
		}
		if e.isGroup(role) && role != "peer" {
			v.GroupIDs = []string{e.holders[role]}
		}
		all = append(all, v)
	}
	for _, role := range slices.Sorted(maps.Keys(e.Subnets)) {
		for _, name := range []string{role + " 1", role + " 2"} {
			add(role, name, e.Ends[name])
		}
	}
	add("peer", "peer", peerAddress)
	return all
}

const peerAddress = "172.16.0.2"

// describe returns what the emulator says of networks, with their hosts.
func describe(c *ocitest.Cloud, all ...*emulated) cloud.Network {
	n := c.Server.Network()
	n.VNICs = nil
	isIn := map[string]bool{}
	for _, e := range all {
		n.VNICs = append(n.VNICs, e.hosts()...)
		isIn[e.vcn] = true
	}
	n.Subnets = slices.DeleteFunc(n.Subnets, func(s cloud.Subnet) bool { return !isIn[s.VcnID] })
	n.SecurityGroups = slices.DeleteFunc(n.SecurityGroups, func(g cloud.RuleSet) bool { return !isIn[g.VcnID] })
	return n
}

// emulateAll makes each variant of the stack's network twice: with its rules in lists, and in groups.
func emulateAll(t *testing.T, c *ocitest.Cloud) (services []string, all []*emulated) {
	t.Helper()
	services, networks := readNetworks(t)
	for _, n := range networks {
		for _, groups := range []bool{false, true} {
			all = append(all, emulate(c, n, len(all), groups))
		}
	}
	return services, all
}
