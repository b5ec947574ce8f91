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

// CheckVersion returns an error unless v is a full version such as "v1.36.4" or a minor version such as "v1.36".
func CheckVersion(v string) error {
	if !semver.IsValid(v) || semver.Prerelease(v) != "" || !isMinor(v) && semver.Canonical(v) != v {
		return fmt.Errorf("%q is not a Kubernetes version; write a minor version such as v1.36, "+
			"or a version in full such as v1.36.4", v)
	}
	return nil
}

// isMinor reports whether v is a minor version such as "v1.36". The service lists those unless it is asked for patch
// versions (Oracle documentation, "Kubernetes Versions and Kubernetes Engine", 2026-09-05).
func isMinor(v string) bool { return semver.MajorMinor(v) == v }

// suits reports whether a full version is the one that is wanted: the same, or one of the wanted minor version.
func suits(v, want string) bool { return v == want || semver.MajorMinor(v) == want }

// isPreview reports whether OKE has v for early access only: the first patch version of a minor version is not meant
// for production (Oracle documentation, "Supported Versions of Kubernetes", 2026-09-05).
func isPreview(v string) bool { return semver.Canonical(v) == semver.MajorMinor(v)+".0" }

// newest returns the newest full version that is wanted, or "" if there is none: the version itself, the newest of a
// minor version, or the newest of all for "". Previews are for those who name them, and for minor versions that have
// nothing else.
func newest(want string, versions []string) string {
	sorted := slices.Clone(versions)
	semver.Sort(sorted)
	best := ""
	for _, v := range sorted {
		if (want == "" || suits(v, want)) && (best == "" || isPreview(best) || !isPreview(v)) {
			best = v
		}
	}
	return best
}

// CheckNodeVersion returns an error unless nodes of version node may join a control plane of version cluster:
// never newer, and at most three minor versions older. Both must pass CheckVersion. Of a minor version, any patch
// version may.
func CheckNodeVersion(cluster, node string) error {
	of := func(v string) string { return v }
	if isMinor(cluster) || isMinor(node) {
		of = semver.MajorMinor
	}
	if semver.Compare(of(node), of(cluster)) > 0 {
		return fmt.Errorf("%s is newer than the control plane's %s; raise kubernetesVersion first", node, cluster)
	}
	if semver.Major(node) != semver.Major(cluster) || minor(cluster)-minor(node) > maxSkew {
		return fmt.Errorf("%s is more than %d minor versions older than the control plane's %s", node, maxSkew, cluster)
	}
	return nil
}

// checkUpgrade returns an error unless a control plane of version from can become one of version to, which may be a
// minor version: it is never lowered, and raised by one minor version at a time (Oracle documentation, "Kubernetes
// Versions and Kubernetes Engine", section "Skipping versions when upgrading", 2026-09-05).
func checkUpgrade(from, to string) error {
	if semver.Compare(to, from) < 0 {
		return fmt.Errorf("the control plane runs %s and cannot go back to %s", from, to)
	}
	if semver.Major(from) != semver.Major(to) || minor(to)-minor(from) > 1 {
		return fmt.Errorf("the control plane runs %s and is raised by one minor version at a time, not to %s; "+
			"go to %s.%d first", from, to, semver.Major(from), minor(from)+1)
	}
	return nil
}

// minor returns the minor version of v, which must pass CheckVersion.
func minor(v string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(semver.MajorMinor(v), semver.Major(v)+"."))
	return n
}
