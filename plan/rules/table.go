// Package rules holds the traffic that the subnets of an OKE cluster must allow, as tables of flows. It expands the
// flows to rules of security lists or network security groups.
//
// Source: Oracle, "Container Engine for Kubernetes", Example Network Resource Configurations, examples 1 to 4
// (flannel and VCN-native pod networking, public and private API endpoint), tables of security list rules.
package rules

import (
	"fmt"

	"oke-guestbook/plan/layout"
)

// Flow is one row of a table: From may open connections to To. Each end is a role, a CIDR or layout.OSN. Each end
// that is a role gets a rule.
type Flow struct {
	From, To    string
	Protocol    Protocol
	Ports       layout.PortRange // of the destination, for TCP and UDP; the zero value is every port
	ICMP        *ICMPKind        // for ICMP; nil is every kind
	Description string
}

// tooBig is the message "fragmentation needed", on which path MTU discovery depends.
var tooBig = &ICMPKind{3, 4}

// Ends of flows.
const (
	api     = string(layout.API)
	workers = string(layout.Workers)
	pods    = string(layout.Pods)
	bastion = string(layout.Bastion)
	osn     = layout.OSN
	anyone  = layout.Anywhere
)

func port(n int) layout.PortRange { return layout.PortRange{Min: n, Max: n} }

// Ports of OKE. nodePorts is the default range of Kubernetes.
var (
	kubernetesAPI = port(6443)
	controlPlane  = port(12250)
	kubelet       = port(10250)
	kubeProxy     = port(10256)
	nodePorts     = layout.PortRange{Min: 30000, Max: 32767}
	https         = port(443)
)

var everyPort layout.PortRange

// always holds the flows that every pod network needs.
var always = []Flow{
	{workers, api, TCP, kubernetesAPI, nil, "Workers to the Kubernetes API"},
	{workers, api, TCP, controlPlane, nil, "Workers to the OKE control plane"},
	{workers, api, ICMP, everyPort, tooBig, "Path MTU discovery between workers and the API endpoint"},
	{workers, anyone, ICMP, everyPort, tooBig, "Path MTU discovery by workers"},
	{workers, osn, TCP, everyPort, nil, "Workers to Oracle's services: OKE, registry, object storage"},
	{anyone, workers, ICMP, everyPort, tooBig, "Path MTU discovery to workers"},
	{api, workers, ICMP, everyPort, tooBig, "Path MTU discovery between the API endpoint and workers"},
	{api, osn, TCP, everyPort, nil, "Kubernetes control plane to OKE"},
	{api, osn, ICMP, everyPort, tooBig, "Path MTU discovery between the control plane and OKE"},
}

// flannel holds the flows of the overlay network. Pods use their node's address, so traffic between Pods is traffic
// between workers.
var flannel = []Flow{
	{workers, workers, All, everyPort, nil, "Pods on one worker to Pods on another, through the overlay"},
	{api, workers, TCP, everyPort, nil, "Kubernetes control plane to kubelets, Pods and webhooks"},
}

// native holds the flows of VCN-native pod networking. Pods have VCN addresses, in a subnet of their own.
var native = []Flow{
	{api, workers, TCP, kubelet, nil, "Kubernetes control plane to kubelets"},
	{api, pods, All, everyPort, nil, "Kubernetes control plane to Pods and webhooks"},
	{workers, pods, All, everyPort, nil, "Workers to Pods: probes and Services"},
	{pods, pods, All, everyPort, nil, "Pods to Pods"},
	{pods, api, TCP, kubernetesAPI, nil, "Pods to the Kubernetes API"},
	{pods, api, TCP, controlPlane, nil, "Pods to the OKE control plane"},
	{pods, osn, TCP, everyPort, nil, "Pods to Oracle's services"},
	{pods, osn, ICMP, everyPort, tooBig, "Path MTU discovery between Pods and Oracle's services"},
}

// metrics is what a metrics server needs beside native. Its Pods are not in the network of their nodes
// (kubernetes-sigs/metrics-server, manifests/base/deployment.yaml), and ask each node's kubelet. Oracle's page has no
// rule for it. Oracle's Terraform module lets Pods reach nodes on every port (terraform-oci-oke at 1f94c45,
// modules/network/nsg-workers.tf, "Allow ALL ingress to workers from pods"). Both were read on 2026-11-29.
var metrics = []Flow{{pods, workers, TCP, kubelet, nil, "Pods to kubelets: metrics server"}}

// balancer returns the flows from the subnet of one kind of load balancer.
func balancer(role layout.Role) []Flow {
	from := string(role)
	return []Flow{
		{from, workers, TCP, nodePorts, nil, "Load balancers to node ports"},
		{from, workers, UDP, nodePorts, nil, "Load balancers to node ports, UDP"},
		{from, workers, TCP, kubeProxy, nil, "Load balancers to kube-proxy: health of nodes"},
		{from, workers, UDP, kubeProxy, nil, "Load balancers to kube-proxy: health of nodes, UDP"},
	}
}

// virtual holds what virtual nodes need beside native: they are in the Pods' subnet, as Oracle recommends (Oracle,
// "Example Network Resource Configuration for Cluster with Virtual Nodes", of 2024-08-14, read 2026-11-29).
var virtual = []Flow{
	{pods, api, ICMP, everyPort, tooBig, "Path MTU discovery between virtual nodes and the API endpoint"},
	{pods, anyone, ICMP, everyPort, tooBig, "Path MTU discovery by virtual nodes"},
}

// virtualBalancer returns the flows from load balancers to Pods on virtual nodes, which have node ports on addresses of
// their own (the same page).
func virtualBalancer(role layout.Role) []Flow {
	from := string(role)
	return []Flow{
		{from, pods, TCP, nodePorts, nil, "Load balancers to node ports of Pods on virtual nodes"},
		{from, pods, UDP, nodePorts, nil, "Load balancers to node ports of Pods on virtual nodes, UDP"},
		{from, pods, TCP, kubeProxy, nil, "Load balancers to kube-proxy of Pods on virtual nodes"},
		{from, pods, UDP, kubeProxy, nil, "Load balancers to kube-proxy of Pods on virtual nodes, UDP"},
	}
}

// Table returns the flows of a stack: first those that Oracle requires, then those that the settings allow.
func Table(s layout.Spec) []Flow {
	table := append([]Flow{}, always...)
	if s.Has(layout.Pods) {
		table = append(table, native...)
		if s.Metrics {
			table = append(table, metrics...)
		}
	} else {
		table = append(table, flannel...)
	}
	if s.VirtualNodes {
		table = append(table, virtual...)
	}
	for _, role := range []layout.Role{layout.Workers, layout.Pods} {
		if s.Has(role) && s.EgressToInternet(role) {
			table = append(table, Flow{string(role), anyone, TCP, https, nil, internetReason[role]})
		}
	}
	for _, issuer := range s.Issuers {
		table = append(table, Flow{api, issuer.CIDR, TCP, port(issuer.Port), nil, "Kubernetes API to issuers of tokens"})
	}
	for _, cidr := range s.APIAllowedCIDRs {
		table = append(table, Flow{cidr, api, TCP, kubernetesAPI, nil, "Operators to the Kubernetes API"})
	}
	if s.Has(layout.Bastion) {
		table = append(table, Flow{bastion, api, TCP, kubernetesAPI, nil, "Bastion sessions to the Kubernetes API"})
	}
	for _, kind := range []struct {
		role    layout.Role
		clients []string
	}{
		{layout.PublicLoadBalancers, s.LoadBalancerAllowedCIDRs},
		{layout.InternalLoadBalancers, s.InternalLoadBalancerAllowedCIDRs},
	} {
		if !s.Has(kind.role) {
			continue
		}
		table = append(table, balancer(kind.role)...)
		if s.VirtualNodes {
			table = append(table, virtualBalancer(kind.role)...)
		}
		for _, client := range kind.clients {
			for _, ports := range s.LoadBalancerPorts {
				table = append(table, Flow{client, string(kind.role), TCP, ports, nil, "Clients to load balancers"})
			}
		}
	}
	for _, extra := range s.ExtraRules {
		table = append(table, flowOf(extra))
	}
	return table
}

var internetReason = map[layout.Role]string{
	layout.Workers: "Workers to registries of images and other HTTPS servers",
	layout.Pods:    "Pods to HTTPS servers",
}

// flowOf converts an extra rule that Validate has accepted.
func flowOf(extra layout.ExtraRule) Flow {
	flow := Flow{From: extra.From, To: extra.To, Protocol: Protocol(extra.Protocol), Description: extra.Description}
	if flow.Description == "" {
		flow.Description = fmt.Sprintf("Extra rule: %s to %s", extra.From, extra.To)
	}
	if extra.Ports == "" {
		return flow
	}
	if flow.Protocol == ICMP {
		kind, code, _ := layout.ParseICMP(string(extra.Ports))
		flow.ICMP = &ICMPKind{kind, code}
		return flow
	}
	flow.Ports, _ = layout.ParsePorts(string(extra.Ports))
	return flow
}
