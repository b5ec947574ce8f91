// Package stash keeps values of a stack's first deployment in its state.
package stash

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Keep registers a Stash of this name and returns the value that the state keeps in it: that of the update which
// registered the name first. Later values are ignored; a new name keeps a new value.
//
// T is the type of the value in the state, such as string or map[string]any. The Output is the typed one where Pulumi
// has one: a pulumi.StringOutput for a string.
func Keep[T any](ctx *pulumi.Context, name string, value pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.Output, error) {
	return register[T](ctx, name, value, append(slices.Clone(opts), pulumi.IgnoreChanges([]string{"input"})))
}

// Renew registers a Stash as Keep does, and returns this update's value: another one in the state is replaced.
func Renew[T any](ctx *pulumi.Context, name string, value pulumi.Input, opts ...pulumi.ResourceOption,
) (pulumi.Output, error) {
	return register[T](ctx, name, value, append(slices.Clone(opts), pulumi.ReplaceOnChanges([]string{"input"})))
}

func register[T any](ctx *pulumi.Context, name string, value pulumi.Input, opts []pulumi.ResourceOption,
) (pulumi.Output, error) {
	registered, err := pulumi.NewStash(ctx, name, &pulumi.StashArgs{Input: value}, opts...)
	if err != nil {
		return nil, err
	}
	return registered.Output.ApplyT(func(v any) (T, error) {
		kept, ok := v.(T)
		if !ok {
			return kept, fmt.Errorf("stash %s in the stack's state is a %T, not a %T", name, v, kept)
		}
		return kept, nil
	}), nil
}

// Immutable keeps the values of settings, by their keys, in a Stash of this name. It returns an option for resources:
// those that have it fail while a setting differs from its kept value. changed makes their error.
func Immutable(ctx *pulumi.Context, name string, values map[string]string, changed func(setting, kept string) error,
	opts ...pulumi.ResourceOption,
) (pulumi.ResourceOption, error) {
	output, err := Keep[map[string]any](ctx, name, pulumi.ToStringMap(values), opts...)
	if err != nil {
		return nil, err
	}
	checked := output.ApplyT(func(kept map[string]any) ([]pulumi.Resource, error) {
		for _, setting := range slices.Sorted(maps.Keys(values)) {
			if value := fmt.Sprint(kept[setting]); value != values[setting] {
				return nil, changed(setting, value)
			}
		}
		return nil, nil
	}).(pulumi.ResourceArrayOutput)
	return pulumi.DependsOnInputs(checked), nil
}
