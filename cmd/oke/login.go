package main

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/pulumicli"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/settings"
)

// providerLogin returns the options that find what a stack's OCI provider signs with. Flags choose other credentials;
// the stack's settings then fill in what they leave open.
func providerLogin(ctx context.Context, flags ocilogin.Options, f file) (ocilogin.Options, error) {
	config, secrets := settings.AsHanded(f.project, f.config)
	if flags.Auth+flags.Profile+flags.ConfigFile+flags.PodToken != "" {
		flags.Region = cmp.Or(flags.Region, config["oci:region"])
		flags.Profile = cmp.Or(flags.Profile, config["oci:configFileProfile"])
		flags.Auth = cmp.Or(flags.Auth, kubeconfig.Login{Auth: config["oci:auth"]}.Method())
		return flags, nil
	}
	if slices.ContainsFunc(secrets, func(key string) bool { return strings.HasPrefix(key, "oci:") }) {
		var err error // only pulumi can read them
		if config, err = (pulumicli.CLI{Dir: f.dir, Stack: f.stack}).Config(ctx); err != nil {
			return flags, err
		}
	}
	return ocilogin.Options{Provider: true, Config: config, Region: flags.Region}, nil
}
