package kube

import (
	"k8s.io/apimachinery/pkg/util/version"
	baseversion "k8s.io/component-base/version"
)

// shortNamesRefused reports whether the nodes of a Kubernetes version resolve fully qualified image names only: OKE's
// do from 1.34 on.
func shortNamesRefused(kubernetes string) bool {
	v, err := version.ParseGeneric(kubernetes)
	return err == nil && v.AtLeast(version.MajorMinor(1, 34))
}

// minorVersion returns "1.36" for "v1.36.4", and "" for what is not a version.
func minorVersion(kubernetes string) string {
	v, err := version.ParseMajorMinor(kubernetes)
	if err != nil {
		return ""
	}
	return v.String()
}

// emulationFlags makes a component behave like the cluster's minor version where that is not the linked one. The patch
// version is always the linked one, which the API server names in its version: there is one build of Kubernetes, and
// OKE offers other patch versions than the linked one. Nodes name the cluster's version.
func emulationFlags(kubernetes string) []string {
	if minor := minorVersion(kubernetes); minor != "" && minor != baseversion.DefaultKubeBinaryVersion {
		return []string{"--emulated-version=kube=" + minor}
	}
	return nil
}
