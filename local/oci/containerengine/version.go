package containerengine

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"

	"oke-guestbook/local/oci/compute"
	"oke-guestbook/local/oci/engine"
)

// versions are the Kubernetes versions that the service knows. What it offers is for new clusters and node pools, and
// for changes of a version: clusters and pools whose version is withdrawn go on working (Oracle documentation,
// "Kubernetes Versions and Kubernetes Engine", 2026-09-05).
type versions struct{ offered func() []string }

// maxNodeSkew is how many minor versions a node may be older than the control plane (Kubernetes: version skew policy).
const maxNodeSkew = 3

// minor returns the minor version of "v1.36.4": 36.
func minor(version string) int {
	n, _ := strconv.Atoi(strings.TrimPrefix(semver.MajorMinor(version), semver.Major(version)+"."))
	return n
}

// list returns the offered versions, oldest first: each patch version, or the minor versions such as "v1.36".
func (v versions) list(patches bool) []string {
	list := slices.Clone(v.offered())
	semver.Sort(list)
	if !patches {
		for i := range list {
			list[i] = semver.MajorMinor(list[i])
		}
	}
	return slices.Compact(list)
}

// listFor returns the offered versions in the form that the query asks for. Oracle's documentation says that the
// service lists minor versions for "false" (2026-09-05); what it does without the parameter is taken from it.
func (v versions) listFor(c *engine.Call) []string {
	return v.list(c.Query.Get("shouldListAllPatchVersions") != "false")
}

// resolve returns the version that a request names: an offered one, or the newest offered patch version of a minor
// version.
func (v versions) resolve(named string, offered []string) (string, error) {
	found := ""
	for _, version := range offered {
		if version == named || semver.MajorMinor(version) == named {
			found = version
		}
	}
	if found == "" {
		return "", engine.Invalid("Invalid kubernetes version. Offered are %s.", strings.Join(v.list(true), ", "))
	}
	return found, nil
}

// checkSkew checks the version of nodes against the control plane's.
func checkSkew(version, plane string) error {
	if semver.Compare(version, plane) > 0 || minor(plane)-minor(version) > maxNodeSkew {
		return engine.Invalid("Invalid kubernetes version. Nodes of a cluster with %s can have that version, "+
			"or one at most %d minors older, not %s.", plane, maxNodeSkew, version)
	}
	return nil
}

// upgrades returns the versions that a control plane can go to: newer, and at most one minor ahead. It may pass through
// a minor version that is withdrawn (Oracle documentation, "Kubernetes Minor Version Support", 2026-09-05).
func (v versions) upgrades(from string) []string {
	var out []string
	for _, to := range v.list(true) {
		if semver.Compare(to, from) > 0 && minor(to)-minor(from) <= 1 {
			out = append(out, to)
		}
	}
	if slices.ContainsFunc(out, func(to string) bool { return minor(to) > minor(from) }) {
		return out
	}
	through := ""
	for _, known := range compute.OKEVersions {
		if minor(known.Number) == minor(from)+1 {
			through = known.Number
		}
	}
	if newest := v.list(true); through != "" && len(newest) > 0 && semver.Compare(newest[len(newest)-1], through) > 0 {
		out = append(out, through)
	}
	return out
}

// checkUpgrade returns the version that a control plane gets where a request names another one.
func (v versions) checkUpgrade(from, named string) (string, error) {
	upgrades := v.upgrades(from)
	if to, err := v.resolve(named, upgrades); err == nil {
		return to, nil
	}
	if _, err := v.resolve(named, v.list(true)); err != nil {
		return "", err
	}
	return "", engine.Invalid("Invalid kubernetes version. A control plane goes from %s to a newer version of the same "+
		"or the next minor, not to %s.", from, named)
}
