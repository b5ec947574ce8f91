package reach

import (
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"strings"
	"testing"

	"oke-guestbook/plan/layout"
)

var update = flag.Bool("update", false, "rewrite testdata/packets.json")

// packetNetwork is a network with answers, as the local cloud's tests read it (local/dataplane/router, reach_test.go).
type packetNetwork struct {
	Name    string
	VCN     netip.Prefix
	Subnets map[layout.Role]packetSubnet
	Ends    map[string]string // addresses of a host of the internet, of Oracle's services, and of two in each subnet
	Allowed map[string]string // by "api 1 to osn", those of packetServices that can be opened; the other ones cannot
}

type packetSubnet struct {
	CIDR   netip.Prefix
	Public bool
	Routes []string // "0.0.0.0/0 nat"
	Rules  []string // keys of the rules: "ingress tcp 6443 10.0.64.0/20"
}

// packetServices are asked for between each two ends: what the rules mention, and neighbours of it.
var packetServices = []string{
	"22", "80", "443", "6443", "8080", "10250", "10256", "12250", "29999", "30080",
	"53/udp", "8472/udp", "10256/udp", "30080/udp", "icmp/3/4", "icmp/8/0",
}

// Networks with the answers of this package are written down, so that the local cloud can send the packets. The test
// fails when an answer changes; -update accepts it.
func TestPacketsAgree(t *testing.T) {
	var all []packetNetwork
	for _, c := range configs() {
		// Of the variants of clients, the narrower ones, and of those of subnets, the ones with most. With flannel, Pods
		// use the address of their worker.
		isCopy := c.podNetwork == layout.Flannel && c.egress == layout.EgressWorkersAndPods
		if !isCopy && c.bastion == (c.endpoint == layout.Private) && c.balancers == layout.Both && !c.everybody {
			all = append(all, describe(t, c))
		}
	}
	got, err := json.MarshalIndent(map[string]any{"Services": packetServices, "Networks": all}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const path = "testdata/packets.json"
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(path); err != nil || string(want) != string(got) {
		t.Errorf("%s differs (%v): go test ./plan/reach -update rewrites it", path, err)
	}
}

func describe(t *testing.T, c config) packetNetwork {
	n := network(t, c.spec())
	described := packetNetwork{
		Name: c.String(), VCN: n.Plan.VCN, Subnets: map[layout.Role]packetSubnet{}, Allowed: map[string]string{},
		Ends: map[string]string{"operators": "203.0.113.10", "strangers": "198.51.100.10", layout.OSN: layout.OSN},
	}
	for _, subnet := range n.Plan.Subnets {
		table, _ := n.Plan.RouteTable(subnet.RouteTable)
		s := packetSubnet{CIDR: subnet.CIDR, Public: subnet.Public}
		for _, route := range table.Routes {
			s.Routes = append(s.Routes, route.Destination+" "+string(route.Gateway))
		}
		for _, rule := range n.Rules[subnet.Role] {
			s.Rules = append(s.Rules, rule.Key())
		}
		described.Subnets[subnet.Role] = s
		first := subnet.CIDR.Addr().Next().Next() // after the network's and the gateway's
		described.Ends[string(subnet.Role)+" 1"] = first.String()
		described.Ends[string(subnet.Role)+" 2"] = first.Next().String()
	}
	for from := range described.Ends {
		for to := range described.Ends {
			if allowed := allowedServices(t, n, described.Ends[from], described.Ends[to]); from != to && allowed != "" {
				described.Allowed[from+" to "+to] = allowed
			}
		}
	}
	return described
}

// allowedServices returns those of packetServices that one address can open connections for to another.
func allowedServices(t *testing.T, n Network, from, to string) string {
	var allowed []string
	for _, text := range packetServices {
		service, err := ParseService(text)
		if err != nil {
			t.Fatal(err)
		}
		if n.Ask(mustParse(t, n, from), mustParse(t, n, to), service).Verdict == Yes {
			allowed = append(allowed, text)
		}
	}
	return strings.Join(allowed, " ")
}
