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
)

// rule opens one TCP port from or to a CIDR; a security list's other rules are kept as they are.
type rule struct {
	CIDR string
	Port int
}

// opening is what a load balancer needs open in one direction of a subnet's security list, and which ports it needs no more.
type opening struct {
	want  []rule
	stale []int
}

// openings of a load balancer: into its subnets, out of them, and into the workers' subnets.
type openings struct{ frontIn, frontOut, nodeIn opening }

// desiredOpenings returns what the mode lets the controller open. Stale are the listener and node ports that the load balancer
// had; without a spec everything it had is stale.
func desiredOpenings(s *spec, mode string, staleListeners, staleNodePorts []int, lbCIDRs, nodeCIDRs []string) openings {
	var o openings
	if mode == modeNone {
		return o
	}
	o.frontIn.stale = staleListeners
	if mode == modeAll {
		o.frontOut.stale, o.nodeIn.stale = staleNodePorts, staleNodePorts
	}
	if s == nil {
		return o
	}
	ports := map[int]bool{}
	for _, l := range s.Listeners {
		for _, source := range s.sources {
			o.frontIn.want = append(o.frontIn.want, rule{source, l.Port})
		}
	}
	if mode != modeAll {
		return o
	}
	for _, set := range s.BackendSets {
		ports[set.HealthChecker.Port] = true
		for _, b := range set.Backends {
			ports[b.Port] = true
		}
	}
	for port := range ports {
		for _, cidr := range nodeCIDRs {
			o.frontOut.want = append(o.frontOut.want, rule{cidr, port})
		}
		for _, cidr := range lbCIDRs {
			o.nodeIn.want = append(o.nodeIn.want, rule{cidr, port})
		}
	}
	return o
}

// object is a JSON object of the REST API.
type object = map[string]any

// edit returns the rules with the opening's added and its stale ones taken away. End is "source" or "destination".
// A port whose rules have another CIDR than wanted loses them, unless inUse says that another Service needs it.
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

// singlePort returns the rule that a security list's entry is, if it opens exactly one TCP port.
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

// manage edits the security lists of the load balancer's and the workers' subnets. S is nil when the load balancer goes.
func (b *Balancer) manage(ctx context.Context, svc *corev1.Service, s *spec, mode string, lb *loadBalancer, nodes []*corev1.Node) error {
	if mode == modeNone {
		return nil
	}
	var staleListeners, staleNodePorts []int
	for name, l := range lb.Listeners {
		if s == nil || s.Listeners[name].Port != l.Port {
			staleListeners = append(staleListeners, l.Port)
		}
	}
	for name, set := range lb.BackendSets {
		staleNodePorts = append(staleNodePorts, set.HealthChecker.Port)
		for _, old := range set.Backends {
			if s == nil || !slices.ContainsFunc(s.BackendSets[name].Backends, func(b backend) bool { return b.Port == old.Port }) {
				staleNodePorts = append(staleNodePorts, old.Port)
			}
		}
	}
	all, err := b.vcnSubnets(ctx)
	if err != nil {
		return err
	}
	front := make([]subnet, 0, 2)
	for _, n := range all {
		if slices.Contains(lb.SubnetIDs, n.ID) {
			front = append(front, n)
		}
	}
	workers := subnetsOf(nodes, all)
	o := desiredOpenings(s, mode, staleListeners, staleNodePorts, cidrs(front), cidrs(workers))

	// One edit at a time: two Services share the lists.
	b.lists.Lock()
	defer b.lists.Unlock()
	inUse := b.portsInUse(svc)
	for _, n := range front {
		if err := b.editList(ctx, n, o.frontIn, o.frontOut, inUse); err != nil {
			return err
		}
	}
	for _, n := range workers {
		if err := b.editList(ctx, n, o.nodeIn, opening{}, inUse); err != nil {
			return err
		}
	}
	return nil
}

// subnet of the cluster's VCN.
type subnet struct {
	ID              string   `json:"id"`
	CIDR            string   `json:"cidrBlock"`
	SecurityListIDs []string `json:"securityListIds"`
}

func (b *Balancer) vcnSubnets(ctx context.Context) ([]subnet, error) {
	var all []subnet
	query := url.Values{"compartmentId": {b.cluster.CompartmentID}, "vcnId": {b.cluster.VcnID}}
	if _, err := b.oci.Do(ctx, http.MethodGet, core+"/subnets", query, nil, &all); err != nil {
		return nil, fmt.Errorf("subnets of the cluster: %w", err)
	}
	return all, nil
}

// subnetsOf returns the subnets that hold the nodes' addresses.
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

// portsInUse says which listener and health check ports other Services of type LoadBalancer need.
func (b *Balancer) portsInUse(svc *corev1.Service) func(int) bool {
	used := map[int]bool{}
	others, _ := b.services.List(labels.Everything()) // a lister's List of its cache does not fail
	for _, other := range others {
		if other.UID == svc.UID || other.Spec.Type != corev1.ServiceTypeLoadBalancer || other.DeletionTimestamp != nil {
			continue
		}
		if h, err := health(other); err == nil {
			used[h.Port] = true
		}
		for _, port := range other.Spec.Ports {
			used[int(port.Port)] = true
		}
	}
	return func(port int) bool { return used[port] }
}

// editList changes the oldest of the subnet's security lists, as OKE does.
func (b *Balancer) editList(ctx context.Context, n subnet, in, out opening, inUse func(int) bool) error {
	var oldest object
	for _, id := range n.SecurityListIDs {
		var list object
		if _, err := b.oci.Do(ctx, http.MethodGet, core+"/securityLists/"+id, nil, nil, &list); err != nil {
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
	if _, err := b.oci.Do(ctx, http.MethodPut, core+"/securityLists/"+fmt.Sprint(oldest["id"]), nil, body, nil); err != nil {
		return fmt.Errorf("security list of subnet %s: %w", n.ID, err)
	}
	return nil
}
