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

// stackLogin returns what the stack's OCI provider takes.
func stackLogin(ctx context.Context, cli pulumicli.CLI) (*ocilogin.Login, error) {
	config, err := cli.Config(ctx)
	if err != nil {
		return nil, err
	}
	return ocilogin.Find(ctx, ocilogin.Options{Provider: true, Config: config})
}
