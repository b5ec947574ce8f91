package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/diagram"
)

// diagramCommand draws the network as an SVG.
func diagramCommand() *cobra.Command {
	var file string
	cmd := stackCommand("diagram", "Draws a stack's network as an SVG", func(out io.Writer, s stack) error {
		svg, err := diagram.SVG(s.project+" "+s.name, s.spec, s.unset)
		if err != nil {
			return err
		}
		if file != "" {
			return os.WriteFile(file, []byte(svg), 0o644)
		}
		_, err = io.WriteString(out, svg)
		return err
	})
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write instead of standard output")
	return cmd
}
