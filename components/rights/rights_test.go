package rights_test

import (
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/rights"
	"oke-guestbook/plan/iam"
)

// service makes policies at a time, and notes when what depends on one is made.
type service struct {
	mu            sync.Mutex
	created, used time.Time
}

// Call implements pulumi.MockResourceMonitor.
func (s *service) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

// NewResource implements pulumi.MockResourceMonitor.
func (s *service) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	outputs := args.Inputs.Copy()
	switch args.TypeToken {
	case "oci:Identity/policy:Policy":
		outputs["timeCreated"] = resource.NewProperty(s.created.UTC().Format("2006-01-02 15:04:05.999 -0700 MST"))
	case "test:index:Cluster":
		s.used = time.Now()
	}
	return args.Name + "_id", outputs, nil
}

// TestNewWaits expects what depends on a new policy to be made when the policy has had its time, and not before.
func TestNewWaits(t *testing.T) {
	const left, wait = 300 * time.Millisecond, time.Minute
	s := &service{created: time.Now().Truncate(time.Millisecond).Add(left - wait)}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		r, err := rights.New(ctx, "rights", &rights.Args{Wait: wait, Policy: &iam.Policy{
			Name: "cluster", CompartmentID: "c", Statements: []string{"Allow any-user to use keys in tenancy"},
		}})
		if err != nil {
			return err
		}
		var cluster pulumi.CustomResourceState
		return ctx.RegisterResource("test:index:Cluster", "cluster", pulumi.Map{}, &cluster,
			pulumi.DependsOnInputs(r.InForce))
	}, pulumi.WithMocks("p", "s", s))
	if err != nil {
		t.Fatal(err)
	}
	if age := s.used.Sub(s.created).Round(time.Millisecond); age < wait {
		t.Errorf("used after %s, want %s", age, wait)
	}
}

func TestNewWithoutAPolicy(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		r, err := rights.New(ctx, "rights", &rights.Args{})
		if err == nil && r.InForce != nil {
			t.Error("there is something to wait for")
		}
		return err
	}, pulumi.WithMocks("p", "s", &service{}))
	if err != nil {
		t.Fatal(err)
	}
}
