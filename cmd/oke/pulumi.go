package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/pulumicli"
	"oke-guestbook/plan/kubeconfig"
	"oke-guestbook/recovery"
)

// pulumiCommand returns a command that runs Pulumi's CLI on the stack that its flags select. The first interrupt ends
// its context.
func pulumiCommand(use, short string, run func(cmd *cobra.Command, cli pulumicli.CLI) error) *cobra.Command {
	var cli pulumicli.CLI
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cli.Stack == "" {
				return errors.New("STACK: is empty: name a stack, such as STACK=dev")
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			cmd.SetContext(ctx)
			cli.Out = cmd.OutOrStdout()
			return run(cmd, cli)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&cli.Dir, "directory", "C", ".", "directory of Pulumi.yaml")
	flags.StringVar(&cli.Stack, "stack", "", "name of the stack")
	flags.StringVar(&cli.Path, "pulumi", "", "path of Pulumi's CLI (default pulumi on PATH)")
	flags.StringVar(&cli.ConfigFile, "config-file", "", "the stack's settings (default Pulumi.<stack>.yaml)")
	return cmd
}

// stackRegion returns the services of the stack's region, asked with the credentials that its OCI provider takes.
func stackRegion(ctx context.Context, cli pulumicli.CLI) (recovery.Cloud, error) {
	config, err := cli.Config(ctx)
	if err != nil {
		return nil, err
	}
	set := func(key string) string { return config["oci:"+key] }
	login := kubeconfig.Login{
		Auth: set("auth"), Profile: set("configFileProfile"),
		Keys: kubeconfig.Keys{
			Tenancy: set("tenancyOcid"), User: set("userOcid"), Fingerprint: set("fingerprint"), Region: set("region"),
			PrivateKey: set("privateKey"), PrivateKeyPath: set("privateKeyPath"), Passphrase: set("privateKeyPassword"),
		},
	}
	options := ocilogin.Options{Auth: login.Method(), Profile: login.Profile, Region: set("region")}
	if variables := login.Variables(); len(variables) > 0 {
		options.Profile = "" // the provider prefers the key of the settings
		for name, value := range variables {
			if err := os.Setenv(name, value); err != nil {
				return nil, err
			}
		}
	}
	credentials, region, err := ocilogin.Find(ctx, options)
	if err != nil {
		return nil, err
	}
	return recovery.Region(credentials, region), nil
}
