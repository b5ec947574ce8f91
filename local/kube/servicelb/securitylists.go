package servicelb

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
)

// rule is a security list's rule for one TCP port from or to a CIDR. Other rules are never changed.
type rule struct {
	CIDR string
	Port int
}

// opening is a change of one direction (ingress or egress) of a security list.
type opening struct {
	want  []rule // to add
	stale []int  // ports whose rules are removed
}

// openings are the changes for a load balancer: ingress and egress of its subnets, ingress of the workers' subnets.
type openings struct{ frontIn, frontOut, nodeIn opening }

// desiredOpenings returns the changes that the mode allows. Stale are the listener and node ports that the load
// balancer no longer needs. Without a spec, nothing is opened.
func desiredOpenings(s *spec, mode string, staleListeners, staleNodePorts []int, lbCIDRs, nodeCIDRs []string) openings {
	var o openings
	if mode == modeNone {
		return o
	}
	o.frontIn.stale, o.frontOut.stale = staleListeners, staleNodePorts
	if mode == modeAll {
		o.nodeIn.stale = staleNodePorts
	}
	if s == nil {
		return o
	}
	for _, l := range s.Listeners {
		for _, source := range s.sources {
			o.frontIn.want = append(o.frontIn.want, rule{source, l.Port})
		}
	}
	if mode == modeFrontend { // as on OKE, these take rules away as if no node were there
		for _, set := range s.BackendSets {
			o.frontOut.stale = append(o.frontOut.stale, set.HealthChecker.Port)
			for _, b := range set.Backends {
				o.frontOut.stale = append(o.frontOut.stale, b.Port)
			}
		}
		return o
	}
	sources := map[int][]string{} // of the connections to a port of the nodes
	for _, set := range s.BackendSets {
		sources[set.HealthChecker.Port] = lbCIDRs
		for _, b := range set.Backends {
			sources[b.Port] = s.sourcesOf(set, lbCIDRs)
		}
	}
	for port, from := range sources {
		for _, cidr := range nodeCIDRs {
			o.frontOut.want = append(o.frontOut.want, rule{cidr, port})
		}
		for _, cidr := range from {
			o.nodeIn.want = append(o.nodeIn.want, rule{cidr, port})
		}
	}
	return o
}

// object is a JSON object of the REST API.
type object = map[string]any

// edit adds the wanted rules and removes the stale ones, and the rules of a wanted port for other CIDRs. Ports that
// another Service needs, according to inUse, keep their rules. End is "source" or "destination".
func (o opening) edit(rules []any, end string, inUse func(port int) bool) (edited []any, changed bool) {
	missing := map[rule]bool{}
	wanted := map[int]bool{}
	for _, r := range o.want {
		missing[r], wanted[r.Port] = true, true
	}
	edited = []any{}
	for _, entry := range rules {
		doc, _ := entry.(object)
		have, ok := singlePort(doc, end)
		switch {
		case ok && missing[have]:
			delete(missing, have)
		case ok && (wanted[have.Port] || slices.Contains(o.stale, have.Port)) && !inUse(have.Port):
			changed = true
			continue
		}
		edited = append(edited, entry)
	}
	order := func(a, b rule) int { return strings.Compare(fmt.Sprint(a.Port, a.CIDR), fmt.Sprint(b.Port, b.CIDR)) }
	added := make([]rule, 0, len(missing))
	for r := range missing {
		added = append(added, r)
	}
	slices.SortFunc(added, order)
	for _, r := range added {
		changed = true
		edited = append(edited, object{
			end: r.CIDR, end + "Type": "CIDR_BLOCK", "protocol": "6", "isStateless": false,
			"tcpOptions": object{"destinationPortRange": object{"min": r.Port, "max": r.Port}},
		})
	}
	return edited, changed
}

// singlePort returns the rule of a security list's entry, if it opens exactly one TCP port.
func singlePort(doc object, end string) (rule, bool) {
	cidr, _ := doc[end].(string)
	tcp, _ := doc["tcpOptions"].(object)
	ports, _ := tcp["destinationPortRange"].(object)
	low, _ := ports["min"].(float64)
	high, _ := ports["max"].(float64)
	if cidr == "" || tcp["sourcePortRange"] != nil || low == 0 || low != high {
		return rule{}, false
	}
	return rule{cidr, int(low)}, true
}

// manageSecurityLists edits the security lists of the load balancer's and the workers' subnets. The spec is nil when
// the load balancer is to be deleted.
func (b *balancers) manageSecurityLists(
	ctx context.Context, s *spec, mode string, lb *loadBalancer, nodes []*corev1.Node,
) error {
	if mode == modeNone || mode == modeNSG {
		return nil
	}
	all, err := b.vcnSubnets(ctx)
	if err != nil {
		return err
	}
	var front []subnet
	for _, n := range all {
		if slices.Contains(lb.SubnetIDs, n.ID) {
			front = append(front, n)
		}
	}
	workerSubnets := subnetsOf(nodes, all)
	staleListeners, staleNodePorts := stalePorts(lb, s)
	o := desiredOpenings(s, mode, staleListeners, staleNodePorts, cidrs(front), cidrs(workerSubnets))

	b.listsMu.Lock() // Services share the lists
	defer b.listsMu.Unlock()
	inUse := b.portsInUse()
	for _, n := range front {
		if err := b.editList(ctx, n, o.frontIn, o.frontOut, inUse); err != nil {
			return err
		}
	}
	for _, n := range workerSubnets {
		if err := b.editList(ctx, n, o.nodeIn, opening{}, inUse); err != nil {
			return err
		}
	}
	return nil
}

// stalePorts returns the ports that the load balancer has and the spec does not: all of them if the spec is nil.
func stalePorts(lb *loadBalancer, s *spec) (listeners, nodePorts []int) {
	if s == nil {
		s = &spec{}
	}
	for name, l := range lb.Listeners {
		if s.Listeners[name].Port != l.Port {
			listeners = append(listeners, l.Port)
		}
	}
	for name, set := range lb.BackendSets {
		nodePorts = append(nodePorts, set.HealthChecker.Port)
		for _, old := range set.Backends {
			samePort := func(b backend) bool { return b.Port == old.Port }
			if !slices.ContainsFunc(s.BackendSets[name].Backends, samePort) {
				nodePorts = append(nodePorts, old.Port)
			}
		}
	}
	return listeners, nodePorts
}

// subnet is a subnet of the cluster's VCN.
type subnet struct {
	ID              string   `json:"id"`
	CIDR            string   `json:"cidrBlock"`
	SecurityListIDs []string `json:"securityListIds"`
}

func (b *balancers) vcnSubnets(ctx context.Context) ([]subnet, error) {
	var all []subnet
	query := url.Values{"compartmentId": {b.Cluster.CompartmentID}, "vcnId": {b.Cluster.VcnID}}
	if _, err := b.OCI.Do(ctx, http.MethodGet, corePath+"/subnets", query, nil, &all); err != nil {
		return nil, fmt.Errorf("subnets of the cluster: %w", err)
	}
	return all, nil
}

// subnetsOf returns the subnets that contain the nodes' addresses.
func subnetsOf(nodes []*corev1.Node, all []subnet) []subnet {
	var out []subnet
	for _, n := range all {
		prefix, err := netip.ParsePrefix(n.CIDR)
		if err != nil {
			continue
		}
		if slices.ContainsFunc(nodes, func(node *corev1.Node) bool {
			ip, err := netip.ParseAddr(internalIP(node))
			return err == nil && prefix.Contains(ip)
		}) {
			out = append(out, n)
		}
	}
	return out
}

func cidrs(subnets []subnet) []string {
	out := make([]string, 0, len(subnets))
	for _, n := range subnets {
		out = append(out, n.CIDR)
	}
	return out
}

// portsInUse returns whether a port is a listener or health check port of a Service of type LoadBalancer. As on OKE,
// the Service that is being synchronized counts as well: a source range that it no longer names stays open until no
// Service has the port any more.
func (b *balancers) portsInUse() func(int) bool {
	used := map[int]bool{}
	all, _ := b.services.List(labels.Everything()) // listing the cache does not fail
	for _, svc := range all {
		if svc.Spec.Type != corev1.ServiceTypeLoadBalancer || svc.DeletionTimestamp != nil {
			continue
		}
		if path, port := servicehelpers.GetServiceHealthCheckPathPort(svc); path != "" {
			used[int(port)] = true
		} else {
			used[kubeProxyPort] = true
		}
		for _, port := range svc.Spec.Ports {
			used[int(port.Port)] = true
		}
	}
	return func(port int) bool { return used[port] }
}

// editList edits the oldest of the subnet's security lists, as OKE does.
func (b *balancers) editList(ctx context.Context, n subnet, in, out opening, inUse func(int) bool) error {
	var oldest object
	for _, id := range n.SecurityListIDs {
		var list object
		if _, err := b.OCI.Do(ctx, http.MethodGet, corePath+"/securityLists/"+id, nil, nil, &list); err != nil {
			return fmt.Errorf("security list of subnet %s: %w", n.ID, err)
		}
		if oldest == nil || fmt.Sprint(list["timeCreated"]) < fmt.Sprint(oldest["timeCreated"]) {
			oldest = list
		}
	}
	if oldest == nil {
		return fmt.Errorf("subnet %s has no security list", n.ID)
	}
	ingress, _ := oldest["ingressSecurityRules"].([]any)
	egress, _ := oldest["egressSecurityRules"].([]any)
	ingress, inChanged := in.edit(ingress, "source", inUse)
	egress, outChanged := out.edit(egress, "destination", inUse)
	if !inChanged && !outChanged {
		return nil
	}
	body := object{"ingressSecurityRules": ingress, "egressSecurityRules": egress}
	path := corePath + "/securityLists/" + fmt.Sprint(oldest["id"])
	if _, err := b.OCI.Do(ctx, http.MethodPut, path, nil, body, nil); err != nil {
		return fmt.Errorf("security list of subnet %s: %w", n.ID, err)
	}
	return nil
}
