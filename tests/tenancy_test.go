package tests

import (
	"strings"
	"testing"

	"oke-guestbook/internal/mocks"
)

// TestHomeRegionIsChecked expects an error before anything is made if what only the home region takes would be made in
// another one.
func TestHomeRegionIsChecked(t *testing.T) {
	const home, elsewhere = "us-ashburn-1", "ap-seoul-1" // the stacks are in the former
	budget := map[string]string{
		"budgetMonthly": "50", "budgetEmails": `["ops@example.com"]`, "tenancyId": mocks.TenancyID, "homeRegion": "",
	}
	for _, test := range []struct {
		name, stack string
		set         map[string]string
		is          string // the home region
		refused     bool
	}{
		{"backups, in the home region", "prod", nil, home, false},
		{"backups, elsewhere", "prod", nil, elsewhere, true},
		{"backups, in the region that is named", "prod", map[string]string{"homeRegion": elsewhere}, elsewhere, false},
		{"backups, another region is named", "prod", map[string]string{"homeRegion": elsewhere}, home, true},
		{"the user may not see it", "prod", nil, "", false},
		{"nothing is there", "dev", nil, elsewhere, false},
		{"a budget, elsewhere", "dev", budget, elsewhere, true},
		{"alarms, elsewhere", "dev", map[string]string{
			"clusterType": "enhanced", "addons": `["CertManager"]`, "profile": "hardened",
			"alarmEmails": `["ops@example.com"]`,
		}, elsewhere, true},
		{"containers' logs, elsewhere", "dev", map[string]string{
			"containerLogs": "true", "tenancyId": mocks.TenancyID,
		}, elsewhere, true},
		{"the autoscaler's policy, elsewhere", "dev", map[string]string{
			"clusterType": "enhanced", "addons": `["CertManager"]`,
			"nodePools": `[{"name":"a","size":1,"ocpus":2,"memoryGb":12,"minSize":1,"maxSize":2}]`,
		}, elsewhere, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := mocks.New(project, test.stack)
			r.HomeRegion = test.is
			err := update(t, test.stack, test.set, r)
			want := "homeRegion: the tenancy's home region is " + test.is
			if test.refused != (err != nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error: %t", err, test.refused)
			}
			if err != nil && len(r.Resources) > 0 {
				t.Errorf("%d resources before the error", len(r.Resources))
			}
		})
	}
}

// TestLimitsOfANewStack expects an error before anything is made if a limit is 0 that a new stack needs.
func TestLimitsOfANewStack(t *testing.T) {
	none := map[string]int{
		"nat-gateway-count": 0, "cluster-count": 0, "standard-a1-core-count": 4, "max-nlb-flexible-count": 0,
	}
	r := mocks.New(project, "dev")
	r.Limits = none
	err := update(t, "dev", nil, r)
	for _, part := range []string{
		"2 service limits are 0 that the settings need more of:\n  - container-engine cluster-count (the stack)\n" +
			"  - vcn nat-gateway-count (internetEgress)\n", "make doctor STACK=dev", "Pay As You Go",
	} {
		if err == nil || !strings.Contains(err.Error(), part) || len(r.Resources) > 0 {
			t.Errorf("%d resources, and %v, want %q", len(r.Resources), err, part)
		}
	}
	r = mocks.New(project, "dev")
	r.Limits, r.Denied = none, []string{"oci:Limits/getLimitValues:getLimitValues"}
	if err := update(t, "dev", nil, r); err != nil {
		t.Errorf("the user may not see limits: %v", err)
	}
	r = r.Next()
	r.Limits = none
	if err := update(t, "dev", nil, r); err != nil {
		t.Errorf("the stack exists: %v", err)
	}
}
