package settings

import (
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/plan/workload"
)

// TestInertPolicies expects the sentence exactly where policies are declared that nobody enforces.
func TestInertPolicies(t *testing.T) {
	const seoulAndSchool = `[{"name":"seoul"},{"name":"school","profile":"tutorial"}]`
	for _, tc := range []struct {
		set  map[string]string
		want string // words of the sentence; empty: none
	}{
		{nil, "inert guestbook guestbook do nothing every Pod enforced"},
		{map[string]string{"guestbooks": seoulAndSchool}, "inert guestbook seoul do nothing"},
		{map[string]string{"guestbooks": `[{"name":"seoul"},{"name":"busan"}]`}, "guestbooks seoul, busan do nothing"},
		{map[string]string{"networkPolicies": "enforced"}, ""},
		{map[string]string{"networkPolicies": "enforced", "guestbooks": seoulAndSchool}, ""},
		{map[string]string{"profile": "tutorial"}, ""},
	} {
		got := loadStack(t, "local", tc.set).InertPolicies()
		for _, word := range strings.Fields(tc.want) {
			if !strings.Contains(got, word) {
				t.Errorf("%v: %q lacks %q", tc.set, got, word)
			}
		}
		if tc.want == "" && got != "" || strings.Contains(got, "school") {
			t.Errorf("%v: %q", tc.set, got)
		}
	}
}

// TestEnforcerTakesRoom expects the enforcer's share of each node to be missing to the guestbooks.
func TestEnforcerTakesRoom(t *testing.T) {
	set := map[string]string{
		"networkPolicies": "enforced",
		"nodePools":       `[{"name":"workers","size":3,"shape":"VM.Standard.A1.Flex","ocpus":2,"memoryGb":12}]`,
	}
	s, err := load(set)
	if err != nil {
		t.Fatal(err)
	}
	node := s.Cluster.Rooms(false)[0].Node.MemoryMB
	for more, fits := range []bool{true, false} {
		set["mongoMemoryMb"] = strconv.Itoa(node - workload.Enforcer.MemoryMB + more)
		if _, err := load(set); (err == nil) != fits {
			t.Errorf("a database of %s MiB on nodes of %d: %v", set["mongoMemoryMb"], node, err)
		}
	}
}
