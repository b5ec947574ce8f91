package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/diagram"
)

// diagramCommand draws the network as an SVG.
func diagramCommand() *cobra.Command {
	var stack stackFlags
	var file string
	cmd := &cobra.Command{
		Use:   "diagram",
		Short: "Draws a stack's network as an SVG",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := stack.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			svg, err := diagram.SVG(loaded.project+" "+stack.name, loaded.spec, loaded.unset)
			if err != nil {
				return err
			}
			if file != "" {
				return os.WriteFile(file, []byte(svg), 0o644)
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), svg)
			return err
		},
	}
	stack.register(cmd)
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write instead of standard output")
	return cmd
}
