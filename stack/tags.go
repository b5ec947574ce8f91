package stack

import (
	"reflect"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// tagAll gives everything in OCI that takes tags the defined ones. It works on all resources, so that no component can
// forget one; resources that are registered by their tokens take them if they take freeform tags.
func tagAll(ctx *pulumi.Context, tags map[string]string) error {
	if len(tags) == 0 {
		return nil
	}
	values := pulumi.ToStringMap(tags)
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
