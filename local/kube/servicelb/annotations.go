package servicelb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Annotations of a Service that the controller reads (oci-cloud-controller-manager, docs/load-balancer-annotations.md).
const (
	annotationPrefix          = "service.beta.kubernetes.io/oci-load-balancer-"
	annotationInternal        = annotationPrefix + "internal"
	annotationShape           = annotationPrefix + "shape"
	annotationFlexMin         = annotationPrefix + "shape-flex-min"
	annotationFlexMax         = annotationPrefix + "shape-flex-max"
	annotationSubnet1         = annotationPrefix + "subnet1"
	annotationSubnet2         = annotationPrefix + "subnet2"
	annotationSecurityLists   = annotationPrefix + "security-list-management-mode"
	annotationProtocol        = annotationPrefix + "backend-protocol"
	annotationIdleTimeout     = annotationPrefix + "connection-idle-timeout"
	annotationHealthRetries   = annotationPrefix + "health-check-retries"
	annotationHealthTimeout   = annotationPrefix + "health-check-timeout"
	annotationHealthInterval  = annotationPrefix + "health-check-interval"
	annotationSSLPorts        = annotationPrefix + "ssl-ports"
	annotationTLSSecret       = annotationPrefix + "tls-secret"
	annotationBackendSecret   = annotationPrefix + "tls-backendset-secret"
	annotationProxyProtocol   = annotationPrefix + "connection-proxy-protocol-version"
	annotationType            = "oci.oraclecloud.com/load-balancer-type"
	annotationCompartment     = "oci.oraclecloud.com/compartment-id"
	annotationNSGs            = "oci.oraclecloud.com/oci-network-security-groups"
	annotationPolicy          = "oci.oraclecloud.com/loadbalancer-policy"
	annotationNodes           = "oci.oraclecloud.com/node-label-selector"
	annotationFreeformTags    = "oci.oraclecloud.com/initial-freeform-tags-override"
	annotationDefinedTags     = "oci.oraclecloud.com/initial-defined-tags-override"
	annotationRulesManagement = "oci.oraclecloud.com/security-rule-management-mode"
	annotationIPMode          = "oci.oraclecloud.com/ingress-ip-mode"
	annotationListenerTLS     = "oci.oraclecloud.com/oci-load-balancer-listener-ssl-config"
	annotationRuleSets        = "oci.oraclecloud.com/oci-load-balancer-rule-sets"
	// annotationCertificates is in Oracle's documentation, and not in the published source.
	annotationCertificates = "oci-load-balancer.oraclecloud.com/tls-certificate-map"
)

var subnetAnnotations = []string{annotationSubnet1, annotationSubnet2}

// unsupportedForAll are annotations that OKE follows and the local cloud refuses, for both types of load balancers.
var unsupportedForAll = []string{
	"oci.oraclecloud.com/workload-service-account",
	networkPrefix + "assigned-private-ipv4", // OKE refuses both for load balancers of type lb
	networkPrefix + "assigned-ipv6",
}

// Management modes of the security rules.
const (
	modeAll      = "All"
	modeFrontend = "Frontend"
	modeNone     = "None"
	modeNSG      = "NSG" // not supported
)

const (
	defaultShape    = "100Mbps"
	flexibleShape   = "flexible"
	minMbps         = 10
	maxMbps         = 8192
	maxNSGs         = 5
	minHealthCheck  = 1000 // milliseconds between health checks
	maxHealthCheck  = 1800000
	cipherSuiteGRPC = "oci-default-http2-ssl-cipher-suite-v1"
	kubeProxyPort   = 10256 // kube-proxy's health check
	kubeProxyPath   = "/healthz"
)

// shape returns the shape. A flexible load balancer stays flexible and keeps its bandwidths, unless there are
// annotations. Bandwidths are clamped to the allowed range.
func shape(a map[string]string, have *loadBalancer) (string, *shapeDetails, error) {
	shape, mbps := defaultShape, [2]string{}
	if have != nil && have.ShapeName == flexibleShape && have.ShapeDetails != nil {
		shape = flexibleShape
		mbps = [2]string{strconv.Itoa(have.ShapeDetails.Min), strconv.Itoa(have.ShapeDetails.Max)}
	}
	if v, ok := a[annotationShape]; ok {
		shape = v
	}
	if !strings.EqualFold(shape, flexibleShape) {
		return shape, nil, nil
	}
	var bandwidth [2]int
	for i, key := range []string{annotationFlexMin, annotationFlexMax} {
		if v, ok := a[key]; ok {
			mbps[i] = v
		}
		if mbps[i] == "" {
			return "", nil, fmt.Errorf("%s=flexible requires %s and %s to be set",
				annotationShape, annotationFlexMin, annotationFlexMax)
		}
		n, err := parseMbps(mbps[i])
		if err != nil {
			return "", nil, fmt.Errorf("%s: %q is not a number of Mbps", key, mbps[i])
		}
		bandwidth[i] = min(max(n, minMbps), maxMbps)
	}
	return flexibleShape, &shapeDetails{Min: bandwidth[0], Max: max(bandwidth[0], bandwidth[1])}, nil
}

// parseMbps parses a bandwidth as OKE does: it drops everything but letters and digits, so that "-20 Mbps" is 20.
func parseMbps(v string) (int, error) {
	v = strings.Map(func(r rune) rune {
		if r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, v)
	if digits, ok := strings.CutSuffix(v, "Mbps"); ok {
		return strconv.Atoi(digits)
	}
	return strconv.Atoi(strings.TrimSuffix(v, "mbps"))
}

// subnets returns the cluster's subnets for load balancers with those of the annotations in their place. The first one
// may be missing if the second one is regional, which chooseSubnets finds out.
func subnets(a map[string]string, names annotationNames, cluster []string) ([]string, error) {
	ids := make([]string, len(names.subnets))
	copy(ids, cluster)
	for i, key := range names.subnets {
		ids[i] = cmp.Or(a[key], ids[i])
	}
	if strings.Join(ids, "") == "" {
		return nil, fmt.Errorf("a subnet must be specified for a load balancer: "+
			"the cluster has none, and there is no annotation %s", names.subnets[0])
	}
	if ids[len(ids)-1] == "" {
		ids = ids[:1]
	}
	return ids, nil
}

// securityGroups splits the annotation's list of OCIDs and drops repeated ones.
func securityGroups(a map[string]string, key string) ([]string, error) {
	var ids []string
	list := a[key]
	if list == "" {
		return nil, nil
	}
	for id := range strings.SplitSeq(strings.ReplaceAll(list, " ", ""), ",") {
		if id == "" {
			return nil, fmt.Errorf("%s: %q has an empty element", key, list)
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxNSGs {
		return nil, fmt.Errorf("%s: %d network security groups, at most %d are allowed",
			key, len(ids), maxNSGs)
	}
	return ids, nil
}

// managementMode returns the management mode of the security rules. Like OKE it takes an unknown security-list mode of
// a load balancer for "All", and none of a network load balancer for "None"; other unknown modes are errors.
func managementMode(svc *corev1.Service) (string, error) {
	if v, ok := svc.Annotations[annotationRulesManagement]; ok {
		modes := map[string]string{"sl-all": modeAll, "sl-frontend": modeFrontend, "nsg": modeNSG}
		if mode := modes[strings.ToLower(v)]; mode != "" {
			return mode, nil
		}
		if v != modeNone { // the only one with fixed upper and lower case
			return "", fmt.Errorf("%s: %q must be SL-All, SL-Frontend, NSG or None", annotationRulesManagement, v)
		}
		return modeNone, nil
	}
	return listMode(svc)
}

// listMode returns the management mode of the security lists. OKE looks at it also beside a mode of all rules.
func listMode(svc *corev1.Service) (string, error) {
	names := namesOf(svc)
	switch v, ok := svc.Annotations[names.lists]; {
	case v == modeFrontend || v == modeNone:
		return v, nil
	case names.network && !ok:
		return modeNone, nil
	case names.network && v != modeAll:
		return "", fmt.Errorf("%s: %q must be All, Frontend or None", names.lists, v)
	}
	return modeAll, nil
}

// newConnectionConfiguration returns nil if the service's defaults are to apply. The proxy protocol cannot be requested
// without an idle timeout.
func newConnectionConfiguration(a map[string]string, protocol string) (*connectionConfiguration, error) {
	if a[annotationIdleTimeout] == "" && a[annotationProxyProtocol] == "" {
		return nil, nil
	}
	c := connectionConfiguration{IdleTimeout: map[string]int{"TCP": 300, "HTTP": 60}[protocol]}
	fields := map[string]*int{annotationIdleTimeout: &c.IdleTimeout, annotationProxyProtocol: &c.ProxyProtocol}
	for key, field := range fields {
		if a[key] == "" {
			continue
		}
		var err error
		if *field, err = number(a, key, 0); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// sslPorts returns the ports of the TLS listeners, a list separated by commas.
func sslPorts(a map[string]string) (map[int]bool, error) {
	ports := map[int]bool{}
	if a[annotationSSLPorts] == "" {
		return ports, nil
	}
	for p := range strings.SplitSeq(a[annotationSSLPorts], ",") {
		port, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a port", annotationSSLPorts, p)
		}
		ports[port] = true
	}
	return ports, nil
}

// secretParts returns the namespace and the name of a Secret. OKE drops a third part of the reference, and takes one
// with an empty name for none.
func secretParts(reference, own string) (namespace, name string) {
	parts := strings.Split(reference, "/")
	if len(parts) == 1 {
		return own, reference
	}
	return parts[0], parts[1]
}

// tlsPolicy returns the versions and ciphers of TLS of the listeners.
func tlsPolicy(a map[string]string) (policy tlsSettings, err error) {
	return policy, parseJSON(a, annotationListenerTLS, &policy)
}

// ruleSets returns the rule sets, which are attached to every listener; nil without the annotation, and then those that
// the load balancer has stay.
func ruleSets(a map[string]string) (map[string]ruleSet, error) {
	if _, ok := a[annotationRuleSets]; !ok {
		return nil, nil
	}
	sets := map[string]ruleSet{}
	return sets, parseJSON(a, annotationRuleSets, &sets)
}

// number returns the number of an annotation, or the fallback if there is none.
func number(a map[string]string, key string, fallback int) (int, error) {
	v, ok := a[key]
	if !ok {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: %q must be a whole number", key, v)
	}
	return n, nil
}

// parseJSON decodes an annotation, if it is not empty.
func parseJSON(a map[string]string, key string, out any) error {
	if a[key] == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(a[key]), out); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}
