package stack

import (
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/tags"
)

// tagAll gives everything in OCI that takes tags the defined ones. It works on all resources, so that no component can
// forget one; resources that are registered by their tokens take them if they take freeform tags.
func tagAll(ctx *pulumi.Context, defined map[string]string) error {
	if len(defined) == 0 {
		return nil
	}
	values := pulumi.ToStringMap(defined)
	type result = pulumi.ResourceTransformationResult
	return ctx.RegisterStackTransformation(func(args *pulumi.ResourceTransformationArgs) *result {
		if !strings.HasPrefix(args.Type, "oci:") {
			return nil
		}
		if props, ok := args.Props.(pulumi.Map); ok {
			if _, tagged := props["freeformTags"]; tagged {
				props["definedTags"] = values
			}
		} else if props := reflect.Indirect(reflect.ValueOf(args.Props)); props.Kind() == reflect.Struct {
			if field := props.FieldByName("DefinedTags"); field.IsValid() && field.CanSet() {
				field.Set(reflect.ValueOf(values))
			}
		}
		return &result{Props: args.Props, Opts: args.Opts}
	})
}

// Both are called by their tokens, as the questions about the tenancy are.
const (
	getTagNamespaces = "oci:Identity/getTagNamespaces:getTagNamespaces"
	getTags          = "oci:Identity/getTags:getTags"
)

// lookAtTags checks that the defined tags exist, as far as the user sees tag namespaces: a policy may show none, or
// only some. Retired ones stop a new stack only.
func (c *composition) lookAtTags(ctx *pulumi.Context, newStack bool) error {
	if len(c.settings.DefinedTags) == 0 {
		return nil
	}
	var found struct {
		Namespaces []tags.Definition `pulumi:"tagNamespaces"`
	}
	if tenancy := c.tenancy(ctx); tenancy != "" {
		ask(ctx, getTagNamespaces, map[string]any{"compartmentId": tenancy, "includeSubcompartments": true}, &found)
	}
	if len(found.Namespaces) == 0 {
		return ctx.Log.Warn("definedTags are not checked: this user sees no tag namespaces of the tenancy", nil)
	}
	keys := func(namespace tags.Definition) []tags.Definition {
		var found struct {
			Tags []tags.Definition `pulumi:"tags"`
		}
		ask(ctx, getTags, map[string]any{"tagNamespaceId": namespace.ID}, &found)
		return found.Tags
	}
	var list problem.List
	seen := tags.Tenancy{Namespaces: found.Namespaces, Keys: keys}
	for _, warning := range tags.Check(&list, c.settings.DefinedTags, seen, newStack) {
		if err := ctx.Log.Warn("definedTags: "+warning, nil); err != nil {
			return err
		}
	}
	return list.Err()
}
