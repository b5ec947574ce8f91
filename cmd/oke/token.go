package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"oke-guestbook/internal/clustertoken"
	"oke-guestbook/internal/ocilogin"
)

// loginFlags adds the flags that choose the credentials, under the names of the command oci.
func loginFlags(flags *pflag.FlagSet, o *ocilogin.Options) {
	flags.StringVar(&o.Auth, "auth", "", "method of authentication, such as security_token or instance_principal")
	flags.StringVar(&o.Profile, "profile", "", "profile of the configuration file")
	flags.StringVar(&o.ConfigFile, "config-file", "", "path of the configuration file")
	flags.StringVar(&o.PodToken, "service-account-token", "", "path of a Pod's token, for oke_workload_identity")
	flags.StringVar(&o.Region, "region", "", "region, such as us-ashburn-1")
}

// tokenCommand is the credential plugin that a kubeconfig names: it prints a token for a cluster.
func tokenCommand() *cobra.Command {
	var login ocilogin.Options
	var cluster string
	var cached bool
	cmd := &cobra.Command{
		Use: "token", Short: "Prints a token for a cluster's API, as a kubeconfig's credential plugin", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sign := func() (clustertoken.Token, error) { return signToken(cmd.Context(), login, cluster) }
			token, err := clustertoken.Token{}, error(nil)
			if cached {
				token, err = cachedToken(login, cluster, sign)
			} else {
				token, err = sign()
			}
			if err != nil {
				return err
			}
			out, err := token.JSON()
			if err == nil {
				_, err = cmd.OutOrStdout().Write(append(out, '\n'))
			}
			return err
		},
	}
	loginFlags(cmd.Flags(), &login)
	cmd.Flags().StringVar(&cluster, "cluster-id", "", "OCID of the cluster")
	cmd.Flags().BoolVar(&cached, "cache", false, "keep the token in the user's cache directory until it expires")
	return cmd
}

func signToken(ctx context.Context, login ocilogin.Options, cluster string) (clustertoken.Token, error) {
	found, err := ocilogin.Find(ctx, login)
	if err != nil {
		return clustertoken.Token{}, err
	}
	return clustertoken.New(found.Keys, found.Region, cluster, time.Now())
}

// cachedToken returns the token that an earlier call with the same arguments and variables has kept.
func cachedToken(
	login ocilogin.Options, cluster string, sign func() (clustertoken.Token, error),
) (clustertoken.Token, error) {
	cache, err := clustertoken.UserCache()
	if err != nil {
		return clustertoken.Token{}, err
	}
	inputs := []string{cluster, login.Auth, login.Profile, login.ConfigFile, login.PodToken, login.Region}
	inputs = append(inputs, ocilogin.Variables()...)
	return cache.Get(inputs, time.Now(), sign)
}
