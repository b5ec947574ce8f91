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
		"named": namedFindings, "tags": tagFindings, "endpoint": endpointFindings,
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
