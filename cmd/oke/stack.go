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

// stackCommand returns a command about the stack that its flags select.
func stackCommand(use, short string, show func(out io.Writer, s stack) error) *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadStack(dir, name)
			if err != nil {
				return err
			}
			for _, key := range s.unset {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is not set yet: %s stands in\n", key, layout.StandIn)
			}
			return show(cmd.OutOrStdout(), s)
		},
	}
	cmd.Flags().StringVarP(&dir, "directory", "C", ".", "directory of Pulumi.yaml")
	cmd.Flags().StringVar(&name, "stack", "local", "stack whose settings are read")
	return cmd
}

func loadStack(dir, name string) (stack, error) {
	if name == "" {
		return stack{}, errors.New("STACK: is empty: name a stack, such as STACK=dev")
	}
	project, config, err := stackfile.Read(dir, name)
	if err != nil {
		return stack{}, err
	}
	spec, unset, err := settings.LoadNetwork(project, name, config)
	return stack{project, name, spec, unset}, err
}
