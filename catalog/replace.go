package catalog

import (
	"regexp"
	"slices"
	"strings"
)

// Fields is a set of properties. Each is a path without list indices, "endpointConfig.subnetId", and stands for
// everything below it.
type Fields []string

var listIndex = regexp.MustCompile(`\[\d+\]`)

// Contains reports whether a property path is one of the fields or below one. List indices in path do not matter.
func (f Fields) Contains(path string) bool {
	path = listIndex.ReplaceAllString(path, "")
	return slices.ContainsFunc(f, func(field string) bool {
		rest, found := strings.CutPrefix(path, field)
		return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
	})
}

// ForceNew returns the properties of a resource type, OCI's or Kubernetes', whose change replaces the resource.
// It returns nil for a type that the catalogue does not list.
func ForceNew(token string) Fields {
	if k, ok := Lookup(token); ok {
		return k.ForceNew
	}
	// kubernetes:apps/v1:Deployment
	parts := strings.Split(token, ":")
	if len(parts) != 3 || parts[0] != "kubernetes" {
		return nil
	}
	group, _, _ := strings.Cut(parts[1], "/")
	if group == "core" {
		group = ""
	}
	return ObjectForceNew(group, parts[2])
}
