package servicelb

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/initialtags"
)

// Annotations of network load balancers (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
const (
	networkPrefix            = "oci-network-load-balancer.oraclecloud.com/"
	annotationPreserveSource = networkPrefix + "is-preserve-source"
	annotationPPv2           = networkPrefix + "is-ppv2-enabled"
	annotationExternalOnly   = networkPrefix + "external-ip-only"
)

const (
	networkPath     = "/20200501/networkLoadBalancers"
	networkWorkPath = "/20200501/workRequests"
	// minNetworkHealthCheck is the shortest interval between health checks in milliseconds.
	minNetworkHealthCheck = 10000
)

// annotationNames are the annotations that exist for both types of load balancers, and what they may be.
type annotationNames struct {
	network                                bool
	internal, groups, policy, nodes, lists string
	freeform, defined                      string
	retries, timeout, interval             string
	subnets                                []string
	policies                               []string // the first one is the default
	shortestInterval                       int
	unsupported                            []string
}

var (
	balancerNames = annotationNames{
		internal: annotationInternal, groups: annotationNSGs, policy: annotationPolicy, nodes: annotationNodes,
		lists: annotationSecurityLists, freeform: annotationFreeformTags, defined: annotationDefinedTags,
		retries: annotationHealthRetries, timeout: annotationHealthTimeout, interval: annotationHealthInterval,
		subnets: subnetAnnotations, policies: []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"},
		shortestInterval: minHealthCheck,
		unsupported: []string{
			annotationBackendSecret, "oci.oraclecloud.com/oci-load-balancer-backendset-ssl-config",
		},
	}
	networkNames = annotationNames{
		network: true, internal: networkPrefix + "internal", groups: networkPrefix + "oci-network-security-groups",
		policy: networkPrefix + "backend-policy", nodes: networkPrefix + "node-label-selector",
		lists:    networkPrefix + "security-list-management-mode",
		freeform: networkPrefix + "initial-freeform-tags-override",
		defined:  networkPrefix + "initial-defined-tags-override",
		retries:  networkPrefix + "health-check-retries", timeout: networkPrefix + "health-check-timeout",
		interval: networkPrefix + "health-check-interval", subnets: []string{networkPrefix + "subnet"},
		policies: []string{"FIVE_TUPLE", "TWO_TUPLE", "THREE_TUPLE"}, shortestInterval: minNetworkHealthCheck,
	}
)

// namesOf returns the annotations of the Service's type of load balancer.
func namesOf(svc *corev1.Service) annotationNames {
	if isNetwork(svc) {
		return networkNames
	}
	return balancerNames
}

// isNetwork reports whether the Service asks for a network load balancer.
func isNetwork(svc *corev1.Service) bool {
	return strings.EqualFold(svc.Annotations[annotationType], "nlb")
}

// collection is the path of the Service's type of load balancers.
func collection(svc *corev1.Service) string {
	if isNetwork(svc) {
		return networkPath
	}
	return loadBalancerPath
}

// newNetworkSpec derives a network load balancer from the Service, like newSpec.
func newNetworkSpec(svc *corev1.Service, nodes []*corev1.Node, cluster cloud.Cluster) (*spec, error) {
	a := svc.Annotations
	s, err := newCommonSpec(svc, cluster)
	if err != nil {
		return nil, err
	}
	preserve, err := preservesSource(svc)
	if err != nil {
		return nil, err
	}
	if _, ok := a[annotationRuleSets]; ok {
		return nil, fmt.Errorf("%s: network load balancers have no rule sets", annotationRuleSets)
	}
	if err := s.addSets(svc, nodes); err != nil {
		return nil, err
	}
	for name, set := range s.BackendSets {
		set.PreserveSource = &preserve
		_, set.plainText = a[annotationBackendSecret]
		s.BackendSets[name] = set
	}
	for _, port := range svc.Spec.Ports {
		l := listener{DefaultBackendSetName: fmt.Sprintf("TCP-%d", port.Port), Port: int(port.Port), Protocol: "TCP"}
		if v := strings.ToLower(a[annotationPPv2]); v == "true" || v == "false" { // others are ignored
			l.PPv2 = new(v == "true")
		}
		s.Listeners[l.DefaultBackendSetName] = l
	}
	return s, nil
}

// preservesSource reports whether the nodes see the clients' addresses: by default, and with the traffic policy Local
// only. OKE never preserves them if the type is not in lower case.
func preservesSource(svc *corev1.Service) (bool, error) {
	if svc.Annotations[annotationType] != "nlb" {
		return false, nil
	}
	v, ok := svc.Annotations[annotationPreserveSource]
	local := svc.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal
	switch {
	case !ok:
		return local, nil
	case !local:
		return false, fmt.Errorf("%s: needs externalTrafficPolicy Local", annotationPreserveSource)
	}
	preserve, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%s: %q must be true or false", annotationPreserveSource, v)
	}
	return preserve, nil
}

// externalOnly reports whether the Service's status hides the private address of a public network load balancer.
func externalOnly(svc *corev1.Service) (bool, error) {
	v, ok := svc.Annotations[annotationExternalOnly]
	if !ok || !isNetwork(svc) {
		return false, nil
	}
	if internal, err := isInternal(svc); internal || err != nil {
		return false, err
	}
	only, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%s: %q must be true or false", annotationExternalOnly, v)
	}
	return only, nil
}

// networkBody is the body of the request that creates a network load balancer.
type networkBody struct {
	CompartmentID string                `json:"compartmentId"`
	DisplayName   string                `json:"displayName"`
	SubnetID      string                `json:"subnetId"`
	IsPrivate     bool                  `json:"isPrivate"`
	NSGs          []string              `json:"networkSecurityGroupIds,omitempty"`
	BackendSets   map[string]backendSet `json:"backendSets"`
	Listeners     map[string]listener   `json:"listeners"`
	ReservedIPs   []reservedIP          `json:"reservedIps,omitempty"`
	initialtags.Tags
}

// creation is the body of the request that creates the load balancer.
func (s *spec) creation() any {
	if !s.network {
		return s
	}
	named := map[string]listener{}
	for name, l := range s.Listeners {
		named[name] = l.named(name)
	}
	return networkBody{
		s.CompartmentID, s.DisplayName, s.SubnetIDs[0], s.IsPrivate, s.NSGs, s.BackendSets, named, s.ReservedIPs, s.Tags,
	}
}

// list returns the load balancers of the Service's type, by their answer's form.
func (b *balancers) list(ctx context.Context, svc *corev1.Service, query url.Values) ([]loadBalancer, error) {
	var text json.RawMessage
	if _, err := b.OCI.Do(ctx, http.MethodGet, collection(svc), query, nil, &text); err != nil {
		return nil, fmt.Errorf("load balancers: %w", err)
	}
	var answer struct{ Items []loadBalancer }
	if !isNetwork(svc) {
		return answer.Items, json.Unmarshal(text, &answer.Items)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	for i := range answer.Items {
		lb := &answer.Items[i]
		lb.network, lb.SubnetIDs = true, []string{lb.SubnetID}
	}
	return answer.Items, nil
}

// path is the load balancer's.
func (lb *loadBalancer) path() string {
	if lb.network {
		return networkPath + "/" + lb.ID
	}
	return loadBalancerPath + "/" + lb.ID
}

// sourcesOf returns the addresses that nodes must accept connections to backends from: those of the load balancer's
// subnets, and the clients' if they are preserved.
func (s *spec) sourcesOf(set backendSet, lbCIDRs []string) []string {
	if set.PreserveSource == nil || !*set.PreserveSource {
		return lbCIDRs
	}
	return append(slices.Clone(lbCIDRs), s.sources...)
}
