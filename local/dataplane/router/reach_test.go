package router_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
)

// packetNetwork is a network of the stack's with the answers of `make reach`, which a test of plan/reach writes.
type packetNetwork struct {
	Name    string
	VCN     netip.Prefix
	Subnets map[string]struct {
		CIDR          netip.Prefix
		Public        bool
		Routes, Rules []string
	}
	Ends    map[string]string
	Allowed map[string]string
}

func readNetworks(t *testing.T) (services []string, networks []packetNetwork) {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
	var file struct {
		Services []string
		Networks []packetNetwork
	}
	text, err := os.ReadFile("../../../plan/reach/testdata/packets.json")
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	return file.Services, file.Networks
}

// Packets do what `make reach` answers, for each variant of the stack's network.
func TestPacketsDoWhatReachAnswers(t *testing.T) {
	services, networks := readNetworks(t)
	total, allowed := 0, 0
	for _, n := range networks {
		t.Run(n.Name, func(t *testing.T) {
			r := newRouter(t)
			m := model{n.describe(t)}
			apply(t, r, m.Network)
			served := portsOf(t, services)
			serve(t, r.Internet(), served...)
			serve(t, r.Services(), served...)
			for _, v := range m.VNICs {
				serve(t, r.Host(v.Host), served...)
			}
			var probes []probe
			for _, a := range n.asked(t, services) {
				p := m.probe(r, a.question)
				p.name, p.want = a.pair, slices.Contains(strings.Fields(n.Allowed[a.pair]), a.service)
				probes = append(probes, p)
				total++
				if p.want {
					allowed++
				}
			}
			try(t, probes)
		})
	}
	t.Logf("%d packets in %d networks, of which %d pass", total, len(networks), allowed)
}

// publicOf is the public address of a host in a public subnet.
func publicOf(private netip.Addr) netip.Addr {
	b := private.As4()
	return netip.AddrFrom4([4]byte{192, 0, b[2], b[3]})
}

// describe returns the network with two hosts in each subnet.
func (n packetNetwork) describe(t *testing.T) (described cloud.Network) {
	described.ServiceCIDRs = servicesRange
	for _, role := range slices.Sorted(maps.Keys(n.Subnets)) {
		from := n.Subnets[role]
		s := cloud.Subnet{
			ID: role, Name: role, VcnID: "vcn", VcnCIDRs: []netip.Prefix{n.VCN}, CIDR: from.CIDR,
			SecurityLists: []cloud.RuleSet{{ID: role, Name: role}},
		}
		for _, text := range from.Routes {
			s.Routes = append(s.Routes, readRoute(text))
		}
		for _, text := range from.Rules {
			s.SecurityLists[0].Rules = append(s.SecurityLists[0].Rules, readRule(t, text))
		}
		described.Subnets = append(described.Subnets, s)
		for _, number := range []string{" 1", " 2"} {
			v := vnic(role+number, s, n.Ends[role+number])
			if from.Public {
				v = public(v, publicOf(v.Addresses[0]).String())
			}
			described.VNICs = append(described.VNICs, v)
		}
	}
	return described
}

// readRoute reads "0.0.0.0/0 nat".
func readRoute(text string) cloud.Route {
	destination, gateway, _ := strings.Cut(text, " ")
	route := cloud.Route{Destinations: readPeer(destination), Gateway: cloud.Gateway(gateway)}
	switch gateway {
	case "nat":
		route.PublicIP = addr("192.1.0.1")
	case "drg":
		route.Gateway = cloud.OtherGateway
	}
	return route
}

func readPeer(text string) []netip.Prefix {
	if text == "osn" {
		return servicesRange
	}
	return prefixes(text)
}

// readRule reads the key of a rule: "ingress tcp 6443 10.0.64.0/20", "egress icmp 3/4 osn", "egress all 10.0.64.0/20".
func readRule(t *testing.T, text string) cloud.SecurityRule {
	t.Helper()
	words := strings.Fields(text)
	peer := readPeer(words[len(words)-1])
	one := rule(words[0] == "ingress", map[string]int{"all": -1, "icmp": icmp, "tcp": tcp, "udp": udp}[words[1]], 0, peer)
	if len(words) == 3 {
		return one
	}
	first, second, isRange := strings.Cut(strings.ReplaceAll(words[2], "/", "-"), "-")
	if !isRange {
		second = first
	}
	numbers := [2]int{number(t, first), number(t, second)}
	if words[1] == "icmp" {
		one.ICMPType, one.ICMPCode = numbers[0], numbers[1]
	} else {
		one.DestinationPorts = numbers
	}
	return one
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// portsOf returns the ports of services.
func portsOf(t *testing.T, services []string) (ports []int) {
	for _, text := range services {
		if port, _, _ := strings.Cut(text, "/"); port != "icmp" {
			ports = append(ports, number(t, port))
		}
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}

// asked is a question that plan/reach has an answer to.
type asked struct {
	question
	pair, service string // "api 1 to osn", "443"
}

// asked returns what to try between the first host of each subnet, the second of each, and the places outside.
func (n packetNetwork) asked(t *testing.T, services []string) (all []asked) {
	for _, from := range slices.Sorted(maps.Keys(n.Ends)) {
		for _, to := range slices.Sorted(maps.Keys(n.Ends)) {
			source, inside := n.Subnets[strings.TrimSuffix(from, " 1")]
			target, targetInside := n.Subnets[strings.TrimSuffix(to, " 2")]
			switch {
			case !inside && !targetInside, from == "osn":
				continue
			case !inside && !target.Public, strings.HasSuffix(from, " 2"), strings.HasSuffix(to, " 1"):
				continue // has no address that could be tried, or is tried with the other host
			}
			q := question{from: n.address(from), to: n.address(to)}
			for _, service := range services {
				q.read(t, service)
				if q.protocol == icmp && !(source.CIDR.IsValid() && target.CIDR.IsValid()) {
					continue // gateways translate a message only as part of a connection
				}
				all = append(all, asked{q, from + " to " + to, service})
			}
		}
	}
	return all
}

func (n packetNetwork) address(end string) netip.Addr {
	if end == "osn" {
		return addr(service)
	}
	return addr(n.Ends[end])
}

// read sets the service of a question: "443", "53/udp", "icmp/3/4".
func (q *question) read(t *testing.T, service string) {
	words := strings.Split(service, "/")
	if words[0] == "icmp" {
		q.protocol, q.port, q.kind = icmp, 0, [2]byte{byte(number(t, words[1])), byte(number(t, words[2]))}
		return
	}
	q.protocol, q.port, q.kind = tcp, number(t, words[0]), [2]byte{}
	if len(words) == 2 {
		q.protocol = udp
	}
}
