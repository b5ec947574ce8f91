// Package catalog lists the kinds of OCI resources that the program creates or the local cloud's plugin offers: how
// Pulumi's oci provider (v3.16.0) and the REST API name them, and which changes replace them. It also holds the
// replacement rules of Kubernetes objects, and the names of the official provider's clients. The program's tests and
// the local cloud read it. It imports the standard library alone, because the launcher is compiled before everything
// else.
package catalog

import (
	_ "embed"
	"slices"
	"strings"
)

// Kind describes a type of resource. Optional fields say so.
type Kind struct {
	Token      string   // the type token of the Pulumi resource, "oci:Core/vcn:Vcn"
	Name       string   // a short name: the type in the OCIDs of resources that have one, ocid1.vcn.oc1...
	Client     Client   // the SDK client of its service
	Collection Template // the path to create in and to list, with the service's version
	ID         Template // the Pulumi id; "{id}" stands for the resource's id in REST
	ImportID   Template // the id that `pulumi import` takes; default ID
	NameQuery  string   // the property, and query parameter of the list, that holds the name; empty if the list takes none
	Taggable   bool     // it has freeformTags and definedTags
	Adopts     string   // the property that names the existing resource to manage in place of a new one; optional
	ForceNew   Fields   // the properties whose change replaces it (ForceNew of terraform-provider-oci)
}

// Client is a client of OCI's SDK, as CLIENT_HOST_OVERRIDES names it.
type Client string

// The clients of the services that the local cloud emulates.
const (
	VirtualNetworkClient    Client = "oci_core.VirtualNetworkClient"
	ComputeClient           Client = "oci_core.ComputeClient"
	BlockStorageClient      Client = "oci_core.BlockstorageClient"
	ComputeManagementClient Client = "oci_core.ComputeManagementClient"
	ContainerEngineClient   Client = "oci_containerengine.ContainerEngineClient"
	IdentityClient          Client = "oci_identity.IdentityClient"
	ObjectStorageClient     Client = "oci_object_storage.ObjectStorageClient"
	LoadBalancerClient      Client = "oci_load_balancer.LoadBalancerClient"
	NetworkBalancerClient   Client = "oci_network_load_balancer.NetworkLoadBalancerClient"
	BastionClient           Client = "oci_bastion.BastionClient"
	LoggingClient           Client = "oci_logging.LoggingManagementClient"
	BudgetClient            Client = "oci_budget.BudgetClient"
	LimitsClient            Client = "oci_limits.LimitsClient"
	ArtifactsClient         Client = "oci_artifacts.ArtifactsClient"
	CertificatesClient      Client = "oci_certificates_management.CertificatesManagementClient"
	DNSClient               Client = "oci_dns.DnsClient"
	MonitoringClient        Client = "oci_monitoring.MonitoringClient"
	TopicClient             Client = "oci_ons.NotificationControlPlaneClient"
	SubscriptionClient      Client = "oci_ons.NotificationDataPlaneClient"
	VaultClient             Client = "oci_kms.KmsVaultClient"
	KeyClient               Client = "oci_kms.KmsManagementClient"
)

// Clients returns the clients of all services that the local cloud emulates.
func Clients() []Client {
	return []Client{
		VirtualNetworkClient, ComputeClient, BlockStorageClient, ComputeManagementClient, ContainerEngineClient,
		IdentityClient, ObjectStorageClient, LoadBalancerClient, NetworkBalancerClient, BastionClient, LoggingClient,
		BudgetClient, ArtifactsClient, CertificatesClient, DNSClient, LimitsClient, MonitoringClient, TopicClient,
		SubscriptionClient, VaultClient, KeyClient,
	}
}

//go:embed clients.txt
var providerClients string

// ProviderClients returns every client that the official provider takes from CLIENT_HOST_OVERRIDES, sorted. clients.txt
// lists the names that terraform-provider-oci registers in internal/client, in v7.32.0, which Pulumi's oci v3.16.0
// contains, or in v8.28.0.
func ProviderClients() []Client {
	var clients []Client
	for name := range strings.Lines(providerClients) {
		clients = append(clients, Client(strings.TrimSpace(name)))
	}
	return clients
}

// Kinds returns all kinds, sorted by token.
func Kinds() []Kind { return slices.Clone(kinds) }

// Lookup returns the kind with the given token.
func Lookup(token string) (Kind, bool) {
	i, found := slices.BinarySearchFunc(kinds, token, func(k Kind, t string) int { return strings.Compare(k.Token, t) })
	if !found {
		return Kind{}, false
	}
	return kinds[i], true
}

// Item is the path of one resource: the collection's, and the last segment of the Pulumi id.
func (k Kind) Item() Template {
	return k.Collection + "/" + k.ID[strings.LastIndex(string(k.ID), "/")+1:]
}

// ChosenID reports whether the program chooses all of the id, so that it is known before the resource exists.
func (k Kind) ChosenID() bool { return !slices.Contains(k.ID.Variables(), "id") }
