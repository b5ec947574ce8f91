package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/internal/registry"
	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/workload"
)

// images checks that the images which this project's users build can be pulled, and run on the nodes. The database's
// are public, and asking for them would count against the registry's limit on pulls.
func (v *visit) images(ctx context.Context) []Result {
	var own []string
	for _, g := range v.settings.Guestbooks {
		for _, image := range []string{g.FrontendImage, g.Chores()} {
			if !slices.Contains(own, image) {
				own = append(own, image)
			}
		}
	}
	var checks []check
	for _, image := range own {
		checks = append(checks, check{"", func(ctx context.Context) []Result { return []Result{v.image(ctx, image)} }})
	}
	return all(ctx, checks...)
}

// hiddenSecret stands for a secret that settings.AsHanded could not read.
const hiddenSecret = "null"

func (v *visit) image(ctx context.Context, image string) Result {
	if login := v.settings.Registry; login.Serves(image) && login.Password == hiddenSecret {
		return skipped("%s: registryPassword is encrypted, and pulumi does not decrypt it here", image)
	}
	return v.judge(image, registry.Ask(ctx, image, v.settings.Registry))
}

// judge says what a registry's answer means for the stack.
func (v *visit) judge(image string, answer registry.Answer) Result {
	switch answer.Verdict {
	case registry.Found:
	case registry.Unasked:
		return skipped("%s: the local cloud does not pull from %s", image, workload.Host(image))
	case registry.Missing:
		return failed("%s: the registry has no such image", image).do("make push IMAGE=%s VERSION=v1", image)
	case registry.Denied:
		return failed("%s: the registry does not let it be pulled %s (%d)", image, answer.As, answer.Status).
			do("set registryUsername, and registryPassword with --secret: for Oracle's registry " +
				"<tenancy namespace>/<user> and an auth token of that user\nor make the repository public")
	case registry.NoHost:
		return failed("%s: there is no host %s", image, workload.Host(image)).do("correct frontendImage")
	default:
		return failed("%s: %s", image, firstLine(fmt.Errorf("the registry: %w", answer.Err)))
	}
	for _, p := range v.settings.Cluster.NodePools {
		if p.Lacks(answer.Architectures) {
			return failed("%s is for %s, and node pool %s is %s", image, strings.Join(answer.Architectures, ", "), p.Name,
				cluster.Architecture(p.Shape)).
				do("build it for both: make push builds amd64 and arm64; or choose another shape")
		}
	}
	return ok("%s (pulled %s, for %s)", image, answer.As, strings.Join(answer.Architectures, ", "))
}
