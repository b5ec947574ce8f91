package kube

import (
	"strconv"
	"strings"
)

// shortNamesRefused says whether nodes of that Kubernetes version resolve fully qualified image names only: OKE's do from 1.34 on.
func shortNamesRefused(version string) bool {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return false
	}
	minor, err := strconv.Atoi(parts[1])
	return err == nil && parts[0] == "1" && minor >= 34
}
