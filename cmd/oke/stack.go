package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/layout"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// stack is the network part of a stack's settings.
type stack struct {
	project, name string
	spec          layout.Spec
	unset         []string // settings of operators' networks for which layout.StandIn stands in
}

// stackCommand returns a command about the network of the stack that its flags select.
func stackCommand(use, short string, show func(out io.Writer, s stack) error) *cobra.Command {
	return fileCommand(use, short, func(cmd *cobra.Command, f file) error {
		spec, unset, err := settings.LoadNetwork(f.project, f.stack, f.config)
		if err != nil {
			return err
		}
		for _, key := range unset {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is not set yet: %s stands in\n", key, layout.StandIn)
		}
		return show(cmd.OutOrStdout(), stack{f.project, f.stack, spec, unset})
	})
}

// file is a stack's file.
type file struct {
	dir            string // of Pulumi.yaml
	project, stack string
	config         map[string]any
}

// fileCommand returns a command about the file of the stack that its flags select.
func fileCommand(use, short string, run func(cmd *cobra.Command, f file) error) *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if name == "" {
				return errors.New("STACK: is empty: name a stack, such as STACK=dev")
			}
			project, config, err := stackfile.Read(dir, name)
			if err != nil {
				return err
			}
			return run(cmd, file{dir, project, name, config})
		},
	}
	cmd.Flags().StringVarP(&dir, "directory", "C", ".", "directory of Pulumi.yaml")
	cmd.Flags().StringVar(&name, "stack", "local", "stack whose settings are read")
	return cmd
}
