package doctor_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

// stacks have together every kind of resource whose lists are asked for.
var stacks = map[string]map[string]any{
	"private": {
		"clusterType": "enhanced", "bastion": true, "bastionAllowedCidrs": []string{"203.0.113.0/24"},
		"flowLogs": []string{"workers"}, "securityBy": "groups", "backupSchedule": "0 3 * * *", "podNetwork": "vcn-native",
		"internetEgress": "workers-and-pods",
		"alarmEmails":    []string{"ops@example.com"}, "containerLogs": true, "tenancyId": oci.TenancyID,
		"virtualNodePools": []any{map[string]any{"name": "virtual"}}, "kmsKeyId": keyID,
		"definedTags": map[string]string{"ns.key": "value"}, "budgetMonthly": 50, "budgetEmails": []string{"ops@example.com"},
		"drgId": drgID, "peerCidrs": []string{"172.16.0.0/16"}, "frontendImage": "iad.ocir.io/ns/guestbook:v1",
		"choresImage": "iad.ocir.io/ns/guestbook:v1",
	},
	"public": {"reservedAddress": "203.0.113.77", "apiEndpoint": "public", "apiAllowedCidrs": []string{"203.0.113.0/24"}},
}

// everything answers the look-ups of what stacks name.
func everything(settings map[string]any) func(*setup) {
	return func(s *setup) {
		for key, value := range settings {
			set(key, value)(s)
		}
		for path, body := range map[string]string{
			"/20180608/vaults": vaultList, "/20180608/keys/" + keyID: `{"lifecycleState":"ENABLED"}`,
			"/20160918/drgs/" + drgID: `{"lifecycleState":"AVAILABLE"}`,
			"/20160918/publicIps/actions/getByIpAddress": `{"lifetime":"RESERVED","lifecycleState":"AVAILABLE",` +
				`"compartmentId":"` + oci.CompartmentID + `"}`,
		} {
			answer(path, body)(s)
		}
	}
}

// rightsIn is the section of that name.
func rightsIn(out string) string {
	_, rights, _ := strings.Cut(out, "\nRights\n")
	rights, _, _ = strings.Cut(rights, "\nOffer\n")
	return rights
}

func TestEveryRightIsAsked(t *testing.T) {
	s := newSetup(t)
	everything(stacks["private"])(s)
	out, status := s.run()
	rights := rightsIn(out)
	if strings.Count(out, "✗") != 1 || !strings.Contains(out, "✗ iad.ocir.io/ns/guestbook:v1") || // nobody has pushed it
		!strings.HasPrefix(rights, "  ✓ the operator may list what 29 of 40 statements allow") {
		t.Errorf("status %d: %s\n%s", status, rights, out)
	}
	for path, want := range map[string]string{
		"/20190111/budgets": oci.TenancyID, "/20160918/dynamicGroups": oci.TenancyID, "/n": oci.TenancyID,
		"/20160918/tagNamespaces": oci.TenancyID, "/20180222/virtualNodePools": oci.CompartmentID,
	} {
		if got, _ := s.asked.Load(path); got != want {
			t.Errorf("%s is asked for in %v, want %s", path, got, want)
		}
	}
	for _, want := range []string{
		"– cannot be asked for: manage buckets, inspect objects, manage policies, read keys: the condition of each names a " +
			"resource, which a list does not, so that Oracle declines lists",
		"inspect tenancies: what the settings name is looked up instead (Network, OCIDs)",
		"the Kubernetes API is private: make tunnel STACK=test reaches it",
		"✓ Pod.Standard.E4.Flex for Pods in Uocm:US-ASHBURN-AD-1",
		"– virtualNodePools: 1 virtual nodes; which limits count them and their Pods is not known",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// questions reads from the source of doctor which list is asked for which right.
func questions(t *testing.T) map[string]string {
	t.Helper()
	read := func(name, form string) [][]string {
		text, err := os.ReadFile("../../doctor/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(form).FindAllStringSubmatch(string(text), -1)
	}
	bases := map[string]string{}
	for _, m := range read("client.go", `(?m)^\t(\w+)\s+= service\{client: [\w.]+, base: "([^"]+)"`) {
		bases[m[1]] = m[2]
	}
	paths := map[string]string{}
	for _, m := range read("rights.go", `(?m)^\t"([^"]+)":\s+\{(\w+), "([^"]*)", `) {
		paths[m[1]] = bases[m[2]] + m[3]
	}
	if len(paths) < 30 {
		t.Fatalf("only %d questions in the source of doctor: %v", len(paths), paths)
	}
	return paths
}

// TestEveryQuestionIsRefused expects a ✗ with the statement for each list that the service refuses.
func TestEveryQuestionIsRefused(t *testing.T) {
	paths := questions(t)
	unmentioned := maps.Clone(paths)
	for name, settings := range stacks {
		s := newSetup(t)
		everything(settings)(s)
		for _, path := range slices.Sorted(maps.Values(paths)) {
			delete(s.answers, path)
			s.faults = append(s.faults, engine.Fault{Path: path, Status: 404, Code: "NotAuthorizedOrNotFound"})
		}
		out, status := s.run()
		rights := rightsIn(out)
		for grant := range unmentioned {
			if strings.Contains(rights, "      missing: Allow group oke-operators to "+grant+" in ") {
				delete(unmentioned, grant)
			}
		}
		if status != 1 || strings.Contains(rights, "✓") {
			t.Errorf("%s: status %d: %s", name, status, rights)
		}
	}
	if len(unmentioned) > 0 {
		t.Errorf("no ✗ about %v", slices.Sorted(maps.Keys(unmentioned)))
	}
}

// TestNarrowRights expects no ✗ about lists that a conditional statement does not allow: nothing is missing.
func TestNarrowRights(t *testing.T) {
	s := newSetup(t)
	and(set("clusterType", "enhanced"), set("backupSchedule", "0 3 * * *"), zoned("example.com", "A"))(s)
	for _, path := range []string{"/20160918/policies", "/20180115/zones", "/n/*/b", "/20210224/certificates"} {
		s.faults = append(s.faults, engine.Fault{Path: path, Status: 404, Code: "NotAuthorizedOrNotFound"})
	}
	out, status := s.run()
	if status != 0 || !strings.Contains(out, "– cannot be asked for: use dns-zones, manage dns-records, ") ||
		!strings.Contains(out, "manage policies") {
		t.Errorf("status %d: %s", status, out)
	}
}

// TestRightsInTheVCNsCompartment expects rights to the addresses of a VCN elsewhere to be asked for there.
func TestRightsInTheVCNsCompartment(t *testing.T) {
	s := newSetup(t)
	set("apiEndpoint", "public")(s)
	set("apiAllowedCidrs", []string{"203.0.113.0/24"})(s)
	inVCN(func(s *setup, vcn string) {
		s.answers["/20160918/vcns/"+vcn] = `{"displayName":"theirs","lifecycleState":"AVAILABLE","compartmentId":"` +
			oci.TenancyID + `","cidrBlocks":["198.18.0.0/16"]}`
	})(s)
	s.faults = []engine.Fault{{Path: "/20160918/publicIps", Status: 404, Code: "NotAuthorizedOrNotFound"}}
	out, _ := s.run()
	for _, want := range []string{
		"✗ the operator may not read publicIps in", "missing: Allow group oke-operators to manage public-ips in tenancy",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

const drgID = "ocid1.drg.oc1.iad.a"
