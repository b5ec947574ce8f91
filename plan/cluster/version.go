package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
)

// maxSkew is how many minor versions a kubelet may be older than the API server
// (Kubernetes documentation, "Version Skew Policy", section kubelet).
const maxSkew = 3

// CheckVersion returns an error unless v is a full version such as "v1.36.3".
func CheckVersion(v string) error {
	if !semver.IsValid(v) || semver.Canonical(v) != v || semver.Prerelease(v) != "" {
		return fmt.Errorf("%q is not a Kubernetes version; write it in full, such as v1.36.3", v)
	}
	return nil
}

// CheckOffered returns an error that lists what is offered unless v is among it.
func CheckOffered(v string, offered []string) error {
	if slices.Contains(offered, v) {
		return nil
	}
	sorted := slices.Clone(offered)
	semver.Sort(sorted)
	return fmt.Errorf("OKE does not offer %s here; it offers %s", v, strings.Join(sorted, ", "))
}

// CheckNodeVersion returns an error unless nodes of version node may join a control plane of version cluster:
// never newer, and at most three minor versions older. Both must pass CheckVersion.
func CheckNodeVersion(cluster, node string) error {
	if semver.Compare(node, cluster) > 0 {
		return fmt.Errorf("%s is newer than the control plane's %s; raise kubernetesVersion first", node, cluster)
	}
	if semver.Major(node) != semver.Major(cluster) || minor(cluster)-minor(node) > maxSkew {
		return fmt.Errorf("%s is more than %d minor versions older than the control plane's %s", node, maxSkew, cluster)
	}
	return nil
}

// minor returns the minor version of v, which must pass CheckVersion.
func minor(v string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(semver.MajorMinor(v), semver.Major(v)+"."))
	return n
}
