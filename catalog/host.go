package catalog

import (
	"os"
	"strings"
)

// hosts are the endpoints of the clients in oci-go-sdk v65.129.0, without their dual-stack variants. The SDK replaces
// the variables (common.Region.EndpointForTemplate).
var hosts = map[Client]string{
	VirtualNetworkClient:    "https://iaas.{region}.{secondLevelDomain}",
	ComputeClient:           "https://iaas.{region}.{secondLevelDomain}",
	BlockStorageClient:      "https://iaas.{region}.{secondLevelDomain}",
	ComputeManagementClient: "https://iaas.{region}.{secondLevelDomain}",
	ContainerEngineClient:   "https://containerengine.{region}.oci.{secondLevelDomain}",
	IdentityClient:          "https://identity.{region}.oci.{secondLevelDomain}",
	ObjectStorageClient:     "https://objectstorage.{region}.{secondLevelDomain}",
	LoadBalancerClient:      "https://iaas.{region}.{secondLevelDomain}",
	NetworkBalancerClient:   "https://network-load-balancer-api.{region}.oci.{secondLevelDomain}",
	BastionClient:           "https://bastion.{region}.oci.{secondLevelDomain}",
	LoggingClient:           "https://logging.{region}.oci.{secondLevelDomain}",
	LimitsClient:            "https://limits.{region}.oci.{secondLevelDomain}",
	ArtifactsClient:         "https://artifacts.{region}.oci.{secondLevelDomain}",
	DNSClient:               "https://dns.{region}.oci.{secondLevelDomain}",
	CertificatesClient:      "https://certificatesmanagement.{region}.oci.{secondLevelDomain}",
	BudgetClient:            "https://usage.{region}.oci.{secondLevelDomain}",
	MonitoringClient:        "https://telemetry.{region}.{secondLevelDomain}",
	TopicClient:             "https://notification.{region}.{secondLevelDomain}",
	SubscriptionClient:      "https://notification.{region}.{secondLevelDomain}",
	VaultClient:             "https://kms.{region}.{secondLevelDomain}",
}

// Host returns the endpoint of a client in Clients, with the variables {region} and {secondLevelDomain}. KeyClient has
// none: its endpoint is that of a vault.
func (c Client) Host() string { return hosts[c] }

// Override returns the host that CLIENT_HOST_OVERRIDES gives the client in place of Host, as it does for the official
// provider, and whether it names the client.
func (c Client) Override() (host string, is bool) {
	for entry := range strings.SplitSeq(os.Getenv("CLIENT_HOST_OVERRIDES"), ";") {
		if name, host, found := strings.Cut(entry, "="); found && name == string(c) {
			return host, true
		}
	}
	return "", false
}
