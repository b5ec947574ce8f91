package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/golden"
	"oke-guestbook/internal/mocks"
	"oke-guestbook/settings"
)

// change is a later change of settings, on stack local with an enhanced cluster.
type change struct {
	what   string            // the setting's key, with more words where it has several rows
	before map[string]string // other settings, before and after
	set    map[string]string
	// loses lists the types of precious resources that the change replaces or deletes: exactly these, so that the docs
	// are right to warn of them.
	loses []string
	// reverse is the same for undoing the change; nil if it equals loses.
	reverse []string
}

// newCluster is what changes lose for which OKE needs a new cluster.
var newCluster = []string{"oci:ContainerEngine/cluster:Cluster"}

// byOCID are settings with a certificate of the Certificates service.
var byOCID = map[string]string{"tlsCertificateId": mocks.CertificateID, "loadBalancerPorts": `["80","443"]`}

var changes = []change{
	{what: "frontendReplicas", set: map[string]string{"frontendReplicas": "4"}},
	{what: "frontendReplicas, autoscaled", before: metrics, set: map[string]string{"frontendReplicas": "4"}},
	{what: "frontendMinReplicas", before: metrics, set: map[string]string{"frontendMinReplicas": "2"}},
	{what: "frontendMaxReplicas", before: metrics, set: map[string]string{"frontendMaxReplicas": "9"}},
	{what: "frontendMaxReplicas: no autoscaler", before: metrics, set: map[string]string{"frontendMaxReplicas": "3"}},
	{what: "autoscaleCpuPercent", before: metrics, set: map[string]string{"autoscaleCpuPercent": "50"}},
	{what: "frontendImage", set: map[string]string{"frontendImage": "registry.local/guestbook:v2"}},
	{what: "frontendCpuMillis", set: map[string]string{"frontendCpuMillis": "100"}},
	{what: "frontendMemoryMb", set: map[string]string{"frontendMemoryMb": "128"}},
	{what: "frontendPort", set: map[string]string{"frontendPort": "8081"}},
	{what: "metricsPort", set: map[string]string{"metricsPort": "9091"}},
	{what: "readinessPath", set: map[string]string{"readinessPath": "/livez"}},
	{what: "livenessPath", set: map[string]string{"livenessPath": "/readyz"}},
	{what: "loadBalancerMbps", set: map[string]string{"loadBalancerMbps": "100"}},
	{what: "loadBalancerType", set: map[string]string{"loadBalancerType": "nlb"}},
	{what: "reservedAddress", set: map[string]string{"reservedAddress": mocks.ReservedAddress}},
	{what: "reservedAddress, in another compartment", set: foreignAddress},
	{what: "tlsCertificate, tlsPrivateKey", set: https(certificate, privateKey)},
	{
		what: "tlsCertificate, tlsPrivateKey: renewed", before: https(certificate, privateKey),
		set: https(renewedCertificate, renewedPrivateKey),
	},
	{what: "tlsCertificateId", set: byOCID},
	{what: "acmeDirectory", set: byACME()},
	{what: "acmeEmail", before: byACME(), set: map[string]string{"acmeEmail": "ops@example.com"}},
	{what: "dnsZoneId", before: byACME(), set: map[string]string{"dnsZoneId": mocks.ZoneID}},
	{
		what: "tlsHostname: with a record", before: byACME("dnsZoneId", mocks.ZoneID),
		set: map[string]string{"tlsHostname": "www.example.com"},
	},
	{what: "tlsHostname", before: byOCID, set: map[string]string{"tlsHostname": mocks.CertificateHost}},
	{what: "tlsMinimumVersion", before: byOCID, set: map[string]string{"tlsMinimumVersion": "TLSv1.3"}},
	{what: "tlsCipherSuite", before: byOCID, set: map[string]string{"tlsCipherSuite": "oci-tls-12-ssl-cipher-suite-v3"}},
	{what: "plainHttp: closed", before: byOCID, set: map[string]string{"plainHttp": "closed"}},
	{
		what: "servicePort", before: map[string]string{"loadBalancerPorts": `["80","8000"]`},
		set: map[string]string{"servicePort": "8000"},
	},
	{what: "exposure: node-port", set: map[string]string{"exposure": "node-port"}},
	{what: "exposure: none", set: map[string]string{"exposure": "none"}},
	{what: "exposure: internal", before: both, set: map[string]string{"exposure": "internal"}},
	{what: "mongoImage", set: map[string]string{"mongoImage": "docker.io/library/mongo:8.2"}},
	{what: "mongoCpuMillis", set: map[string]string{"mongoCpuMillis": "500"}},
	{what: "mongoMemoryMb", set: map[string]string{"mongoMemoryMb": "1024"}},
	{
		what: "mongoReplicas", before: map[string]string{"nodePools": pool(`"size":3`)},
		set:     map[string]string{"mongoReplicas": "3"},
		reverse: []string{"kubernetes:core/v1:PersistentVolumeClaim"},
	},
	{what: "storageGb", set: map[string]string{"storageGb": "100"}},
	{what: "credentialsRelease", set: map[string]string{"credentialsRelease": "2"}},
	{what: "externalDatabase", set: elsewhere},
	{what: "externalDatabase, with backups", before: backups, set: elsewhere},
	{what: "databasePassword", before: elsewhere, set: map[string]string{"databasePassword": "another"}},
	{what: "backupSchedule", set: backups},
	{what: "backupRetentionDays", before: backups, set: map[string]string{"backupRetentionDays": "7"}},
	{what: "choresImage", before: backups, set: map[string]string{"choresImage": "registry.local/guestbook:v2"}},
	{what: "restoreFrom", before: backups, set: map[string]string{"restoreFrom": "2026-11-23T03-00-00Z.archive.gz"}},
	{what: "restoreRelease", before: restored, set: map[string]string{"restoreRelease": "2"}},
	{what: "quotaCpuMillis", set: map[string]string{"quotaCpuMillis": "9000"}},
	{what: "alarmEmails", before: alarms, set: map[string]string{"alarmEmails": `["finance@example.com"]`}},
	{what: "alarmEmails: none before", set: alarms},
	{
		what: "alarmTopicId", before: alarms,
		set: map[string]string{"alarmEmails": "[]", "alarmTopicId": "ocid1.onstopic.oc1.iad.a"},
	},
	{what: "budgetMonthly", before: budget("100", "ops"), set: map[string]string{"budgetMonthly": "200"}},
	{what: "budgetMonthly: none before", set: budget("100", "ops")},
	{what: "budgetEmails", before: budget("100", "ops"), set: budget("100", "finance")},
	{what: "quotaMemoryMb", set: map[string]string{"quotaMemoryMb": "9000"}},
	{what: "namespace", before: backups, set: map[string]string{"namespace": "busan"}},
	{what: "profile", set: map[string]string{"profile": "tutorial"}},
	{what: "compartmentId", set: map[string]string{"compartmentId": "ocid1.compartment.oc1..another"}},
	{
		what: "guestbooks: one more", set: map[string]string{"guestbooks": `[{"name":"guestbook"},{"name":"busan"}]`},
		reverse: []string{"kubernetes:core/v1:Namespace", "kubernetes:core/v1:PersistentVolumeClaim"},
	},
	{what: "registryUsername, registryPassword", set: private},
	{what: "registryPassword", before: private, set: map[string]string{"registryPassword": "another"}},
	{what: "registry", before: private, set: map[string]string{"registry": "docker.io"}},
	{what: "tokenCommand", set: map[string]string{"tokenCommand": "oke"}},
	{what: "networkPolicies", set: enforced},
	{what: "networkPolicyImage", before: enforced, set: map[string]string{
		"networkPolicyImage": "registry.k8s.io/networking/kube-network-policies:v1.1.2",
	}},
	{what: "logDestination", set: logAgents, reverse: []string{"kubernetes:core/v1:Namespace"}},
	{what: "logAgentImage", before: logAgents, set: map[string]string{
		"logAgentImage": "docker.io/fluent/fluent-bit:4.0.4",
	}},

	{
		what: "kubernetesVersion",
		before: map[string]string{
			"kubernetesVersion": "v1.35.2", "nodePools": pool(`"size":2,"kubernetesVersion":"v1.35.2"`),
		},
		set: map[string]string{"kubernetesVersion": "v1.36.4"},
	},
	{what: "kubernetesVersion: the minor version that runs", set: map[string]string{"kubernetesVersion": "v1.36"}},
	{what: "kubernetesVersion: lowered", set: map[string]string{"kubernetesVersion": "v1.35"}},
	{what: "nodePools: kubernetesVersion", set: map[string]string{
		"nodePools": pool(`"size":2,"kubernetesVersion":"v1.35.2"`),
	}},
	{what: "nodePools: size", set: map[string]string{"nodePools": pool(`"size":3`)}},
	{what: "nodePools: labels", set: map[string]string{"nodePools": pool(`"size":2,"labels":{"team":"web"}`)}},
	{what: "nodePools: taints", set: map[string]string{
		"nodePools": pool(`"size":2,"taints":["team=web:PreferNoSchedule"]`),
	}},
	{what: "nodePools: cloudInit", set: map[string]string{
		"nodePools": pool(`"size":2,"cloudInit":"#!/bin/sh\necho hello\n"`),
	}},
	{
		what: "nodePools: size 0 beside another pool", before: map[string]string{"nodePools": twoPools(2)},
		set: map[string]string{"nodePools": twoPools(0)},
	},
	{what: "nodePools: sshPublicKey", set: map[string]string{
		"nodePools": pool(`"size":2,"sshPublicKey":"` + sshKey + `"`),
	}},
	{
		what: "nodePools: capacityReservationId", before: map[string]string{"availabilityDomains": "[1]"},
		set: map[string]string{
			"nodePools": pool(`"size":2,"capacityReservationId":"ocid1.capacityreservation.oc1.iad.a"`),
		},
	},
	{what: "nodePools: bootVolumeKmsKeyId", set: map[string]string{
		"nodePools": pool(`"size":2,"bootVolumeKmsKeyId":"ocid1.key.oc1.iad.vault.example"`),
	}},
	{what: "nodePools: nsgIds", set: map[string]string{
		"nodePools": pool(`"size":2,"nsgIds":["ocid1.networksecuritygroup.oc1.iad.a"]`),
	}},
	{what: "nodePools: imageId", set: map[string]string{
		"nodePools": pool(`"size":2,"imageId":"` + mocks.OwnImage + `"`),
	}},
	{what: "nodePools: shape", set: map[string]string{
		"nodePools": strings.Replace(pool(`"size":2`), "A1", "E5", 1),
	}},
	{what: "nodePools: ocpus, memoryGb", set: map[string]string{
		"nodePools": `[{"name":"workers","size":3,"ocpus":1,"memoryGb":8}]`,
	}},
	{what: "nodePools: bootVolumeGb", set: map[string]string{"nodePools": pool(`"size":2,"bootVolumeGb":100`)}},
	{what: "nodePools: availabilityDomains", set: map[string]string{
		"nodePools": pool(`"size":2,"availabilityDomains":[1,3]`),
	}},
	{what: "nodePools: faultDomains", set: map[string]string{"nodePools": pool(`"size":2,"faultDomains":[1]`)}},
	{what: "nodePools: maxPodsPerNode", set: map[string]string{"nodePools": pool(`"size":2,"maxPodsPerNode":20`)}},
	{
		what: "nodePools: maxPodsPerNode, of native Pods", before: map[string]string{"podNetwork": "vcn-native"},
		set: map[string]string{"nodePools": pool(`"size":2,"maxPodsPerNode":20`)},
	},
	{what: "nodePools: autoscaled", set: map[string]string{"nodePools": pool(`"size":2,"autoscaled":true`)}},
	{
		what:   "nodePools: size, with autoscaled",
		before: map[string]string{"nodePools": pool(`"size":2,"autoscaled":true`)},
		set:    map[string]string{"nodePools": pool(`"size":3,"autoscaled":true`)},
	},
	{what: "nodePools: maxSurge", set: map[string]string{"nodePools": pool(`"size":2,"maxSurge":"50%"`)}},
	{what: "nodePools: evictionGraceMinutes", set: map[string]string{
		"nodePools": pool(`"size":2,"evictionGraceMinutes":30`),
	}},
	{
		what: "nodePools: preemptible", before: map[string]string{"nodePools": pool(`"size":2`, `"size":2`)},
		set: map[string]string{"nodePools": pool(`"size":2,"preemptible":true`, `"size":2`)},
	},
	{what: "nodePools: maxUnavailable", set: map[string]string{"nodePools": pool(`"size":2,"maxUnavailable":"1"`)}},
	{
		what: "nodePools: cycleBy", before: map[string]string{"nodePools": pool(`"size":2,"maxUnavailable":"1"`)},
		set: map[string]string{"nodePools": pool(`"size":2,"maxUnavailable":"1","cycleBy":"boot-volume"`)},
	},
	{
		what: "nodePools: ocpus, with cycleBy boot-volume", before: map[string]string{"nodePools": byBootVolume("")},
		set: map[string]string{"nodePools": strings.Replace(byBootVolume(""), `"ocpus":2`, `"ocpus":1`, 1)},
	},
	{
		what: "nodePools: labels, with cycleBy boot-volume", before: map[string]string{"nodePools": byBootVolume("")},
		set: map[string]string{"nodePools": byBootVolume(`,"labels":{"team":"web"}`)},
	},
	{
		what: "nodePools: cloudInit, with cycleBy boot-volume", before: map[string]string{"nodePools": byBootVolume("")},
		set: map[string]string{"nodePools": byBootVolume(`,"cloudInit":"#!/bin/sh\necho hello\n"`)},
	},
	{what: "nodePools: minSize, maxSize", set: bounds("1", "4")},
	{what: "nodePools: maxSize", before: bounds("1", "4"), set: bounds("1", "6")},
	{
		what: "nodePools: size, with maxSize", before: bounds("1", "4"),
		set: map[string]string{"nodePools": pool(`"size":3,"minSize":1,"maxSize":4`)},
	},
	{what: "autoscalerPolicy", before: bounds("1", "4"), set: map[string]string{"autoscalerPolicy": "false"}},
	{
		what: "clusterPolicy", before: map[string]string{
			"definedTags": `{"Operations.CostCenter":"42"}`, "tenancyId": "ocid1.tenancy.oc1..root",
		},
		set: map[string]string{"clusterPolicy": "true"},
	},
	{what: "policyWaitSeconds", before: keyElsewhere, set: map[string]string{"policyWaitSeconds": "60"}},
	{
		what: "kmsKeyId, with clusterPolicy", before: keyElsewhere,
		set: map[string]string{"kmsKeyId": "ocid1.key.oc1.iad.b.vault"}, loses: newCluster,
	},
	{what: "addonOptions", before: metrics, set: map[string]string{
		"addonOptions": `{"KubernetesMetricsServer":{"version":"v0.7.2","configuration":{"numOfReplicas":"2"}}}`,
	}},
	{what: "addonOptions: ClusterAutoscaler", before: bounds("1", "4"), set: map[string]string{
		"addonOptions": `{"ClusterAutoscaler":{"configuration":{"scaleDownUnneededTime":"5m"}}}`,
	}},
	{what: "nodePools: one more", set: map[string]string{"nodePools": `[
		{"name":"workers","size":2,"ocpus":2,"memoryGb":12}, {"name":"more","size":1,"ocpus":2,"memoryGb":12}
	]`}, reverse: []string{"oci:ContainerEngine/nodePool:NodePool"}},
	// The new pool comes before the old one goes.
	{what: "nodePools: name", set: map[string]string{
		"nodePools": strings.Replace(pool(`"size":2`), "workers", "renamed", 1),
	}, loses: []string{"oci:ContainerEngine/nodePool:NodePool"}},
	{what: "virtualNodePools", before: nativePods, set: map[string]string{"virtualNodePools": `[{"name":"burst"}]`}},
	{what: "virtualNodePools: size", before: burst(""), set: burst(`,"size":3`)},
	{what: "virtualNodePools: podShape", before: burst(""), set: burst(`,"podShape":"Pod.Standard.A1.Flex"`)},
	{what: "virtualNodePools: labels", before: burst(`,"labels":{"team":"web"}`), set: burst(`,"labels":{"team":"data"}`)},
	{what: "virtualNodePools: taints", before: burst(""), set: burst(`,"taints":["team=web:NoExecute"]`)},
	{what: "virtualNodePools: podsPerNode", before: burst(""), set: burst(`,"podsPerNode":100`)},
	{what: "virtualNodePools: availabilityDomains", before: burst(""), set: burst(`,"availabilityDomains":[2]`)},
	{what: "virtualNodePools: faultDomains", before: burst(""), set: burst(`,"faultDomains":[1]`)},
	{what: "nodeImageRelease", set: map[string]string{"nodeImageRelease": "november"}},
	{what: "availabilityDomains", set: map[string]string{"availabilityDomains": "[1,3]"}},
	{what: "allowStrandedVolumes", set: map[string]string{"allowStrandedVolumes": "true"}},
	{what: "clusterType", set: map[string]string{"clusterType": "basic"}},
	{what: "addons", set: metrics},
	{what: "addons: metrics of native Pods", before: nativePods, set: metrics},
	{what: "kmsKeyId", set: map[string]string{"kmsKeyId": "ocid1.key.oc1.iad.vault.example"}, loses: newCluster},

	{what: "oidcIssuers", set: map[string]string{"oidcIssuers": `[` + githubIssuer + `]`}},
	{
		what: "oidcIssuers: one more", before: map[string]string{"oidcIssuers": `[` + githubIssuer + `]`},
		set: map[string]string{"oidcIssuers": `[` + githubIssuer + `,{"url":"https://198.51.100.7:8443","clientId":"oke"}]`},
	},
	{
		what: "oidcIssuers: claims and certificate", before: map[string]string{"oidcIssuers": `[` + githubIssuer + `]`},
		set: map[string]string{"oidcIssuers": `[{"url":"https://token.actions.githubusercontent.com","clientId":"oke",` +
			`"usernameClaim":"email","usernamePrefix":"-","groupsClaim":"groups","groupsPrefix":"actions:",` +
			`"caCertificate":` + strconv.Quote(certificate) + `}]`},
	},
	{what: "oidcDiscovery", set: map[string]string{"oidcDiscovery": "true"}},
	{what: "imageVerificationKeys", set: map[string]string{"imageVerificationKeys": `["ocid1.key.oc1.iad.a.rsa"]`}},
	{what: "vaultIds", set: map[string]string{"vaultIds": `["` + mocks.OtherVault + `"]`}},

	{what: "loadBalancers: one kind more", set: both, reverse: []string{"oci:Core/subnet:Subnet"}},
	// The cluster names a subnet for load balancers, which is immutable, and must not be replaced.
	{what: "loadBalancers: one kind more than internal", before: internal, set: map[string]string{
		"loadBalancers": "both", "loadBalancerAllowedCidrs": `["0.0.0.0/0"]`,
	}, reverse: []string{"oci:Core/subnet:Subnet"}},
	{what: "loadBalancers: the other kind", set: internal, loses: []string{"oci:Core/subnet:Subnet"}},
	{what: "loadBalancerAllowedCidrs", set: map[string]string{"loadBalancerAllowedCidrs": `["203.0.113.0/24"]`}},
	{what: "internalLoadBalancerAllowedCidrs", before: both, set: map[string]string{
		"internalLoadBalancerAllowedCidrs": `["10.0.64.0/20"]`,
	}},
	{what: "loadBalancerPorts", set: map[string]string{"loadBalancerPorts": `["80","443"]`}},
	{what: "bastion", set: bastion, reverse: []string{"oci:Core/subnet:Subnet"}},
	{what: "bastionAllowedCidrs", before: bastion, set: map[string]string{"bastionAllowedCidrs": `["198.51.100.0/24"]`}},
	{what: "apiAllowedCidrs", before: publicAPI, set: map[string]string{"apiAllowedCidrs": `["203.0.113.8/32"]`}},
	{what: "apiEndpoint", set: publicAPI, loses: []string{"oci:Core/subnet:Subnet"}},
	{what: "internetEgress", before: atOracle, set: map[string]string{"internetEgress": "none"}},
	{what: "extraRules", set: map[string]string{"extraRules": `[{
		"from":"workers","to":"198.51.100.7/32","protocol":"tcp","ports":"27017","description":"The database outside"
	}]`}},
	{what: "containerLogs", set: nodeLogs},
	{what: "containerLogsGroup", before: nodeLogs, set: map[string]string{
		"containerLogsGroup": "ocid1.dynamicgroup.oc1..nodes",
	}},
	{what: "tenancyId, with containerLogs, clusterPolicy and a budget", before: inTenancy, set: map[string]string{
		"tenancyId": "ocid1.tenancy.oc1..another",
	}},
	{
		what: "homeRegion, with containerLogs, clusterPolicy and a budget", before: inTenancy,
		set: map[string]string{"homeRegion": "eu-frankfurt-1"},
	},
	// The service moves no subnet.
	{what: "vcnCidr", set: map[string]string{"vcnCidr": "10.1.0.0/16"}},
	{
		what: "vcnId", set: map[string]string{"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16"},
		loses: []string{
			"oci:ContainerEngine/cluster:Cluster", "oci:Core/subnet:Subnet", "oci:Core/vcn:Vcn",
		},
		reverse: []string{"oci:ContainerEngine/cluster:Cluster", "oci:Core/subnet:Subnet"},
	},
	{what: "internetGatewayId, natGatewayId, serviceGatewayId", before: map[string]string{
		"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16",
	}, set: map[string]string{
		"internetGatewayId": mocks.ExistingInternet, "natGatewayId": mocks.ExistingNAT,
		"serviceGatewayId": mocks.ExistingServices,
	}},
	{what: "flowLogs", set: map[string]string{"flowLogs": `["workers"]`}},
	{what: "securityBy", set: map[string]string{"securityBy": "groups"}},
	{what: "peerCidrs", set: map[string]string{"peerCidrs": `["172.16.0.0/16"]`}},
	{
		what: "drgId", before: map[string]string{"peerCidrs": `["172.16.0.0/16"]`},
		set: map[string]string{"drgId": mocks.ExistingDRG},
	},
	{what: "subnets: prefixLength", set: map[string]string{"subnets": `{"workers":{"prefixLength":22}}`}},
	{what: "subnets: cidr", set: map[string]string{"subnets": `{"publicLoadBalancers":{"cidr":"10.0.200.0/24"}}`}},
	{
		what: "subnets: id", before: map[string]string{
			"vcnId": mocks.ExistingVCN, "vcnCidr": "10.20.0.0/16", "securityBy": "groups",
			"subnets": `{"workers":{"cidr":"10.20.8.0/22"}}`,
		},
		set:   map[string]string{"subnets": `{"workers":{"id":"` + mocks.ExistingWorkers + `","cidr":"10.20.8.0/22"}}`},
		loses: []string{"oci:Core/subnet:Subnet"}, reverse: []string{},
	},
	{
		what: "podNetwork", set: map[string]string{"podNetwork": "vcn-native"},
		loses: []string{"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool"},
		reverse: []string{
			"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool", "oci:Core/subnet:Subnet",
		},
	},
	{what: "podsCidr", set: map[string]string{"podsCidr": "10.245.0.0/16"}, loses: newCluster},
	{what: "servicesCidr", set: map[string]string{"servicesCidr": "10.97.0.0/16"}, loses: newCluster},
	{what: "protect", set: map[string]string{"protect": "true"}},
	{what: "tags", set: map[string]string{"tags": `{"team":"web"}`}},
	{what: "definedTags", set: map[string]string{"definedTags": `{"Operations.CostCenter":"42"}`}},
}

// Settings of several rows.
var (
	both = map[string]string{
		"loadBalancers": "both", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`, "exposure": "public",
	}
	internal = map[string]string{
		"loadBalancers": "internal", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`,
		"loadBalancerAllowedCidrs": "[]", "exposure": "internal",
	}
	bastion   = map[string]string{"bastion": "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`}
	atOracle  = map[string]string{"frontendImage": "iad.ocir.io/t/guestbook:v1", "mongoImage": "iad.ocir.io/t/mongo:8.0"}
	alarms    = map[string]string{"alarmEmails": `["ops@example.com"]`}
	backups   = map[string]string{"backupSchedule": "0 3 * * *"}
	restored  = map[string]string{"backupSchedule": "0 3 * * *", "restoreFrom": "2026-11-23T03-00-00Z.archive.gz"}
	elsewhere = map[string]string{"externalDatabase": "mongo.database", "databasePassword": "example"}
	enforced  = map[string]string{"networkPolicies": "enforced"}
	logAgents = map[string]string{"logDestination": "collector.logs:24224"}
	nodeLogs  = map[string]string{"containerLogs": "true", "tenancyId": "ocid1.tenancy.oc1..a"}
	inTenancy = with(keyElsewhere, nodeLogs, budget("100", "ops"))
	metrics   = map[string]string{"addons": `["CertManager","KubernetesMetricsServer"]`}
	private   = map[string]string{"registryUsername": "tenancy/user", "registryPassword": "example"}
	publicAPI = map[string]string{"apiEndpoint": "public", "apiAllowedCidrs": `["203.0.113.7/32"]`}
)

// with joins settings. Later ones prevail.
func with(settings ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, set := range settings {
		maps.Copy(all, set)
	}
	return all
}

// budget are the settings of a budget.
func budget(amount, user string) map[string]string {
	return map[string]string{
		"budgetMonthly": amount, "budgetEmails": `["` + user + `@example.com"]`, "tenancyId": "ocid1.tenancy.oc1..a",
	}
}

// pool is the setting nodePools with the pool workers, and others.
func pool(rest ...string) string {
	var pools []string
	for i, fields := range rest {
		pools = append(pools, fmt.Sprintf(`{"name":%q,"shape":"VM.Standard.A1.Flex","ocpus":2,"memoryGb":12,%s}`,
			"workers"+strings.Repeat("-more", i), fields))
	}
	return "[" + strings.Join(pools, ",") + "]"
}

// bounds is the setting nodePools with one pool of two nodes that the autoscaler changes.
func bounds(smallest, largest string) map[string]string {
	return map[string]string{"nodePools": pool(`"size":2,"minSize":` + smallest + `,"maxSize":` + largest)}
}

// nativePods are the settings that virtual nodes need of the network.
var nativePods = map[string]string{"podNetwork": "vcn-native", "internetEgress": "workers-and-pods"}

// burst is the setting virtualNodePools with one pool, and what it needs.
func burst(rest string) map[string]string {
	set := map[string]string{"virtualNodePools": `[{"name":"burst"` + rest + `}]`}
	maps.Copy(set, nativePods)
	return set
}

func byBootVolume(rest string) string { return pool(`"size":2,"cycleBy":"boot-volume"` + rest) }

// twoPools is the setting nodePools with a second pool of so many nodes.
func twoPools(size int) string {
	return fmt.Sprintf(`[
		{"name":"workers","size":2,"ocpus":2,"memoryGb":12}, {"name":"more","size":%d,"ocpus":2,"memoryGb":12}
	]`, size)
}

const sshKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFGq6TGH3VPfqa0pNZQyIJJg7JbmP1IHBLzVtHPjGMUv ops@example.com"

const githubIssuer = `{"url":"https://token.actions.githubusercontent.com","clientId":"oke",` +
	`"usernamePrefix":"actions:","requiredClaims":{"repository":"me/guestbook"}}`

// precious are the types of resources that no change may replace or delete, except where the table says so.
var precious = []string{
	"oci:ContainerEngine/cluster:Cluster", "oci:ContainerEngine/nodePool:NodePool",
	"oci:Core/vcn:Vcn", "oci:Core/subnet:Subnet",
	"kubernetes:core/v1:Namespace", "kubernetes:core/v1:PersistentVolumeClaim", "pulumi:providers:kubernetes",
}

// TestChanges compares the effects of each change on the resources with a golden file. Neither the change nor its
// reverse may lose precious resources, except where the table says so.
func TestChanges(t *testing.T) {
	onPath(t, "oke")
	var out strings.Builder
	for _, c := range changes {
		old := map[string]string{"clusterType": "enhanced"}
		maps.Copy(old, c.before)
		now := maps.Clone(old)
		maps.Copy(now, c.set)
		before, err := run(t, "local", old)
		if err != nil {
			t.Errorf("before %s: %v", c.what, err)
			continue
		}
		after := before.Next()
		fmt.Fprintf(&out, "%s\n", c.what)
		if err := update(t, "local", now, after); err != nil {
			fmt.Fprintf(&out, "  refused  %s\n", refusal(err))
			for _, e := range effects(before, after) {
				if e.verb != "delete" { // a program that fails deletes nothing
					t.Errorf("%s is refused, and would %s %s %s", c.what, e.verb, e.typ, e.name)
				}
			}
			continue
		}
		list := effects(before, after)
		for _, e := range list {
			fmt.Fprintf(&out, "  %-8s %s %s %s\n", e.verb, e.typ, e.name, strings.Join(e.paths, " "))
		}
		if got := lost(list); !slices.Equal(got, c.loses) {
			t.Errorf("%s loses %v, want %v", c.what, got, c.loses)
		}
		want := c.reverse
		if want == nil {
			want = c.loses
		}
		if got := lost(effects(after, before)); !slices.Equal(got, want) {
			t.Errorf("%s, undone, loses %v, want %v", c.what, got, want)
		}
	}
	golden.Check(t, "changes", strings.ReplaceAll(out.String(), " \n", "\n"))
}

// TestEveryChange expects a row of the table for each setting, and for each field of one.
func TestEveryChange(t *testing.T) {
	rows := map[string]bool{}
	for _, c := range changes {
		for key, value := range c.set {
			rows[key] = true
			old, ok := c.before[key]
			if !ok && key == "nodePools" {
				old = pool(`"size":2`) // the stack's file has it
			}
			before, after := fieldValues(old), fieldValues(value)
			for field, values := range after {
				rows[key+"."+field] = rows[key+"."+field] || !slices.Equal(before[field], values)
			}
		}
	}
	var declared settings.Settings
	for _, s := range declared.Settings() {
		if !rows[s.Key] {
			t.Errorf("no row changes %s", s.Key)
		}
		if s.Key == "guestbooks" { // its fields are the settings of the only guestbook
			continue
		}
		for _, field := range s.Fields {
			if key := s.Key + "." + field.Key; !rows[key] {
				t.Errorf("no row changes %s", key)
			}
		}
	}
}

// fieldValues are those of all objects of a setting, a list or a map of them, by the fields' names.
func fieldValues(text string) map[string][]string {
	var list []map[string]json.RawMessage
	var byName map[string]map[string]json.RawMessage
	_ = json.Unmarshal([]byte(text), &byName) // another kind of setting has no fields
	if json.Unmarshal([]byte(text), &list) != nil {
		for _, name := range slices.Sorted(maps.Keys(byName)) {
			list = append(list, byName[name])
		}
	}
	values := map[string][]string{}
	for _, object := range list {
		for field, value := range object {
			values[field] = append(values[field], string(value))
		}
	}
	return values
}

// refusal returns the program's error without the context that Pulumi's SDK adds.
func refusal(err error) string {
	parts := strings.Split(err.Error(), "resolving options: ")
	return strings.TrimSpace(parts[len(parts)-1])
}

// lost lists the types of precious resources that are replaced or deleted, and of StatefulSets that are replaced.
func lost(list []effect) []string {
	var types []string
	for _, e := range list {
		gone := e.verb == "replace" || e.verb == "delete"
		if gone && slices.Contains(precious, e.typ) || e.verb == "replace" && e.typ == "kubernetes:apps/v1:StatefulSet" {
			types = append(types, e.typ)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

type effect struct {
	verb, typ, name string
	paths           []string // of the inputs that change
}

// effects lists what the engine would do to go from one recording to another.
func effects(before, after *mocks.Recorder) []effect {
	index := func(r *mocks.Recorder) map[string]mocks.Resource {
		m := map[string]mocks.Resource{}
		for _, res := range r.Resources {
			m[res.Type+" "+res.Name] = res
		}
		return m
	}
	old, now := index(before), index(after)
	var list []effect
	for key, was := range old {
		is, kept := now[key]
		if !kept {
			list = append(list, effect{verb: "delete", typ: was.Type, name: was.Name})
			continue
		}
		if paths := changedPaths(was, is); len(paths) > 0 {
			e := effect{verb: "update", typ: is.Type, name: is.Name, paths: paths}
			if slices.ContainsFunc(paths, func(path string) bool { return replaces(path, was, is) }) {
				e.verb = "replace"
			}
			list = append(list, e)
		}
	}
	for key, is := range now {
		if _, was := old[key]; !was {
			list = append(list, effect{verb: "create", typ: is.Type, name: is.Name})
		}
	}
	slices.SortFunc(list, func(a, b effect) int {
		return strings.Compare(a.verb+a.typ+a.name, b.verb+b.typ+b.name)
	})
	return list
}

// replaces reports whether a change of an input replaces the resource.
func replaces(path string, was, is mocks.Resource) bool {
	within := func(whole string) bool { return contains(whole, path) }
	return catalog.ForceNew(is.Type).Contains(path) ||
		slices.ContainsFunc(is.Options.GetReplaceOnChanges(), within) && !comesOrGoes(path, was, is)
}

// contains reports whether a property is the whole one, or a part of it, as the engine compares them.
func contains(whole, part string) bool {
	of, err := resource.ParsePropertyPath(whole)
	p, err2 := resource.ParsePropertyPath(part)
	return err == nil && err2 == nil && of.Contains(p)
}

// comesOrGoes reports whether an input changes with the whole object around it. Providers then report the change of
// that object, which replaceOnChanges does not name.
func comesOrGoes(path string, was, is mocks.Resource) bool {
	parts, err := resource.ParsePropertyPath(path)
	if err != nil {
		return false
	}
	around := parts[:len(parts)-1]
	_, before := around.Get(resource.NewProperty(was.Inputs))
	_, after := around.Get(resource.NewProperty(is.Inputs))
	return before != after
}

// changedPaths lists the inputs that differ and that the resource does not ignore, and whether its provider is another
// one, which the engine takes over in place. Deep paths are shortened.
func changedPaths(was, is mocks.Resource) []string {
	old, now := mocks.Flatten(resource.NewProperty(was.Inputs)), mocks.Flatten(resource.NewProperty(is.Inputs))
	differ := map[string]bool{}
	if was.Options.GetProvider() != is.Options.GetProvider() {
		differ["(provider)"] = true
	}
	for _, m := range []map[string]string{old, now} {
		for path := range m {
			if old[path] != now[path] && !ignored(path, is.Options.GetIgnoreChanges()) {
				differ[shorten(path)] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(differ))
}

func ignored(path string, ignore []string) bool {
	return slices.ContainsFunc(ignore, func(i string) bool { return strings.HasPrefix(path, i) })
}

// shorten keeps the first four names of a path.
func shorten(path string) string {
	parts, err := resource.ParsePropertyPath(path)
	if err != nil {
		return path
	}
	names := 0
	for i, part := range parts {
		if _, ok := part.(string); ok {
			names++
		}
		if names > 4 {
			return parts[:i].String()
		}
	}
	return path
}
