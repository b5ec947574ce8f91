// Package servicelb is the part of OKE's cloud controller manager that creates an OCI load balancer for each Service of
// type LoadBalancer. It implements the cloud provider's side; finalizers, events, status and retries are the work of
// Kubernetes' own service controller.
package servicelb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
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
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"oke-guestbook/local/cloud"
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
	busy     sync.Map   // *sync.Mutex by name of the load balancer, which accepts one work request at a time
}

// lock excludes other changes of the Service's load balancer until the returned function is called.
func (b *balancers) lock(svc *corev1.Service) (unlock func()) {
	mu, _ := b.busy.LoadOrStore(name(svc), &sync.Mutex{})
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
	NSGs           []string               `json:"networkSecurityGroupIds"`
	BackendSets    map[string]backendSet  `json:"backendSets"`
	Listeners      map[string]listener    `json:"listeners"`
	Certificates   map[string]certificate `json:"certificates"`
	IPAddresses    []struct {
		IPAddress string `json:"ipAddress"`
	} `json:"ipAddresses"`
}

// GetLoadBalancerName implements cloudprovider.LoadBalancer.
func (b *balancers) GetLoadBalancerName(_ context.Context, _ string, svc *corev1.Service) string {
	return name(svc)
}

// GetLoadBalancer implements cloudprovider.LoadBalancer.
func (b *balancers) GetLoadBalancer(
	ctx context.Context, _ string, svc *corev1.Service,
) (*corev1.LoadBalancerStatus, bool, error) {
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return nil, false, err
	}
	return lb.status(), true, nil
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer.
func (b *balancers) EnsureLoadBalancer(
	ctx context.Context, _ string, svc *corev1.Service, nodes []*corev1.Node,
) (*corev1.LoadBalancerStatus, error) {
	defer b.lock(svc)()
	s, err := newSpec(svc, nodes, b.Cluster.CompartmentID, b.Cluster.ServiceLBSubnetIDs)
	if err != nil {
		return nil, err
	}
	if err := b.readSecret(ctx, svc, s); err != nil {
		return nil, err
	}
	lb, err := b.find(ctx, svc)
	if err != nil {
		return nil, err
	}
	if lb == nil {
		if lb, err = b.create(ctx, svc, s); err != nil {
			return nil, retry(err)
		}
	} else if err := b.update(ctx, lb, s); err != nil {
		return nil, retry(err)
	}
	if err := b.manageSecurityLists(ctx, svc, s, s.mode, lb, nodes); err != nil {
		return nil, retry(err)
	}
	return lb.status(), nil
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer. It is called when the nodes have changed.
func (b *balancers) UpdateLoadBalancer(
	ctx context.Context, clusterName string, svc *corev1.Service, nodes []*corev1.Node,
) error {
	_, err := b.EnsureLoadBalancer(ctx, clusterName, svc, nodes)
	return err
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer. It returns when the load balancer is deleted.
func (b *balancers) EnsureLoadBalancerDeleted(ctx context.Context, _ string, svc *corev1.Service) error {
	defer b.lock(svc)()
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return err
	}
	nodes, err := b.nodes.List(labels.Everything())
	if err != nil {
		return err
	}
	mode, err := managementMode(svc.Annotations)
	if err != nil {
		mode = modeNone // a bad mode was refused at creation, so that no port was opened
	}
	if err := b.manageSecurityLists(ctx, svc, nil, mode, lb, nodes); err != nil {
		return err
	}
	return b.do(ctx, request{http.MethodDelete, loadBalancerPath + "/" + lb.ID, nil})
}

// retry makes the service controller retry soon instead of with its growing delays: most errors come from a load
// balancer or a subnet that is just being changed.
func retry(err error) error {
	return fmt.Errorf("%w%w", api.NewRetryError("", retryAfter), err) // the RetryError adds no text
}

func (lb *loadBalancer) status() *corev1.LoadBalancerStatus {
	status := &corev1.LoadBalancerStatus{}
	for _, ip := range lb.IPAddresses {
		status.Ingress = append(status.Ingress, corev1.LoadBalancerIngress{
			IP: ip.IPAddress, IPMode: new(corev1.LoadBalancerIPModeVIP),
		})
	}
	return status
}

// find returns the Service's load balancer, or nil. The result may be one whose creation has failed.
func (b *balancers) find(ctx context.Context, svc *corev1.Service) (*loadBalancer, error) {
	var all []loadBalancer
	query := url.Values{"compartmentId": {b.Cluster.CompartmentID}, "displayName": {name(svc)}}
	if _, err := b.OCI.Do(ctx, http.MethodGet, loadBalancerPath, query, nil, &all); err != nil {
		return nil, fmt.Errorf("load balancers: %w", err)
	}
	for _, lb := range all {
		if lb.DisplayName == name(svc) && lb.LifecycleState != "DELETED" {
			return &lb, nil
		}
	}
	return nil, nil
}

func (b *balancers) create(ctx context.Context, svc *corev1.Service, s *spec) (*loadBalancer, error) {
	if ip := svc.Spec.LoadBalancerIP; ip != "" {
		var public struct {
			ID string `json:"id"`
		}
		path, body := corePath+"/publicIps/actions/getByIpAddress", object{"ipAddress": ip}
		if _, err := b.OCI.Do(ctx, http.MethodPost, path, nil, body, &public); err != nil {
			return nil, fmt.Errorf("loadBalancerIP %s: %w", ip, err)
		}
		s.ReservedIPs = []reservedIP{{public.ID}}
	}
	if err := b.do(ctx, request{http.MethodPost, loadBalancerPath, s}); err != nil {
		return nil, err
	}
	lb, err := b.find(ctx, svc)
	if err == nil && lb == nil {
		err = errors.New("the load balancer disappeared during its creation")
	}
	return lb, err
}

// readSecret adds the certificate of the TLS listeners, if there are any.
func (b *balancers) readSecret(ctx context.Context, svc *corev1.Service, s *spec) error {
	reference := svc.Annotations[annotationTLSSecret]
	hasTLS := func(l listener) bool { return l.SSLConfiguration != nil }
	if !slices.ContainsFunc(slices.Collect(maps.Values(s.Listeners)), hasTLS) {
		return nil
	}
	namespace, name, ok := strings.Cut(reference, "/")
	if !ok {
		namespace, name = svc.Namespace, reference
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
	s.Certificates = map[string]certificate{name: {name, string(cert), string(key)}}
	return nil
}
