package containerengine

import (
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/engine"
)

// versions are the Kubernetes versions that are offered, oldest first.
type versions []string

// maxNodeSkew is how many minor versions a node may be older than the control plane (Kubernetes: version skew policy).
const maxNodeSkew = 3

// minor returns the minor version of "v1.36.3": 36.
func minor(version string) int {
	parts := strings.Split(version, ".")
	if len(parts) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(parts[1])
	return n
}

// older reports whether a version is older than another. Both are offered, or empty.
func (v versions) older(version, than string) bool {
	return slices.Index(v, version) < slices.Index(v, than)
}

func (v versions) check(version string) error {
	if !slices.Contains(v, version) {
		return engine.Invalid("Invalid kubernetes version. Offered are %s.", strings.Join(v, ", "))
	}
	return nil
}

// checkNodes checks the version of nodes against the control plane's.
func (v versions) checkNodes(version, plane string) error {
	if err := v.check(version); err != nil {
		return err
	}
	if v.older(plane, version) || minor(plane)-minor(version) > maxNodeSkew {
		return engine.Invalid("Invalid kubernetes version. Nodes of a cluster with %s can have that version, "+
			"or one at most %d minors older, not %s.", plane, maxNodeSkew, version)
	}
	return nil
}

// upgrades returns the versions that a control plane can go to: newer, and at most one minor ahead.
func (v versions) upgrades(from string) []string {
	var out []string
	for _, to := range v {
		if v.older(from, to) && minor(to)-minor(from) <= 1 {
			out = append(out, to)
		}
	}
	return out
}

// checkUpgrade checks a change of a control plane's version.
func (v versions) checkUpgrade(from, to string) error {
	if err := v.check(to); err != nil {
		return err
	}
	if !slices.Contains(v.upgrades(from), to) {
		return engine.Invalid("Invalid kubernetes version. A control plane goes from %s to a newer version of the same "+
			"or the next minor, not to %s.", from, to)
	}
	return nil
}
