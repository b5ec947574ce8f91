// Package sdktest tests the emulator with the typed clients of oci-go-sdk.
package sdktest

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/containerengine"
	"github.com/oracle/oci-go-sdk/v65/core"
	"github.com/oracle/oci-go-sdk/v65/identity"
	"github.com/oracle/oci-go-sdk/v65/loadbalancer"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/oci"
)

type plane struct{}

func (plane) Start(context.Context, cloud.Cluster) (cloud.Endpoints, error) {
	return cloud.Endpoints{Address: "127.0.0.1:40123"}, nil
}
func (plane) Stop(context.Context, string) error                    { return nil }
func (plane) SyncNodes(context.Context, string, []cloud.Node) error { return nil }
func (plane) ReadyNodes(context.Context, string) ([]string, error)  { return nil, nil }

var ctx = context.Background()

// must stops the test on an error; it is called as must[T](t)(f()).
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// until polls for a state, as the clients do.
func until[T ~string](t *testing.T, want T, state func() (T, error)) {
	t.Helper()
	var got T
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = state(); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
	}
	t.Fatalf("state %s, want %s", got, want)
}

// sdk holds the SDK's typed clients of one local cloud, and what the test has created with them.
type sdk struct {
	t                     *testing.T
	network               core.VirtualNetworkClient
	compute               core.ComputeClient
	storage               core.BlockstorageClient
	oke                   containerengine.ContainerEngineClient
	ident                 identity.IdentityClient
	lbs                   loadbalancer.LoadBalancerClient
	compartment           *string
	ads                   []identity.AvailabilityDomain
	fds                   []identity.FaultDomain
	vcn                   *string
	igw, nat, sgw         *string // gateways
	public, private, list *string // route tables and security list
	api, workers, lb      *string // subnets
	cluster, pool, node   *string
	volume, loadBalancer  *string
}

func newSDK(t *testing.T, config common.ConfigurationProvider, url string) *sdk {
	t.Helper()
	s := &sdk{t: t, compartment: common.String(oci.CompartmentID)}
	s.network = must[core.VirtualNetworkClient](t)(core.NewVirtualNetworkClientWithConfigurationProvider(config))
	s.compute = must[core.ComputeClient](t)(core.NewComputeClientWithConfigurationProvider(config))
	s.storage = must[core.BlockstorageClient](t)(core.NewBlockstorageClientWithConfigurationProvider(config))
	s.oke = must[containerengine.ContainerEngineClient](t)(
		containerengine.NewContainerEngineClientWithConfigurationProvider(config))
	s.ident = must[identity.IdentityClient](t)(identity.NewIdentityClientWithConfigurationProvider(config))
	s.lbs = must[loadbalancer.LoadBalancerClient](t)(loadbalancer.NewLoadBalancerClientWithConfigurationProvider(config))
	for _, host := range []*string{
		&s.network.Host, &s.compute.Host, &s.storage.Host, &s.oke.Host, &s.ident.Host, &s.lbs.Host,
	} {
		*host = url
	}
	return s
}

func TestTypedClients(t *testing.T) {
	dir := t.TempDir()
	srv, err := oci.New(oci.Config{Dir: dir, Speed: 2000, ControlPlane: plane{}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	web := httptest.NewServer(srv)
	defer web.Close()
	// Users give clients this file, which the local cloud writes.
	config, err := common.ConfigurationProviderFromFile(dir+"/"+oci.ConfigFile, "")
	if err != nil {
		t.Fatal(err)
	}
	s := newSDK(t, config, web.URL)
	s.createVcn()
	s.createSubnets()
	s.createCluster()
	s.createNodePool()
	s.createVirtualNodePool()
	s.attachVolume()
	s.createLoadBalancer()
	s.removeAll()
	until(t, "0", func() (string, error) {
		if n := len(srv.Inventory()); n > 0 {
			return srv.Inventory()[0].Kind, nil
		}
		return "0", nil
	})
}

// createVcn creates a VCN, with gateways and route tables.
func (s *sdk) createVcn() {
	s.t.Helper()
	s.ads = must[identity.ListAvailabilityDomainsResponse](s.t)(s.ident.ListAvailabilityDomains(ctx,
		identity.ListAvailabilityDomainsRequest{CompartmentId: s.compartment})).Items
	s.fds = must[identity.ListFaultDomainsResponse](s.t)(s.ident.ListFaultDomains(ctx,
		identity.ListFaultDomainsRequest{CompartmentId: s.compartment, AvailabilityDomain: s.ads[0].Name})).Items
	if len(s.ads) != 3 || len(s.fds) != 3 {
		s.t.Fatalf("%d availability domains, %d fault domains", len(s.ads), len(s.fds))
	}
	services := must[core.ListServicesResponse](s.t)(s.network.ListServices(ctx, core.ListServicesRequest{})).Items
	all := services[len(services)-1]

	vcn := must[core.CreateVcnResponse](s.t)(s.network.CreateVcn(ctx,
		core.CreateVcnRequest{CreateVcnDetails: core.CreateVcnDetails{
			CompartmentId: s.compartment, CidrBlocks: []string{"10.0.0.0/16"}, DnsLabel: common.String("oke"),
			DisplayName:  common.String("oke"),
			FreeformTags: map[string]string{"project": "oke-guestbook"},
		}})).Vcn
	until(s.t, core.VcnLifecycleStateAvailable, func() (core.VcnLifecycleStateEnum, error) {
		r, err := s.network.GetVcn(ctx, core.GetVcnRequest{VcnId: vcn.Id})
		return r.LifecycleState, err
	})
	if *vcn.VcnDomainName != "oke.oraclevcn.com" || vcn.FreeformTags["project"] != "oke-guestbook" {
		s.t.Errorf("VCN %v", vcn)
	}
	s.vcn = vcn.Id
	s.createGateways(all)
}

// createGateways creates the gateways and the route tables.
func (s *sdk) createGateways(all core.Service) {
	s.t.Helper()
	igw := must[core.CreateInternetGatewayResponse](s.t)(s.network.CreateInternetGateway(ctx,
		core.CreateInternetGatewayRequest{
			CreateInternetGatewayDetails: core.CreateInternetGatewayDetails{
				CompartmentId: s.compartment, VcnId: s.vcn,
				IsEnabled: common.Bool(true),
			},
		})).InternetGateway
	nat := must[core.CreateNatGatewayResponse](s.t)(s.network.CreateNatGateway(ctx, core.CreateNatGatewayRequest{
		CreateNatGatewayDetails: core.CreateNatGatewayDetails{CompartmentId: s.compartment, VcnId: s.vcn},
	})).NatGateway
	sgw := must[core.CreateServiceGatewayResponse](s.t)(s.network.CreateServiceGateway(ctx,
		core.CreateServiceGatewayRequest{CreateServiceGatewayDetails: core.CreateServiceGatewayDetails{
			CompartmentId: s.compartment, VcnId: s.vcn, Services: []core.ServiceIdRequestDetails{{ServiceId: all.Id}},
		}})).ServiceGateway
	if nat.NatIp == nil || *sgw.Services[0].ServiceName != *all.Name {
		s.t.Errorf("NAT gateway %v, service gateway %v", nat, sgw)
	}
	table := func(rules ...core.RouteRule) *string {
		return must[core.CreateRouteTableResponse](s.t)(s.network.CreateRouteTable(ctx, core.CreateRouteTableRequest{
			CreateRouteTableDetails: core.CreateRouteTableDetails{CompartmentId: s.compartment, VcnId: s.vcn, RouteRules: rules},
		})).RouteTable.Id
	}
	s.igw, s.nat, s.sgw = igw.Id, nat.Id, sgw.Id
	anywhere := common.String("0.0.0.0/0")
	s.public = table(core.RouteRule{
		NetworkEntityId: igw.Id, Destination: anywhere,
		DestinationType: core.RouteRuleDestinationTypeCidrBlock,
	})
	s.private = table(
		core.RouteRule{
			NetworkEntityId: nat.Id, Destination: anywhere,
			DestinationType: core.RouteRuleDestinationTypeCidrBlock,
		},
		core.RouteRule{
			NetworkEntityId: sgw.Id, Destination: all.CidrBlock,
			DestinationType: core.RouteRuleDestinationTypeServiceCidrBlock,
		},
	)
}

// createSubnets creates a security list and the subnets.
func (s *sdk) createSubnets() {
	s.t.Helper()
	anywhere := common.String("0.0.0.0/0")
	list := must[core.CreateSecurityListResponse](s.t)(s.network.CreateSecurityList(ctx, core.CreateSecurityListRequest{
		CreateSecurityListDetails: core.CreateSecurityListDetails{
			CompartmentId: s.compartment, VcnId: s.vcn,
			IngressSecurityRules: []core.IngressSecurityRule{{
				Protocol: common.String("6"), Source: anywhere,
				TcpOptions: &core.TcpOptions{DestinationPortRange: &core.PortRange{Min: common.Int(80), Max: common.Int(80)}},
			}},
			EgressSecurityRules: []core.EgressSecurityRule{{
				Protocol: common.String("1"), Destination: anywhere,
				IcmpOptions: &core.IcmpOptions{Type: common.Int(3), Code: common.Int(4)},
			}},
		},
	})).SecurityList
	if rule := list.IngressSecurityRules[0]; *rule.IsStateless ||
		rule.SourceType != core.IngressSecurityRuleSourceTypeCidrBlock || rule.TcpOptions.SourcePortRange != nil {
		s.t.Errorf("ingress rule %v", rule)
	}
	s.list = list.Id
	subnet := func(cidr string, rt *string, private bool) *string {
		return must[core.CreateSubnetResponse](s.t)(s.network.CreateSubnet(ctx,
			core.CreateSubnetRequest{CreateSubnetDetails: core.CreateSubnetDetails{
				CompartmentId: s.compartment, VcnId: s.vcn, CidrBlock: &cidr, RouteTableId: rt, SecurityListIds: []string{*list.Id},
				ProhibitPublicIpOnVnic: &private,
			}})).Id
	}
	s.api = subnet("10.0.0.0/29", s.public, false)
	s.workers = subnet("10.0.16.0/20", s.private, true)
	s.lb = subnet("10.0.32.0/24", s.public, false)
}

func (s *sdk) work(id *string) *string {
	s.t.Helper()
	var r containerengine.GetWorkRequestResponse
	var err error
	until(s.t, containerengine.WorkRequestStatusSucceeded, func() (containerengine.WorkRequestStatusEnum, error) {
		r, err = s.oke.GetWorkRequest(ctx, containerengine.GetWorkRequestRequest{WorkRequestId: id})
		return r.Status, err
	})
	return r.Resources[0].Identifier
}

func (s *sdk) createCluster() {
	s.t.Helper()
	s.cluster = s.work(must[containerengine.CreateClusterResponse](s.t)(s.oke.CreateCluster(ctx,
		containerengine.CreateClusterRequest{
			CreateClusterDetails: containerengine.CreateClusterDetails{
				Name: common.String("oke"), CompartmentId: s.compartment, VcnId: s.vcn, KubernetesVersion: common.String("v1.36.4"),
				Type: containerengine.ClusterTypeEnhancedCluster,
				EndpointConfig: &containerengine.CreateClusterEndpointConfigDetails{
					SubnetId:          s.api,
					IsPublicIpEnabled: common.Bool(true),
				},
				Options: &containerengine.ClusterCreateOptions{ServiceLbSubnetIds: []string{*s.lb}},
				ClusterPodNetworkOptions: []containerengine.ClusterPodNetworkOptionDetails{
					containerengine.FlannelOverlayClusterPodNetworkOptionDetails{},
				},
			},
		})).OpcWorkRequestId)
	got := must[containerengine.GetClusterResponse](s.t)(s.oke.GetCluster(ctx,
		containerengine.GetClusterRequest{ClusterId: s.cluster})).Cluster
	if got.LifecycleState != containerengine.ClusterLifecycleStateActive ||
		*got.Endpoints.PublicEndpoint != "127.0.0.1:40123" {
		s.t.Errorf("cluster %v", got)
	}
	if _, ok := got.ClusterPodNetworkOptions[0].(containerengine.FlannelOverlayClusterPodNetworkOptionDetails); !ok {
		s.t.Errorf("pod network %T", got.ClusterPodNetworkOptions[0])
	}
	kubeconfig := must[containerengine.CreateKubeconfigResponse](s.t)(s.oke.CreateKubeconfig(ctx,
		containerengine.CreateKubeconfigRequest{ClusterId: s.cluster}))
	if text, err := io.ReadAll(kubeconfig.Content); err != nil || !strings.Contains(string(text), "generate-token") {
		s.t.Errorf("kubeconfig %q, %v", text, err)
	}
}

func (s *sdk) createNodePool() {
	s.t.Helper()
	options := must[containerengine.GetNodePoolOptionsResponse](s.t)(s.oke.GetNodePoolOptions(ctx,
		containerengine.GetNodePoolOptionsRequest{NodePoolOptionId: common.String("all")}))
	var image *string
	for _, source := range options.Sources {
		option, ok := source.(containerengine.NodeSourceViaImageOption)
		if ok && strings.Contains(*option.SourceName, "aarch64") && strings.Contains(*option.SourceName, "OKE-1.36.4") {
			image = option.ImageId
		}
	}
	s.pool = s.work(must[containerengine.CreateNodePoolResponse](s.t)(s.oke.CreateNodePool(ctx,
		containerengine.CreateNodePoolRequest{
			CreateNodePoolDetails: containerengine.CreateNodePoolDetails{
				CompartmentId: s.compartment, ClusterId: s.cluster, Name: common.String("workers"),
				KubernetesVersion: common.String("v1.36.4"),
				NodeShape:         common.String("VM.Standard.A1.Flex"),
				NodeShapeConfig: &containerengine.CreateNodeShapeConfigDetails{
					Ocpus: common.Float32(2), MemoryInGBs: common.Float32(12),
				},
				NodeSourceDetails: containerengine.NodeSourceViaImageDetails{ImageId: image, BootVolumeSizeInGBs: common.Int64(50)},
				NodeConfigDetails: &containerengine.CreateNodePoolNodeConfigDetails{
					Size: common.Int(2),
					PlacementConfigs: []containerengine.NodePoolPlacementConfigDetails{{
						AvailabilityDomain: s.ads[0].Name, SubnetId: s.workers, FaultDomains: []string{*s.fds[0].Name},
					}},
				},
			},
		})).OpcWorkRequestId)
	pool := must[containerengine.GetNodePoolResponse](s.t)(s.oke.GetNodePool(ctx,
		containerengine.GetNodePoolRequest{NodePoolId: s.pool})).NodePool
	if len(pool.Nodes) != 2 || *pool.Nodes[1].PrivateIp != "10.0.16.3" || *pool.Nodes[0].FaultDomain != *s.fds[0].Name {
		s.t.Fatalf("node pool %v", pool)
	}
	source, ok := pool.NodeSourceDetails.(containerengine.NodeSourceViaImageDetails)
	if !ok || *source.BootVolumeSizeInGBs != 50 {
		s.t.Errorf("node source %v", pool.NodeSourceDetails)
	}
	instance := must[core.GetInstanceResponse](s.t)(s.compute.GetInstance(ctx,
		core.GetInstanceRequest{InstanceId: pool.Nodes[0].Id})).Instance
	attachments := must[core.ListVnicAttachmentsResponse](s.t)(s.compute.ListVnicAttachments(ctx,
		core.ListVnicAttachmentsRequest{CompartmentId: s.compartment, InstanceId: instance.Id})).Items
	vnic := must[core.GetVnicResponse](s.t)(s.network.GetVnic(ctx,
		core.GetVnicRequest{VnicId: attachments[0].VnicId})).Vnic
	if *vnic.PrivateIp != "10.0.16.2" || *instance.ShapeConfig.Ocpus != 2 {
		s.t.Errorf("VNIC %v of %v", vnic, instance)
	}
	s.node = instance.Id
}

func (s *sdk) attachVolume() {
	s.t.Helper()
	volume := must[core.CreateVolumeResponse](s.t)(s.storage.CreateVolume(ctx,
		core.CreateVolumeRequest{CreateVolumeDetails: core.CreateVolumeDetails{
			CompartmentId: s.compartment, AvailabilityDomain: s.ads[0].Name, SizeInGBs: common.Int64(50),
		}})).Volume
	until(s.t, core.VolumeLifecycleStateAvailable, func() (core.VolumeLifecycleStateEnum, error) {
		r, err := s.storage.GetVolume(ctx, core.GetVolumeRequest{VolumeId: volume.Id})
		return r.LifecycleState, err
	})
	attached := must[core.AttachVolumeResponse](s.t)(s.compute.AttachVolume(ctx, core.AttachVolumeRequest{
		AttachVolumeDetails: core.AttachParavirtualizedVolumeDetails{InstanceId: s.node, VolumeId: volume.Id},
	})).VolumeAttachment
	if _, ok := attached.(core.ParavirtualizedVolumeAttachment); !ok {
		s.t.Errorf("attachment %T", attached)
	}
	s.volume = volume.Id
}

func (s *sdk) lbWork(id *string) *string {
	s.t.Helper()
	var r loadbalancer.GetWorkRequestResponse
	var err error
	poll := func() (loadbalancer.WorkRequestLifecycleStateEnum, error) {
		r, err = s.lbs.GetWorkRequest(ctx, loadbalancer.GetWorkRequestRequest{WorkRequestId: id})
		return r.LifecycleState, err
	}
	until(s.t, loadbalancer.WorkRequestLifecycleStateSucceeded, poll)
	return r.LoadBalancerId
}

func (s *sdk) createLoadBalancer() {
	s.t.Helper()
	s.loadBalancer = s.lbWork(must[loadbalancer.CreateLoadBalancerResponse](s.t)(s.lbs.CreateLoadBalancer(ctx,
		loadbalancer.CreateLoadBalancerRequest{
			CreateLoadBalancerDetails: loadbalancer.CreateLoadBalancerDetails{
				CompartmentId: s.compartment, DisplayName: common.String("guestbook"), SubnetIds: []string{*s.lb},
				ShapeName: common.String("flexible"),
				ShapeDetails: &loadbalancer.ShapeDetails{
					MinimumBandwidthInMbps: common.Int(10),
					MaximumBandwidthInMbps: common.Int(10),
				},
				BackendSets: map[string]loadbalancer.BackendSetDetails{"TCP-80": {
					Policy:        common.String("ROUND_ROBIN"),
					HealthChecker: &loadbalancer.HealthCheckerDetails{Protocol: common.String("HTTP"), Port: common.Int(10256)},
					Backends:      []loadbalancer.BackendDetails{{IpAddress: common.String("10.0.16.2"), Port: common.Int(30080)}},
				}},
				Listeners: map[string]loadbalancer.ListenerDetails{"TCP-80": {
					DefaultBackendSetName: common.String("TCP-80"),
					Port:                  common.Int(80), Protocol: common.String("TCP"),
				}},
			},
		})).OpcWorkRequestId)
	balancer := must[loadbalancer.GetLoadBalancerResponse](s.t)(s.lbs.GetLoadBalancer(ctx,
		loadbalancer.GetLoadBalancerRequest{LoadBalancerId: s.loadBalancer})).LoadBalancer
	if !*balancer.IpAddresses[0].IsPublic || *balancer.BackendSets["TCP-80"].Backends[0].Name != "10.0.16.2:30080" {
		s.t.Errorf("load balancer %v", balancer)
	}
	// A refusal must arrive as the SDK's error.
	_, err := s.network.DeleteSubnet(ctx, core.DeleteSubnetRequest{SubnetId: s.lb})
	if service, ok := common.IsServiceError(err); !ok || service.GetHTTPStatusCode() != 409 ||
		service.GetCode() != "Conflict" || service.GetOpcRequestID() == "" {
		s.t.Errorf("deleting a subnet in use: %v", err)
	}
}

func (s *sdk) removeAll() {
	s.t.Helper()
	s.lbWork(must[loadbalancer.DeleteLoadBalancerResponse](s.t)(s.lbs.DeleteLoadBalancer(ctx,
		loadbalancer.DeleteLoadBalancerRequest{LoadBalancerId: s.loadBalancer})).OpcWorkRequestId)
	s.work(must[containerengine.DeleteNodePoolResponse](s.t)(s.oke.DeleteNodePool(ctx,
		containerengine.DeleteNodePoolRequest{NodePoolId: s.pool})).OpcWorkRequestId)
	s.work(must[containerengine.DeleteClusterResponse](s.t)(s.oke.DeleteCluster(ctx,
		containerengine.DeleteClusterRequest{ClusterId: s.cluster})).OpcWorkRequestId)
	must[core.DeleteVolumeResponse](s.t)(s.storage.DeleteVolume(ctx, core.DeleteVolumeRequest{VolumeId: s.volume}))
	for _, id := range []*string{s.api, s.workers, s.lb} {
		must[core.DeleteSubnetResponse](s.t)(s.network.DeleteSubnet(ctx, core.DeleteSubnetRequest{SubnetId: id}))
		until(s.t, core.SubnetLifecycleStateTerminated, func() (core.SubnetLifecycleStateEnum, error) {
			r, err := s.network.GetSubnet(ctx, core.GetSubnetRequest{SubnetId: id})
			return r.LifecycleState, err
		})
	}
	must[core.DeleteSecurityListResponse](s.t)(s.network.DeleteSecurityList(ctx,
		core.DeleteSecurityListRequest{SecurityListId: s.list}))
	for _, id := range []*string{s.public, s.private} {
		must[core.DeleteRouteTableResponse](s.t)(s.network.DeleteRouteTable(ctx, core.DeleteRouteTableRequest{RtId: id}))
		until(s.t, core.RouteTableLifecycleStateTerminated, func() (core.RouteTableLifecycleStateEnum, error) {
			r, err := s.network.GetRouteTable(ctx, core.GetRouteTableRequest{RtId: id})
			return r.LifecycleState, err
		})
	}
	must[core.DeleteInternetGatewayResponse](s.t)(s.network.DeleteInternetGateway(ctx,
		core.DeleteInternetGatewayRequest{IgId: s.igw}))
	must[core.DeleteNatGatewayResponse](s.t)(s.network.DeleteNatGateway(ctx,
		core.DeleteNatGatewayRequest{NatGatewayId: s.nat}))
	must[core.DeleteServiceGatewayResponse](s.t)(s.network.DeleteServiceGateway(ctx,
		core.DeleteServiceGatewayRequest{ServiceGatewayId: s.sgw}))
	until(s.t, core.NatGatewayLifecycleStateTerminated, func() (core.NatGatewayLifecycleStateEnum, error) {
		r, err := s.network.GetNatGateway(ctx, core.GetNatGatewayRequest{NatGatewayId: s.nat})
		return r.LifecycleState, err
	})
	must[core.DeleteVcnResponse](s.t)(s.network.DeleteVcn(ctx, core.DeleteVcnRequest{VcnId: s.vcn}))
}
