package ociplugin

// The clients of the SDK, as CLIENT_HOST_OVERRIDES names them.
const (
	network         = "oci_core.VirtualNetworkClient"
	compute         = "oci_core.ComputeClient"
	blockStorage    = "oci_core.BlockstorageClient"
	containerEngine = "oci_containerengine.ContainerEngineClient"
	identity        = "oci_identity.IdentityClient"
	objectStorage   = "oci_object_storage.ObjectStorageClient"
	bastion         = "oci_bastion.BastionClient"
	logging         = "oci_logging.LoggingManagementClient"
)

const tags = " definedTags freeformTags"

// ruleNames are the names that differ within the rules of a security list.
func ruleNames(list string) map[string]string {
	names := map[string]string{list + ".stateless": "isStateless"}
	for _, o := range []string{".tcpOptions", ".udpOptions"} {
		names[list+o+".min"] = "destinationPortRange.min"
		names[list+o+".max"] = "destinationPortRange.max"
	}
	return names
}

var (
	securityRuleNames = merge(ruleNames("ingressSecurityRules"), ruleNames("egressSecurityRules"))
	securityRuleGone  = []string{
		"ingressSecurityRules.tcpOptions", "ingressSecurityRules.udpOptions", "ingressSecurityRules.icmpOptions",
		"egressSecurityRules.tcpOptions", "egressSecurityRules.udpOptions", "egressSecurityRules.icmpOptions",
		"ingressSecurityRules.tcpOptions.sourcePortRange", "egressSecurityRules.tcpOptions.sourcePortRange",
		"ingressSecurityRules.udpOptions.sourcePortRange", "egressSecurityRules.udpOptions.sourcePortRange",
	}
)

// kinds are the resource types, with the names and the behaviour of the official plugin's schema (v3.16.0). See kind for the notation.
var kinds = index([]kind{
	{
		token: "oci:Core/vcn:Vcn", client: network, path: "/20160918/vcns",
		inputs: "compartmentId byoipv6cidrDetails=byoipv6CidrDetails cidrBlock! cidrBlocks displayName dnsLabel! ipv6privateCidrBlocks=ipv6PrivateCidrBlocks " +
			"isIpv6enabled=isIpv6Enabled isOracleGuaAllocationEnabled securityAttributes" + tags,
		outputs: "byoipv6cidrBlocks=byoipv6CidrBlocks defaultDhcpOptionsId defaultRouteTableId defaultSecurityListId ipv6cidrBlocks=ipv6CidrBlocks state=lifecycleState timeCreated vcnDomainName",
		update:  updateCIDRs,
	},
	{
		token: "oci:Core/internetGateway:InternetGateway", client: network, path: "/20160918/internetGateways",
		inputs:  "compartmentId vcnId! displayName enabled=isEnabled routeTableId" + tags,
		outputs: "state=lifecycleState timeCreated", defaults: map[string]any{"enabled": true},
	},
	{
		token: "oci:Core/natGateway:NatGateway", client: network, path: "/20160918/natGateways",
		inputs:  "compartmentId vcnId! publicIpId! blockTraffic displayName routeTableId" + tags,
		outputs: "natIp state=lifecycleState timeCreated",
	},
	{
		token: "oci:Core/serviceGateway:ServiceGateway", client: network, path: "/20160918/serviceGateways",
		inputs:  "compartmentId vcnId! services displayName routeTableId" + tags,
		outputs: "blockTraffic state=lifecycleState timeCreated",
		sets:    []string{"services"},
	},
	{
		token: "oci:Core/drgAttachment:DrgAttachment", client: network, path: "/20160918/drgAttachments",
		inputs:  "drgId! displayName drgRouteTableId exportDrgRouteDistributionId networkDetails removeExportDrgRouteDistributionTrigger* routeTableId vcnId!" + tags,
		outputs: "compartmentId isCrossTenancy state=lifecycleState timeCreated",
		replace: []string{"networkDetails.id"}, ready: []string{"ATTACHED"},
	},
	{
		token: "oci:Core/routeTable:RouteTable", client: network, path: "/20160918/routeTables",
		inputs:  "compartmentId vcnId! displayName routeRules-" + tags,
		outputs: "state=lifecycleState timeCreated",
		sets:    []string{"routeRules"},
	},
	{
		token: "oci:Core/defaultRouteTable:DefaultRouteTable", client: network, path: "/20160918/routeTables",
		inputs:  "manageDefaultResourceId!* compartmentId* displayName routeRules-" + tags,
		outputs: "state=lifecycleState timeCreated",
		sets:    []string{"routeRules"}, adopts: "manageDefaultResourceId",
	},
	{
		token: "oci:Core/securityList:SecurityList", client: network, path: "/20160918/securityLists",
		inputs:  "compartmentId vcnId! displayName egressSecurityRules- ingressSecurityRules-" + tags,
		outputs: "state=lifecycleState timeCreated",
		sets:    []string{"egressSecurityRules", "ingressSecurityRules"}, names: securityRuleNames, gone: securityRuleGone,
	},
	{
		token: "oci:Core/defaultSecurityList:DefaultSecurityList", client: network, path: "/20160918/securityLists",
		inputs:  "manageDefaultResourceId!* compartmentId* displayName egressSecurityRules- ingressSecurityRules-" + tags,
		outputs: "state=lifecycleState timeCreated",
		sets:    []string{"egressSecurityRules", "ingressSecurityRules"}, names: securityRuleNames, gone: securityRuleGone,
		adopts: "manageDefaultResourceId",
	},
	{
		token: "oci:Core/dhcpOptions:DhcpOptions", client: network, path: "/20160918/dhcps",
		inputs:  "compartmentId vcnId! displayName domainNameType options" + tags,
		outputs: "state=lifecycleState timeCreated",
		sets:    []string{"options"},
	},
	{
		token: "oci:Core/subnet:Subnet", client: network, path: "/20160918/subnets",
		inputs: "compartmentId vcnId! availabilityDomain! cidrBlock dhcpOptionsId displayName dnsLabel! ipv4cidrBlocks=ipv4CidrBlocks ipv6cidrBlock=ipv6CidrBlock " +
			"ipv6cidrBlocks=ipv6CidrBlocks prohibitInternetIngress! prohibitPublicIpOnVnic! routeTableId securityListIds" + tags,
		outputs:       "ipv6virtualRouterIp=ipv6VirtualRouterIp state=lifecycleState subnetDomainName timeCreated virtualRouterIp virtualRouterMac",
		sets:          []string{"securityListIds"},
		deleteRetries: "Conflict", // a VNIC of a load balancer or node that is just being deleted
	},
	{
		token: "oci:Core/networkSecurityGroup:NetworkSecurityGroup", client: network, path: "/20160918/networkSecurityGroups",
		inputs:  "compartmentId vcnId! displayName" + tags,
		outputs: "state=lifecycleState timeCreated",
	},
	{
		token: "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule", client: network,
		path:     "/20160918/networkSecurityGroups/{networkSecurityGroupId}/securityRules",
		inputs:   "networkSecurityGroupId!* direction protocol description destination destinationType icmpOptions- source- sourceType stateless=isStateless tcpOptions- udpOptions-",
		outputs:  "isValid timeCreated",
		importID: "networkSecurityGroups/{networkSecurityGroupId}/securityRules/{id}",
		create:   createSecurityRule, read: readSecurityRule, update: updateSecurityRule, remove: removeSecurityRule,
	},
	{
		token: "oci:Core/publicIp:PublicIp", client: network, path: "/20160918/publicIps",
		inputs:  "compartmentId lifetime! displayName privateIpId publicIpPoolId!" + tags,
		outputs: "assignedEntityId assignedEntityType availabilityDomain ipAddress scope state=lifecycleState timeCreated",
	},
	{
		token: "oci:Core/volume:Volume", client: blockStorage, path: "/20160918/volumes",
		inputs: "availabilityDomain! compartmentId displayName backupPolicyId! clusterPlacementGroupId isAutoTuneEnabled isReservationsEnabled kmsKeyId " +
			"sizeInGbs=sizeInGBs sizeInMbs=sizeInMBs! sourceDetails! volumeBackupId! vpusPerGb=vpusPerGB xrcKmsKeyId!" + tags,
		outputs: "autoTunedVpusPerGb=autoTunedVpusPerGB isHydrated state=lifecycleState systemTags timeCreated volumeGroupId",
		numbers: []string{"sizeInGbs", "sizeInMbs", "vpusPerGb", "autoTunedVpusPerGb"},
	},
	{
		token: "oci:ContainerEngine/cluster:Cluster", client: containerEngine, path: "/20180222/clusters", entity: "cluster",
		inputs: "compartmentId! kubernetesVersion name vcnId! clusterPodNetworkOptions! endpointConfig imagePolicyConfig kmsKeyId! options type" + tags,
		outputs: "availableKubernetesUpgrades endpoints=endpoints[] lifecycleDetails metadatas=metadata[] openIdConnectDiscoveryEndpoint " +
			"openIdConnectDiscoveryKey state=lifecycleState",
		names:       map[string]string{"endpoints.ipv6endpoint": "ipv6Endpoint"},
		replace:     []string{"endpointConfig.subnetId", "options.ipFamilies", "options.kubernetesNetworkConfig", "options.serviceLbSubnetIds"},
		sets:        []string{"endpointConfig.nsgIds"},
		gone:        []string{"endpointConfig.nsgIds"},
		fixed:       []string{"options.ipFamilies", "options.kubernetesNetworkConfig", "options.serviceLbSubnetIds"},
		update:      updateEndpointConfig,
		waitMinutes: 60,
	},
	{
		token: "oci:ContainerEngine/nodePool:NodePool", client: containerEngine, path: "/20180222/nodePools", entity: "nodepool",
		inputs: "clusterId! compartmentId! name nodeShape initialNodeLabels kubernetesVersion nodeConfigDetails nodeEvictionNodePoolSettings nodeImageId! " +
			"nodeImageName! nodeMetadata nodePoolCyclingDetails nodeShapeConfig nodeSourceDetails quantityPerSubnet sshPublicKey subnetIds" + tags,
		outputs: "lifecycleDetails nodeSources=nodeSource[] nodes state=lifecycleState",
		names: map[string]string{
			"nodeShapeConfig.memoryInGbs": "memoryInGBs", "nodeSourceDetails.bootVolumeSizeInGbs": "bootVolumeSizeInGBs",
			"nodes.state": "lifecycleState", "nodes.errors": "nodeError[]",
		},
		replace: []string{"nodeConfigDetails.nodePoolPodNetworkOptionDetails.cniType"},
		sets:    []string{"nodeConfigDetails.placementConfigs", "nodeConfigDetails.nsgIds", "subnetIds"},
		numbers: []string{"nodeSourceDetails.bootVolumeSizeInGbs"}, discards: true,
		ready:       []string{"NEEDS_ATTENTION", "INACTIVE"},
		waitMinutes: 60,
	},
	{
		token: "oci:ContainerEngine/addon:Addon", client: containerEngine, path: "/20180222/clusters/{clusterId}/addons", entity: "addon",
		id:      "clusters/{clusterId}/addons/{addonName}",
		inputs:  "addonName! clusterId!* removeAddonResourcesOnDelete* configurations overrideExisting* version-",
		outputs: "addonErrors=addonError[] currentInstalledVersion state=lifecycleState timeCreated",
		sets:    []string{"configurations"}, ready: []string{"NEEDS_ATTENTION"},
		createQuery: map[string]string{"overrideExisting": "isOverrideExisting"},
		deleteQuery: map[string]string{"removeAddonResourcesOnDelete": "isRemoveExistingAddOn"},
		waitMinutes: 60,
	},
	{
		token: "oci:Identity/policy:Policy", client: identity, path: "/20160918/policies",
		inputs:  "compartmentId! description name! statements versionDate" + tags,
		outputs: "inactiveState=inactiveStatus state=lifecycleState timeCreated",
	},
	{
		token: "oci:Identity/dynamicGroup:DynamicGroup", client: identity, path: "/20160918/dynamicGroups",
		inputs:  "compartmentId! description matchingRule name!" + tags,
		outputs: "inactiveState=inactiveStatus state=lifecycleState timeCreated",
	},
	{
		token: "oci:ObjectStorage/bucket:Bucket", client: objectStorage, path: "/n/{namespace}/b",
		id: "n/{namespace}/b/{name}", updateByPost: true,
		inputs:  "compartmentId name! namespace!* accessType=publicAccessType autoTiering kmsKeyId metadata- objectEventsEnabled storageTier! versioning" + tags,
		outputs: "approximateCount approximateSize bucketId=id createdBy etag isReadOnly objectLifecyclePolicyEtag replicationEnabled timeCreated",
		maps:    []string{"metadata"}, texts: []string{"approximateCount", "approximateSize"},
		defaults: map[string]any{"accessType": "NoPublicAccess"},
	},
	{
		token: "oci:Bastion/bastion:Bastion", client: bastion, path: "/20210331/bastions", entity: "bastion",
		inputs: "bastionType! compartmentId targetSubnetId! clientCidrBlockAllowLists=clientCidrBlockAllowList dnsProxyStatus! maxSessionTtlInSeconds name! " +
			"phoneBookEntry! securityAttributes staticJumpHostIpAddresses" + tags,
		outputs: "lifecycleDetails maxSessionsAllowed privateEndpointIpAddress state=lifecycleState systemTags targetVcnId timeCreated timeUpdated",
	},
	{
		token: "oci:Logging/logGroup:LogGroup", client: logging, path: "/20200531/logGroups", entity: "loggroup",
		inputs:  "compartmentId displayName description" + tags,
		outputs: "state=lifecycleState timeCreated timeLastModified",
	},
	{
		token: "oci:Logging/log:Log", client: logging, path: "/20200531/logGroups/{logGroupId}/logs", entity: "log",
		id:      "logGroupId/{logGroupId}/logId/{id}",
		inputs:  "displayName logGroupId* logType! configuration isEnabled retentionDuration" + tags,
		outputs: "compartmentId state=lifecycleState tenancyId timeCreated timeLastModified",
		replace: []string{"configuration.source", "configuration.compartmentId"},
		maps:    []string{"configuration.source.parameters"}, omitted: []string{"configuration.archiving"},
	},
})
