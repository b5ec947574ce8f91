// Package servicelb is the part of OKE's cloud controller manager that creates an OCI load balancer for each Service of
// type LoadBalancer. It implements the cloud provider's side; finalizers, events, status and retries are the work of
// Kubernetes' own service controller.
package servicelb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/api"
	"k8s.io/cloud-provider/controllers/service"
	servicehelpers "k8s.io/cloud-provider/service/helpers"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/kube/initialtags"
	"oke-guestbook/local/ociclient"
)

const (
	corePath         = "/20160918"
	loadBalancerPath = "/20170115/loadBalancers"
	workRequestPath  = "/20170115/loadBalancerWorkRequests"

	workers     = 3 // Services that are synchronized at the same time
	retryAfter  = time.Second
	workTimeout = 20 * time.Minute // for a work request, enough for the real service
)

// Config configures the controller of a cluster.
type Config struct {
	API     kubernetes.Interface
	OCI     *ociclient.Client
	Cluster cloud.Cluster
	Poll    time.Duration // polling interval of work requests
}

// New registers the controller with the factory's informers and returns the function that runs it until its context is
// done. The factory must be started before that function is called.
func New(cfg Config, factory informers.SharedInformerFactory) (run func(context.Context), err error) {
	services, nodes := factory.Core().V1().Services(), factory.Core().V1().Nodes()
	b := &balancers{Config: cfg, services: services.Lister(), nodes: nodes.Lister()}
	controller, err := service.New(provider{balancers: b}, cfg.API, services, nodes, cfg.Cluster.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("service controller: %w", err)
	}
	return func(ctx context.Context) {
		controller.Run(ctx, workers, controllersmetrics.NewControllerManagerMetrics("oci"))
	}, nil
}

// provider implements the part of a cloud provider that the service controller uses.
type provider struct {
	cloudprovider.Interface
	balancers *balancers
}

func (p provider) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return p.balancers, true }
func (p provider) ProviderName() string                             { return "oci" }

// balancers implements cloudprovider.LoadBalancer.
type balancers struct {
	Config
	services corelisters.ServiceLister
	nodes    corelisters.NodeLister
	listsMu  sync.Mutex // held during changes of security lists, which Services share
	busy     sync.Map   // *sync.Mutex by the Service's UID: a load balancer accepts one work request at a time
}

// lock excludes other changes of the Service's load balancer until the returned function is called.
func (b *balancers) lock(svc *corev1.Service) (unlock func()) {
	mu, _ := b.busy.LoadOrStore(svc.UID, &sync.Mutex{})
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}

// loadBalancer is a load balancer in the service's answers.
type loadBalancer struct {
	ID             string                 `json:"id"`
	DisplayName    string                 `json:"displayName"`
	LifecycleState string                 `json:"lifecycleState"`
	ShapeName      string                 `json:"shapeName"`
	ShapeDetails   *shapeDetails          `json:"shapeDetails"`
	SubnetIDs      []string               `json:"subnetIds"`
	SubnetID       string                 `json:"subnetId"` // of a network load balancer
	NSGs           []string               `json:"networkSecurityGroupIds"`
	BackendSets    map[string]backendSet  `json:"backendSets"`
	Listeners      map[string]listener    `json:"listeners"`
	Certificates   map[string]certificate `json:"certificates"`
	RuleSets       map[string]ruleSet     `json:"ruleSets"`
	IPAddresses    []struct {
		IPAddress  string      `json:"ipAddress"`
		IsPublic   bool        `json:"isPublic"`
		ReservedIP *reservedIP `json:"reservedIp"`
	} `json:"ipAddresses"`

	network bool
}

// GetLoadBalancerName implements cloudprovider.LoadBalancer.
func (b *balancers) GetLoadBalancerName(_ context.Context, _ string, svc *corev1.Service) string {
	return Name(svc)
}

// GetLoadBalancer implements cloudprovider.LoadBalancer.
func (b *balancers) GetLoadBalancer(
	ctx context.Context, _ string, svc *corev1.Service,
) (*corev1.LoadBalancerStatus, bool, error) {
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return nil, false, err
	}
	status, err := lb.status(svc, nil)
	return status, err == nil, err
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer.
func (b *balancers) EnsureLoadBalancer(
	ctx context.Context, _ string, svc *corev1.Service, clusterNodes []*corev1.Node,
) (*corev1.LoadBalancerStatus, error) {
	defer b.lock(svc)()
	nodes, err := filterNodes(svc, clusterNodes)
	if err != nil {
		return nil, err
	}
	lb, err := b.find(ctx, svc)
	if err != nil {
		return nil, err
	}
	s, err := newSpec(svc, nodes, b.Cluster, lb)
	if err != nil {
		return nil, err
	}
	if err := b.readSecret(ctx, svc, s); err != nil {
		return nil, err
	}
	if err := b.readCertificateMap(ctx, svc, s); err != nil {
		return nil, err
	}
	if lb == nil {
		if lb, err = b.create(ctx, svc, s); err != nil {
			return nil, retry(err)
		}
		status, err := lb.status(svc, s.ipMode)
		if err != nil || len(status.Ingress) == 0 {
			return status, err
		}
		if err := b.manageSecurityLists(ctx, s, s.mode, lb, nodes); err != nil {
			return nil, retry(err)
		}
		return status, nil
	}
	if err := lb.changeable(); err != nil {
		return nil, err
	}
	if err := b.doAll(ctx, uploads(lb, s)); err != nil {
		return nil, retry(err)
	}
	if unreachable, err := b.allNotReady(clusterNodes); unreachable || err != nil {
		return nil, err
	}
	if err := b.doAll(ctx, changes(lb, s)); err != nil {
		return nil, retry(err)
	}
	if err := b.manageSecurityLists(ctx, s, s.mode, lb, nodes); err != nil {
		return nil, retry(err)
	}
	if err := impossible(lb, s); err != nil {
		return nil, err
	}
	return lb.status(svc, s.ipMode)
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer. It is called when the nodes have changed, and changes only
// the backends.
func (b *balancers) UpdateLoadBalancer(
	ctx context.Context, _ string, svc *corev1.Service, clusterNodes []*corev1.Node,
) error {
	defer b.lock(svc)()
	nodes, err := filterNodes(svc, clusterNodes)
	if err != nil {
		return err
	}
	if unreachable, err := b.allNotReady(nodes); unreachable || err != nil {
		return err
	}
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return err // without a load balancer there is nothing to change; a change of the Service creates it
	}
	if err := lb.changeable(); err != nil {
		return err
	}
	s, err := newSpec(svc, nodes, b.Cluster, lb)
	if err != nil {
		return err
	}
	if err := b.doAll(ctx, backendChanges(lb, s)); err != nil {
		return retry(err)
	}
	return b.manageSecurityLists(ctx, s, s.mode, lb, nodes)
}

// allNotReady reports whether there are no nodes for backends because all nodes of the cluster are not ready: the
// backends should then stay. That some are ready is an error: the list of nodes is out of date.
func (b *balancers) allNotReady(backends []*corev1.Node) (bool, error) {
	all, err := b.nodes.List(labels.Everything())
	if err != nil || len(all) == 0 || len(backends) > 0 {
		return false, err
	}
	if slices.ContainsFunc(all, isReady) {
		return false, errors.New("no node can be a backend, but there are nodes that are ready; the backends stay")
	}
	return true, nil
}

func isReady(node *corev1.Node) bool {
	if _, excluded := node.Labels[corev1.LabelNodeExcludeBalancers]; excluded || isVirtual(node) {
		return false
	}
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer. It returns when the load balancer is deleted.
func (b *balancers) EnsureLoadBalancerDeleted(ctx context.Context, _ string, svc *corev1.Service) error {
	defer b.lock(svc)()
	mode, err := managementMode(svc)
	if err != nil {
		return err
	}
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return err
	}
	if mode != modeNone {
		if err := readable(svc); err != nil {
			return err
		}
	}
	nodes, err := b.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	if err := b.manageSecurityLists(ctx, nil, mode, lb, nodes); err != nil {
		return err
	}
	return b.do(ctx, request{http.MethodDelete, lb.path(), nil})
}

// readable returns an error if the Service has what OKE cannot read when it closes the ports of a load balancer.
func readable(svc *corev1.Service) error {
	if _, err := newHealthChecker(svc); err != nil {
		return err
	}
	if _, err := preservesSource(svc); err != nil {
		return err
	}
	_, err := servicehelpers.GetLoadBalancerSourceRanges(svc)
	return err
}

// retry makes the service controller retry soon instead of with its growing delays: most errors come from a load
// balancer or a subnet that is just being changed.
func retry(err error) error {
	return fmt.Errorf("%w%w", api.NewRetryError("", retryAfter), err) // the RetryError adds no text
}

// status returns the addresses for the Service's status. A mode of nil is the API server's default, VIP.
func (lb *loadBalancer) status(
	svc *corev1.Service, mode *corev1.LoadBalancerIPMode,
) (*corev1.LoadBalancerStatus, error) {
	publicOnly, err := externalOnly(svc)
	if err != nil {
		return nil, err
	}
	if len(lb.IPAddresses) == 0 && lb.LifecycleState != "FAILED" {
		return nil, fmt.Errorf("the load balancer %s has no address", lb.DisplayName)
	}
	status := &corev1.LoadBalancerStatus{}
	for _, ip := range lb.IPAddresses {
		if publicOnly && !ip.IsPublic {
			continue
		}
		status.Ingress = append(status.Ingress, corev1.LoadBalancerIngress{IP: ip.IPAddress, IPMode: mode})
	}
	return status, nil
}

// reservedAddress returns the reserved public address, or "".
func (lb *loadBalancer) reservedAddress() string {
	for _, ip := range lb.IPAddresses {
		if ip.IsPublic && ip.ReservedIP != nil {
			return ip.IPAddress
		}
	}
	return ""
}

// changeable returns an error if the load balancer cannot be changed. One that has failed stays so: only the deletion
// of its Service deletes it. A network load balancer is FAILED after a failed change, too, and another one repairs it.
func (lb *loadBalancer) changeable() error {
	if lb.LifecycleState == "ACTIVE" || lb.network && lb.LifecycleState == "FAILED" {
		return nil
	}
	err := fmt.Errorf("the load balancer %s is %s; only an ACTIVE one can be changed", lb.ID, lb.LifecycleState)
	if lb.LifecycleState == "FAILED" {
		return err
	}
	return retry(err)
}

// find returns the Service's load balancer, or nil. The result may be one whose creation has failed.
func (b *balancers) find(ctx context.Context, svc *corev1.Service) (*loadBalancer, error) {
	query := url.Values{"compartmentId": {compartment(svc, b.Cluster)}, "displayName": {Name(svc)}}
	all, err := b.list(ctx, svc, query)
	if err != nil {
		return nil, err
	}
	for _, lb := range all {
		if lb.DisplayName == Name(svc) && lb.LifecycleState != "DELETED" {
			return &lb, nil
		}
	}
	return nil, nil
}

func (b *balancers) create(ctx context.Context, svc *corev1.Service, s *spec) (*loadBalancer, error) {
	if err := b.chooseSubnets(ctx, svc, s); err != nil {
		return nil, err
	}
	var err error
	if s.Tags, err = initialtags.Choose(ctx, b.OCI, b.Cluster.ID, initialtags.LoadBalancers, s.Tags); err != nil {
		return nil, err
	}
	if s.address != "" {
		var public struct {
			ID             string `json:"id"`
			LifecycleState string `json:"lifecycleState"`
		}
		path, body := corePath+"/publicIps/actions/getByIpAddress", object{"ipAddress": s.address}
		if _, err := b.OCI.Do(ctx, http.MethodPost, path, nil, body, &public); err != nil {
			return nil, fmt.Errorf("loadBalancerIP %s: %w", s.address, err)
		}
		if public.LifecycleState != "AVAILABLE" {
			return nil, fmt.Errorf("loadBalancerIP %s: the public IP is %s, not AVAILABLE", s.address, public.LifecycleState)
		}
		s.ReservedIPs = []reservedIP{{public.ID}}
	}
	if err := b.do(ctx, request{http.MethodPost, collection(svc), s.creation()}); err != nil {
		return nil, err
	}
	lb, err := b.find(ctx, svc)
	if err == nil && lb == nil {
		err = errors.New("the load balancer disappeared during its creation")
	}
	return lb, err
}

// chooseSubnets keeps one subnet if one of the annotated subnets is regional or the load balancer is private.
func (b *balancers) chooseSubnets(ctx context.Context, svc *corev1.Service, s *spec) error {
	if s.network {
		s.SubnetIDs = s.SubnetIDs[:1]
		return nil
	}
	for _, key := range subnetAnnotations {
		id := svc.Annotations[key]
		if id == "" {
			continue
		}
		var n struct {
			AvailabilityDomain string `json:"availabilityDomain"`
		}
		if _, err := b.OCI.Do(ctx, http.MethodGet, corePath+"/subnets/"+id, nil, nil, &n); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if n.AvailabilityDomain == "" {
			s.SubnetIDs = []string{id}
			return nil
		}
	}
	if s.SubnetIDs[0] == "" {
		return fmt.Errorf("a subnet must be specified: that of %s is not regional", annotationSubnet2)
	}
	if s.IsPrivate {
		s.SubnetIDs = s.SubnetIDs[:1]
	}
	return nil
}

// readSecret adds the certificate of the TLS listeners. OKE reads the secret as soon as there is a list of TLS ports,
// even if none of them is a port of the Service.
func (b *balancers) readSecret(ctx context.Context, svc *corev1.Service, s *spec) error {
	namespace, name := secretParts(svc.Annotations[annotationTLSSecret], svc.Namespace)
	if _, ok := svc.Annotations[annotationSSLPorts]; !ok || name == "" || s.network {
		return nil
	}
	secret, err := b.API.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", annotationTLSSecret, err)
	}
	cert, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(cert) == 0 || len(key) == 0 {
		return fmt.Errorf("%s: secret %s/%s has no %s and %s",
			annotationTLSSecret, namespace, name, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	s.Certificates = map[string]certificate{name: {
		CertificateName: name, PublicCertificate: string(cert), PrivateKey: string(key),
		CACertificate: string(secret.Data["ca.crt"]), Passphrase: string(secret.Data["passphrase"]),
	}}
	return nil
}

// readCertificateMap gives the TLS listeners the certificates of the Certificates service that a ConfigMap in the
// Service's namespace lists by port (Oracle documentation, "Terminating SSL/TLS at the Load Balancer using OCI
// Certificates service", as of 2026-09-05). What OKE does with a ConfigMap that lacks a port is not documented.
func (b *balancers) readCertificateMap(ctx context.Context, svc *corev1.Service, s *spec) error {
	name := svc.Annotations[annotationCertificates]
	if name == "" || s.network {
		return nil
	}
	if svc.Annotations[annotationTLSSecret] != "" {
		return fmt.Errorf("sslConfiguration violation: %s and %s exclude each other",
			annotationCertificates, annotationTLSSecret)
	}
	certificates, err := b.API.CoreV1().ConfigMaps(svc.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", annotationCertificates, err)
	}
	for _, l := range s.Listeners {
		if l.SSLConfiguration == nil {
			continue
		}
		key := strconv.Itoa(l.Port)
		if err := parseJSON(certificates.Data, key, &l.SSLConfiguration.CertificateIDs); err != nil {
			return fmt.Errorf("%s: %s: %w", annotationCertificates, name, err)
		}
		if len(l.SSLConfiguration.CertificateIDs) == 0 {
			return fmt.Errorf("%s: %s has no certificate for port %s", annotationCertificates, name, key)
		}
	}
	return nil
}
