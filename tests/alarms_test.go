package tests

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"oke-guestbook/internal/mocks"
)

// TestAlarms expects alarms about what the settings have: certificates from anywhere, and node pools that keep nodes.
func TestAlarms(t *testing.T) {
	always := []string{"database", "frontend", "silent", "volume"}
	pools := `[{"name":"fixed","size":2,"shape":"VM.Standard.A1.Flex","ocpus":2,"memoryGb":12},` +
		`{"name":"elastic","size":3,"shape":"VM.Standard.A1.Flex","ocpus":2,"memoryGb":12,"autoscaled":true}]`
	one := map[string]string{"alarmEmails": `["ops@example.com"]`, "clusterType": "enhanced", "nodePools": pools}
	for what, tc := range map[string]struct {
		set  map[string]string
		more []string
	}{
		"no more":          {nil, nil},
		"backups":          {map[string]string{"backupSchedule": "0 3 * * *"}, []string{"backup"}},
		"tlsCertificate":   {https(certificate, privateKey), []string{"certificate"}},
		"tlsCertificateId": {byOCID, []string{"certificate"}},
		"acmeDirectory":    {byACME(), []string{"certificate"}},
	} {
		t.Run(what, func(t *testing.T) {
			set := maps.Clone(one)
			maps.Copy(set, tc.set)
			r, err := run(t, "local", set)
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, made := range r.Resources {
				if made.Type != "oci:Monitoring/alarm:Alarm" {
					continue
				}
				name := strings.TrimPrefix(made.Name, "oke-guestbook-local-")
				names = append(names, name)
				want := `{stack = "oke-guestbook-local"}`
				if strings.HasSuffix(name, "-fixed") {
					want = `{nodepoolId = "ocid1.nodepool.oc1.iad.oke-guestbook-local-fixed", nodeCondition = "Ready"}`
				}
				if query := mocks.Text(made.Inputs[resource.PropertyKey("query")]); !strings.Contains(query, want) {
					t.Errorf("%s: query %s, want one with %s", name, query, want)
				}
			}
			slices.Sort(names)
			want := slices.Sorted(slices.Values(slices.Concat(always, []string{"nodes-fixed", "no-nodes-fixed"}, tc.more)))
			if !slices.Equal(names, want) {
				t.Errorf("alarms %v, want %v", names, want)
			}
		})
	}
}
