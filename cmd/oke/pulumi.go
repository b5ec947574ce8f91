package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/spf13/cobra"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/pulumicli"
	"oke-guestbook/plan/kubeconfig"
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

// login is what OCI's requests are signed with.
type login struct {
	credentials common.ConfigurationProvider
	region      string // of the stack
}

// stackLogin returns what the stack's OCI provider takes.
func stackLogin(ctx context.Context, cli pulumicli.CLI) (login, error) {
	config, err := cli.Config(ctx)
	if err != nil {
		return login{}, err
	}
	set := func(key string) string { return config["oci:"+key] }
	own := kubeconfig.Login{
		Auth: set("auth"), Profile: set("configFileProfile"),
		Keys: kubeconfig.Keys{
			Tenancy: set("tenancyOcid"), User: set("userOcid"), Fingerprint: set("fingerprint"), Region: set("region"),
			PrivateKey: set("privateKey"), PrivateKeyPath: set("privateKeyPath"), Passphrase: set("privateKeyPassword"),
		},
	}
	options := ocilogin.Options{Auth: own.Method(), Profile: own.Profile, Region: set("region")}
	if variables := own.Variables(); len(variables) > 0 {
		options.Profile = "" // the provider prefers the key of the settings
		for name, value := range variables {
			if err := os.Setenv(name, value); err != nil {
				return login{}, err
			}
		}
	}
	credentials, region, err := ocilogin.Find(ctx, options)
	return login{credentials, region}, err
}
