// Package servicelb is the part of OKE's cloud controller manager that makes a load balancer of OCI for each Service
// of type LoadBalancer. Kubernetes's own service controller drives it: finalizers, events, status and node changes are its work.
package servicelb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	core      = "/20160918"
	lbs       = "/20170115/loadBalancers"
	works     = "/20170115/loadBalancerWorkRequests"
	workers   = 3 // Services at a time
	retryWait = time.Second
	workLimit = 20 * time.Minute // for a work request, at the real service's speed
)

// Config is what the controller of a cluster needs.
type Config struct {
	API     kubernetes.Interface
	OCI     *ociclient.Client
	Cluster cloud.Cluster
	// Poll is how often a work request is looked at.
	Poll time.Duration
}

// Runner keeps the load balancers of the cluster as its Services ask, until ctx ends.
type Runner func(ctx context.Context)

// Prepare registers the controller with the factory's informers; the factory is started before the runner.
func Prepare(cfg Config, factory informers.SharedInformerFactory) (Runner, error) {
	b := &Balancer{
		api: cfg.API, oci: cfg.OCI, cluster: cfg.Cluster, poll: cfg.Poll,
		services: factory.Core().V1().Services().Lister(), nodes: factory.Core().V1().Nodes().Lister(),
	}
	controller, err := service.New(provider{b: b}, cfg.API, factory.Core().V1().Services(), factory.Core().V1().Nodes(), cfg.Cluster.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("service controller: %w", err)
	}
	return func(ctx context.Context) {
		controller.Run(ctx, workers, controllersmetrics.NewControllerManagerMetrics("oci"))
	}, nil
}

// provider is as much of a cloud provider as the service controller asks for.
type provider struct {
	cloudprovider.Interface
	b *Balancer
}

func (p provider) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return p.b, true }
func (p provider) ProviderName() string                             { return "oci" }

// Balancer implements cloudprovider.LoadBalancer.
type Balancer struct {
	api      kubernetes.Interface
	oci      *ociclient.Client
	cluster  cloud.Cluster
	services corelisters.ServiceLister
	nodes    corelisters.NodeLister
	poll     time.Duration
	lists    sync.Mutex // held while security lists are edited
	busy     sync.Map   // *sync.Mutex by name of the load balancer, which takes one work request at a time
}

// lock keeps others away from the Service's load balancer until the returned function is called.
func (b *Balancer) lock(svc *corev1.Service) func() {
	mu, _ := b.busy.LoadOrStore(name(svc), &sync.Mutex{})
	mu.(*sync.Mutex).Lock()
	return mu.(*sync.Mutex).Unlock
}

// loadBalancer is one as the service shows it.
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
func (b *Balancer) GetLoadBalancerName(_ context.Context, _ string, svc *corev1.Service) string {
	return name(svc)
}

// GetLoadBalancer implements cloudprovider.LoadBalancer.
func (b *Balancer) GetLoadBalancer(ctx context.Context, _ string, svc *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return nil, false, err
	}
	return lb.status(), true, nil
}

// EnsureLoadBalancer implements cloudprovider.LoadBalancer.
func (b *Balancer) EnsureLoadBalancer(ctx context.Context, _ string, svc *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	defer b.lock(svc)()
	s, err := newSpec(svc, nodes, b.cluster.CompartmentID, b.cluster.ServiceLBSubnetIDs)
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
	if err := b.manage(ctx, svc, s, s.mode, lb, nodes); err != nil {
		return nil, retry(err)
	}
	return lb.status(), nil
}

// UpdateLoadBalancer implements cloudprovider.LoadBalancer: the nodes have changed.
func (b *Balancer) UpdateLoadBalancer(ctx context.Context, clusterName string, svc *corev1.Service, nodes []*corev1.Node) error {
	_, err := b.EnsureLoadBalancer(ctx, clusterName, svc, nodes)
	return err
}

// EnsureLoadBalancerDeleted implements cloudprovider.LoadBalancer. It returns when the load balancer is gone.
func (b *Balancer) EnsureLoadBalancerDeleted(ctx context.Context, _ string, svc *corev1.Service) error {
	defer b.lock(svc)()
	lb, err := b.find(ctx, svc)
	if err != nil || lb == nil {
		return err
	}
	nodes, err := b.allNodes()
	if err != nil {
		return err
	}
	mode, err := managementMode(svc.Annotations)
	if err != nil {
		mode = modeNone // it was refused when the Service was made, so nothing was opened
	}
	if err := b.manage(ctx, svc, nil, mode, lb, nodes); err != nil {
		return err
	}
	return b.work(ctx, http.MethodDelete, lbs+"/"+lb.ID, nil)
}

// retry makes the service controller try again soon: what fails is mostly a load balancer or a subnet that changes just now.
func retry(err error) error {
	return &wrapped{api.NewRetryError(err.Error(), retryWait), err}
}

// wrapped keeps both the retry time and the cause.
type wrapped struct{ again, cause error }

func (w *wrapped) Error() string   { return w.cause.Error() }
func (w *wrapped) Unwrap() []error { return []error{w.again, w.cause} }

func (lb *loadBalancer) status() *corev1.LoadBalancerStatus {
	status := &corev1.LoadBalancerStatus{}
	for _, ip := range lb.IPAddresses {
		status.Ingress = append(status.Ingress, corev1.LoadBalancerIngress{IP: ip.IPAddress, IPMode: new(corev1.LoadBalancerIPModeVIP)})
	}
	return status
}

// find returns the Service's load balancer, or nil. One whose creation failed counts: it must be deleted.
func (b *Balancer) find(ctx context.Context, svc *corev1.Service) (*loadBalancer, error) {
	var all []loadBalancer
	query := url.Values{"compartmentId": {b.cluster.CompartmentID}, "displayName": {name(svc)}}
	if _, err := b.oci.Do(ctx, http.MethodGet, lbs, query, nil, &all); err != nil {
		return nil, fmt.Errorf("load balancers: %w", err)
	}
	for _, lb := range all {
		if lb.DisplayName == name(svc) && lb.LifecycleState != "DELETED" {
			return &lb, nil
		}
	}
	return nil, nil
}

func (b *Balancer) create(ctx context.Context, svc *corev1.Service, s *spec) (*loadBalancer, error) {
	if ip := svc.Spec.LoadBalancerIP; ip != "" {
		var public struct {
			ID string `json:"id"`
		}
		_, err := b.oci.Do(ctx, http.MethodPost, core+"/publicIps/actions/getByIpAddress", nil, object{"ipAddress": ip}, &public)
		if err != nil {
			return nil, fmt.Errorf("loadBalancerIP %s: %w", ip, err)
		}
		s.ReservedIPs = []reservedIP{{public.ID}}
	}
	if err := b.work(ctx, http.MethodPost, lbs, s); err != nil {
		return nil, err
	}
	lb, err := b.find(ctx, svc)
	if err == nil && lb == nil {
		err = errors.New("the load balancer went away while it was made")
	}
	return lb, err
}

// update changes, one work request after the other, what differs from the spec.
func (b *Balancer) update(ctx context.Context, lb *loadBalancer, s *spec) error {
	switch lb.LifecycleState {
	case "ACTIVE":
	case "FAILED":
		if err := b.work(ctx, http.MethodDelete, lbs+"/"+lb.ID, nil); err != nil {
			return err
		}
		return errors.New("the load balancer had failed and was deleted; a new one is made")
	default:
		return fmt.Errorf("the load balancer is %s", lb.LifecycleState)
	}
	path := lbs + "/" + lb.ID
	type change struct {
		method, path string
		body         any
	}
	var changes []change
	if lb.ShapeName != s.ShapeName || s.ShapeDetails != nil && !reflect.DeepEqual(lb.ShapeDetails, s.ShapeDetails) {
		changes = append(changes, change{http.MethodPut, path + "/updateShape", object{"shapeName": s.ShapeName, "shapeDetails": s.ShapeDetails}})
	}
	if !sameSet(lb.NSGs, s.NSGs) {
		changes = append(changes, change{http.MethodPut, path + "/networkSecurityGroups", object{"networkSecurityGroupIds": append([]string{}, s.NSGs...)}})
	}
	for name, cert := range s.Certificates {
		if _, ok := lb.Certificates[name]; !ok {
			changes = append(changes, change{http.MethodPost, path + "/certificates", cert})
		}
	}
	for _, name := range sortedKeys(s.BackendSets) {
		want := s.BackendSets[name]
		have, ok := lb.BackendSets[name]
		slices.SortFunc(have.Backends, compareBackends)
		if len(have.Backends) == 0 {
			have.Backends = []backend{}
		}
		if !ok {
			changes = append(changes, change{http.MethodPost, path + "/backendSets", struct {
				Name string `json:"name"`
				backendSet
			}{name, want}})
		} else if !reflect.DeepEqual(have, want) {
			changes = append(changes, change{http.MethodPut, path + "/backendSets/" + name, want})
		}
	}
	// What goes makes room for what comes: two listeners cannot have one port.
	for _, name := range sortedKeys(lb.Listeners) {
		if _, ok := s.Listeners[name]; !ok {
			changes = append(changes, change{http.MethodDelete, path + "/listeners/" + name, nil})
		}
	}
	for _, name := range sortedKeys(s.Listeners) {
		want := s.Listeners[name]
		have, ok := lb.Listeners[name]
		if !ok {
			changes = append(changes, change{http.MethodPost, path + "/listeners", struct {
				Name string `json:"name"`
				listener
			}{name, want}})
			continue
		}
		if want.ConnectionConfiguration == nil {
			have.ConnectionConfiguration = nil // the service's default
		}
		if !reflect.DeepEqual(have, want) {
			changes = append(changes, change{http.MethodPut, path + "/listeners/" + name, want})
		}
	}
	for _, name := range sortedKeys(lb.BackendSets) {
		if _, ok := s.BackendSets[name]; !ok {
			changes = append(changes, change{http.MethodDelete, path + "/backendSets/" + name, nil})
		}
	}
	for _, c := range changes {
		if err := b.work(ctx, c.method, c.path, c.body); err != nil {
			return err
		}
	}
	return nil
}

// work sends a request and waits until the work request that it began has ended.
func (b *Balancer) work(ctx context.Context, method, path string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, workLimit)
	defer cancel()
	header, err := b.oci.Do(ctx, method, path, nil, body, nil)
	if err != nil {
		return err
	}
	id := header.Get("opc-work-request-id")
	if id == "" {
		return fmt.Errorf("%s %s: the answer names no work request", method, path)
	}
	ticker := time.NewTicker(b.poll)
	defer ticker.Stop()
	for {
		var work struct {
			State   string `json:"lifecycleState"`
			Message string `json:"message"`
		}
		if _, err := b.oci.Do(ctx, http.MethodGet, works+"/"+id, nil, nil, &work); err != nil {
			return fmt.Errorf("work request %s: %w", id, err)
		}
		switch work.State {
		case "SUCCEEDED":
			return nil
		case "FAILED":
			return fmt.Errorf("work request %s failed: %s", id, work.Message)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("work request %s is %s: %w", id, work.State, ctx.Err())
		case <-ticker.C:
		}
	}
}

// readSecret adds the certificate that TLS listeners need.
func (b *Balancer) readSecret(ctx context.Context, svc *corev1.Service, s *spec) error {
	reference := svc.Annotations[annotationTLSSecret]
	uses := func(l listener) bool { return l.SSLConfiguration != nil }
	if !slices.ContainsFunc(slices.Collect(values(s.Listeners)), uses) {
		return nil
	}
	namespace, name, ok := strings.Cut(reference, "/")
	if !ok {
		namespace, name = svc.Namespace, reference
	}
	secret, err := b.api.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("%s: %w", annotationTLSSecret, err)
	}
	cert, key := secret.Data[corev1.TLSCertKey], secret.Data[corev1.TLSPrivateKeyKey]
	if len(cert) == 0 || len(key) == 0 {
		return fmt.Errorf("%s: secret %s/%s has no %s and %s", annotationTLSSecret, namespace, name, corev1.TLSCertKey, corev1.TLSPrivateKeyKey)
	}
	s.Certificates = map[string]certificate{name: {name, string(cert), string(key)}}
	return nil
}
