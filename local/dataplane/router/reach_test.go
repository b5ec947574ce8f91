package router_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/router"
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

// Packets do what `make reach` answers, for each variant of the stack's network.
func TestPacketsDoWhatReachAnswers(t *testing.T) {
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
	total, allowed := 0, 0
	for _, n := range file.Networks {
		t.Run(n.Name, func(t *testing.T) {
			r := newRouter(t)
			apply(t, r, n.describe(t))
			served := portsOf(t, file.Services)
			serve(t, r.Internet(), served...)
			serve(t, r.Services(), served...)
			for name := range n.Ends {
				if host := r.Host(name); host != nil {
					serve(t, host, served...)
				}
			}
			probes := n.probes(t, r, file.Services)
			for _, p := range probes {
				total++
				if p.want {
					allowed++
				}
			}
			try(t, probes)
		})
	}
	t.Logf("%d packets in %d networks, of which %d pass", total, len(file.Networks), allowed)
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

// probes returns what to try between the first host of each subnet, the second of each, and the places outside.
func (n packetNetwork) probes(t *testing.T, r *router.Router, services []string) (all []probe) {
	for from, fromAddress := range n.Ends {
		for to, toAddress := range n.Ends {
			fromHost, toHost := r.Host(from), r.Host(to)
			bothOutside := fromHost == nil && toHost == nil
			if from == "osn" || bothOutside || strings.HasSuffix(from, " 2") || strings.HasSuffix(to, " 1") {
				continue
			}
			p := probe{name: fmt.Sprintf("%s to %s", from, to), from: fromHost, to: toHost}
			if toAddress == "osn" {
				toAddress = "134.70.1.2"
			}
			p.address = addr(toAddress)
			if toHost == nil {
				p.to = placeOf(r, p.address)
			}
			if fromHost == nil {
				p.from, p.client, p.address = r.Internet(), addr(fromAddress), publicOf(p.address)
				if role, _, _ := strings.Cut(to, " "); !n.Subnets[role].Public {
					continue // has no address that could be tried
				}
			}
			allowed := strings.Fields(n.Allowed[from+" to "+to])
			for _, service := range services {
				if strings.HasPrefix(service, "icmp/") && (fromHost == nil || toHost == nil) {
					continue // gateways translate a message only as part of a connection
				}
				all = append(all, p.of(t, service, slices.Contains(allowed, service)))
			}
		}
	}
	return all
}

// of returns the probe for a service: "443", "53/udp", "icmp/3/4".
func (p probe) of(t *testing.T, service string, want bool) probe {
	p.want, p.protocol = want, tcp
	words := strings.Split(service, "/")
	switch {
	case words[0] == "icmp":
		p.protocol, p.kind = icmp, [2]byte{byte(number(t, words[1])), byte(number(t, words[2]))}
		return p
	case len(words) == 2:
		p.protocol = udp
	}
	p.port = number(t, words[0])
	return p
}
