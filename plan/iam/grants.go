package iam

// grant is a statement that some settings need.
type grant struct {
	to     Principal
	allow  string // verb and resource type, or permissions in braces
	in     place
	when   condition
	where  func(*stack) string // conditions; nil: none
	why    string              // one line: what it is for
	note   string              // where sources disagree
	source *Source
	covers []string // resource types, as the engine names them
}

// grants are all statements. Where Oracle's reference says which permissions an operation needs, a statement allows
// those rather than an aggregate such as virtual-network-family. Statements with the same text are listed once: that
// happens when two places are one compartment.
var grants = []grant{
	// Cluster and node pools.
	{
		to: Operators, allow: "manage clusters", in: inStack, when: always, source: engineVerbs,
		why:    "creates, upgrades and deletes the cluster and its add-ons, and gets kubeconfigs and what the region offers",
		covers: []string{"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/addon:Addon"},
	},
	{
		to: Operators, allow: "manage cluster-node-pools", in: inStack, when: always, source: engineVerbs,
		why:    "creates, scales, upgrades and deletes the node pools",
		covers: []string{"oci:ContainerEngine/nodePool:NodePool"},
	},
	{
		to: Operators, allow: "read cluster-work-requests", in: inStack, when: always, source: engineVerbs,
		why: "waits for clusters and node pools, and reads why one failed",
	},
	{
		to: Operators, allow: "manage instance-family", in: inStack, when: always, source: engineVerbs,
		why:  "creating, changing and deleting a node pool needs it in addition to manage cluster-node-pools",
		note: "Oracle asks for the whole family (2024-08-13, 2025-01-15), also since node pools act as their own principal",
	},
	{
		to: Operators, allow: "inspect compartments", in: inStack, when: always, source: required,
		why: "lists the availability domains, and looks up the state of compartmentId, before anything is made",
	},
	{
		to: Operators, allow: "inspect volumes", in: inStack, when: always, source: coreOperations,
		why: "finds the volumes that nodes are to leave behind, or that a new cluster would not have",
	},

	// Network.
	{
		to: Operators, allow: "read virtual-network-family", in: inNetwork, when: always, source: engineVerbs,
		why: "creating a cluster needs it; also reads what exists of the network",
	},
	{
		to: Operators, allow: "read virtual-network-family", in: inStack, when: networkElsewhere,
		source: coreOperations,
		why:    "finds what this stack and others have created in the VCN",
	},
	{
		to: Operators, allow: "use vnics", in: inStack, when: always, source: engineVerbs,
		why: "the cluster's endpoint and the nodes get VNICs",
	},
	{
		to: Operators, allow: "use vnics", in: inNetwork, when: always, source: engineVerbs,
		why: "the cluster's endpoint and the nodes get VNICs in its subnets",
	},
	{
		to: Operators, allow: "use private-ips", in: inNetwork, when: always, source: required,
		why: "the cluster's endpoint gets an address of the VCN",
	},
	{
		to: Operators, allow: "manage public-ips", in: inNetwork, source: required,
		when: publicEndpoint,
		why:  "a public endpoint gets a public address",
		note: "Oracle's reference lists it for every cluster (2024-08-13), its guide for public endpoints only (2025-01-15)",
	},
	{
		to: Operators, allow: "use network-security-groups", in: inNetwork, source: engineVerbs,
		when: securityByLists,
		why:  "creating a cluster needs it, even without groups",
	},
	{
		to: Operators, allow: "manage network-security-groups", in: inStack, when: securityByGroups,
		source: coreOperations,
		why:    "creates a group for each subnet, and its rules",
		covers: []string{
			"oci:Core/networkSecurityGroup:NetworkSecurityGroup",
			"oci:Core/networkSecurityGroupSecurityRule:NetworkSecurityGroupSecurityRule",
		},
	},
	{
		to: Operators, allow: "manage vcns", in: inStack, when: newVCN, source: coreOperations,
		why: "creates the VCN, and attaches everything else to it", covers: []string{"oci:Core/vcn:Vcn"},
	},
	{
		to: Operators, allow: "{VCN_READ, VCN_ATTACH, VCN_DETACH}", in: inNetwork, when: existingVCN,
		source: coreOperations,
		why:    "attaches subnets, route tables, security rules and gateways to the VCN of vcnId, without changing it",
	},
	{
		to: Operators, allow: "manage subnets", in: inStack, when: newSubnets, source: coreOperations,
		why: "creates the subnets, and puts the cluster into them", covers: []string{"oci:Core/subnet:Subnet"},
	},
	{
		to: Operators, allow: "{DHCP_READ, DHCP_ATTACH, DHCP_DETACH}", in: inNetwork, when: newSubnets,
		source: coreOperations,
		why:    "a new subnet takes the VCN's DHCP options",
	},
	{
		to: Operators, allow: "use subnets", in: inNetwork, when: existingSubnets, source: engineVerbs,
		why: "puts the cluster, its nodes and load balancers into existing subnets",
	},
	{
		to: Operators, allow: "manage route-tables", in: inStack, when: newRouteTables, source: coreOperations,
		why: "creates the subnets' route tables", covers: []string{"oci:Core/routeTable:RouteTable"},
	},
	{
		to: Operators, allow: "manage security-lists", in: inStack, when: always, source: coreOperations,
		why:    "creates the subnets' security lists, and empties the default list of a new VCN",
		covers: []string{"oci:Core/securityList:SecurityList", "oci:Core/defaultSecurityList:DefaultSecurityList"},
	},
	{
		to: Operators, allow: "manage internet-gateways", in: inStack, source: coreOperations,
		when:   newInternetGateway,
		why:    "creates the internet gateway, and routes to it",
		covers: []string{"oci:Core/internetGateway:InternetGateway"},
	},
	{
		to: Operators, allow: "manage nat-gateways", in: inStack, source: coreOperations,
		when: newNATGateway,
		why:  "creates the NAT gateway, and routes to it", covers: []string{"oci:Core/natGateway:NatGateway"},
	},
	{
		to: Operators, allow: "manage service-gateways", in: inStack, source: coreOperations,
		when: newServiceGateway,
		why:  "creates the service gateway, and routes to it", covers: []string{"oci:Core/serviceGateway:ServiceGateway"},
	},
	{
		to: Operators, allow: "{INTERNET_GATEWAY_ATTACH, INTERNET_GATEWAY_DETACH}", in: inNetwork, source: coreOperations,
		when: existingInternetGateway,
		why:  "routes to the gateway of internetGatewayId",
	},
	{
		to: Operators, allow: "{NAT_GATEWAY_ATTACH, NAT_GATEWAY_DETACH}", in: inNetwork, source: coreOperations,
		when: existingNATGateway,
		why:  "routes to the gateway of natGatewayId",
	},
	{
		to: Operators, allow: "{SERVICE_GATEWAY_ATTACH, SERVICE_GATEWAY_DETACH}", in: inNetwork, source: coreOperations,
		when: existingServiceGateway,
		why:  "routes to the gateway of serviceGatewayId",
	},
	{
		to: Operators, allow: "{DRG_READ, DRG_ATTACH, DRG_DETACH, DRG_ROUTE_TABLE_READ}", in: inNetwork,
		when: peered, source: coreOperations,
		why: "looks up the gateway of drgId by its route tables, routes to it, and attaches a new VCN to it",
	},
	{
		to: Operators, allow: "manage drg-attachments", in: inStack, source: coreOperations,
		when: newDRGAttachment,
		why:  "attaches the new VCN to the gateway of drgId", covers: []string{"oci:Core/drgAttachment:DrgAttachment"},
	},
	{
		to: Operators, allow: "manage bastion-family", in: inStack, source: bastionPolicy,
		when: bastion,
		why:  "creates the bastion, and the sessions of make tunnel", covers: []string{"oci:Bastion/bastion:Bastion"},
	},
	{
		to: Operators, allow: "inspect work-requests", in: inStack, source: bastionPolicy,
		when: bastion,
		why:  "waits for the bastion and its sessions",
	},
	{
		to: Operators, allow: "manage log-groups", in: inStack, when: logs, source: flowLogPolicy,
		why:    "creates the log groups, and the logs in them",
		covers: []string{"oci:Logging/logGroup:LogGroup", "oci:Logging/log:Log"},
	},
	{
		to: Operators, allow: "manage unified-configuration", in: inStack, when: containerLogs, source: loggingPolicy,
		why:    "creates the configuration of the agents that read the containers' logs",
		note:   "others write unified-agent-configuration; Oracle's list of resource types has this name",
		covers: []string{"oci:Logging/unifiedAgentConfiguration:UnifiedAgentConfiguration"},
	},
	{
		to: Operators, allow: "manage dynamic-groups", in: inTenancy, when: ownLogsGroup, source: identityVerbs,
		why: "creates the dynamic group of the nodes",
		note: "whoever may change dynamic groups can give themselves what their members may do; " +
			"containerLogsGroup names one that an administrator has made",
		covers: []string{"oci:Identity/dynamicGroup:DynamicGroup"},
	},
	{
		to: Operators, allow: "{SUBNET_READ, SUBNET_UPDATE}", in: inNetwork, when: existingSubnetLogged,
		source: flowLogPolicy,
		why:    "enables the flow log of an existing subnet",
	},

	// Guestbooks.
	{
		to: Operators, allow: "read public-ips", in: inAddress, when: addressReserved, source: coreOperations,
		why: "looks up reservedAddress before the load balancer is changed",
	},
	{
		to: Operators, allow: "inspect load-balancers", in: inStack, when: addressReserved, source: balancerOperations,
		why: "finds whether a load balancer of the stack has reservedAddress",
	},
	{
		to: Operators, allow: "read leaf-certificates", in: inCertificate, when: ownCertificate,
		source: certificatesPolicy, why: "looks up tlsCertificateId before the load balancer is made",
	},
	{
		to: Operators, allow: "use dns-zones", in: inZone, when: ownZone, where: ofZones, source: dnsPolicy,
		why: "looks up the zone of dnsZoneId before anything is made, and changes its records",
	},
	{
		to: Operators, allow: "manage dns-records", in: inZone, when: ownZone, where: ofZones, source: dnsPolicy,
		why:    "creates, changes and deletes the record of tlsHostname in the zone of dnsZoneId",
		note:   "of the source only resource types and variables were read, not which verb each operation needs",
		covers: []string{"oci:Dns/rrset:Rrset"},
	},
	{
		to: Operators, allow: "inspect network-load-balancers", in: inStack, when: addressReserved,
		source: networkBalancerOperations,
		why:    "finds whether a network load balancer of the stack has reservedAddress",
	},
	{
		to: Operators, allow: "manage usage-budgets", in: inTenancy, when: budget, source: budgetPolicy,
		why:    "creates the budget, which is in the root compartment, and its alerts",
		covers: []string{"oci:Budget/budget:Budget", "oci:Budget/rule:Rule"},
	},
	{
		to: Operators, allow: "manage alarms", in: inStack, when: alarms, source: monitoringPolicy,
		why:    "creates the alarms",
		covers: []string{"oci:Monitoring/alarm:Alarm"},
	},
	{
		to: Operators, allow: "read metrics", in: inStack, when: alarms, source: monitoringPolicy,
		why: "an alarm needs it for its query",
	},
	{
		to: Operators, allow: "manage ons-topics", in: inStack, when: ownTopic, source: notificationPolicy,
		why:    "creates the topic of the alarms, and subscribes the addresses of alarmEmails to it",
		covers: []string{"oci:Ons/notificationTopic:NotificationTopic", "oci:Ons/subscription:Subscription"},
	},
	{
		to: Operators, allow: "inspect tenancies", in: inTenancy, when: budget, source: identityVerbs,
		why: "looks up tenancyId before anything is made",
	},
	{
		to: Operators, allow: "read ons-topics", in: inStack, when: otherTopic, source: notificationPolicy,
		why:  "looks up the topic of alarmTopicId before anything is made",
		note: "or in the topic's own compartment, which the settings do not tell",
	},
	{
		to: Operators, allow: "{OBJECTSTORAGE_NAMESPACE_READ}", in: inTenancy, when: backups, source: storageOperations,
		why: "looks up the namespace of Object Storage by compartment",
		note: "the verb that has this permission differs between the pages of 2024 and 2026-09-05, so " +
			"the permission is named",
	},
	{
		to: Operators, allow: "manage buckets", in: inStack, when: backups, where: ofBackups("target.bucket.name"),
		source: storageOperations,
		why:    "creates the buckets of the backups; gives no access to the objects in them",
		covers: []string{"oci:ObjectStorage/bucket:Bucket"},
	},
	{
		to: Operators, allow: "inspect objects", in: inStack, when: backups, where: ofBackups("target.bucket.name"),
		source: storageOperations,
		why:    "finds the time of the last backup, the output lastBackups; shows names, and no content",
	},
	{
		to: Operators, allow: "manage policies", in: inStack, when: policies, where: ofWrittenPolicies,
		source: identityVerbs,
		why:    "creates the policies that let backup jobs use their buckets, jobs post metrics, and nodes write logs",
		note: "whoever may write a policy of a compartment can give themselves anything in it: " +
			"give it to few, or let an administrator run the first pulumi up with backups, alarms or containerLogs",
		covers: []string{"oci:Identity/policy:Policy"},
	},
	{
		to: Operators, allow: "manage policies", in: inStack, when: autoscalerPolicy, where: ofAutoscalerPolicy,
		source: identityVerbs,
		why:    "creates the policy that lets the autoscaler change the node pools",
		note:   "as for those of backups; autoscalerPolicy: false leaves it to an administrator",
		covers: []string{"oci:Identity/policy:Policy"},
	},
	{
		to: Operators, allow: "use tag-namespaces", in: inTenancy, when: definedTags, source: taggingPolicy,
		why: "puts defined tags on what it creates",
	},
	{
		to: Operators, allow: "use key-delegates", in: inKey, when: diskKeys, where: ofDiskKeys, source: diskKeyPolicy,
		why:  "selects the key of bootVolumeKmsKeyId for a node pool",
		note: "as for the node pools; no source names the operators",
	},
	{
		to: Operators, allow: "manage repos", in: inStack, when: imagesAtOracle, source: registryPolicy,
		why: "make push pushes images, and a pull secret with a member's auth token pulls private ones",
		note: "create the repository in this compartment first: a push to a missing one creates it in the root. " +
			"read repos is enough for pulling",
	},
	{
		to: Operators, allow: "read keys", in: inKey, when: anyKey, where: ofAnyKey, source: additional,
		why:  "looks up and selects keys, before anything is made",
		note: "Oracle's page asks for it in the Console, for kmsKeyId (2025-01-15)",
	},
	{
		to: Operators, allow: "inspect vaults", in: inStack, when: anyKey, source: vaultOperations,
		why: "finds the vaults in which keys are looked up",
	},
	{
		to: Operators, allow: "read vaults", in: inKey, when: otherVaults, source: vaultOperations,
		why: "looks up the vaults of vaultIds",
	},
	{
		to: Operators, allow: "use compute-capacity-reservations", in: inReservation, when: reserved,
		source: reservationPolicy,
		why:    "looks up the reservation of capacityReservationId, and selects it for a node pool",
	},
	{
		to: Operators, allow: "use network-security-groups", in: inGroups, when: groupsElsewhere, source: coreOperations,
		why: "looks up the groups of nsgIds, and selects them for a node pool",
	},
	{
		to: Operators, allow: "read instance-images", in: inImage, when: imageElsewhere, source: coreOperations,
		why: "selects the image of imageId for a node pool",
	},
	{
		to: Operators, allow: "manage cluster-virtualnode-pools", in: inStack, when: virtualNodes, source: virtualNodePolicy,
		why:    "creates, scales and deletes the virtual node pools",
		covers: []string{"oci:ContainerEngine/virtualNodePool:VirtualNodePool"},
	},
	{
		to: Operators, allow: "manage vnics", in: inNetwork, when: virtualNodes, source: virtualNodePolicy,
		why: "virtual nodes get VNICs in the Pods' subnet",
	},

	// The cluster.
	{
		to: ClusterItself, allow: "use keys", in: inKey, when: ownKey, where: asClusterOfKey, source: etcdKey,
		why: "encrypts Kubernetes secrets with the key of kmsKeyId; without it the new cluster fails after minutes",
	},
	{
		to: ClusterItself, allow: "use keys", in: inKey, when: imageKeys, where: asClusterOfImageKeys, source: signedImages,
		why: "verifies images by the keys of imageVerificationKeys",
		note: "Oracle writes where request.user.id is the cluster's OCID, and refers to the page on kmsKeyId for " +
			"a narrower form",
	},
	{
		to: ClusterItself, allow: "read repos", in: inStack, when: imageKeys, where: asCluster, source: signedImages,
		why:  "reads the images' signatures",
		note: "as for use keys; Oracle writes in tenancy",
	},
	{
		to: ClusterItself, allow: "use tag-namespaces", in: inTenancy, when: definedTags, where: asCluster,
		source: landingZone, why: "puts defined tags on load balancers and volumes",
	},
	{
		to: ClusterItself, allow: "use subnets", in: inNetwork, when: networkElsewhere, where: asCluster,
		source: landingZone,
		why:    "puts load balancers into subnets of another compartment",
	},
	{
		to: ClusterItself, allow: "read vcns", in: inNetwork, when: networkElsewhere, where: asCluster,
		source: landingZone,
		why:    "reads the VCN of those subnets",
	},
	{
		to: ClusterItself, allow: "use private-ips", in: inNetwork, when: networkElsewhere, where: asCluster,
		source: podNetworking,
		why:    "gives Pods and load balancers addresses of the VCN",
	},
	{
		to: ClusterItself, allow: "use network-security-groups", in: inNetwork, where: asCluster, source: podNetworking,
		when: podsElsewhere,
		why:  "puts the VNICs of Pods into groups",
	},
	{
		to: ClusterItself, allow: "manage instances", in: inStack, where: asCluster, source: podNetworking,
		when: podsElsewhere,
		why:  "attaches VNICs for Pods to the nodes",
		note: "Oracle lists it for node pools in another compartment than the cluster; here both are in one (2026-09-05)",
	},
	{
		to: ClusterItself, allow: "manage volumes", in: inTenancy, where: asCluster, source: blockVolumes,
		when: volumesElsewhere,
		why:  "creates the databases' volumes, as the nodes' subnet is in another compartment",
		note: "Oracle writes in tenancy (2025-01-31); its landing zone allows use volumes in the " +
			"cluster's compartment (2026-08-05)",
	},
	{
		to: ClusterItself, allow: "manage volume-attachments", in: inTenancy, where: asCluster, source: blockVolumes,
		when: volumesElsewhere,
		why:  "attaches the databases' volumes to the nodes",
		note: "Oracle writes in tenancy (2025-01-31); its landing zone has no such statement (2026-08-05)",
	},
	{
		to: ClusterItself, allow: "read public-ips", in: inAddress, when: addressElsewhere, where: asCluster,
		source: reservedAddress, why: "finds reservedAddress in another compartment",
		note: "Oracle writes in tenancy; its landing zone names the compartment, and allows manage public-ips (2026-08-05)",
	},
	{
		to: ClusterItself, allow: "manage floating-ips", in: inAddress, when: addressElsewhere, where: asCluster,
		source: reservedAddress, why: "assigns reservedAddress to the load balancer",
		note: "Oracle writes in tenancy; its landing zone names the compartment (2026-08-05)",
	},
	{
		to: ClusterItself, allow: "manage leaf-certificate-family", in: inCertificate, when: ownCertificate,
		where: asCluster, source: landingZone, why: "gives the load balancer the certificate of tlsCertificateId",
		note: "OKE asks for the right to manage certificates in the compartment (2026-09-05); Oracle's landing zone " +
			"names the whole family, for any cluster (2026-08-05)",
	},

	// Node pools. Since 2026-08-07 OKE acts as the node pool, not as a service, as announced.
	{
		to: NodePools, allow: "read instance-images", in: inImage, when: ownImage, where: asNodePool,
		source: nodePoolPrincipal, why: "launches nodes from the image of imageId; not needed for an image of OKE's own",
		note: "the blog names custom images but no statement; LaunchInstance needs INSTANCE_IMAGE_READ (2024-11-06)",
	},
	{
		to: NodePools, allow: "use subnets", in: inNetwork, when: networkElsewhere, where: asNodePool,
		source: nodePoolPrincipal, why: "launches nodes in subnets of another compartment",
		note: "the blog names no statement; LaunchInstance needs it (2024-11-06); the landing zone has none (2026-08-05)",
	},
	{
		to: NodePools, allow: "use vnics", in: inNetwork, when: networkElsewhere, where: asNodePool,
		source: nodePoolPrincipal, why: "gives the nodes VNICs in those subnets",
		note: "as for use subnets",
	},
	{
		to: NodePools, allow: "use network-security-groups", in: inGroups, when: groupsElsewhere, where: asNodePool,
		source: nodePoolPrincipal, why: "gives the nodes VNICs in the groups of nsgIds",
		note: "as for use subnets; LaunchInstance needs it for VNICs in groups (2024-11-06)",
	},
	{
		to: NodePools, allow: "use tag-namespaces", in: inTenancy, when: definedTags, where: asNodePool,
		source: nodePoolPrincipal, why: "puts defined tags on the nodes",
		note: "the blog names no statement; Oracle's page on tag namespaces names the cluster (2024-08-14)",
	},
	{
		to: NodePools, allow: "use compute-capacity-reservations", in: inReservation, when: reserved, where: asNodePool,
		source: reservationPolicy, why: "launches nodes in the reservation of capacityReservationId",
		note: "Oracle writes in tenancy",
	},
	{
		to: NodePools, allow: "use key-delegates", in: inKey, when: diskKeys,
		where: asNodePoolOfDiskKeys, source: diskKeyPolicy,
		why: "launches nodes with boot volumes of the key of bootVolumeKmsKeyId",
	},
	{
		to: BlockVolumes, allow: "use keys", in: inKey, when: diskKeys, where: ofDiskKeys, source: diskKeyPolicy,
		why: "encrypts and decrypts the boot volumes with the key",
	},

	// The autoscaler of nodes, as the add-on.
	{
		to: NodesAutoscaler, allow: "manage cluster-node-pools", in: inStack, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "changes the size of the node pools",
	},
	{
		to: NodesAutoscaler, allow: "manage instance-family", in: inStack, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "launches and terminates nodes",
	},
	{
		to: NodesAutoscaler, allow: "use subnets", in: inStack, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "puts new nodes into their subnet",
	},
	{
		to: NodesAutoscaler, allow: "use subnets", in: inNetwork, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "puts new nodes into their subnet, in another compartment",
	},
	{
		to: NodesAutoscaler, allow: "use vnics", in: inStack, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "gives new nodes VNICs",
	},
	{
		to: NodesAutoscaler, allow: "use vnics", in: inNetwork, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "gives new nodes VNICs, in another compartment",
	},
	{
		to: NodesAutoscaler, allow: "read virtual-network-family", in: inNetwork, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource, why: "reads the subnets",
	},
	{
		to: NodesAutoscaler, allow: "inspect compartments", in: inStack, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "finds the node pools",
	},
	{
		to: NodesAutoscaler, allow: "inspect compartments", in: inNetwork, when: autoscaled, where: asAutoscaler,
		source: autoscalerPolicySource,
		why:    "finds the subnets",
	},

	// The jobs that post metrics; the program creates the policy for what is in the stack's compartment.
	{
		to: MeasuringJobs, allow: "read leaf-certificates", in: inCertificate, when: measuredElsewhere,
		where: asMeasuringJobs, source: certificatesPolicy,
		why: "reads when the certificate of tlsCertificateId expires, for the alarm certificate",
	},
}
