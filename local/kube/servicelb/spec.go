package servicelb

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
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
	annotationType            = "oci.oraclecloud.com/load-balancer-type"
	annotationNSGs            = "oci.oraclecloud.com/oci-network-security-groups"
	annotationPolicy          = "oci.oraclecloud.com/loadbalancer-policy"
	annotationNodes           = "oci.oraclecloud.com/node-label-selector"
	annotationFreeformTags    = "oci.oraclecloud.com/initial-freeform-tags-override"
	annotationRulesManagement = "oci.oraclecloud.com/security-rule-management-mode"
)

// Security-list management modes.
const (
	modeAll      = "All"
	modeFrontend = "Frontend"
	modeNone     = "None"
)

const (
	defaultShape   = "100Mbps"
	flexibleShape  = "flexible"
	minMbps        = 10
	maxMbps        = 8192
	maxNSGs        = 5
	kubeProxyPort  = 10256 // kube-proxy's health check
	kubeProxyPath  = "/healthz"
	allIPv4Sources = "0.0.0.0/0"
)

// Parts of a load balancer in the REST API, with the fields that the controller uses.
type (
	shapeDetails struct {
		Min int `json:"minimumBandwidthInMbps"`
		Max int `json:"maximumBandwidthInMbps"`
	}
	backend struct {
		IPAddress string `json:"ipAddress"`
		Port      int    `json:"port"`
		Weight    int    `json:"weight"`
		Backup    bool   `json:"backup"`
		Drain     bool   `json:"drain"`
		Offline   bool   `json:"offline"`
	}
	healthChecker struct {
		Protocol         string `json:"protocol"`
		Port             int    `json:"port"`
		URLPath          string `json:"urlPath"`
		ReturnCode       int    `json:"returnCode"`
		Retries          int    `json:"retries"`
		TimeoutInMillis  int    `json:"timeoutInMillis"`
		IntervalInMillis int    `json:"intervalInMillis"`
	}
	backendSet struct {
		Name          string        `json:"name,omitempty"` // only in requests to create one, and in answers
		Policy        string        `json:"policy"`
		Backends      []backend     `json:"backends"`
		HealthChecker healthChecker `json:"healthChecker"`
	}
	connectionConfiguration struct {
		IdleTimeout int64 `json:"idleTimeout"`
	}
	sslConfiguration struct {
		CertificateName       string `json:"certificateName"`
		VerifyDepth           int    `json:"verifyDepth"`
		VerifyPeerCertificate bool   `json:"verifyPeerCertificate"`
	}
	listener struct {
		Name                    string                   `json:"name,omitempty"` // as in backendSet
		DefaultBackendSetName   string                   `json:"defaultBackendSetName"`
		Port                    int                      `json:"port"`
		Protocol                string                   `json:"protocol"`
		ConnectionConfiguration *connectionConfiguration `json:"connectionConfiguration,omitempty"`
		SSLConfiguration        *sslConfiguration        `json:"sslConfiguration,omitempty"`
	}
	certificate struct {
		CertificateName   string `json:"certificateName"`
		PublicCertificate string `json:"publicCertificate,omitempty"`
		PrivateKey        string `json:"privateKey,omitempty"`
	}
	reservedIP struct {
		ID string `json:"id"`
	}
)

// spec is the load balancer that a Service asks for, and the body of the request that creates it.
type spec struct {
	CompartmentID string                 `json:"compartmentId"`
	DisplayName   string                 `json:"displayName"`
	ShapeName     string                 `json:"shapeName"`
	ShapeDetails  *shapeDetails          `json:"shapeDetails,omitempty"`
	SubnetIDs     []string               `json:"subnetIds"`
	IsPrivate     bool                   `json:"isPrivate"`
	NSGs          []string               `json:"networkSecurityGroupIds,omitempty"`
	BackendSets   map[string]backendSet  `json:"backendSets"`
	Listeners     map[string]listener    `json:"listeners"`
	Certificates  map[string]certificate `json:"certificates,omitempty"`
	ReservedIPs   []reservedIP           `json:"reservedIps,omitempty"`
	FreeformTags  map[string]string      `json:"freeformTags,omitempty"`

	mode    string   // management mode of the security lists
	sources []string // CIDRs that may connect to the listeners
}

// name returns the display name of a Service's load balancer.
func name(svc *corev1.Service) string { return string(svc.UID) }

// newSpec derives the load balancer from the Service, its nodes and the cluster's subnets for load balancers. The
// caller adds the certificate of a TLS secret.
func newSpec(svc *corev1.Service, nodes []*corev1.Node, compartment string, clusterSubnets []string) (*spec, error) {
	a := svc.Annotations
	s := &spec{
		CompartmentID: compartment,
		DisplayName:   name(svc),
		BackendSets:   map[string]backendSet{},
		Listeners:     map[string]listener{},
	}
	if t := a[annotationType]; t != "" && t != "lb" {
		return nil, fmt.Errorf("%s: the local cloud has load balancers of type lb only, not %q", annotationType, t)
	}
	if svc.Spec.SessionAffinity != corev1.ServiceAffinityNone && svc.Spec.SessionAffinity != "" {
		return nil, errors.New(`OCI only supports SessionAffinity "None"`)
	}
	var err error
	if v := a[annotationInternal]; v != "" {
		if s.IsPrivate, err = strconv.ParseBool(v); err != nil {
			return nil, fmt.Errorf("%s: %q must be true or false", annotationInternal, v)
		}
	}
	if s.ShapeName, s.ShapeDetails, err = shape(a); err != nil {
		return nil, err
	}
	if s.SubnetIDs, err = subnets(a, clusterSubnets); err != nil {
		return nil, err
	}
	if s.NSGs, err = securityGroups(a[annotationNSGs]); err != nil {
		return nil, err
	}
	if s.mode, err = managementMode(a); err != nil {
		return nil, err
	}
	if v := a[annotationFreeformTags]; v != "" {
		if err := json.Unmarshal([]byte(v), &s.FreeformTags); err != nil {
			return nil, fmt.Errorf("%s: %w", annotationFreeformTags, err)
		}
	}
	ranges, err := servicehelpers.GetLoadBalancerSourceRanges(svc)
	if err != nil {
		return nil, err
	}
	s.sources = ranges.StringSlice()
	slices.Sort(s.sources)
	return s, s.addPorts(svc, nodes)
}

// addPorts adds a listener and a backend set for each port of the Service.
func (s *spec) addPorts(svc *corev1.Service, nodes []*corev1.Node) error {
	a := svc.Annotations
	selector, err := labels.Parse(a[annotationNodes])
	if err != nil {
		return fmt.Errorf("%s: %w", annotationNodes, err)
	}
	checker, err := newHealthChecker(svc)
	if err != nil {
		return err
	}
	idle, err := number(a, annotationIdleTimeout, 0)
	if err != nil {
		return err
	}
	withTLS, err := sslPorts(a[annotationSSLPorts])
	if err != nil {
		return err
	}
	for _, port := range svc.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP && port.Protocol != "" {
			return fmt.Errorf("port %d: OCI load balancers do not support %s", port.Port, port.Protocol)
		}
		protocol := cmp.Or(strings.ToUpper(a[annotationProtocol]), "TCP")
		if !slices.Contains([]string{"TCP", "HTTP", "GRPC"}, protocol) {
			return fmt.Errorf("%s: %q must be TCP, HTTP or GRPC", annotationProtocol, a[annotationProtocol])
		}
		set := backendSet{Policy: cmp.Or(a[annotationPolicy], "ROUND_ROBIN"), HealthChecker: checker, Backends: []backend{}}
		for _, node := range nodes {
			if ip := internalIP(node); ip != "" && selector.Matches(labels.Set(node.Labels)) {
				set.Backends = append(set.Backends, backend{IPAddress: ip, Port: int(port.NodePort), Weight: 1})
			}
		}
		slices.SortFunc(set.Backends, compareBackends)
		setName := fmt.Sprintf("TCP-%d", port.Port)
		s.BackendSets[setName] = set
		l := listener{DefaultBackendSetName: setName, Port: int(port.Port), Protocol: protocol}
		if idle > 0 {
			l.ConnectionConfiguration = &connectionConfiguration{IdleTimeout: int64(idle)}
		}
		if secret := a[annotationTLSSecret]; secret != "" && withTLS[port.Port] {
			l.SSLConfiguration = &sslConfiguration{CertificateName: secret[strings.LastIndex(secret, "/")+1:]}
		}
		s.Listeners[fmt.Sprintf("%s-%d", protocol, port.Port)] = l
	}
	return nil
}

// sslPorts parses a list of ports, separated by commas.
func sslPorts(list string) (map[int32]bool, error) {
	ports := map[int32]bool{}
	for p := range strings.SplitSeq(list, ",") {
		if p = strings.TrimSpace(p); p == "" {
			continue
		}
		port, err := strconv.ParseInt(p, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is not a port", annotationSSLPorts, p)
		}
		ports[int32(port)] = true
	}
	return ports, nil
}

func compareBackends(a, b backend) int {
	return cmp.Or(strings.Compare(a.IPAddress, b.IPAddress), cmp.Compare(a.Port, b.Port))
}

// shape returns the shape. A flexible one needs bandwidths, which are clamped to the allowed range as on OKE.
func shape(a map[string]string) (string, *shapeDetails, error) {
	shape := cmp.Or(a[annotationShape], defaultShape)
	if !strings.EqualFold(shape, flexibleShape) {
		return shape, nil, nil
	}
	if a[annotationFlexMin] == "" || a[annotationFlexMax] == "" {
		return "", nil, fmt.Errorf("%s=flexible requires %s and %s to be set",
			annotationShape, annotationFlexMin, annotationFlexMax)
	}
	var mbps [2]int
	for i, key := range []string{annotationFlexMin, annotationFlexMax} {
		digits := strings.TrimSuffix(strings.ToLower(a[key]), "mbps")
		n, err := strconv.Atoi(digits)
		if err != nil {
			return "", nil, fmt.Errorf("%s: %q is not a number of Mbps", key, a[key])
		}
		mbps[i] = min(max(n, minMbps), maxMbps)
	}
	return flexibleShape, &shapeDetails{Min: mbps[0], Max: max(mbps[0], mbps[1])}, nil
}

// subnets returns the annotated subnets, or the first one of the cluster's: regional subnets need no second one.
func subnets(a map[string]string, cluster []string) ([]string, error) {
	var ids []string
	for _, key := range []string{annotationSubnet1, annotationSubnet2} {
		if id := a[key]; id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		ids = cluster[:min(1, len(cluster))]
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("a subnet must be specified for a load balancer: "+
			"the cluster has none, and there is no annotation %s", annotationSubnet1)
	}
	return ids, nil
}

// securityGroups splits a list of OCIDs and drops repeated ones.
func securityGroups(list string) ([]string, error) {
	var ids []string
	for id := range strings.SplitSeq(list, ",") {
		if id = strings.TrimSpace(id); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > maxNSGs {
		return nil, fmt.Errorf("%s: %d network security groups, at most %d are allowed",
			annotationNSGs, len(ids), maxNSGs)
	}
	return ids, nil
}

// managementMode returns the management mode of the security lists. Like OKE it takes an unknown security-list mode for
// "All"; an unknown security-rule mode is an error.
func managementMode(a map[string]string) (string, error) {
	switch v := a[annotationRulesManagement]; strings.ToLower(v) {
	case "":
	case "none":
		return modeNone, nil
	case "sl-frontend":
		return modeFrontend, nil
	case "sl-all":
		return modeAll, nil
	default:
		return "", fmt.Errorf("%s: the local cloud supports SL-All, SL-Frontend and None, not %q",
			annotationRulesManagement, v)
	}
	switch v := a[annotationSecurityLists]; v {
	case modeFrontend, modeNone:
		return v, nil
	}
	return modeAll, nil
}

// newHealthChecker checks kube-proxy, or the Service's own port if its traffic must stay on the node.
func newHealthChecker(svc *corev1.Service) (healthChecker, error) {
	h := healthChecker{Protocol: "HTTP", Port: kubeProxyPort, URLPath: kubeProxyPath, ReturnCode: 200}
	if path, port := servicehelpers.GetServiceHealthCheckPathPort(svc); path != "" {
		h.URLPath, h.Port = path, int(port)
	}
	var err error
	for _, field := range []struct {
		key      string
		target   *int
		fallback int
	}{
		{annotationHealthRetries, &h.Retries, 3},
		{annotationHealthTimeout, &h.TimeoutInMillis, 3000},
		{annotationHealthInterval, &h.IntervalInMillis, 10000},
	} {
		if *field.target, err = number(svc.Annotations, field.key, field.fallback); err != nil {
			return h, err
		}
	}
	return h, nil
}

func number(a map[string]string, key string, fallback int) (int, error) {
	v := a[key]
	if v == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s: %q must be a whole number", key, v)
	}
	return n, nil
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}
