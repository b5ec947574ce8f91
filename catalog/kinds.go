package catalog

// The tokens of the kinds.
const (
	Bastion                          = "oci:Bastion/bastion:Bastion"
	Budget                           = "oci:Budget/budget:Budget"
	BudgetRule                       = "oci:Budget/rule:Rule"
	Addon                            = "oci:ContainerEngine/addon:Addon"
	Cluster                          = "oci:ContainerEngine/cluster:Cluster"
	NodePool                         = "oci:ContainerEngine/nodePool:NodePool"
	VirtualNodePool                  = "oci:ContainerEngine/virtualNodePool:VirtualNodePool"
	DefaultRouteTable                = "oci:Core/defaultRouteTable:DefaultRouteTable"
	DefaultSecurityList              = "oci:Core/defaultSecurityList:DefaultSecurityList"
	DHCPOptions                      = "oci:Core/dhcpOptions:DhcpOptions"
	DRGAttachment                    = "oci:Core/drgAttachment:DrgAttachment"
	InternetGateway                  = "oci:Core/internetGateway:InternetGateway"
	NATGateway                       = "oci:Core/natGateway:NatGateway"
	NetworkSecurityGroup             = "oci:Core/networkSecurityGroup:NetworkSecurityGroup"
	NetworkSecurityGroupSecurityRule = "oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule"
	PublicIP                         = "oci:Core/publicIp:PublicIp"
	RouteTable                       = "oci:Core/routeTable:RouteTable"
	SecurityList                     = "oci:Core/securityList:SecurityList"
	ServiceGateway                   = "oci:Core/serviceGateway:ServiceGateway"
	Subnet                           = "oci:Core/subnet:Subnet"
	VCN                              = "oci:Core/vcn:Vcn"
	Volume                           = "oci:Core/volume:Volume"
	RecordSet                        = "oci:Dns/rrset:Rrset"
	DynamicGroup                     = "oci:Identity/dynamicGroup:DynamicGroup"
	Policy                           = "oci:Identity/policy:Policy"
	Log                              = "oci:Logging/log:Log"
	LogGroup                         = "oci:Logging/logGroup:LogGroup"
	AgentConfiguration               = "oci:Logging/unifiedAgentConfiguration:UnifiedAgentConfiguration"
	Alarm                            = "oci:Monitoring/alarm:Alarm"
	Bucket                           = "oci:ObjectStorage/bucket:Bucket"
	Topic                            = "oci:Ons/notificationTopic:NotificationTopic"
	Subscription                     = "oci:Ons/subscription:Subscription"
)

// kinds is sorted by token: Lookup searches it.
var kinds = []Kind{
	{
		Token: Bastion, Name: "bastion", Client: BastionClient,
		Collection: "/20210331/bastions", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{"bastionType", "dnsProxyStatus", "name", "phoneBookEntry", "targetSubnetId"},
	},
	{
		Token: Budget, Name: "budget", Client: BudgetClient,
		Collection: "/20190111/budgets", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"compartmentId", "targetCompartmentId", "targetType", "targets"},
	},
	{
		Token: BudgetRule, Name: "alertrule", Client: BudgetClient,
		Collection: "/20190111/budgets/{budgetId}/alertRules", ID: "{id}",
		ImportID: "budgets/{budgetId}/alertRules/{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"budgetId"},
	},
	{
		Token: Addon, Name: "addon", Client: ContainerEngineClient,
		Collection: "/20180222/clusters/{clusterId}/addons", ID: "clusters/{clusterId}/addons/{addonName}",
		ForceNew: Fields{"addonName", "clusterId"},
	},
	{
		Token: Cluster, Name: "cluster", Client: ContainerEngineClient,
		Collection: "/20180222/clusters", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{
			"clusterPodNetworkOptions", "compartmentId", "endpointConfig.subnetId", "kmsKeyId", "options.ipFamilies",
			"options.kubernetesNetworkConfig", "options.serviceLbSubnetIds", "vcnId",
		},
	},
	{
		Token: NodePool, Name: "nodepool", Client: ContainerEngineClient,
		Collection: "/20180222/nodePools", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{
			"clusterId", "compartmentId", "nodeConfigDetails.nodePoolPodNetworkOptionDetails.cniType", "nodeImageId",
			"nodeImageName",
		},
	},
	{
		Token: VirtualNodePool, Name: "virtualnodepool", Client: ContainerEngineClient,
		Collection: "/20180222/virtualNodePools", ID: "{id}", Taggable: true, // the list's query name is displayName
		ForceNew: Fields{"clusterId", "compartmentId"},
	},
	{
		Token: DefaultRouteTable, Name: "routetable", Client: VirtualNetworkClient,
		Collection: "/20160918/routeTables", ID: "{id}",
		NameQuery: "displayName", Taggable: true, Adopts: "manageDefaultResourceId",
		ForceNew: Fields{"manageDefaultResourceId"},
	},
	{
		Token: DefaultSecurityList, Name: "securitylist", Client: VirtualNetworkClient,
		Collection: "/20160918/securityLists", ID: "{id}",
		NameQuery: "displayName", Taggable: true, Adopts: "manageDefaultResourceId",
		ForceNew: Fields{"manageDefaultResourceId"},
	},
	{
		Token: DHCPOptions, Name: "dhcpoptions", Client: VirtualNetworkClient,
		Collection: "/20160918/dhcps", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: DRGAttachment, Name: "drgattachment", Client: VirtualNetworkClient,
		Collection: "/20160918/drgAttachments", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"drgId", "networkDetails.id", "vcnId"},
	},
	{
		Token: InternetGateway, Name: "internetgateway", Client: VirtualNetworkClient,
		Collection: "/20160918/internetGateways", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: NATGateway, Name: "natgateway", Client: VirtualNetworkClient,
		Collection: "/20160918/natGateways", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"publicIpId", "vcnId"},
	},
	{
		Token: NetworkSecurityGroup, Name: "networksecuritygroup", Client: VirtualNetworkClient,
		Collection: "/20160918/networkSecurityGroups", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: NetworkSecurityGroupSecurityRule, Name: "rule", Client: VirtualNetworkClient,
		Collection: "/20160918/networkSecurityGroups/{networkSecurityGroupId}/securityRules", ID: "{id}",
		ImportID: "networkSecurityGroups/{networkSecurityGroupId}/securityRules/{id}",
		ForceNew: Fields{"networkSecurityGroupId"},
	},
	{
		Token: PublicIP, Name: "publicip", Client: VirtualNetworkClient,
		Collection: "/20160918/publicIps", ID: "{id}", Taggable: true,
		ForceNew: Fields{"lifetime", "publicIpPoolId"},
	},
	{
		Token: RouteTable, Name: "routetable", Client: VirtualNetworkClient,
		Collection: "/20160918/routeTables", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: SecurityList, Name: "securitylist", Client: VirtualNetworkClient,
		Collection: "/20160918/securityLists", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: ServiceGateway, Name: "servicegateway", Client: VirtualNetworkClient,
		Collection: "/20160918/serviceGateways", ID: "{id}", Taggable: true,
		ForceNew: Fields{"vcnId"},
	},
	{
		Token: Subnet, Name: "subnet", Client: VirtualNetworkClient,
		Collection: "/20160918/subnets", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"availabilityDomain", "dnsLabel", "prohibitInternetIngress", "prohibitPublicIpOnVnic", "vcnId"},
	},
	{
		Token: VCN, Name: "vcn", Client: VirtualNetworkClient,
		Collection: "/20160918/vcns", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"cidrBlock", "dnsLabel"},
	},
	{
		Token: Volume, Name: "volume", Client: BlockStorageClient,
		Collection: "/20160918/volumes", ID: "{id}", NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{
			"availabilityDomain", "backupPolicyId", "sizeInMbs", "sourceDetails", "volumeBackupId", "xrcKmsKeyId",
		},
	},
	{
		Token: RecordSet, Name: "rrset", Client: DNSClient,
		Collection: "/20180115/zones/{zoneNameOrId}/records/{domain}",
		ID:         "zoneNameOrId/{zoneNameOrId}/domain/{domain}/rtype/{rtype}",
		ForceNew:   Fields{"domain", "rtype", "scope", "viewId", "zoneNameOrId"},
	},
	{
		Token: DynamicGroup, Name: "dynamicgroup", Client: IdentityClient,
		Collection: "/20160918/dynamicGroups", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{"compartmentId", "name"},
	},
	{
		Token: Policy, Name: "policy", Client: IdentityClient,
		Collection: "/20160918/policies", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{"compartmentId", "name"},
	},
	{
		Token: Log, Name: "log", Client: LoggingClient,
		Collection: "/20200531/logGroups/{logGroupId}/logs", ID: "{id}", ImportID: "logGroupId/{logGroupId}/logId/{id}",
		NameQuery: "displayName", Taggable: true,
		ForceNew: Fields{"configuration.compartmentId", "configuration.source", "logType"},
	},
	{
		Token: LogGroup, Name: "loggroup", Client: LoggingClient,
		Collection: "/20200531/logGroups", ID: "{id}", NameQuery: "displayName", Taggable: true,
	},
	{
		Token: AgentConfiguration, Name: "unifiedagentconfiguration", Client: LoggingClient,
		Collection: "/20200531/unifiedAgentConfigurations", ID: "{id}", NameQuery: "displayName", Taggable: true,
	},
	{
		Token: Alarm, Name: "alarm", Client: MonitoringClient,
		Collection: "/20180401/alarms", ID: "{id}", NameQuery: "displayName", Taggable: true,
	},
	{
		Token: Bucket, Name: "bucket", Client: ObjectStorageClient,
		Collection: "/n/{namespace}/b", ID: "n/{namespace}/b/{name}", Taggable: true,
		ForceNew: Fields{"name", "namespace", "storageTier"},
	},
	{
		Token: Topic, Name: "onstopic", Client: TopicClient,
		Collection: "/20181201/topics", ID: "{id}", NameQuery: "name", Taggable: true,
		ForceNew: Fields{"name"},
	},
	{
		Token: Subscription, Name: "onssubscription", Client: SubscriptionClient,
		Collection: "/20181201/subscriptions", ID: "{id}", Taggable: true,
		ForceNew: Fields{"endpoint", "protocol", "topicId"},
	},
}
