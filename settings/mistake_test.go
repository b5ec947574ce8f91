package settings

import (
	"errors"
	"maps"
	"testing"

	"oke-guestbook/plan/problem"
)

// everything is settings that use most of what there is, and depend on each other.
var everything = map[string]string{
	"clusterType": "enhanced", "addons": `["CertManager","KubernetesMetricsServer"]`, "kmsKeyId": "ocid1.key.oc1.iad.a",
	"clusterPolicy": "true", "oidcIssuers": `[{"url":"https://192.168.4.4","clientId":"a"}]`,
	"podNetwork": "vcn-native", "internetEgress": "workers-and-pods", "networkPolicies": "enforced",
	"loadBalancers": "both", "internalLoadBalancerAllowedCidrs": `["10.0.0.0/16"]`, "loadBalancerPorts": `["80","443"]`,
	"drgId": "ocid1.drg.oc1.iad.a", "peerCidrs": `["192.168.0.0/16"]`, "flowLogs": `["workers","pods"]`,
	"extraRules": `[{"from":"pods","to":"192.168.1.0/24","protocol":"tcp","ports":"24224"}]`,
	"bastion":    "true", "bastionAllowedCidrs": `["203.0.113.0/24"]`, "tenancyId": "ocid1.tenancy.oc1..a",
	"logDestination": "192.168.1.7:24224", "containerLogs": "true", "alarmEmails": `["ops@example.com"]`,
	"budgetMonthly": "10", "budgetEmails": `["ops@example.com"]`, "protect": "true",
	"nodePools": `[{"name":"a","size":3,"minSize":3,"maxSize":5,"shape":"VM.Standard.E5.Flex","ocpus":4,"memoryGb":32,` +
		`"maxSurge":"1"},{"name":"b","size":1,"shape":"VM.Standard.E5.Flex","ocpus":4,"memoryGb":32,` +
		`"cycleBy":"boot-volume"}]`,
	"virtualNodePools": `[{"name":"v","podsPerNode":10}]`,
	"mongoReplicas":    "3", "backupSchedule": "0 3 * * *", "restoreFrom": "b", "frontendMaxReplicas": "6",
	"choresImage":      "iad.ocir.io/tenancy/guestbook:v2",
	"registryUsername": "tenancy/user", "registryPassword": "token", "reservedAddress": "203.0.113.9",
	"tlsCertificateId": "ocid1.certificate.oc1.iad.a", "tlsHostname": "a.example.com",
	"dnsZoneId": "ocid1.dns-zone.oc1..a",
}

// TestOneMistakeIsOneProblem expects a value that no setting takes, or one that is missing, to be one problem and not
// several, whatever depends on the setting.
func TestOneMistakeIsOneProblem(t *testing.T) {
	if _, err := load(everything); err != nil {
		t.Fatal(err)
	}
	for _, one := range new(Settings).Settings() {
		for _, value := range []string{"!", "-7"} {
			set := maps.Clone(everything)
			set[one.Key] = value
			_, err := load(set)
			var found *problem.Error
			if errors.As(err, &found) && len(found.Problems) > 1 {
				t.Errorf("%s %q: %v", one.Key, value, err)
			}
		}
	}
	for _, tc := range []refusal{
		{"no tenancy", with("tenancyId", ""), []string{"tenancyId budgetMonthly"}},
		{"no image", with("frontendImage", ""), []string{"frontendImage hardened"}},
		{
			"Pods among everything", with("podNetwork", "flannel", "podsCidr", "10.0.0.0/8", "virtualNodePools", "[]",
				"extraRules", "[]", "flowLogs", "[]", "logDestination", ""),
			[]string{"podsCidr 10.0.0.0/16 vcnCidr"},
		},
		{
			"a subnet as large as the VCN", with("subnets", `{"api":{"cidr":"10.0.0.0/16"}}`),
			[]string{"subnets.api 10.0.0.0/16 overlaps"},
		},
		{"peers twice", with("peerCidrs", `["192.168.0.0/16","192.168.0.0/16"]`), []string{"peerCidrs 192.168.0.0/16 twice"}},
		{
			"more nodes than there can be",
			with("mongoReplicas", "1", "nodePools", poolsOf(`"minSize":1,"maxSize":1001`)["nodePools"]),
			[]string{"nodePools[0].maxSize 1001"},
		},
	} {
		set := maps.Clone(everything)
		maps.Copy(set, tc.set)
		checkRefusals(t, []refusal{{tc.name, set, tc.want}})
	}
	checkRefusals(t, []refusal{
		{
			"a backup for another database, in a basic cluster", elsewhere("restoreFrom", "b"),
			[]string{"restoreFrom externalDatabase"},
		},
		{
			"members of the tutorial",
			with("profile", "tutorial", "frontendImage", "ghcr.io/a/b:1", "mongoReplicas", "3"),
			[]string{"mongoReplicas 1 tutorial"},
		},
	})
}
