// Package urn reads Pulumi's URNs without its SDK.
package urn

import "strings"

// Title names the resource of a URN for people, by its type without the module and its name: "Vcn network". The URN is
// urn:pulumi:<stack>::<project>::<types of the parents>$<type>::<name>.
func Title(urn string) string {
	parts := strings.SplitN(urn, "::", 4)
	if len(parts) < 4 {
		return urn
	}
	return parts[2][strings.LastIndex(parts[2], ":")+1:] + " " + parts[3]
}
