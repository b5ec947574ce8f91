package guestbook

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// lasting sets an option that refuses a resource when a setting has changed that cannot change while there are data: with
// another namespace the volumes would be replaced by empty ones, and neither profile's database reads the other's files.
func (b *builder) lasting() error {
	now := map[string]string{"namespace": b.book.Namespace, "profile": b.book.Profile}
	stash, err := pulumi.NewStash(b.ctx, b.name+"-lasting", &pulumi.StashArgs{Input: pulumi.ToStringMap(now)},
		pulumi.Parent(b.g), pulumi.IgnoreChanges([]string{"input"}))
	if err != nil {
		return err
	}
	checked := stash.Output.ApplyT(func(v any) ([]pulumi.Resource, error) {
		made, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s-lasting in the stack's state is a %T, not an object", b.name, v)
		}
		for _, setting := range []string{"namespace", "profile"} {
			if made[setting] != now[setting] {
				return nil, fmt.Errorf("%s: guestbook %q was made with %q, and its data would be lost with %q: "+
					"set it back, or make another guestbook under a new name", setting, b.name, made[setting], now[setting])
			}
		}
		return nil, nil
	}).(pulumi.ResourceArrayOutput)
	b.unchanged = pulumi.DependsOnInputs(checked)
	return nil
}
