// Package oci emulates the REST API of Oracle Cloud Infrastructure as far as an OKE cluster, its network and its users'
// load balancers and volumes need it. It puts the services together; package engine has what they have in common.
package oci

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci/artifacts"
	"oke-guestbook/local/oci/bastion"
	"oke-guestbook/local/oci/blockstorage"
	"oke-guestbook/local/oci/budget"
	"oke-guestbook/local/oci/certificates"
	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/containerengine"
	"oke-guestbook/local/oci/dns"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity"
	"oke-guestbook/local/oci/keymanagement"
	"oke-guestbook/local/oci/limits"
	"oke-guestbook/local/oci/loadbalancer"
	"oke-guestbook/local/oci/logging"
	"oke-guestbook/local/oci/monitoring"
	"oke-guestbook/local/oci/networkloadbalancer"
	"oke-guestbook/local/oci/notifications"
	"oke-guestbook/local/oci/objectstorage"
	"oke-guestbook/local/oci/vcn"
	"oke-guestbook/local/ociclient"
)

// What exists in every local cloud.
const (
	Region          = engine.Region
	TenancyID       = engine.TenancyID
	CompartmentID   = engine.CompartmentID
	UserID          = engine.UserID
	TenancyName     = identity.TenancyName
	CompartmentName = identity.CompartmentName
	Namespace       = objectstorage.Namespace // of Object Storage
)

var (
	// AvailabilityDomains are the names of the region's availability domains.
	AvailabilityDomains = engine.AvailabilityDomains
	// FaultDomains are the names of each availability domain's fault domains.
	FaultDomains = engine.FaultDomains
	// RegistryAddress is the emulated address of Container Registry.
	RegistryAddress = vcn.RegistryAddress
	// ObjectStorageAddress is that of Object Storage.
	ObjectStorageAddress = vcn.ObjectStorageAddress
	// ServicesAddress is that of Oracle's other services.
	ServicesAddress = vcn.ServicesAddress
	// KubernetesVersions are those that OKE offers, oldest first. Tests may set others between requests.
	KubernetesVersions = compute.OfferedVersions()
)

// Config is what a Server needs.
type Config struct {
	// Dir holds the state and the credentials. It is created if it is missing. Required.
	Dir string
	// Speed divides the durations of the real service's life cycles. Default 100; 1 is as slow as the service.
	Speed float64
	// ControlPlane runs the clusters' control planes. Without one, clusters become ACTIVE and have no API.
	ControlPlane cloud.ControlPlane
	// BackendHealth tells the health of load balancers' backends. It is asked while the state is locked, so it must not
	// wait, nor ask the Server. Default: backends are healthy.
	BackendHealth cloud.MeasuredHealth
	// Flows returns what flow logs hold. Default: nothing.
	Flows logging.Flows
	// Limits are service limits by name that differ from the defaults, which are usual ones of a paying tenancy.
	Limits map[string]int
	// PolicyDelay is how long a new or changed policy takes to be in force, before Speed divides it. Default 10 s.
	PolicyDelay time.Duration
	// Log receives requests and failures. Default: none.
	Log *slog.Logger
}

// Server is the emulator: an http.Handler for the services' APIs and the admin paths. It is safe for concurrent use.
type Server struct {
	*engine.Engine
	oke *containerengine.Service
}

// ConfigFile is the name of the OCI CLI configuration in Config.Dir that holds the API key.
const ConfigFile = engine.ConfigFile

// Item is one line of the inventory.
type Item = engine.Item

// Fault makes requests or work requests fail; see Server.Inject.
type Fault = engine.Fault

// New opens the local cloud whose state is in config.Dir, or begins an empty one there. Life cycles that were under way
// continue, and active clusters' control planes start again: Resume waits for them. Close stops it.
func New(config Config) (*Server, error) {
	e, err := engine.New(engine.Config{Dir: config.Dir, Speed: config.Speed, Limits: config.Limits, Log: config.Log})
	if err != nil {
		return nil, err
	}
	vcn.Register(e)
	compute.Register(e)
	blockstorage.Register(e)
	certificates.Register(e)
	dns.Register(e)
	loadbalancer.Register(e, config.BackendHealth)
	networkloadbalancer.Register(e, config.BackendHealth)
	objectstorage.Register(e)
	identity.Register(e, cmp.Or(config.PolicyDelay, identity.UsualPolicyDelay))
	keymanagement.Register(e)
	bastion.Register(e)
	logging.Register(e, config.Flows)
	budget.Register(e)
	artifacts.Register(e)
	notifications.Register(e)
	oke := containerengine.Register(e, containerengine.Options{
		ControlPlane: config.ControlPlane, KubernetesVersions: func() []string { return KubernetesVersions },
	})
	monitoring.Register(e, oke.NodeConditions)
	limits.Register(e)
	if err := e.Start(); err != nil {
		return nil, err
	}
	return &Server{e, oke}, nil
}

// Resume waits until the control planes that ran when the local cloud was last stopped have started again, and returns
// what went wrong.
func (s *Server) Resume(ctx context.Context) error { return s.oke.Resume(ctx) }

// Network describes what decides about packets. Changed tells when to ask again.
func (s *Server) Network() cloud.Network {
	var n cloud.Network
	_ = s.View(func(t *engine.Tx) error { // fails only if the function does
		n = vcn.Network(t)
		logs := logging.FlowLogs(t)
		for i := range n.Subnets {
			n.Subnets[i].FlowLog = logs[n.Subnets[i].ID]
		}
		return nil
	})
	return n
}

// LoadBalancers describes the load balancers and network load balancers that carry traffic. Changed tells when to ask
// again.
func (s *Server) LoadBalancers() []cloud.LoadBalancer {
	var all []cloud.LoadBalancer
	_ = s.View(func(t *engine.Tx) error {
		all = append(loadbalancer.Describe(t), networkloadbalancer.Describe(t)...)
		return nil
	})
	return all
}

// Volumes returns the OCIDs of the block volumes, whose data must be kept. Changed tells when to ask again.
func (s *Server) Volumes() []string {
	var all []string
	_ = s.View(func(t *engine.Tx) error { all = blockstorage.Volumes(t); return nil })
	return all
}

// LoadCredentials returns the API key of the local cloud in dir, and creates it if there is none: a program that the
// cloud calls back needs it before the cloud has started.
func LoadCredentials(dir string) (ociclient.Credentials, error) { return engine.LoadCredentials(dir) }
