package stack

import (
	"context"
	"fmt"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"oke-guestbook/internal/registry"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/workload"
	"oke-guestbook/settings"
)

// Ask asks an image's registry for it. Tests give a Deploy none.
type Ask func(ctx context.Context, image string, credentials workload.Registry) registry.Answer

// askRegistries refuses images that a registry lacks or does not give to the stack's nodes, and those that a node pool
// cannot run: Pods would wait until the update fails after many minutes. Of registries that do not answer here, a
// warning tells: the nodes may have another way. Images by default are known, and their registries count requests.
func (c *composition) askRegistries(ctx *pulumi.Context) error {
	if c.ask == nil {
		return nil
	}
	pulls, answers := c.settings.Pulls(), map[string]*registry.Answer{}
	var wg sync.WaitGroup
	for _, pull := range pulls {
		if _, known := workload.ByDefault(pull.Image); known || answers[pull.Image] != nil {
			continue
		}
		answer := new(registry.Answer)
		answers[pull.Image] = answer
		wg.Go(func() { *answer = c.ask(ctx.Context(), pull.Image, c.settings.Registry) })
	}
	wg.Wait()
	var list problem.List
	for _, pull := range pulls {
		answer := answers[pull.Image]
		if answer == nil {
			continue
		}
		if warning := c.judge(&list, pull, *answer); warning != "" {
			if err := ctx.Log.Warn(pull.Setting+": "+warning, nil); err != nil {
				return err
			}
		}
	}
	return list.Err()
}

// judge adds why nodes cannot run an image, as far as its registry's answer tells, or returns a warning that it does
// not.
func (c *composition) judge(list *problem.List, pull settings.Pull, answer registry.Answer) (warning string) {
	credentials := c.settings.Registry
	switch host := workload.Host(pull.Image); answer.Verdict {
	case registry.Found:
		if pool := c.settings.Unfit(pull, answer.Architectures); pool != nil {
			list.Add(pull.Setting, "%s", settings.Foreign(pull.Image, answer.Architectures, pool))
		}
	case registry.Missing:
		list.Add(pull.Setting, "%s has no image %s, or shows it not %s: correct the setting; make push IMAGE=%s builds and "+
			"pushes this project's (%d)", host, pull.Image, answer.As, pull.Image, answer.Status)
	case registry.Denied:
		advice := "set registryUsername, and registryPassword with --secret, or make the repository public"
		switch {
		case credentials.Serves(pull.Image):
			advice = "correct registryUsername or registryPassword, or give that user the right to read the repository"
		case credentials.Credentials():
			advice = fmt.Sprintf("registryUsername and registryPassword are for %s, by setting registry: make the "+
				"repository public, or push the image there", credentials.Host)
		}
		if workload.OracleRegion(pull.Image) != "" {
			advice += " (the user is <tenancy namespace>/<user>, the password an auth token)"
		}
		list.Add(pull.Setting, "nodes cannot pull %s %s, as %s refuses it (%d): %s", pull.Image, answer.As, host,
			answer.Status, advice)
	case registry.NoHost, registry.Unknown:
		return fmt.Sprintf("nobody knows yet whether nodes can pull %s: %s does not answer here (%v)", pull.Image, host,
			answer.Err)
	}
	return ""
}
