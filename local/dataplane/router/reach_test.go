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

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/ocitest"
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

// TestNetworksOfTheStack sends packets in each variant of the stack's network, as the emulator holds it.
func TestNetworksOfTheStack(t *testing.T) {
	ocitest.RunFast(t, func(c *ocitest.Cloud) {
		services, all := emulateAll(t, c)
		t.Run("packets do what make reach answers", func(t *testing.T) { answersOfReach(t, c, services, all) })
		t.Run("each rule carries packets", func(t *testing.T) { eachRuleCarriesPackets(t, c, services, all) })
	})
}

func answersOfReach(t *testing.T, c *ocitest.Cloud, services []string, all []*emulated) {
	total, allowed := 0, 0
	for _, e := range all {
		t.Run(e.String(), func(t *testing.T) {
			r := newRouter(t)
			m := model{describe(c, e)}
			apply(t, r, m.Network)
			served := portsOf(t, services)
			serve(t, r.Internet(), served...)
			serve(t, r.Services(), served...)
			for _, v := range m.VNICs {
				serve(t, r.Host(v.Host), served...)
			}
			var probes []probe
			for _, a := range e.asked(t, services) {
				p := m.probe(r, a.question)
				p.name, p.want = a.pair, slices.Contains(strings.Fields(e.Allowed[a.pair]), a.service)
				probes = append(probes, p)
				total++
				if p.want {
					allowed++
				}
			}
			try(t, probes)
		})
	}
	t.Logf("%d packets in %d networks, of which %d pass", total, len(all), allowed)
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
		return oci.ServicesAddress
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
