package workload

import "slices"

// Image is an image that a stack takes by default, as it was when somebody last looked.
type Image struct {
	Setting       string  // whose default it is
	Profile       Profile // empty: of every profile
	Name          string  // with registry host and version
	Digest        string  // of the index of all architectures; empty: not read
	Architectures []string
	Looked        string // date
	Source        string // of version, digest and architectures
}

// LogAgentImage is the default of logAgentImage.
const LogAgentImage = "docker.io/fluent/fluent-bit:4.0.3"

// EnforcerImage is the default of networkPolicyImage.
const EnforcerImage = "registry.k8s.io/networking/kube-network-policies:v1.1.1"

// Images is the only place with images by default; docs/settings.md is made from it. Whoever changes one looks at the
// registry: `crane manifest NAME` prints the architectures, `crane digest NAME` the digest. The frontend of profile
// hardened has no default: each tenancy pushes its own.
var Images = []Image{
	{
		Setting: "mongoImage", Profile: Hardened, Name: "docker.io/library/mongo:8.0.32",
		Digest:        "sha256:4968f22d0c6c10ef29952f3e807f62872ba22b3312f25803564fbfc08255efc2",
		Architectures: []string{"amd64", "arm64"}, Looked: "2026-11-28",
		Source: "public repositories that pulled it by digest, since 2026-09-24; not pulled here",
	},
	{
		Setting: "frontendImage", Profile: Tutorial, Name: "docker.io/paulczar/gb-frontend:v5",
		Architectures: []string{"amd64"}, Looked: "2026-11-28",
		Source: "Kubernetes documentation, \"Deploying PHP Guestbook application with MongoDB\"",
	},
	{
		Setting: "mongoImage", Profile: Tutorial, Name: "docker.io/library/mongo:4.2",
		Architectures: []string{"amd64", "arm64"}, Looked: "2026-11-28",
		Source: "the same, and docker-library/official-images; without updates since 2023",
	},
	{
		Setting: "logAgentImage", Name: LogAgentImage, Architectures: []string{"amd64", "arm64"}, Looked: "2026-11-28",
		Source: "public repositories that pull it from docker.io, ghcr.io and cr.fluentbit.io",
	},
	{
		Setting: "networkPolicyImage", Name: EnforcerImage,
		Digest:        "sha256:fa4a8a823da474dd6efa3bb80347b5ac58376370e1c179c5d3fa462e14b0e465",
		Architectures: []string{"amd64", "arm64"}, Looked: "2026-11-29",
		Source: "kubernetes/k8s.io, images of k8s-staging-networking; kubernetes-sigs/kube-network-policies, Makefile",
	},
}

// ByDefault returns the entry of an image that is one by default; false for others.
func ByDefault(name string) (Image, bool) {
	i := slices.IndexFunc(Images, func(image Image) bool { return image.Name == name })
	if i < 0 {
		return Image{}, false
	}
	return Images[i], true
}

// imageOf returns the default of a profile's setting.
func imageOf(setting string, profile Profile) string {
	for _, image := range Images {
		if image.Setting == setting && image.Profile == profile {
			return image.Name
		}
	}
	return ""
}
