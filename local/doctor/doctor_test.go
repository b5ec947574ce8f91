package doctor_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNothingIsWrong(t *testing.T) {
	s := newSetup(t)
	out, status := s.run()
	if status != 0 || strings.Contains(out, "✗") {
		t.Errorf("status %d:\n%s", status, out)
	}
	for _, want := range []string{
		"✓ pulumi v3.253.0", "✓ oke makes the tokens of the cluster", "✓ API key", "from the environment",
		"✓ region us-ashburn-1", "✓ home region us-ashburn-1",
		"✓ compartment oke-guestbook", "✓ the operator may list what 14 of 18 statements allow", "✓ Kubernetes v1.",
		"✓ 17 service limits have room", "✓ VM.Standard.A1.Flex in 3 of 3 availability domains",
		"(pulled anonymously, for arm64)",
		"– networkPolicies is inert: the network policies of guestbook guestbook do nothing",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if len(s.cloud.Inventory()) != 0 {
		t.Errorf("it has made %v", s.cloud.Inventory())
	}
}

func TestJSON(t *testing.T) {
	s := newSetup(t)
	s.limits["cluster"] = 0
	out, status := s.run("--json")
	var report struct {
		Stack   string
		OK      bool
		Results []struct{ Group, Status, Text, Do string }
	}
	if err := json.NewDecoder(strings.NewReader(out)).Decode(&report); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	failed := 0
	for _, result := range report.Results {
		if result.Status == "failed" && result.Do != "" && result.Group == "Limits" {
			failed++
		}
	}
	if status != 1 || report.OK || report.Stack != "test" || failed != 1 {
		t.Errorf("status %d, %d limits failed: %s", status, failed, out)
	}
}
