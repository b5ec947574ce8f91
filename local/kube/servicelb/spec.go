package servicelb

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	servicehelpers "k8s.io/cloud-provider/service/helpers"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/initialtags"
)

// Parts of a load balancer in the REST API, with the fields that the controller uses.
type (
	shapeDetails struct {
		Min int `json:"minimumBandwidthInMbps"`
		Max int `json:"maximumBandwidthInMbps"`
	}
	backend struct {
		IPAddress string `json:"ipAddress"`
		TargetID  string `json:"targetId,omitempty"` // the instance; of network load balancers only
		Port      int    `json:"port"`
		Weight    int    `json:"weight"`
		Drain     bool   `json:"drain,omitempty"`
	}
	healthChecker struct {
		Protocol         string `json:"protocol"`
		Port             int    `json:"port"`
		URLPath          string `json:"urlPath"`
		ReturnCode       int    `json:"returnCode"`
		Retries          int    `json:"retries"`
		TimeoutInMillis  int    `json:"timeoutInMillis"`
		IntervalInMillis int    `json:"intervalInMillis"`
		IsForcePlainText bool   `json:"isForcePlainText,omitempty"` // set by hand only, like the TLS of a backend set
	}
	backendSet struct {
		Name          string        `json:"name,omitempty"` // only in requests to create one, and in answers
		Policy        string        `json:"policy"`
		Backends      []backend     `json:"backends"`
		HealthChecker healthChecker `json:"healthChecker"`
		// SSLConfiguration is in answers only.
		SSLConfiguration object `json:"sslConfiguration,omitempty"`
		// PreserveSource is of network load balancers only.
		PreserveSource *bool `json:"isPreserveSource,omitempty"`

		// plainText is asked for by an annotation. Network load balancers have no such field, so OKE never finds it set,
		// and each synchronization updates the backend set.
		plainText bool
	}
	connectionConfiguration struct {
		IdleTimeout   int `json:"idleTimeout"` // seconds
		ProxyProtocol int `json:"backendTcpProxyProtocolVersion,omitempty"`
	}
	// tlsSettings are what the annotation oci-load-balancer-listener-ssl-config sets. Its keys are in any case.
	tlsSettings struct {
		CipherSuiteName string   `json:"cipherSuiteName,omitempty"`
		Protocols       []string `json:"protocols,omitempty"`
	}
	sslConfiguration struct {
		tlsSettings
		CertificateName       string   `json:"certificateName,omitempty"`
		CertificateIDs        []string `json:"certificateIds,omitempty"`
		VerifyDepth           int      `json:"verifyDepth"`
		VerifyPeerCertificate bool     `json:"verifyPeerCertificate"`
	}
	ruleSet struct {
		Name  string   `json:"name,omitempty"` // as in backendSet
		Items []object `json:"items"`
	}
	listener struct {
		Name                    string                   `json:"name,omitempty"` // as in backendSet
		DefaultBackendSetName   string                   `json:"defaultBackendSetName"`
		Port                    int                      `json:"port"`
		Protocol                string                   `json:"protocol"`
		ConnectionConfiguration *connectionConfiguration `json:"connectionConfiguration,omitempty"`
		SSLConfiguration        *sslConfiguration        `json:"sslConfiguration,omitempty"`
		RuleSetNames            []string                 `json:"ruleSetNames,omitempty"`
		PPv2                    *bool                    `json:"isPpv2Enabled,omitempty"` // of network load balancers only
	}
	certificate struct {
		CertificateName   string `json:"certificateName"`
		PublicCertificate string `json:"publicCertificate,omitempty"`
		PrivateKey        string `json:"privateKey,omitempty"`
		CACertificate     string `json:"caCertificate,omitempty"`
		Passphrase        string `json:"passphrase,omitempty"`
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
	RuleSets      map[string]ruleSet     `json:"ruleSets,omitempty"` // nil: those that there are stay
	ReservedIPs   []reservedIP           `json:"reservedIps,omitempty"`
	initialtags.Tags

	network bool                       // it is a network load balancer
	mode    string                     // management mode of the security lists
	sources []string                   // CIDRs that may connect to the listeners
	address string                     // reserved public address, or empty
	ipMode  *corev1.LoadBalancerIPMode // in the Service's status
}

// Name returns the display name of a Service's load balancer.
func Name(svc *corev1.Service) string {
	if isNetwork(svc) {
		return fmt.Sprintf("%s/%s/%s", svc.Namespace, svc.Name, svc.UID)
	}
	return string(svc.UID)
}

// newSpec derives the load balancer from the Service, the nodes that are its backends and the cluster. Have is the
// existing load balancer, or nil. The caller adds the certificate of a TLS secret.
func newSpec(svc *corev1.Service, nodes []*corev1.Node, cluster cloud.Cluster, have *loadBalancer) (*spec, error) {
	if isNetwork(svc) {
		return newNetworkSpec(svc, nodes, cluster)
	}
	s, err := newCommonSpec(svc, cluster)
	if err != nil {
		return nil, err
	}
	if s.ShapeName, s.ShapeDetails, err = shape(svc.Annotations, have); err != nil {
		return nil, err
	}
	return s, s.addPorts(svc, nodes)
}

// newCommonSpec derives what both types of load balancers have, but for listeners and backend sets.
func newCommonSpec(svc *corev1.Service, cluster cloud.Cluster) (*spec, error) {
	a, names := svc.Annotations, namesOf(svc)
	s := &spec{
		network:       names.network,
		CompartmentID: compartment(svc, cluster),
		DisplayName:   Name(svc),
		BackendSets:   map[string]backendSet{},
		Listeners:     map[string]listener{},
	}
	for _, key := range slices.Concat(unsupportedForAll, names.unsupported) {
		if _, ok := a[key]; ok {
			return nil, fmt.Errorf("%s: the local cloud does not support this annotation", key)
		}
	}
	if svc.Spec.SessionAffinity != corev1.ServiceAffinityNone && svc.Spec.SessionAffinity != "" {
		return nil, errors.New(`OCI only supports SessionAffinity "None"`)
	}
	if err := s.place(svc, cluster.ServiceLBSubnetIDs); err != nil {
		return nil, err
	}
	var err error
	if s.NSGs, err = securityGroups(a, names.groups); err != nil {
		return nil, err
	}
	if _, err = listMode(svc); err != nil {
		return nil, err
	}
	if s.mode, err = managementMode(svc); err != nil {
		return nil, err
	}
	if s.mode == modeNSG {
		return nil, fmt.Errorf("%s: the local cloud does not support NSG", annotationRulesManagement)
	}
	if err := parseJSON(a, names.freeform, &s.Freeform); err != nil {
		return nil, err
	}
	if err := parseJSON(a, names.defined, &s.Defined); err != nil {
		return nil, err
	}
	ranges, err := servicehelpers.GetLoadBalancerSourceRanges(svc)
	if err != nil {
		return nil, err
	}
	s.sources = ranges.StringSlice()
	slices.Sort(s.sources)
	return s, nil
}

// compartment returns the compartment of the Service's load balancer.
func compartment(svc *corev1.Service, cluster cloud.Cluster) string {
	if id, ok := svc.Annotations[annotationCompartment]; ok {
		return id
	}
	return cluster.CompartmentID
}

// place sets where the load balancer is reached: publicly or not, its subnets, its address and the mode of its address.
// An existing load balancer keeps all but the last.
func (s *spec) place(svc *corev1.Service, clusterSubnets []string) (err error) {
	a, names := svc.Annotations, namesOf(svc)
	if s.IsPrivate, err = isInternal(svc); err != nil {
		return err
	}
	if s.SubnetIDs, err = subnets(a, names, clusterSubnets); err != nil {
		return err
	}
	if s.address = svc.Spec.LoadBalancerIP; s.address != "" {
		if net.ParseIP(s.address) == nil {
			return fmt.Errorf("loadBalancerIP: %q is not an IP address", s.address)
		}
		if s.IsPrivate {
			return fmt.Errorf("loadBalancerIP: a private load balancer cannot have the reserved address %s", s.address)
		}
	}
	if v, ok := a[annotationIPMode]; ok {
		modes := map[string]corev1.LoadBalancerIPMode{
			"proxy": corev1.LoadBalancerIPModeProxy, "vip": corev1.LoadBalancerIPModeVIP,
		}
		mode, ok := modes[strings.ToLower(v)]
		if !ok {
			return fmt.Errorf("%s: %q must be Proxy or VIP", annotationIPMode, v)
		}
		s.ipMode = &mode
	}
	return nil
}

// isInternal reports whether the Service asks for a private load balancer.
func isInternal(svc *corev1.Service) (bool, error) {
	key := namesOf(svc).internal
	v, ok := svc.Annotations[key]
	if !ok {
		return false, nil
	}
	internal, err := strconv.ParseBool(v)
	if err != nil {
		return false, fmt.Errorf("%s: %q must be true or false", key, v)
	}
	return internal, nil
}

// VirtualNodeLabel is the label of virtual nodes.
const VirtualNodeLabel = "node-role.kubernetes.io/virtual-node"

func isVirtual(node *corev1.Node) bool {
	_, virtual := node.Labels[VirtualNodeLabel]
	return virtual
}

// filterNodes returns the nodes that the Service's label selector admits. A node without a provider id is about to join
// the cluster and cannot serve yet. Virtual nodes are no backends: on OKE their Pods are, and here not.
func filterNodes(svc *corev1.Service, nodes []*corev1.Node) ([]*corev1.Node, error) {
	key := namesOf(svc).nodes
	selector, err := labels.Parse(svc.Annotations[key])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	var out []*corev1.Node
	for _, node := range nodes {
		if node.Spec.ProviderID != "" && !isVirtual(node) && selector.Matches(labels.Set(node.Labels)) {
			out = append(out, node)
		}
	}
	return out, nil
}

// addPorts adds a listener and a backend set for each port of the Service.
func (s *spec) addPorts(svc *corev1.Service, nodes []*corev1.Node) error {
	err := s.addSets(svc, nodes)
	if err != nil {
		return err
	}
	if s.RuleSets, err = ruleSets(svc.Annotations); err != nil {
		return err
	}
	for _, port := range svc.Spec.Ports {
		l, err := newListener(svc.Annotations, port.Port)
		if err != nil {
			return err
		}
		if s.RuleSets != nil { // all of them, also a redirect to HTTPS, on the listeners of HTTPS too
			l.RuleSetNames = append([]string{}, sortedKeys(s.RuleSets)...)
		}
		s.Listeners[fmt.Sprintf("%s-%d", l.Protocol, l.Port)] = l
	}
	return nil
}

// addSets adds a backend set for each port of the Service.
func (s *spec) addSets(svc *corev1.Service, nodes []*corev1.Node) error {
	a, names := svc.Annotations, namesOf(svc)
	checker, err := newHealthChecker(svc)
	if err != nil {
		return err
	}
	policy := names.policies[0]
	if v, ok := a[names.policy]; ok {
		if policy = v; !slices.Contains(names.policies, v) {
			return fmt.Errorf("%s: %q must be one of %s", names.policy, v, strings.Join(names.policies, ", "))
		}
	}
	for _, port := range svc.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP && port.Protocol != "" {
			return fmt.Errorf("port %d: OCI load balancers do not support %s", port.Port, port.Protocol)
		}
		set := backendSet{Policy: policy, HealthChecker: checker, Backends: []backend{}}
		for _, node := range nodes {
			if ip := internalIP(node); ip != "" {
				b := backend{IPAddress: ip, Port: int(port.NodePort), Weight: 1}
				if s.network {
					b.TargetID = strings.TrimPrefix(node.Spec.ProviderID, "oci://")
				}
				set.Backends = append(set.Backends, b)
			}
		}
		slices.SortFunc(set.Backends, compareBackends)
		s.BackendSets[fmt.Sprintf("TCP-%d", port.Port)] = set
	}
	return nil
}

func newListener(a map[string]string, port int32) (listener, error) {
	protocol := cmp.Or(strings.ToUpper(a[annotationProtocol]), "TCP")
	l := listener{DefaultBackendSetName: fmt.Sprintf("TCP-%d", port), Port: int(port), Protocol: protocol}
	if !slices.Contains([]string{"TCP", "HTTP", "GRPC"}, protocol) {
		return l, fmt.Errorf("%s: %q must be TCP, HTTP or GRPC", annotationProtocol, a[annotationProtocol])
	}
	withTLS, err := sslPorts(a)
	if err != nil {
		return l, err
	}
	_, secret := secretParts(a[annotationTLSSecret], "")
	if withTLS[int(port)] && (secret != "" || a[annotationCertificates] != "") {
		policy, err := tlsPolicy(a)
		if err != nil {
			return l, err
		}
		l.SSLConfiguration = &sslConfiguration{tlsSettings: policy, CertificateName: secret}
	}
	if protocol == "GRPC" {
		if l.SSLConfiguration == nil {
			return l, fmt.Errorf("%s: GRPC needs TLS: %s and %s", annotationProtocol, annotationSSLPorts, annotationTLSSecret)
		}
		l.SSLConfiguration.CipherSuiteName = cmp.Or(l.SSLConfiguration.CipherSuiteName, cipherSuiteGRPC)
	}
	l.ConnectionConfiguration, err = newConnectionConfiguration(a, protocol)
	return l, err
}

func compareBackends(a, b backend) int {
	return cmp.Or(strings.Compare(a.IPAddress, b.IPAddress), cmp.Compare(a.Port, b.Port))
}

// newHealthChecker checks kube-proxy, or the Service's own port if its traffic must stay on the node.
func newHealthChecker(svc *corev1.Service) (healthChecker, error) {
	h := healthChecker{Protocol: "HTTP", Port: kubeProxyPort, URLPath: kubeProxyPath, ReturnCode: 200}
	if path, port := servicehelpers.GetServiceHealthCheckPathPort(svc); path != "" {
		h.URLPath, h.Port = path, int(port)
	}
	var err error
	names := namesOf(svc)
	for _, field := range []struct {
		key      string
		target   *int
		fallback int
	}{
		{names.retries, &h.Retries, 3},
		{names.timeout, &h.TimeoutInMillis, 3000},
		{names.interval, &h.IntervalInMillis, 10000},
	} {
		if *field.target, err = number(svc.Annotations, field.key, field.fallback); err != nil {
			return h, err
		}
	}
	if h.IntervalInMillis < names.shortestInterval || h.IntervalInMillis > maxHealthCheck {
		return h, fmt.Errorf("%s: %d must be from %d to %d",
			names.interval, h.IntervalInMillis, names.shortestInterval, maxHealthCheck)
	}
	return h, nil
}

func internalIP(node *corev1.Node) string {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			return address.Address
		}
	}
	return ""
}
