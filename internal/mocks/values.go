package mocks

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Properties returns the properties of an object, or none of another value.
func Properties(v resource.PropertyValue) resource.PropertyMap {
	if v.IsObject() {
		return v.ObjectValue()
	}
	return nil
}

// Items returns the items of an array, or none of another value.
func Items(v resource.PropertyValue) []resource.PropertyValue {
	if v.IsArray() {
		return v.ArrayValue()
	}
	return nil
}

// Text returns a string, or an empty one for another value.
func Text(v resource.PropertyValue) string {
	if v.IsString() {
		return v.StringValue()
	}
	return ""
}

// Flatten returns the text of every leaf of a value by its path. Whether a leaf is a secret makes no difference.
func Flatten(v resource.PropertyValue) map[string]string {
	leaves := map[string]string{}
	flatten(nil, v, leaves)
	return leaves
}

func flatten(path resource.PropertyPath, v resource.PropertyValue, leaves map[string]string) {
	switch {
	case v.IsSecret():
		flatten(path, v.SecretValue().Element, leaves)
	case v.IsObject():
		for key, item := range v.ObjectValue() {
			flatten(append(slices.Clone(path), string(key)), item, leaves)
		}
	case v.IsArray():
		for i, item := range v.ArrayValue() {
			flatten(append(slices.Clone(path), i), item, leaves)
		}
	default:
		leaves[path.String()] = fmt.Sprint(v.V)
	}
}
