package main

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/dataplane/hostports"
	"oke-guestbook/local/kube"
	"oke-guestbook/local/oci"
)

// overview is what the console shows besides the inventory.
type overview struct {
	Simulated bool // nodes and traffic
	Subnets   []subnet
	// Hosts names who has an address: load balancers and clusters' endpoints.
	Hosts         map[string]string
	LoadBalancers []loadBalancer
	Workloads     []kube.Workload
	Problems      []string // what cannot be shown, and why
}

type subnet struct {
	ID, Name, VcnID, CIDR string
	Interfaces            int
	FlowLog               bool
}

type loadBalancer struct {
	ID                      string
	Name, Address, PublicIP string
	Service                 string // namespace and name; empty: of none
	Listeners               []listener
	Backends                []backend
}

type listener struct {
	Name, Protocol string
	Port           int
	Local          string // address on this machine; empty: none
	Problem        string // why it has none, if it should
}

type backend struct {
	Set, Name string
	Measured  bool
	Healthy   bool
	Result    string // of the last health check
	At        time.Time
}

// serveOverview answers with all that can be known: a cluster that does not answer is a problem among others.
func serveOverview(server *oci.Server, clusters *kube.Manager, plane *dataPlane) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		network, balancers := server.Network(), server.LoadBalancers()
		view := overview{
			Simulated: plane == nil, Subnets: describeSubnets(network), Hosts: map[string]string{},
			LoadBalancers: describeBalancers(balancers, plane), Problems: []string{},
		}
		var err error
		if view.Workloads, err = clusters.Workloads(ctx); err != nil {
			view.Problems = append(view.Problems, err.Error())
		}
		if plane != nil {
			if status, err := plane.Status(ctx); err != nil {
				view.Problems = append(view.Problems, "data plane: "+err.Error())
			} else {
				view.Problems = append(view.Problems, status.Problems...)
			}
		}
		names := map[string]string{}
		for i, lb := range view.LoadBalancers {
			for _, workload := range view.Workloads {
				if service := workload.Services[lb.Name]; service != "" {
					view.LoadBalancers[i].Service = service
				}
			}
			names[lb.ID] = "load balancer of " + cmp.Or(view.LoadBalancers[i].Service, lb.Name)
		}
		for _, c := range clusters.Status() {
			names[c.ID] = "API endpoint of " + c.Name
		}
		nameHosts(view.Hosts, network, names)
		writeJSON(w, view)
	}
}

// nameHosts gives the addresses of VNICs the names of their owners.
func nameHosts(hosts map[string]string, n cloud.Network, names map[string]string) {
	for _, vnic := range n.VNICs {
		name := names[vnic.Host]
		if name == "" {
			continue
		}
		for _, address := range slices.Concat(vnic.Addresses, slices.Collect(maps.Values(vnic.PublicIPs))) {
			hosts[address.String()] = name
		}
	}
}

func describeSubnets(n cloud.Network) []subnet {
	interfaces := map[string]int{}
	for _, vnic := range n.VNICs {
		interfaces[vnic.SubnetID]++
	}
	all := []subnet{}
	for _, s := range n.Subnets {
		all = append(all, subnet{s.ID, s.Name, s.VcnID, s.CIDR.String(), interfaces[s.ID], s.FlowLog})
	}
	slices.SortFunc(all, func(a, b subnet) int { return strings.Compare(a.VcnID+a.Name, b.VcnID+b.Name) })
	return all
}

func describeBalancers(balancers []cloud.LoadBalancer, plane *dataPlane) []loadBalancer {
	local := map[string]hostports.Port{}
	for _, port := range plane.ports() {
		local[port.Public] = port
	}
	health := plane.measured()
	all := []loadBalancer{}
	for _, lb := range balancers {
		out := loadBalancer{ID: lb.ID, Name: lb.Name, Listeners: []listener{}, Backends: []backend{}}
		if len(lb.Addresses) > 0 {
			out.Address = lb.Addresses[0].String()
		}
		if lb.PublicIP.IsValid() {
			out.PublicIP = lb.PublicIP.String()
		}
		for _, l := range lb.Listeners {
			at := local[netip.AddrPortFrom(lb.PublicIP, uint16(l.Port)).String()]
			out.Listeners = append(out.Listeners, listener{l.Name, l.Protocol, l.Port, at.Local, at.Problem})
		}
		for _, name := range slices.Sorted(maps.Keys(lb.BackendSets)) {
			var measured map[string]cloud.BackendHealth
			if health != nil {
				measured = health(lb.ID, name)
			}
			for _, b := range lb.BackendSets[name].Backends {
				m, ok := measured[b.Name]
				out.Backends = append(out.Backends, backend{name, b.Name, ok, m.Healthy, m.Result, m.At})
			}
		}
		all = append(all, out)
	}
	slices.SortFunc(all, func(a, b loadBalancer) int { return strings.Compare(a.Name, b.Name) })
	return all
}
