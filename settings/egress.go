package settings

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"oke-guestbook/plan/flows"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/rules"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

// validateEgress refuses servers outside of the cluster to whose ports no security rule lets Pods connect. Where the
// server is, its name does not say: a rule for any network passes. Rules of a subnet that exists are not known.
func (s *Settings) validateEgress(list *problem.List) {
	role := layout.Workers
	if s.Network.PodNetwork == layout.VCNNative {
		role = layout.Pods
	}
	if s.Network.Subnets[role].ID != "" {
		return
	}
	const text = "Pods cannot connect to port %d of %s: allow it by extraRules, such as " +
		"{from: %s, to: <its network>, protocol: tcp, ports: %q}"
	ways := []string{"extraRules", "podNetwork", "internetEgress", "peerCidrs", "drgId", "vcnCidr"}
	for i, g := range s.Guestbooks {
		if host := g.ExternalDatabase; host != "" && !s.reaches(role, host, flows.MongoPort) {
			s.policy(i).Add(list, "externalDatabase", nil, text, flows.MongoPort, host, role, strconv.Itoa(flows.MongoPort)).
				DependsOn(ways...)
		}
	}
	host, port, _ := net.SplitHostPort(s.LogDestination)
	if number, _ := strconv.Atoi(port); host != "" && !s.reaches(role, host, number) {
		list.Add("logDestination", text, number, host, role, port).DependsOn(ways...)
	}
}

// validateRegistryPorts refuses images of registries to which nothing lets the nodes connect. A registry on the nodes
// themselves passes, such as one at a node port, and one at a Service's address, to which kube-proxy leads nodes too.
// Without the internet validateReachOfRegistries judges.
func (s *Settings) validateRegistryPorts(list *problem.List) {
	if s.Network.Subnets[layout.Workers].ID != "" || s.Network.InternetEgress == layout.EgressNone {
		return
	}
	for _, pull := range s.Pulls() {
		host, port := workload.Host(pull.Image), "443"
		if name, own, err := net.SplitHostPort(host); err == nil {
			host, port = name, own
		}
		if host == "" || host == "localhost" {
			continue
		}
		if addr, err := netip.ParseAddr(host); err == nil && (addr.IsLoopback() || holds(s.Network.ServicesCIDR, addr)) {
			continue
		}
		if err := setting.CheckRemote(host); err != nil {
			list.Add(pull.Setting, "%v, where the registry of %s could be", err, pull.Image).DependsOn(pull.dependsOn...)
		} else if number, _ := strconv.Atoi(port); !s.allowed(layout.Workers, host, number) {
			list.Add(pull.Setting, "the nodes cannot connect to port %s of %s, the registry of %s: allow it by extraRules, "+
				"such as {from: workers, to: <its network>, protocol: tcp, ports: %q}, and name a private network in "+
				"peerCidrs, or choose another registry", port, host, pull.Image, port).
				DependsOn("extraRules", "peerCidrs", "vcnCidr", "internetEgress").DependsOn(pull.dependsOn...)
		}
	}
}

// reaches reports whether a rule may let Pods, which are in the role's subnet, connect to a port of a host.
func (s *Settings) reaches(role layout.Role, host string, port int) bool {
	addr, err := netip.ParseAddr(host)
	inside := strings.Count(host, ".") < 2 || strings.HasSuffix(host, ".svc") ||
		strings.HasSuffix(host, ".cluster.local") // perhaps a Service of the cluster
	if err == nil {
		inside = holds(s.Network.ServicesCIDR, addr) ||
			s.Network.PodNetwork == layout.Flannel && holds(s.Network.PodsCIDR, addr)
	}
	return inside || s.allowed(role, host, port)
}

// allowed reports whether rules and routes let machines of the role's subnet connect to a port of a host outside of the
// cluster. Where a name leads, is not known.
func (s *Settings) allowed(role layout.Role, host string, port int) bool {
	addr, err := netip.ParseAddr(host)
	if err == nil && !s.Network.Reaches(role, addr) {
		return false
	}
	plan, _ := layout.Plan(s.Network) // an error is Validate's
	mayLead := func(end string) bool {
		if role := layout.Role(end); s.Network.Has(role) {
			subnet, planned := plan.Subnet(role)
			return planned && addr.IsValid() && subnet.CIDR.Contains(addr)
		}
		return !addr.IsValid() || holds(end, addr)
	}
	oracles := strings.HasSuffix(host, ".oraclecloud.com") || strings.HasSuffix(host, ".oraclecloudapps.com")
	for _, flow := range rules.Table(s.Network) {
		tcp := flow.Protocol == rules.All || flow.Protocol == rules.TCP &&
			(flow.Ports == layout.PortRange{} || flow.Ports.Min <= port && port <= flow.Ports.Max)
		switch {
		case flow.From != string(role) || !tcp || !mayLead(flow.To):
		case flow.To != layout.OSN || oracles:
			return true
		}
	}
	return false
}

// holds reports whether the network has the address.
func holds(cidr string, addr netip.Addr) bool {
	network, err := layout.ParseCIDR(cidr)
	return err == nil && network.Contains(addr)
}
