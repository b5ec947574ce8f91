package ociplugin

import (
	"net/http"
	"testing"

	"oke-guestbook/catalog"
	emulator "oke-guestbook/local/oci"
	"oke-guestbook/local/provider/value"
)

const compartment, tenancy = emulator.CompartmentID, emulator.TenancyID

var (
	tagged   = object{"project": "oke-guestbook", "stack": "test"}
	retagged = object{"project": "oke-guestbook", "owner": "somebody"}
	ad1      = emulator.AvailabilityDomains[0]
	anywhere = "0.0.0.0/0"
	sshKey   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFvEYjVb2VVlB2sF3lvFXJ8w3v3p5jR1lJcRvJ5h0m1K test"
)

// build creates what the life cycles need: a VCN with subnets, a cluster, an image.
func (w *world) build() {
	w.Helper()
	vcn := w.create(catalog.VCN, "vcn", object{
		"compartmentId": compartment, "cidrBlocks": []any{"10.0.0.0/16"}, "dnsLabel": "base",
	})
	w.ids["defaultSecurityList"] = vcn.State.Get("defaultSecurityListId").AsString()
	w.ids["defaultRouteTable"] = vcn.State.Get("defaultRouteTableId").AsString()
	for name, cidr := range map[string]string{
		"api": "10.0.0.0/28", "workers": "10.0.16.0/20", "lb": "10.0.1.0/24", "lb2": "10.0.2.0/24",
	} {
		w.create(catalog.Subnet, name, object{
			"compartmentId": compartment, "vcnId": vcn.ID, "cidrBlock": cidr, "displayName": name,
		})
	}
	w.create(catalog.NetworkSecurityGroup, "nsg", object{"compartmentId": compartment, "vcnId": vcn.ID})
	w.create(catalog.InternetGateway, "igw", object{"compartmentId": compartment, "vcnId": vcn.ID})
	w.create(catalog.SecurityList, "seclist", object{"compartmentId": compartment, "vcnId": vcn.ID})
	other := w.create(catalog.VCN, "other", object{"compartmentId": compartment, "cidrBlocks": []any{"10.1.0.0/16"}})
	w.ids["otherSecurityList"] = other.State.Get("defaultSecurityListId").AsString()
	var drg struct{ ID string } // created by somebody else: the program attaches to an existing one
	body := object{"compartmentId": compartment}
	if _, err := w.rest.Do(w.Context(), http.MethodPost, "/20160918/drgs", nil, body, &drg); err != nil {
		w.Fatal(err)
	}
	w.ids["drg"] = drg.ID
	var zone struct{ ID string }
	body = object{"compartmentId": compartment, "name": "example.com"}
	if _, err := w.rest.Do(w.Context(), http.MethodPost, "/20180115/zones", nil, body, &zone); err != nil {
		w.Fatal(err)
	}
	w.ids["zone"] = zone.ID
	w.create(catalog.Cluster, "cluster", w.cluster())
	sources, _ := w.invoke("oci:ContainerEngine/getNodePoolOption:getNodePoolOption", object{
		"nodePoolOptionId": "all", "compartmentId": compartment,
	})["sources"].([]any)
	for _, s := range sources {
		source, _ := s.(object)
		if source["sourceName"] == "Oracle-Linux-8.10-2026.08.14-0-OKE-1.35.2-1820" {
			w.ids["image"], _ = source["imageId"].(string)
		}
	}
	if w.ids["image"] == "" {
		w.Fatalf("no image for v1.35.2 in %v", sources)
	}
}

func (w *world) cluster() object {
	return object{
		"compartmentId": compartment, "vcnId": w.ids["vcn"], "kubernetesVersion": "v1.35.2", "name": "guestbook",
		"type":                     "ENHANCED_CLUSTER",
		"clusterPodNetworkOptions": []any{object{"cniType": "FLANNEL_OVERLAY"}},
		"endpointConfig": object{
			"subnetId": w.ids["api"], "isPublicIpEnabled": true, "nsgIds": []any{w.ids["nsg"]},
		},
		"options": object{
			"serviceLbSubnetIds":      []any{w.ids["lb"]},
			"kubernetesNetworkConfig": object{"podsCidr": "10.244.0.0/16", "servicesCidr": "10.96.0.0/16"},
			"persistentVolumeConfig":  object{"freeformTags": tagged},
			"serviceLbConfig":         object{"freeformTags": tagged},
		},
		"freeformTags": tagged,
	}
}

func (w *world) nodePool() object {
	return object{
		"clusterId": w.ids["cluster"], "compartmentId": compartment, "name": "pool",
		"nodeShape": "VM.Standard.E4.Flex", "kubernetesVersion": "v1.35.2",
		"nodeShapeConfig":   object{"ocpus": 2.0, "memoryInGbs": 16.0},
		"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": w.ids["image"], "bootVolumeSizeInGbs": "60"},
		"nodeConfigDetails": object{
			"size": 2.0, "placementConfigs": []any{
				object{"availabilityDomain": emulator.AvailabilityDomains[1], "subnetId": w.ids["workers"]},
				object{"availabilityDomain": ad1, "subnetId": w.ids["workers"], "faultDomains": []any{"FAULT-DOMAIN-1"}},
			},
			"nodePoolPodNetworkOptionDetails": object{"cniType": "FLANNEL_OVERLAY"}, "freeformTags": tagged,
		},
		"initialNodeLabels":            []any{object{"key": "pool", "value": "test"}},
		"nodePoolCyclingDetails":       object{"isNodeCyclingEnabled": true, "maximumSurge": "1", "maximumUnavailable": "0"},
		"nodeEvictionNodePoolSettings": object{"evictionGraceDuration": "PT30M"},
		"freeformTags":                 tagged,
		"sshPublicKey":                 sshKey,
	}
}

func ingress(from string, port float64) object {
	return object{
		"source": from, "protocol": "6", "description": "from " + from,
		"tcpOptions": object{"min": port, "max": port, "sourcePortRange": object{"min": 1024.0, "max": 65535.0}},
	}
}

var pathMTU = object{
	"source": anywhere, "sourceType": "CIDR_BLOCK", "protocol": "1",
	"icmpOptions": object{"type": 3.0, "code": 4.0}, "stateless": false,
}

func addressRecords(address string) []any {
	return []any{object{"domain": "a.example.com", "rtype": "A", "rdata": address, "ttl": 300.0}}
}

func (w *world) inVCN(more object) object {
	return with(object{
		"compartmentId": compartment, "vcnId": w.ids["vcn"], "displayName": "test", "freeformTags": tagged,
	}, more)
}

var lifeCycles = []lifeCycle{
	{
		token: catalog.VCN,
		inputs: func(*world) object {
			return object{
				"compartmentId": compartment, "cidrBlocks": []any{"10.2.0.0/16"}, "displayName": "a", "dnsLabel": "Test",
				"freeformTags": tagged,
			}
		},
		update:   object{"displayName": "b", "cidrBlocks": []any{"10.2.0.0/16", "10.3.0.0/16"}, "freeformTags": retagged},
		replaces: object{"dnsLabel": "other", "cidrBlock": "10.9.0.0/16"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.InternetGateway,
		inputs: func(w *world) object {
			return object{
				"compartmentId": compartment, "vcnId": w.ids["other"], "displayName": "a", "enabled": true,
				"freeformTags": tagged,
			}
		},
		update:   object{"enabled": false, "displayName": "b"},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"isEnabled": false},
	},
	{
		token:    catalog.NATGateway,
		inputs:   func(w *world) object { return w.inVCN(nil) },
		update:   object{"blockTraffic": true},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x", "publicIpId": "ocid1.publicip.oc1.iad.x"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.ServiceGateway,
		inputs: func(w *world) object {
			services, _ := w.invoke("oci:Core/getServices:getServices", object{
				"filters": []any{
					object{"name": "name", "values": []any{"All .* Services In Oracle Services Network"}, "regex": true},
				},
			})["services"].([]any)
			if len(services) != 1 {
				w.Fatalf("getServices with the filter: %v", services)
			}
			service, _ := services[0].(object)
			return w.inVCN(object{"services": []any{object{"serviceId": service["id"]}}})
		},
		update:   object{"displayName": "b"},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.DRGAttachment,
		inputs: func(w *world) object {
			return object{
				"drgId": w.ids["drg"], "displayName": "a", "networkDetails": object{"type": "VCN", "id": w.ids["other"]},
				"freeformTags": tagged,
			}
		},
		update: object{"displayName": "b", "freeformTags": retagged},
		replaces: object{
			"drgId": "ocid1.drg.oc1.iad.x", "networkDetails": object{"type": "VCN", "id": "ocid1.vcn.oc1.iad.x"},
		},
		drift: object{"displayName": "drifted"},
	},
	{
		token: catalog.RouteTable,
		inputs: func(w *world) object {
			return w.inVCN(object{
				"routeRules": []any{
					object{
						"destination": anywhere, "destinationType": "CIDR_BLOCK", "networkEntityId": w.ids["igw"],
						"description": "out",
					},
				},
			})
		},
		update:   object{"routeRules": nil},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"routeRules": []any{}},
	},
	{
		token: catalog.DefaultRouteTable,
		inputs: func(w *world) object {
			return object{
				"manageDefaultResourceId": w.ids["defaultRouteTable"], "freeformTags": tagged,
				"routeRules": []any{object{"destination": anywhere, "networkEntityId": w.ids["igw"]}},
			}
		},
		update:   object{"routeRules": []any{}, "displayName": "emptied"},
		replaces: object{"manageDefaultResourceId": "ocid1.routetable.oc1.iad.x"},
		drift:    object{"routeRules": []any{}},
	},
	{
		token: catalog.SecurityList,
		inputs: func(w *world) object {
			return w.inVCN(object{
				"ingressSecurityRules": []any{ingress(anywhere, 6443), pathMTU, object{"source": "10.0.0.0/16", "protocol": "all"}},
				"egressSecurityRules": []any{
					object{"destination": anywhere, "protocol": "17", "udpOptions": object{"min": 53.0, "max": 53.0}},
					object{"destination": anywhere, "protocol": "6"},
				},
			})
		},
		update: object{
			"ingressSecurityRules": []any{
				object{"source": "10.0.0.0/16", "protocol": "all"},
				object{"source": anywhere, "protocol": "6", "description": "from " + anywhere},
			},
			"egressSecurityRules": nil,
		},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"ingressSecurityRules": []any{object{"source": anywhere, "protocol": "all", "isStateless": true}}},
	},
	{
		token: catalog.DefaultSecurityList,
		inputs: func(w *world) object {
			return object{
				"manageDefaultResourceId": w.ids["defaultSecurityList"], "displayName": "emptied", "freeformTags": tagged,
			}
		},
		update:   object{"ingressSecurityRules": []any{pathMTU}},
		replaces: object{"manageDefaultResourceId": "ocid1.securitylist.oc1.iad.x"},
		drift:    object{"egressSecurityRules": []any{object{"destination": anywhere, "protocol": "all"}}},
	},
	{
		token: catalog.DHCPOptions,
		inputs: func(w *world) object {
			return w.inVCN(object{"domainNameType": "CUSTOM_DOMAIN", "options": []any{
				object{"type": "DomainNameServer", "serverType": "CustomDnsServer", "customDnsServers": []any{"10.0.0.53"}},
				object{"type": "SearchDomain", "searchDomainNames": []any{"guestbook.example"}},
			}})
		},
		update: object{
			"displayName": "b",
			"options":     []any{object{"type": "DomainNameServer", "serverType": "VcnLocalPlusInternet"}},
		},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.Subnet,
		inputs: func(w *world) object {
			return w.inVCN(object{
				"cidrBlock": "10.0.3.0/24", "dnsLabel": "test", "prohibitPublicIpOnVnic": true,
				"securityListIds": []any{w.ids["seclist"], w.ids["defaultSecurityList"]},
				"routeTableId":    w.ids["defaultRouteTable"],
			})
		},
		update: object{"displayName": "b", "securityListIds": []any{}, "cidrBlock": "10.0.3.0/25"},
		replaces: object{
			"vcnId": "ocid1.vcn.oc1.iad.x", "dnsLabel": "else", "prohibitPublicIpOnVnic": false,
			"availabilityDomain": ad1,
		},
		drift: object{"displayName": "drifted"},
	},
	{
		token:    catalog.NetworkSecurityGroup,
		inputs:   func(w *world) object { return w.inVCN(nil) },
		update:   object{"displayName": "b", "freeformTags": retagged},
		replaces: object{"vcnId": "ocid1.vcn.oc1.iad.x"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.NetworkSecurityGroupSecurityRule,
		inputs: func(w *world) object {
			return object{
				"networkSecurityGroupId": w.ids["nsg"], "direction": "INGRESS", "protocol": "6", "source": "10.0.0.0/16",
				"sourceType":  "CIDR_BLOCK",
				"description": "API", "tcpOptions": object{"destinationPortRange": object{"min": 6443.0, "max": 6443.0}},
			}
		},
		update:   object{"description": "anything", "tcpOptions": nil, "protocol": "all"},
		replaces: object{"networkSecurityGroupId": "ocid1.networksecuritygroup.oc1.iad.x"},
		importID: func(w *world, id string) string {
			return "networkSecurityGroups/" + w.ids["nsg"] + "/securityRules/" + id
		},
	},
	{
		token: catalog.PublicIP,
		inputs: func(*world) object {
			return object{"compartmentId": compartment, "lifetime": "RESERVED", "displayName": "a", "freeformTags": tagged}
		},
		update:   object{"displayName": "b"},
		replaces: object{"lifetime": "EPHEMERAL"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.Volume,
		inputs: func(*world) object {
			return object{
				"compartmentId": compartment, "availabilityDomain": ad1, "displayName": "a", "sizeInGbs": "50",
				"freeformTags": tagged,
			}
		},
		update: object{"displayName": "b", "sizeInGbs": "60"}, oneWay: true,
		replaces: object{"availabilityDomain": emulator.AvailabilityDomains[1]},
	},
	{
		token:  catalog.Cluster,
		inputs: func(w *world) object { return w.cluster() },
		update: object{"name": "renamed", "freeformTags": retagged},
		replaces: object{
			"vcnId": "ocid1.vcn.oc1.iad.x", "kmsKeyId": "ocid1.key.oc1.iad.x",
			"clusterPodNetworkOptions": []any{object{"cniType": "OCI_VCN_IP_NATIVE"}},
			"options":                  object{"serviceLbSubnetIds": []any{"ocid1.subnet.oc1.iad.x"}},
			"endpointConfig":           object{"subnetId": "ocid1.subnet.oc1.iad.x"},
		},
		drift: object{"name": "drifted"},
	},
	{
		token:    catalog.NodePool,
		inputs:   func(w *world) object { return w.nodePool() },
		update:   object{"name": "renamed", "initialNodeLabels": []any{object{"key": "pool", "value": "other"}}},
		replaces: object{"clusterId": "ocid1.cluster.oc1.iad.x"},
		drift:    object{"name": "drifted"},
	},
	{
		token:    catalog.VirtualNodePool,
		inputs:   func(w *world) object { return w.virtualNodePool() },
		update:   object{"displayName": "renamed", "size": 2.0},
		replaces: object{"clusterId": "ocid1.cluster.oc1.iad.x"},
		drift:    object{"displayName": "drifted"},
	},
	{
		token: catalog.Addon,
		inputs: func(w *world) object {
			return object{
				"clusterId": w.ids["cluster"], "addonName": "CoreDNS", // which is there
				"overrideExisting": true, "removeAddonResourcesOnDelete": true,
				"configurations": []any{object{"key": "a", "value": "1"}, object{"key": "b", "value": "2"}},
			}
		},
		update:   object{"configurations": []any{object{"key": "a", "value": "2"}}},
		replaces: object{"addonName": "KubernetesDashboard", "clusterId": "ocid1.cluster.oc1.iad.x"},
	},
	{
		token: catalog.Policy,
		inputs: func(*world) object {
			return object{
				"compartmentId": compartment, "name": "backup", "description": "a", "freeformTags": tagged,
				"statements": []any{"Allow dynamic-group guestbook to manage objects in compartment oke-guestbook"},
			}
		},
		update:   object{"description": "b"},
		replaces: object{"name": "other", "compartmentId": "ocid1.compartment.oc1..x"},
		drift:    object{"description": "drifted"},
	},
	{
		token: catalog.DynamicGroup,
		inputs: func(*world) object {
			return object{
				"compartmentId": emulator.TenancyID, "name": "nodes", "description": "a",
				"matchingRule": "ALL {instance.compartment.id = '" + compartment + "'}",
			}
		},
		update:   object{"description": "b", "matchingRule": "ANY {instance.compartment.id = '" + compartment + "'}"},
		replaces: object{"name": "other"},
		drift:    object{"description": "drifted"},
	},
	{
		token: catalog.RecordSet,
		inputs: func(w *world) object {
			return object{
				"zoneNameOrId": w.ids["zone"], "domain": "a.example.com", "rtype": "A", "items": addressRecords("192.0.2.1"),
			}
		},
		update:   object{"items": addressRecords("192.0.2.2")},
		replaces: object{"domain": "b.example.com", "rtype": "AAAA", "zoneNameOrId": "example.org"},
		drift:    object{"items": addressRecords("192.0.2.3")},
	},
	{
		token: catalog.Bucket,
		inputs: func(w *world) object {
			args := object{"compartmentId": compartment}
			namespace := w.invoke("oci:ObjectStorage/getNamespace:getNamespace", args)["namespace"]
			return object{
				"compartmentId": compartment, "namespace": namespace, "name": "backup", "versioning": "Enabled",
				"freeformTags": tagged,
			}
		},
		update:   object{"versioning": "Suspended", "freeformTags": retagged},
		replaces: object{"name": "other", "namespace": "other", "storageTier": "Archive"},
		drift:    object{"versioning": "Suspended"},
	},
	{
		token: catalog.Bastion,
		inputs: func(w *world) object {
			return object{
				"bastionType": "STANDARD", "compartmentId": compartment, "targetSubnetId": w.ids["api"], "name": "access",
				"clientCidrBlockAllowLists": []any{"203.0.113.0/24"}, "maxSessionTtlInSeconds": 3600.0, "freeformTags": tagged,
			}
		},
		update:   object{"clientCidrBlockAllowLists": []any{"203.0.113.0/25"}, "maxSessionTtlInSeconds": 1800.0},
		replaces: object{"name": "other", "targetSubnetId": "ocid1.subnet.oc1.iad.x"},
	},
	{
		token: catalog.Budget,
		inputs: func(*world) object {
			return object{
				"compartmentId": tenancy, "targetType": "COMPARTMENT", "targets": []any{compartment}, "amount": 100.0,
				"resetPeriod": "MONTHLY", "displayName": "guestbook", "freeformTags": tagged,
			}
		},
		update:   object{"amount": 200.0, "displayName": "other", "freeformTags": retagged},
		replaces: object{"compartmentId": compartment, "targets": []any{tenancy}},
		drift:    object{"amount": 300.0},
	},
	{
		token: catalog.BudgetRule,
		inputs: func(w *world) object {
			budget := w.create(catalog.Budget, "budget", object{
				"compartmentId": tenancy, "targetType": "COMPARTMENT", "targets": []any{tenancy}, "amount": 100.0,
				"resetPeriod": "MONTHLY", "displayName": "all",
			})
			w.ids["budget"] = budget.ID
			return object{
				"budgetId": budget.ID, "displayName": "spent", "type": "ACTUAL", "threshold": 80.0,
				"thresholdType": "PERCENTAGE", "recipients": "ops@example.com", "freeformTags": tagged,
			}
		},
		update:   object{"threshold": 90.0, "recipients": "ops@example.com,boss@example.com"},
		replaces: object{"budgetId": "ocid1.budget.oc1..x"},
		importID: func(w *world, id string) string { return "budgets/" + w.ids["budget"] + "/alertRules/" + id },
	},
	{
		token: catalog.Alarm,
		inputs: func(w *world) object {
			topic := w.create(catalog.Topic, "topic", object{"compartmentId": compartment, "name": "alarms"})
			return object{
				"compartmentId": compartment, "metricCompartmentId": compartment, "displayName": "a", "namespace": "guestbook",
				"query": "Frontend[5m].max() < 1", "severity": "CRITICAL", "destinations": []any{topic.ID}, "isEnabled": true,
				"freeformTags": tagged,
			}
		},
		update: object{"displayName": "b", "query": "Frontend[5m].max() < 2", "body": "look"},
	},
	{
		token: catalog.Topic,
		inputs: func(*world) object {
			return object{"compartmentId": compartment, "name": "alone", "description": "a", "freeformTags": tagged}
		},
		update: object{"description": "b"}, replaces: object{"name": "others"},
	},
	{
		token: catalog.Subscription,
		inputs: func(w *world) object {
			topic := w.create(catalog.Topic, "topic", object{"compartmentId": compartment, "name": "subscribed"})
			return object{
				"compartmentId": compartment, "topicId": topic.ID, "protocol": "EMAIL", "endpoint": "ops@example.com",
				"freeformTags": tagged,
			}
		},
		update: object{"freeformTags": object{"owner": "b"}}, replaces: object{"endpoint": "boss@example.com"},
	},
	{
		token: catalog.LogGroup,
		inputs: func(*world) object {
			return object{"compartmentId": compartment, "displayName": "flows", "description": "a", "freeformTags": tagged}
		},
		update: object{"description": "b"},
	},
	{
		token: catalog.Log,
		inputs: func(w *world) object {
			group := w.create(catalog.LogGroup, "group", object{"compartmentId": compartment, "displayName": "group"})
			w.ids["logs"] = group.ID
			return object{
				"logGroupId": group.ID, "displayName": "workers", "logType": "SERVICE", "isEnabled": true,
				"retentionDuration": 30.0, "freeformTags": tagged,
				"configuration": object{
					"compartmentId": compartment,
					"source": object{
						"category": "subnet", "resource": w.ids["workers"], "service": "flowlogs", "sourceType": "OCISERVICE",
					},
				},
			}
		},
		update:   object{"displayName": "b", "retentionDuration": 60.0},
		replaces: object{"logType": "CUSTOM", "configuration": object{"source": object{"category": "vcn"}}},
		importID: func(w *world, id string) string { return "logGroupId/" + w.ids["logs"] + "/logId/" + id },
	},
	{
		token: catalog.AgentConfiguration,
		inputs: func(w *world) object {
			group := w.create(catalog.LogGroup, "agents", object{"compartmentId": compartment, "displayName": "agents"})
			log := w.create(catalog.Log, "containers", object{
				"logGroupId": group.ID, "displayName": "containers", "logType": "CUSTOM", "isEnabled": true,
			})
			nodes := w.create(catalog.DynamicGroup, "agents", object{
				"compartmentId": tenancy, "name": "agents", "description": "a",
				"matchingRule": "instance.compartment.id = '" + compartment + "'",
			})
			return object{
				"compartmentId": compartment, "displayName": "a", "description": "a", "isEnabled": true,
				"groupAssociation": object{"groupLists": []any{nodes.ID}}, "freeformTags": tagged,
				"serviceConfiguration": object{
					"configurationType": "LOGGING", "destination": object{"logObjectId": log.ID},
					"sources": []any{object{
						"sourceType": "LOG_TAIL", "name": "containers", "paths": []any{"/var/log/containers/*_a_*.log"},
						"parser": object{"parserType": "CRI", "isMergeCriFields": false},
					}},
				},
			}
		},
		update: object{"displayName": "b", "isEnabled": false},
	},
}

func TestLifeCycles(t *testing.T) {
	official := typedSDK(t)
	base := newWorld(t)
	base.build()
	tested := map[string]bool{}
	for _, c := range lifeCycles {
		tested[c.token] = true
		t.Run(c.token, func(t *testing.T) {
			w := *base
			w.T = t
			c.run(&w, official)
		})
	}
	for token := range mappings {
		if !tested[token] {
			t.Errorf("%s has no life-cycle test", token)
		}
	}
}

// Changes of a cluster and its pools take more than a PUT of one field.
func TestClusterUpdates(t *testing.T) {
	w := newWorld(t)
	w.build()
	cluster := w.live(newURN(catalog.Cluster, "cluster"), w.ids["cluster"], value.OfMap(w.cluster()), value.OfMap(nil))
	cluster.Refresh()
	inputs := w.cluster()
	for _, c := range []struct {
		what    string
		changes object
	}{
		{"another network security group", object{
			"endpointConfig": object{"subnetId": w.ids["api"], "isPublicIpEnabled": true, "nsgIds": []any{}},
		}},
		{"no network security group", object{"endpointConfig": object{"subnetId": w.ids["api"], "isPublicIpEnabled": true}}},
		{"a private endpoint", object{
			"endpointConfig": object{"subnetId": w.ids["api"], "isPublicIpEnabled": false, "nsgIds": []any{w.ids["nsg"]}},
		}},
		{"other tags for volumes", object{
			"options": with(inputs["options"].(object), object{"persistentVolumeConfig": object{"freeformTags": retagged}}),
		}},
		{"an upgrade", object{"kubernetesVersion": "v1.36.4"}},
	} {
		inputs = with(inputs, c.changes)
		if d := cluster.Diff(inputs); !d.HasChanges && c.what != "no network security group" {
			t.Errorf("%s: no diff", c.what)
		}
		cluster.update(inputs)
		cluster.Refresh()
		cluster.Unchanged(c.what, inputs)
	}

	pool := w.nodePool()
	r := w.create(catalog.NodePool, "pool", pool)
	details := with(pool["nodeConfigDetails"].(object), object{"size": 3.0})
	for _, changes := range []object{
		{"nodeConfigDetails": details},
		{"nodeShapeConfig": object{"ocpus": 4.0, "memoryInGbs": 32.0}},
		{"nodeSourceDetails": with(pool["nodeSourceDetails"].(object), object{"bootVolumeSizeInGbs": "80"})},
	} {
		pool = with(pool, changes)
		if d := r.Diff(pool); !d.HasChanges {
			t.Errorf("no diff for %v", changes)
		}
		r.update(pool)
		r.Refresh()
		r.Unchanged("after the update", pool)
	}
	nodes, _ := value.PlainMap(r.State)["nodes"].([]any)
	if len(nodes) != 3 {
		t.Errorf("%d nodes, want 3: %v", len(nodes), nodes)
	}
}
