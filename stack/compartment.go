package stack

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/components/stash"
)

// keepCompartment keeps compartmentId in the stack's state, and fails everything in OCI while the setting differs from
// it: the provider would replace the cluster, and delete its volumes with it. The look-up cannot tell, as it finds no
// cluster in the new compartment. A state without it, of an earlier program, gets what the setting is.
func (c *composition) keepCompartment(ctx *pulumi.Context) error {
	values := map[string]string{"compartmentId": c.settings.CompartmentID}
	// The name is in the states of existing stacks; another one would keep new values.
	unchanged, err := stash.Immutable(ctx, c.name+"-compartment", values, func(setting, kept string) error {
		return fmt.Errorf("%s: the stack was made in %s, and a change replaces the cluster, and deletes the stack's volumes "+
			"with it. Set it back; or make a backup, destroy the stack (pulumi destroy), make it again (pulumi up), and "+
			"restore the backup", setting, kept)
	})
	if err != nil {
		return err
	}
	type result = pulumi.ResourceTransformationResult
	return ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *result {
		if !strings.HasPrefix(args.Type, "oci:") {
			return nil
		}
		return &result{Props: args.Props, Opts: append(args.Opts, unchanged)}
	})
}
