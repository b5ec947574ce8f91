package stash_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
)

// state stands in for the engine: it keeps the first input of each stash. It is safe for concurrent calls.
type state struct {
	mu         sync.Mutex
	kept       map[string]resource.PropertyValue // by the stash's name
	registered []string                          // resources that are no stashes
}

func (s *state) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	outputs := maps.Clone(args.Inputs)
	if args.TypeToken != "pulumi:index:Stash" {
		s.registered = append(s.registered, args.Name)
		return args.Name, outputs, nil
	}
	only := func(paths []string) bool { return slices.Equal(paths, []string{"input"}) }
	replaces := only(args.RegisterRPC.GetReplaceOnChanges())
	if only(args.RegisterRPC.GetIgnoreChanges()) == replaces {
		return "", nil, errors.New("the engine would neither keep nor replace a new input of stash " + args.Name)
	}
	if _, ok := s.kept[args.Name]; !ok || replaces {
		s.kept[args.Name] = args.Inputs["input"]
	}
	outputs["output"] = s.kept[args.Name]
	return args.Name, outputs, nil
}

func (s *state) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, errors.New("no function is called")
}

func (s *state) update(program pulumi.RunFunc) error {
	return pulumi.RunErr(program, pulumi.WithMocks("project", "stack", s))
}

func newState() *state { return &state{kept: map[string]resource.PropertyValue{}} }

// TestKeep expects the first value of a name in later updates, and the current value for a new name.
func TestKeep(t *testing.T) {
	s := newState()
	for _, tc := range []struct{ name, value, want string }{
		{"image-1", "november", "november"}, {"image-1", "december", "november"}, {"image-2", "december", "december"},
	} {
		var got string
		err := s.update(func(ctx *pulumi.Context) error {
			output, err := stash.Keep[string](ctx, tc.name, pulumi.String(tc.value))
			if err == nil {
				output.(pulumi.StringOutput).ApplyT(func(kept string) string { got = kept; return kept })
			}
			return err
		})
		if err != nil || got != tc.want {
			t.Errorf("%s with %s: got %q, %v, want %q", tc.name, tc.value, got, err, tc.want)
		}
	}
}

// TestRenew expects the current value of a name, which later updates keep.
func TestRenew(t *testing.T) {
	s := newState()
	keep, renew := stash.Keep[string], stash.Renew[string]
	for _, tc := range []struct {
		call        func(*pulumi.Context, string, pulumi.Input, ...pulumi.ResourceOption) (pulumi.Output, error)
		value, want string
	}{
		{renew, "november", "november"}, {renew, "december", "december"}, {keep, "january", "december"},
	} {
		var got string
		err := s.update(func(ctx *pulumi.Context) error {
			output, err := tc.call(ctx, "image", pulumi.String(tc.value))
			if err == nil {
				output.(pulumi.StringOutput).ApplyT(func(kept string) string { got = kept; return kept })
			}
			return err
		})
		if err != nil || got != tc.want {
			t.Errorf("with %s: got %q, %v, want %q", tc.value, got, err, tc.want)
		}
	}
}

// TestKeepOtherType expects an error that names the stash whose value in the state has another type.
func TestKeepOtherType(t *testing.T) {
	s := newState()
	s.kept["image"] = resource.NewProperty(7.0)
	err := s.update(func(ctx *pulumi.Context) error {
		output, err := stash.Keep[string](ctx, "image", pulumi.String("november"))
		if err == nil {
			ctx.Export("image", output)
		}
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "stash image in the stack's state is a float64, not a string") {
		t.Errorf("got %v", err)
	}
}

// TestImmutable expects a resource to fail while a setting differs from its first value, and to pass again after that.
func TestImmutable(t *testing.T) {
	s := newState()
	for _, tc := range []struct{ profile, want string }{
		{"hardened", ""}, {"hardened", ""}, {"tutorial", "profile was hardened"}, {"hardened", ""},
	} {
		s.registered = nil
		err := s.update(func(ctx *pulumi.Context) error {
			values := map[string]string{"namespace": "guestbook", "profile": tc.profile}
			unchanged, err := stash.Immutable(ctx, "settings", values, func(setting, kept string) error {
				return errors.New(setting + " was " + kept)
			})
			if err != nil {
				return err
			}
			var made pulumi.CustomResourceState
			return ctx.RegisterResource("kubernetes:core/v1:Namespace", "guestbook", pulumi.Map{}, &made, unchanged)
		})
		if passed := len(s.registered) == 1; passed != (tc.want == "") {
			t.Errorf("profile %s: registered %v", tc.profile, s.registered)
		}
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("profile %s: got %v, want %q", tc.profile, err, tc.want)
		}
	}
}
