// Package lookup asks the cloud for resources that settings name by OCID, before anything is made.
package lookup

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/problem"
)

// Ask is a question for one resource. Setting, What, ID, Function and Argument are required.
type Ask struct {
	Setting  string            // the key of the setting that names the resource
	What     string            // its kind, in words
	ID       string            // its OCID
	Function string            // the token of the provider's function that reads it
	Argument string            // the function's argument that takes ID
	More     map[string]string // further arguments
	States   []string          // in which the resource can be used; empty: it has no state that matters
}

// Resource is what the program wants to know of a resource. A property that its kind lacks is empty.
type Resource struct {
	State              string   `pulumi:"state"`
	Name               string   `pulumi:"name"`
	DisplayName        string   `pulumi:"displayName"`
	CompartmentID      string   `pulumi:"compartmentId"`
	VcnID              string   `pulumi:"vcnId"`
	AvailabilityDomain string   `pulumi:"availabilityDomain"`
	ManagementEndpoint string   `pulumi:"managementEndpoint"` // of a vault
	KeyShapes          []shape  `pulumi:"keyShapes"`          // one
	Configs            []Config `pulumi:"instanceReservationConfigs"`

	FreeformTags map[string]string `pulumi:"freeformTags"`
}

type shape struct {
	Algorithm string `pulumi:"algorithm"`
}

// Config is what a capacity reservation holds of one kind of machine.
type Config struct {
	Shape string `pulumi:"instanceShape"`
	Sizes []struct {
		OCPUs    float64 `pulumi:"ocpus"`
		MemoryGB float64 `pulumi:"memoryInGbs"`
	} `pulumi:"instanceShapeConfigs"` // one; none for a shape of fixed size
}

// Algorithm is that of a key.
func (r Resource) Algorithm() string {
	for _, s := range r.KeyShapes {
		return s.Algorithm
	}
	return ""
}

// Hidden reports whether an error is the service's about a resource that does not exist or that the user may not see.
// Its code reaches a program only within the text of the engine's error.
func Hidden(err error) bool {
	return err != nil && strings.Contains(err.Error(), "NotAuthorizedOrNotFound")
}

// Listed returns err, or an error that is Hidden if the user may not see what was asked for: Oracle's data sources have
// no error then, and answer without values, even without the id that they have by themselves (terraform-provider-oci,
// tfresource.ReadResource; seen with v3.16.0, 2026-11-29). It tells a list that is empty from one that is hidden.
func Listed(id string, err error) error {
	if err == nil && id == "" {
		return errors.New("NotAuthorizedOrNotFound: the answer has no values")
	}
	return err
}

// Unseen is the text about a resource that does not exist, or that the user may not see: the service does not say
// which.
func Unseen(what, id string) string {
	return fmt.Sprintf("this user sees no %s %s: check the OCID, that it is of the stack's region and tenancy, and the "+
		"user's rights, which make policies prints (NotAuthorizedOrNotFound)", what, id)
}

// Find asks for a resource. It returns nil if there is none that the user sees. Oracle's data sources have no error
// then, and answer without values (terraform-provider-oci, tfresource.ReadResource; seen with v3.16.0, 2026-11-28).
func Find(ctx *pulumi.Context, ask Ask) (*Resource, error) {
	args := map[string]string{ask.Argument: ask.ID}
	for name, value := range ask.More {
		args[name] = value
	}
	var found Resource
	err := ctx.Invoke(ask.Function, args, &found)
	if Hidden(err) || err == nil && found.State == "" && found.Name == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s %s: %w", ask.Setting, ask.What, ask.ID, err)
	}
	return &found, nil
}

// Usable asks for a resource. It returns nil, and adds the reason to the list, if the user sees none or if its state
// does not allow to use it.
func Usable(ctx *pulumi.Context, list *problem.List, ask Ask) (*Resource, error) {
	found, err := Find(ctx, ask)
	switch {
	case err != nil:
		return nil, err
	case found == nil:
		list.Add(ask.Setting, "%s", Unseen(ask.What, ask.ID))
		return nil, nil
	case len(ask.States) > 0 && !slices.Contains(ask.States, found.State):
		list.Add(ask.Setting, "the %s %s is %s, and must be %s", ask.What, ask.ID, found.State, ask.States[0])
		return nil, nil
	}
	return found, nil
}

// Time parses the provider's times. One of another form is taken for unknown: the service itself checks too.
func Time(text string) time.Time {
	for _, form := range []string{time.RFC3339, "2006-01-02 15:04:05.999999999 -0700 MST"} {
		if t, err := time.Parse(form, text); err == nil {
			return t
		}
	}
	return time.Time{}
}
