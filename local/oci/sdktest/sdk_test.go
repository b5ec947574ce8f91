// Package sdktest proves the emulator with the typed clients of oci-go-sdk: what other people's programs send and read.
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
func (plane) Stop(context.Context, string) error { return nil }
func (plane) Kubeconfig(context.Context, string) ([]byte, error) {
	return []byte("kind: Config\n"), nil
}
func (plane) SyncNodes(context.Context, string, []cloud.Node) error { return nil }

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

func TestTypedClients(t *testing.T) {
	dir := t.TempDir()
	srv, err := oci.New(oci.Config{Dir: dir, Speed: 2000, ControlPlane: plane{}})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	web := httptest.NewServer(srv)
	defer web.Close()
	// The file that the local cloud writes is what a user hands to any client.
	config, err := common.ConfigurationProviderFromFile(dir+"/"+oci.ConfigFile, "")
	if err != nil {
		t.Fatal(err)
	}
	network := must[core.VirtualNetworkClient](t)(core.NewVirtualNetworkClientWithConfigurationProvider(config))
	compute := must[core.ComputeClient](t)(core.NewComputeClientWithConfigurationProvider(config))
	storage := must[core.BlockstorageClient](t)(core.NewBlockstorageClientWithConfigurationProvider(config))
	oke := must[containerengine.ContainerEngineClient](t)(containerengine.NewContainerEngineClientWithConfigurationProvider(config))
	ident := must[identity.IdentityClient](t)(identity.NewIdentityClientWithConfigurationProvider(config))
	lbs := must[loadbalancer.LoadBalancerClient](t)(loadbalancer.NewLoadBalancerClientWithConfigurationProvider(config))
	network.Host, compute.Host, storage.Host, oke.Host, ident.Host, lbs.Host = web.URL, web.URL, web.URL, web.URL, web.URL, web.URL
	compartment := common.String(oci.CompartmentID)

	ads := must[identity.ListAvailabilityDomainsResponse](t)(ident.ListAvailabilityDomains(ctx, identity.ListAvailabilityDomainsRequest{CompartmentId: compartment})).Items
	fds := must[identity.ListFaultDomainsResponse](t)(ident.ListFaultDomains(ctx, identity.ListFaultDomainsRequest{CompartmentId: compartment, AvailabilityDomain: ads[0].Name})).Items
	if len(ads) != 3 || len(fds) != 3 {
		t.Fatalf("%d availability domains, %d fault domains", len(ads), len(fds))
	}
	services := must[core.ListServicesResponse](t)(network.ListServices(ctx, core.ListServicesRequest{})).Items
	all := services[len(services)-1]

	vcn := must[core.CreateVcnResponse](t)(network.CreateVcn(ctx, core.CreateVcnRequest{CreateVcnDetails: core.CreateVcnDetails{
		CompartmentId: compartment, CidrBlocks: []string{"10.0.0.0/16"}, DnsLabel: common.String("oke"), DisplayName: common.String("oke"),
		FreeformTags: map[string]string{"project": "oke-guestbook"},
	}})).Vcn
	until(t, core.VcnLifecycleStateAvailable, func() (core.VcnLifecycleStateEnum, error) {
		r, err := network.GetVcn(ctx, core.GetVcnRequest{VcnId: vcn.Id})
		return r.LifecycleState, err
	})
	if *vcn.VcnDomainName != "oke.oraclevcn.com" || vcn.FreeformTags["project"] != "oke-guestbook" {
		t.Errorf("VCN %v", vcn)
	}
	igw := must[core.CreateInternetGatewayResponse](t)(network.CreateInternetGateway(ctx, core.CreateInternetGatewayRequest{
		CreateInternetGatewayDetails: core.CreateInternetGatewayDetails{CompartmentId: compartment, VcnId: vcn.Id, IsEnabled: common.Bool(true)},
	})).InternetGateway
	nat := must[core.CreateNatGatewayResponse](t)(network.CreateNatGateway(ctx, core.CreateNatGatewayRequest{
		CreateNatGatewayDetails: core.CreateNatGatewayDetails{CompartmentId: compartment, VcnId: vcn.Id},
	})).NatGateway
	sgw := must[core.CreateServiceGatewayResponse](t)(network.CreateServiceGateway(ctx, core.CreateServiceGatewayRequest{
		CreateServiceGatewayDetails: core.CreateServiceGatewayDetails{
			CompartmentId: compartment, VcnId: vcn.Id, Services: []core.ServiceIdRequestDetails{{ServiceId: all.Id}},
		},
	})).ServiceGateway
	if nat.NatIp == nil || *sgw.Services[0].ServiceName != *all.Name {
		t.Errorf("NAT gateway %v, service gateway %v", nat, sgw)
	}
	table := func(rules ...core.RouteRule) core.RouteTable {
		return must[core.CreateRouteTableResponse](t)(network.CreateRouteTable(ctx, core.CreateRouteTableRequest{
			CreateRouteTableDetails: core.CreateRouteTableDetails{CompartmentId: compartment, VcnId: vcn.Id, RouteRules: rules},
		})).RouteTable
	}
	anywhere := common.String("0.0.0.0/0")
	public := table(core.RouteRule{NetworkEntityId: igw.Id, Destination: anywhere, DestinationType: core.RouteRuleDestinationTypeCidrBlock})
	private := table(
		core.RouteRule{NetworkEntityId: nat.Id, Destination: anywhere, DestinationType: core.RouteRuleDestinationTypeCidrBlock},
		core.RouteRule{NetworkEntityId: sgw.Id, Destination: all.CidrBlock, DestinationType: core.RouteRuleDestinationTypeServiceCidrBlock},
	)
	list := must[core.CreateSecurityListResponse](t)(network.CreateSecurityList(ctx, core.CreateSecurityListRequest{
		CreateSecurityListDetails: core.CreateSecurityListDetails{
			CompartmentId: compartment, VcnId: vcn.Id,
			IngressSecurityRules: []core.IngressSecurityRule{{
				Protocol: common.String("6"), Source: anywhere,
				TcpOptions: &core.TcpOptions{DestinationPortRange: &core.PortRange{Min: common.Int(80), Max: common.Int(80)}},
			}},
			EgressSecurityRules: []core.EgressSecurityRule{{Protocol: common.String("1"), Destination: anywhere, IcmpOptions: &core.IcmpOptions{Type: common.Int(3), Code: common.Int(4)}}},
		},
	})).SecurityList
	if rule := list.IngressSecurityRules[0]; *rule.IsStateless || rule.SourceType != core.IngressSecurityRuleSourceTypeCidrBlock || rule.TcpOptions.SourcePortRange != nil {
		t.Errorf("ingress rule %v", rule)
	}
	subnet := func(cidr string, rt *string, private bool) *string {
		return must[core.CreateSubnetResponse](t)(network.CreateSubnet(ctx, core.CreateSubnetRequest{CreateSubnetDetails: core.CreateSubnetDetails{
			CompartmentId: compartment, VcnId: vcn.Id, CidrBlock: &cidr, RouteTableId: rt, SecurityListIds: []string{*list.Id}, ProhibitPublicIpOnVnic: &private,
		}})).Id
	}
	api, workers, lb := subnet("10.0.0.0/29", public.Id, false), subnet("10.0.16.0/20", private.Id, true), subnet("10.0.32.0/24", public.Id, false)

	work := func(id *string) *string {
		t.Helper()
		var r containerengine.GetWorkRequestResponse
		until(t, containerengine.WorkRequestStatusSucceeded, func() (containerengine.WorkRequestStatusEnum, error) {
			r, err = oke.GetWorkRequest(ctx, containerengine.GetWorkRequestRequest{WorkRequestId: id})
			return r.Status, err
		})
		return r.Resources[0].Identifier
	}
	cluster := work(must[containerengine.CreateClusterResponse](t)(oke.CreateCluster(ctx, containerengine.CreateClusterRequest{
		CreateClusterDetails: containerengine.CreateClusterDetails{
			Name: common.String("oke"), CompartmentId: compartment, VcnId: vcn.Id, KubernetesVersion: common.String("v1.36.3"), Type: containerengine.ClusterTypeEnhancedCluster,
			EndpointConfig:           &containerengine.CreateClusterEndpointConfigDetails{SubnetId: api, IsPublicIpEnabled: common.Bool(true)},
			Options:                  &containerengine.ClusterCreateOptions{ServiceLbSubnetIds: []string{*lb}},
			ClusterPodNetworkOptions: []containerengine.ClusterPodNetworkOptionDetails{containerengine.FlannelOverlayClusterPodNetworkOptionDetails{}},
		},
	})).OpcWorkRequestId)
	got := must[containerengine.GetClusterResponse](t)(oke.GetCluster(ctx, containerengine.GetClusterRequest{ClusterId: cluster})).Cluster
	if got.LifecycleState != containerengine.ClusterLifecycleStateActive || *got.Endpoints.PublicEndpoint != "127.0.0.1:40123" {
		t.Errorf("cluster %v", got)
	}
	if _, ok := got.ClusterPodNetworkOptions[0].(containerengine.FlannelOverlayClusterPodNetworkOptionDetails); !ok {
		t.Errorf("pod network %T", got.ClusterPodNetworkOptions[0])
	}
	kubeconfig := must[containerengine.CreateKubeconfigResponse](t)(oke.CreateKubeconfig(ctx, containerengine.CreateKubeconfigRequest{ClusterId: cluster}))
	if text, err := io.ReadAll(kubeconfig.Content); err != nil || string(text) != "kind: Config\n" {
		t.Errorf("kubeconfig %q, %v", text, err)
	}
	options := must[containerengine.GetNodePoolOptionsResponse](t)(oke.GetNodePoolOptions(ctx, containerengine.GetNodePoolOptionsRequest{NodePoolOptionId: common.String("all")}))
	var image *string
	for _, source := range options.Sources {
		if s := source.(containerengine.NodeSourceViaImageOption); strings.Contains(*s.SourceName, "aarch64") && strings.Contains(*s.SourceName, "OKE-1.36.3") {
			image = s.ImageId
		}
	}
	poolID := work(must[containerengine.CreateNodePoolResponse](t)(oke.CreateNodePool(ctx, containerengine.CreateNodePoolRequest{
		CreateNodePoolDetails: containerengine.CreateNodePoolDetails{
			CompartmentId: compartment, ClusterId: cluster, Name: common.String("workers"), KubernetesVersion: common.String("v1.36.3"),
			NodeShape: common.String("VM.Standard.A1.Flex"), NodeShapeConfig: &containerengine.CreateNodeShapeConfigDetails{Ocpus: common.Float32(2), MemoryInGBs: common.Float32(12)},
			NodeSourceDetails: containerengine.NodeSourceViaImageDetails{ImageId: image, BootVolumeSizeInGBs: common.Int64(50)},
			NodeConfigDetails: &containerengine.CreateNodePoolNodeConfigDetails{Size: common.Int(2), PlacementConfigs: []containerengine.NodePoolPlacementConfigDetails{{
				AvailabilityDomain: ads[0].Name, SubnetId: workers, FaultDomains: []string{*fds[0].Name},
			}}},
		},
	})).OpcWorkRequestId)
	pool := must[containerengine.GetNodePoolResponse](t)(oke.GetNodePool(ctx, containerengine.GetNodePoolRequest{NodePoolId: poolID})).NodePool
	if len(pool.Nodes) != 2 || *pool.Nodes[1].PrivateIp != "10.0.16.3" || *pool.Nodes[0].FaultDomain != *fds[0].Name {
		t.Fatalf("node pool %v", pool)
	}
	if s, ok := pool.NodeSourceDetails.(containerengine.NodeSourceViaImageDetails); !ok || *s.BootVolumeSizeInGBs != 50 {
		t.Errorf("node source %v", pool.NodeSourceDetails)
	}
	instance := must[core.GetInstanceResponse](t)(compute.GetInstance(ctx, core.GetInstanceRequest{InstanceId: pool.Nodes[0].Id})).Instance
	attachments := must[core.ListVnicAttachmentsResponse](t)(compute.ListVnicAttachments(ctx, core.ListVnicAttachmentsRequest{CompartmentId: compartment, InstanceId: instance.Id})).Items
	vnic := must[core.GetVnicResponse](t)(network.GetVnic(ctx, core.GetVnicRequest{VnicId: attachments[0].VnicId})).Vnic
	if *vnic.PrivateIp != "10.0.16.2" || *instance.ShapeConfig.Ocpus != 2 {
		t.Errorf("VNIC %v of %v", vnic, instance)
	}

	volume := must[core.CreateVolumeResponse](t)(storage.CreateVolume(ctx, core.CreateVolumeRequest{CreateVolumeDetails: core.CreateVolumeDetails{
		CompartmentId: compartment, AvailabilityDomain: ads[0].Name, SizeInGBs: common.Int64(50),
	}})).Volume
	until(t, core.VolumeLifecycleStateAvailable, func() (core.VolumeLifecycleStateEnum, error) {
		r, err := storage.GetVolume(ctx, core.GetVolumeRequest{VolumeId: volume.Id})
		return r.LifecycleState, err
	})
	attached := must[core.AttachVolumeResponse](t)(compute.AttachVolume(ctx, core.AttachVolumeRequest{
		AttachVolumeDetails: core.AttachParavirtualizedVolumeDetails{InstanceId: instance.Id, VolumeId: volume.Id},
	})).VolumeAttachment
	if _, ok := attached.(core.ParavirtualizedVolumeAttachment); !ok {
		t.Errorf("attachment %T", attached)
	}

	lbWork := func(id *string) *string {
		t.Helper()
		var r loadbalancer.GetWorkRequestResponse
		until(t, loadbalancer.WorkRequestLifecycleStateSucceeded, func() (loadbalancer.WorkRequestLifecycleStateEnum, error) {
			r, err = lbs.GetWorkRequest(ctx, loadbalancer.GetWorkRequestRequest{WorkRequestId: id})
			return r.LifecycleState, err
		})
		return r.LoadBalancerId
	}
	lbID := lbWork(must[loadbalancer.CreateLoadBalancerResponse](t)(lbs.CreateLoadBalancer(ctx, loadbalancer.CreateLoadBalancerRequest{
		CreateLoadBalancerDetails: loadbalancer.CreateLoadBalancerDetails{
			CompartmentId: compartment, DisplayName: common.String("guestbook"), SubnetIds: []string{*lb}, ShapeName: common.String("flexible"),
			ShapeDetails: &loadbalancer.ShapeDetails{MinimumBandwidthInMbps: common.Int(10), MaximumBandwidthInMbps: common.Int(10)},
			BackendSets: map[string]loadbalancer.BackendSetDetails{"TCP-80": {
				Policy: common.String("ROUND_ROBIN"), HealthChecker: &loadbalancer.HealthCheckerDetails{Protocol: common.String("HTTP"), Port: common.Int(10256)},
				Backends: []loadbalancer.BackendDetails{{IpAddress: common.String("10.0.16.2"), Port: common.Int(30080)}},
			}},
			Listeners: map[string]loadbalancer.ListenerDetails{"TCP-80": {DefaultBackendSetName: common.String("TCP-80"), Port: common.Int(80), Protocol: common.String("TCP")}},
		},
	})).OpcWorkRequestId)
	balancer := must[loadbalancer.GetLoadBalancerResponse](t)(lbs.GetLoadBalancer(ctx, loadbalancer.GetLoadBalancerRequest{LoadBalancerId: lbID})).LoadBalancer
	if !*balancer.IpAddresses[0].IsPublic || *balancer.BackendSets["TCP-80"].Backends[0].Name != "10.0.16.2:30080" {
		t.Errorf("load balancer %v", balancer)
	}

	// The refusals arrive as the SDK's errors.
	_, err = network.DeleteSubnet(ctx, core.DeleteSubnetRequest{SubnetId: lb})
	if service, ok := common.IsServiceError(err); !ok || service.GetHTTPStatusCode() != 409 || service.GetCode() != "Conflict" || service.GetOpcRequestID() == "" {
		t.Errorf("deleting a subnet in use: %v", err)
	}

	lbWork(must[loadbalancer.DeleteLoadBalancerResponse](t)(lbs.DeleteLoadBalancer(ctx, loadbalancer.DeleteLoadBalancerRequest{LoadBalancerId: lbID})).OpcWorkRequestId)
	work(must[containerengine.DeleteNodePoolResponse](t)(oke.DeleteNodePool(ctx, containerengine.DeleteNodePoolRequest{NodePoolId: poolID})).OpcWorkRequestId)
	work(must[containerengine.DeleteClusterResponse](t)(oke.DeleteCluster(ctx, containerengine.DeleteClusterRequest{ClusterId: cluster})).OpcWorkRequestId)
	must[core.DeleteVolumeResponse](t)(storage.DeleteVolume(ctx, core.DeleteVolumeRequest{VolumeId: volume.Id}))
	for _, id := range []*string{api, workers, lb} {
		must[core.DeleteSubnetResponse](t)(network.DeleteSubnet(ctx, core.DeleteSubnetRequest{SubnetId: id}))
		until(t, core.SubnetLifecycleStateTerminated, func() (core.SubnetLifecycleStateEnum, error) {
			r, err := network.GetSubnet(ctx, core.GetSubnetRequest{SubnetId: id})
			return r.LifecycleState, err
		})
	}
	must[core.DeleteSecurityListResponse](t)(network.DeleteSecurityList(ctx, core.DeleteSecurityListRequest{SecurityListId: list.Id}))
	for _, id := range []*string{public.Id, private.Id} {
		must[core.DeleteRouteTableResponse](t)(network.DeleteRouteTable(ctx, core.DeleteRouteTableRequest{RtId: id}))
		until(t, core.RouteTableLifecycleStateTerminated, func() (core.RouteTableLifecycleStateEnum, error) {
			r, err := network.GetRouteTable(ctx, core.GetRouteTableRequest{RtId: id})
			return r.LifecycleState, err
		})
	}
	must[core.DeleteInternetGatewayResponse](t)(network.DeleteInternetGateway(ctx, core.DeleteInternetGatewayRequest{IgId: igw.Id}))
	must[core.DeleteNatGatewayResponse](t)(network.DeleteNatGateway(ctx, core.DeleteNatGatewayRequest{NatGatewayId: nat.Id}))
	must[core.DeleteServiceGatewayResponse](t)(network.DeleteServiceGateway(ctx, core.DeleteServiceGatewayRequest{ServiceGatewayId: sgw.Id}))
	until(t, core.NatGatewayLifecycleStateTerminated, func() (core.NatGatewayLifecycleStateEnum, error) {
		r, err := network.GetNatGateway(ctx, core.GetNatGatewayRequest{NatGatewayId: nat.Id})
		return r.LifecycleState, err
	})
	must[core.DeleteVcnResponse](t)(network.DeleteVcn(ctx, core.DeleteVcnRequest{VcnId: vcn.Id}))
	until(t, "0", func() (string, error) {
		if n := len(srv.Inventory()); n > 0 {
			return srv.Inventory()[0].Kind, nil
		}
		return "0", nil
	})
}
