package doctor_test

import (
	"fmt"
	"strings"
	"testing"

	"oke-guestbook/local/oci/engine"
)

// finding is a fault, and what the command says of it: the ✗ and what to do, in parts.
type finding struct {
	name   string
	change func(*setup)
	want   []string
}

func without(path string) func(*setup) {
	return func(s *setup) {
		s.faults = []engine.Fault{{Method: "GET", Path: path, Status: 404, Code: "NotAuthorizedOrNotFound"}}
	}
}

func set(key string, value any) func(*setup) {
	return func(s *setup) { s.config["oke-guestbook:"+key] = value }
}

func TestFindings(t *testing.T) {
	for group, findings := range map[string][]finding{
		"tools": toolFindings, "account": accountFindings, "rights": rightFindings, "limits": limitFindings,
		"offer": offerFindings, "images": imageFindings, "network": networkFindings,
		"named": namedFindings,
	} {
		for _, f := range findings {
			t.Run(group+"/"+f.name, func(t *testing.T) {
				t.Parallel()
				s := newSetup(t)
				f.change(s)
				out, status := s.run()
				failed := strings.Contains(out, "✗")
				if (status == 1) != failed {
					t.Errorf("status %d", status)
				}
				for _, want := range f.want {
					if !strings.Contains(out, want) {
						t.Errorf("%q is missing in\n%s", want, out)
					}
				}
			})
		}
	}
}

func TestPrivateImageWithItsPassword(t *testing.T) {
	s := newSetup(t)
	s.images["/v2/private/manifests/v1"] = fmt.Sprintf(index, "arm64")
	set("frontendImage", s.image("private:v1"))(s)
	set("registryUsername", "ns/me")(s)
	set("registryPassword", "token")(s)
	if out, status := s.run(); status != 0 || !strings.Contains(out, "(pulled as ns/me, for arm64)") {
		t.Errorf("status %d: %s", status, out)
	}
}

// The answers of Rights depend on the settings: these need every kind.
func TestEveryRightIsAsked(t *testing.T) {
	s := newSetup(t)
	for key, value := range map[string]any{
		"clusterType": "enhanced", "bastion": true, "bastionAllowedCidrs": []string{"203.0.113.0/24"},
		"flowLogs": []string{"workers"}, "securityBy": "groups", "backupSchedule": "0 3 * * *", "podNetwork": "vcn-native",
		"alarmEmails": []string{"ops@example.com"}, "containerLogs": true,
		"containerLogsGroup": "ocid1.dynamicgroup.oc1..nodes",
	} {
		set(key, value)(s)
	}
	out, status := s.run()
	_, rights, _ := strings.Cut(out, "\nRights\n")
	rights, _, _ = strings.Cut(rights, "\nOffer\n")
	if status != 0 || !strings.HasPrefix(rights, "  ✓ the operator may list all that the stack needs (21 lists") {
		t.Errorf("status %d: %s\n%s", status, rights, out)
	}
	if !strings.Contains(out, "the Kubernetes API is private: make tunnel STACK=test reaches it") {
		t.Error(out)
	}
}
