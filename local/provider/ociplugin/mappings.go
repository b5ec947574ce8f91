package ociplugin

import "oke-guestbook/catalog"

var (
	lifecycleState = field{rest: "lifecycleState"}

	rulePorts = fields{
		"min": {rest: "destinationPortRange.min"}, "max": {rest: "destinationPortRange.max"},
		"sourcePortRange": {clears: true},
	}
	securityRules = field{set: true, clears: true, fields: fields{
		"icmpOptions": {clears: true}, "stateless": {rest: "isStateless"},
		"tcpOptions": {clears: true, fields: rulePorts}, "udpOptions": {clears: true, fields: rulePorts},
	}}
)

// mappings are by token, and follow the official plugin's schema (v3.16.0).
var mappings = complete(map[string]*mapping{
	catalog.VCN: {
		inputs: fields{
			"compartmentId": {}, "displayName": {}, "dnsLabel": {}, "cidrBlock": {}, "cidrBlocks": {},
			"isOracleGuaAllocationEnabled": {}, "securityAttributes": {},
			"byoipv6cidrDetails":    {rest: "byoipv6CidrDetails"},
			"ipv6privateCidrBlocks": {rest: "ipv6PrivateCidrBlocks"},
			"isIpv6enabled":         {rest: "isIpv6Enabled"},
		},
		outputs: fields{
			"byoipv6cidrBlocks": {rest: "byoipv6CidrBlocks"}, "ipv6cidrBlocks": {rest: "ipv6CidrBlocks"},
			"defaultDhcpOptionsId": {}, "defaultRouteTableId": {}, "defaultSecurityListId": {},
			"state": lifecycleState, "timeCreated": {}, "vcnDomainName": {},
		},
		update: updateCIDRs,
	},
	catalog.InternetGateway: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "routeTableId": {},
			"enabled": {rest: "isEnabled", byDefault: true},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.NATGateway: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "routeTableId": {}, "publicIpId": {}, "blockTraffic": {},
		},
		outputs: fields{"natIp": {}, "state": lifecycleState, "timeCreated": {}},
	},
	catalog.ServiceGateway: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "routeTableId": {}, "services": {set: true},
		},
		outputs: fields{"blockTraffic": {}, "state": lifecycleState, "timeCreated": {}},
	},
	catalog.DRGAttachment: {
		inputs: fields{
			"drgId": {}, "vcnId": {}, "displayName": {}, "networkDetails": {}, "drgRouteTableId": {}, "routeTableId": {},
			"exportDrgRouteDistributionId": {}, "removeExportDrgRouteDistributionTrigger": {notInBody: true},
		},
		outputs: fields{"compartmentId": {}, "isCrossTenancy": {}, "state": lifecycleState, "timeCreated": {}},
		ready:   []string{"ATTACHED"},
	},
	catalog.RouteTable: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "routeRules": {set: true, clears: true},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.DefaultRouteTable: {
		inputs: fields{
			"manageDefaultResourceId": {notInBody: true}, "compartmentId": {notInBody: true}, "displayName": {},
			"routeRules": {set: true, clears: true},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.SecurityList: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {},
			"egressSecurityRules": securityRules, "ingressSecurityRules": securityRules,
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.DefaultSecurityList: {
		inputs: fields{
			"manageDefaultResourceId": {notInBody: true}, "compartmentId": {notInBody: true}, "displayName": {},
			"egressSecurityRules": securityRules, "ingressSecurityRules": securityRules,
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.DHCPOptions: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "domainNameType": {}, "options": {set: true},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.Subnet: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "displayName": {}, "dnsLabel": {}, "availabilityDomain": {}, "cidrBlock": {},
			"ipv4cidrBlocks": {rest: "ipv4CidrBlocks"},
			"ipv6cidrBlock":  {rest: "ipv6CidrBlock"}, "ipv6cidrBlocks": {rest: "ipv6CidrBlocks"},
			"dhcpOptionsId": {}, "routeTableId": {}, "securityListIds": {set: true},
			"prohibitInternetIngress": {}, "prohibitPublicIpOnVnic": {},
		},
		outputs: fields{
			"ipv6virtualRouterIp": {rest: "ipv6VirtualRouterIp"}, "virtualRouterIp": {}, "virtualRouterMac": {},
			"subnetDomainName": {}, "state": lifecycleState, "timeCreated": {},
		},
		deleteRetries: "Conflict", // a VNIC of a load balancer or node that is just being deleted
	},
	catalog.NetworkSecurityGroup: {
		inputs:  fields{"compartmentId": {}, "vcnId": {}, "displayName": {}},
		outputs: fields{"state": lifecycleState, "timeCreated": {}},
	},
	catalog.NetworkSecurityGroupSecurityRule: {
		inputs: fields{
			"networkSecurityGroupId": {notInBody: true}, "direction": {}, "protocol": {}, "description": {},
			"source": {clears: true}, "sourceType": {}, "destination": {}, "destinationType": {},
			"icmpOptions": {clears: true}, "tcpOptions": {clears: true}, "udpOptions": {clears: true},
			"stateless": {rest: "isStateless"},
		},
		outputs: fields{"isValid": {}, "timeCreated": {}},
		create:  createSecurityRule, read: readSecurityRule, update: updateSecurityRule, remove: removeSecurityRule,
	},
	catalog.PublicIP: {
		inputs: fields{
			"compartmentId": {}, "displayName": {}, "lifetime": {}, "privateIpId": {}, "publicIpPoolId": {},
		},
		outputs: fields{
			"assignedEntityId": {}, "assignedEntityType": {}, "availabilityDomain": {}, "ipAddress": {}, "scope": {},
			"state": lifecycleState, "timeCreated": {},
		},
	},
	catalog.Volume: {
		inputs: fields{
			"availabilityDomain": {}, "compartmentId": {}, "displayName": {}, "backupPolicyId": {},
			"clusterPlacementGroupId": {}, "isAutoTuneEnabled": {}, "isReservationsEnabled": {}, "kmsKeyId": {},
			"sizeInGbs": {rest: "sizeInGBs", number: true}, "sizeInMbs": {rest: "sizeInMBs", number: true},
			"sourceDetails": {}, "volumeBackupId": {}, "vpusPerGb": {rest: "vpusPerGB", number: true}, "xrcKmsKeyId": {},
		},
		outputs: fields{
			"autoTunedVpusPerGb": {rest: "autoTunedVpusPerGB", number: true}, "isHydrated": {}, "systemTags": {},
			"volumeGroupId": {}, "state": lifecycleState, "timeCreated": {},
		},
	},
	catalog.Cluster: {
		inputs: fields{
			"compartmentId": {}, "vcnId": {}, "name": {}, "type": {}, "kubernetesVersion": {}, "kmsKeyId": {},
			"clusterPodNetworkOptions": {}, "imagePolicyConfig": {},
			"endpointConfig": {onlyOnCreate: true, fields: fields{"nsgIds": {set: true, clears: true}}},
			"options": {fields: fields{
				"ipFamilies": {onlyOnCreate: true}, "kubernetesNetworkConfig": {onlyOnCreate: true},
				"serviceLbSubnetIds": {onlyOnCreate: true},
			}},
		},
		outputs: fields{
			"endpoints": {asList: true, fields: fields{"ipv6endpoint": {rest: "ipv6Endpoint"}}},
			"metadatas": {rest: "metadata", asList: true},
			"state":     lifecycleState, "lifecycleDetails": {}, "availableKubernetesUpgrades": {},
			"openIdConnectDiscoveryEndpoint": {}, "openIdConnectDiscoveryKey": {},
		},
		update:      updateEndpointConfig,
		readsFirst:  true,
		waitMinutes: 60,
	},
	catalog.NodePool: {
		inputs: fields{
			"clusterId": {}, "compartmentId": {}, "name": {}, "kubernetesVersion": {}, "initialNodeLabels": {},
			"nodeEvictionNodePoolSettings": {}, "nodeImageId": {}, "nodeImageName": {}, "nodeMetadata": {},
			"nodePoolCyclingDetails": {}, "nodeShape": {}, "quantityPerSubnet": {}, "sshPublicKey": {},
			"nodeConfigDetails": {fields: fields{"nsgIds": {set: true}, "placementConfigs": {set: true}}},
			"nodeShapeConfig":   {fields: fields{"memoryInGbs": {rest: "memoryInGBs"}}},
			"nodeSourceDetails": {fields: fields{
				"bootVolumeSizeInGbs": {rest: "bootVolumeSizeInGBs", number: true},
			}},
			"subnetIds": {set: true},
		},
		outputs: fields{
			"nodes":       {fields: fields{"errors": {rest: "nodeError", asList: true}, "state": lifecycleState}},
			"nodeSources": {rest: "nodeSource", asList: true},
			"state":       lifecycleState, "lifecycleDetails": {},
		},
		update:        updateNodePool,
		readsFirst:    true,
		deletesFailed: true,
		ready:         []string{"NEEDS_ATTENTION", "INACTIVE"},
		waitMinutes:   60,
	},
	catalog.VirtualNodePool: {
		inputs: fields{
			"clusterId": {}, "compartmentId": {}, "displayName": {}, "size": {}, "nsgIds": {set: true},
			"initialVirtualNodeLabels": {}, "taints": {}, "virtualNodeTags": {},
			"placementConfigurations": {fields: fields{"faultDomains": {rest: "faultDomain"}}},
			"podConfiguration":        {fields: fields{"nsgIds": {set: true}}},
		},
		outputs: fields{
			"kubernetesVersion": {}, "state": lifecycleState, "lifecycleDetails": {}, "systemTags": {}, "timeCreated": {},
			"timeUpdated": {},
		},
		ready: []string{"NEEDS_ATTENTION"},
	},
	catalog.Addon: {
		inputs: fields{
			"addonName": {}, "clusterId": {notInBody: true}, "configurations": {set: true}, "version": {clears: true},
			"overrideExisting":             {notInBody: true, inCreation: "isOverrideExisting"},
			"removeAddonResourcesOnDelete": {notInBody: true, deleteQuery: "isRemoveExistingAddOn"},
		},
		outputs: fields{
			"addonErrors": {rest: "addonError", asList: true}, "currentInstalledVersion": {}, "state": lifecycleState,
			"timeCreated": {},
		},
		create:      createAddon,
		ready:       []string{"NEEDS_ATTENTION"},
		waitMinutes: 60,
	},
	catalog.Policy: {
		inputs: fields{
			"compartmentId": {}, "name": {}, "description": {}, "statements": {}, "versionDate": {},
		},
		outputs: fields{"inactiveState": {rest: "inactiveStatus"}, "state": lifecycleState, "timeCreated": {}},
	},
	catalog.DynamicGroup: {
		inputs:  fields{"compartmentId": {}, "name": {}, "description": {}, "matchingRule": {}},
		outputs: fields{"inactiveState": {rest: "inactiveStatus"}, "state": lifecycleState, "timeCreated": {}},
	},
	catalog.RecordSet: {
		inputs: fields{
			"compartmentId": {notInBody: true}, "domain": {notInBody: true}, "rtype": {notInBody: true},
			"scope": {notInBody: true}, "viewId": {notInBody: true}, "zoneNameOrId": {notInBody: true}, "items": {set: true},
		},
		create: createRecordSet,
	},
	catalog.Bucket: {
		inputs: fields{
			"compartmentId": {}, "name": {}, "namespace": {notInBody: true}, "autoTiering": {}, "kmsKeyId": {},
			"accessType": {rest: "publicAccessType", byDefault: "NoPublicAccess"},
			"metadata":   {userKeys: true, clears: true}, "objectEventsEnabled": {}, "storageTier": {}, "versioning": {},
		},
		outputs: fields{
			"approximateCount": {number: true}, "approximateSize": {number: true}, "bucketId": {rest: "id"},
			"createdBy": {}, "etag": {}, "isReadOnly": {}, "objectLifecyclePolicyEtag": {}, "replicationEnabled": {},
			"timeCreated": {},
		},
		updateByPost: true,
	},
	catalog.Bastion: {
		inputs: fields{
			"bastionType": {}, "compartmentId": {}, "name": {}, "targetSubnetId": {}, "dnsProxyStatus": {},
			"clientCidrBlockAllowLists": {rest: "clientCidrBlockAllowList"}, "maxSessionTtlInSeconds": {},
			"phoneBookEntry": {}, "securityAttributes": {}, "staticJumpHostIpAddresses": {},
		},
		outputs: fields{
			"lifecycleDetails": {}, "maxSessionsAllowed": {}, "privateEndpointIpAddress": {}, "state": lifecycleState,
			"systemTags": {}, "targetVcnId": {}, "timeCreated": {}, "timeUpdated": {},
		},
	},
	catalog.Budget: {
		inputs: fields{
			"compartmentId": {}, "amount": {}, "resetPeriod": {}, "budgetProcessingPeriodStartOffset": {}, "description": {},
			"displayName": {}, "startDate": {}, "endDate": {}, "processingPeriodType": {}, "systemTags": {},
			"targetCompartmentId": {}, "targetType": {}, "targets": {},
		},
		outputs: fields{
			"actualSpend": {}, "alertRuleCount": {}, "forecastedSpend": {}, "state": lifecycleState, "timeCreated": {},
			"timeSpendComputed": {}, "timeUpdated": {}, "version": {},
		},
	},
	catalog.BudgetRule: {
		inputs: fields{
			"budgetId": {notInBody: true}, "description": {}, "displayName": {}, "message": {}, "recipients": {},
			"threshold": {}, "thresholdType": {}, "type": {},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}, "timeUpdated": {}, "version": {}},
	},
	catalog.AgentConfiguration: {
		inputs: fields{
			"compartmentId": {}, "description": {}, "displayName": {}, "isEnabled": {},
			"groupAssociation":     {fields: fields{"groupLists": {rest: "groupList"}}},
			"serviceConfiguration": {fields: fields{"unifiedAgentConfigurationFilters": {rest: "filter"}}},
		},
		update:  updateWhole,
		outputs: fields{"configurationState": {}, "state": lifecycleState, "timeCreated": {}, "timeLastModified": {}},
	},
	catalog.Alarm: {
		inputs: fields{
			"compartmentId": {}, "destinations": {}, "displayName": {}, "isEnabled": {}, "metricCompartmentId": {},
			"namespace": {}, "query": {}, "severity": {}, "alarmSummary": {}, "body": {}, "evaluationSlackDuration": {},
			"isNotificationsPerMetricDimensionEnabled": {}, "messageFormat": {}, "metricCompartmentIdInSubtree": {},
			"notificationTitle": {}, "notificationVersion": {}, "overrides": {}, "pendingDuration": {},
			"repeatNotificationDuration": {}, "resolution": {}, "resourceGroup": {}, "ruleName": {}, "suppression": {},
		},
		outputs: fields{"state": lifecycleState, "timeCreated": {}, "timeUpdated": {}},
	},
	catalog.Topic: {
		idField: "topicId",
		inputs:  fields{"compartmentId": {}, "name": {}, "description": {}},
		outputs: fields{
			"apiEndpoint": {}, "etag": {}, "shortTopicId": {}, "state": lifecycleState, "timeCreated": {}, "topicId": {},
		},
	},
	catalog.Subscription: {
		inputs: fields{
			"compartmentId": {}, "endpoint": {}, "protocol": {}, "topicId": {},
			"deliveryPolicy": {rest: "deliverPolicy"}, // which the emulator refuses
		},
		outputs: fields{"createdTime": {number: true}, "etag": {}, "state": lifecycleState},
		ready:   []string{"PENDING"}, // until the owner of the address confirms
	},
	catalog.LogGroup: {
		inputs:  fields{"compartmentId": {}, "displayName": {}, "description": {}},
		outputs: fields{"state": lifecycleState, "timeCreated": {}, "timeLastModified": {}},
	},
	catalog.Log: {
		inputs: fields{
			"logGroupId": {notInBody: true}, "displayName": {}, "logType": {}, "isEnabled": {}, "retentionDuration": {},
			"configuration": {fields: fields{
				"archiving": {restOnly: true},
				"source":    {fields: fields{"parameters": {userKeys: true}}},
			}},
		},
		outputs: fields{
			"compartmentId": {}, "state": lifecycleState, "tenancyId": {}, "timeCreated": {}, "timeLastModified": {},
		},
	},
})
