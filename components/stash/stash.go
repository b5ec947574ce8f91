// Package lasting refuses changes of settings that what runs cannot follow.
package stash

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Settings keeps the values that settings have in the first deployment, in a Stash of the stack's state under this name.
// It returns an option that refuses a resource as long as a value is another one; why makes the error of it.
func Settings(ctx *pulumi.Context, name string, now map[string]string, why func(setting, made string) error, opts ...pulumi.ResourceOption) (pulumi.ResourceOption, error) {
	stash, err := pulumi.NewStash(ctx, name, &pulumi.StashArgs{Input: pulumi.ToStringMap(now)},
		append(opts, pulumi.IgnoreChanges([]string{"input"}))...)
	if err != nil {
		return nil, err
	}
	checked := stash.Output.ApplyT(func(v any) ([]pulumi.Resource, error) {
		kept, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s in the stack's state is a %T, not an object", name, v)
		}
		for _, setting := range slices.Sorted(maps.Keys(now)) {
			if made := fmt.Sprint(kept[setting]); made != now[setting] {
				return nil, why(setting, made)
			}
		}
		return nil, nil
	}).(pulumi.ResourceArrayOutput)
	return pulumi.DependsOnInputs(checked), nil
}
