package stack

import (
	"errors"
	"strings"
	"testing"

	"oke-guestbook/internal/registry"
	"oke-guestbook/plan/problem"
	"oke-guestbook/settings"
)

// TestSilentRegistry expects a warning, and no error, about an image of a registry that says nothing of it.
func TestSilentRegistry(t *testing.T) {
	c := composition{settings: &settings.Settings{}}
	pull := settings.Pull{Setting: "frontendImage", Image: "registry.example.com/guestbook:v1"}
	for verdict, warns := range map[registry.Verdict]bool{
		registry.Found: false, registry.Unasked: false, registry.NoHost: true, registry.Unknown: true,
	} {
		var list problem.List
		warning := c.judge(&list, pull, registry.Answer{Verdict: verdict, Err: errors.New("429 Too Many Requests")})
		if err := list.Err(); err != nil {
			t.Errorf("verdict %d: %v", verdict, err)
		}
		if strings.Contains(warning, pull.Image) != warns || strings.Contains(warning, "429") != warns {
			t.Errorf("verdict %d: warning %q", verdict, warning)
		}
	}
}
