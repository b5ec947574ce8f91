package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

// rehearsalStack is the stack on the local cloud that has another's settings.
const rehearsalStack = "rehearsal"

// rehearsalCommand writes a stack's settings as the local cloud takes them.
func rehearsalCommand() *cobra.Command {
	cmd := fileCommand("rehearsal", "Writes a stack's settings to Pulumi.rehearsal.yaml, as the local cloud takes them",
		func(cmd *cobra.Command, f file) error {
			if f.stack == rehearsalStack {
				return errors.New("STACK: names the rehearsal itself: name the stack to rehearse, such as STACK=prod")
			}
			_, local, err := stackfile.Read(f.dir, "local")
			if err != nil {
				return err
			}
			compartment, _ := local[f.project+":compartmentId"].(string)
			config, left := settings.Rehearsal(f.project, compartment, f.config)
			text, err := yaml.Marshal(map[string]any{"config": config})
			if err != nil {
				return err
			}
			name := "Pulumi." + rehearsalStack + ".yaml"
			if err := os.WriteFile(filepath.Join(f.dir, name), text, 0o600); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s has the settings of stack %s\n", name, f.stack)
			if len(left) > 0 {
				fmt.Fprintf(out, "left out, as they are Oracle Cloud's or secret: %s\n", strings.Join(left, ", "))
			}
			return nil
		})
	cmd.Long = `Writes a stack's settings to Pulumi.rehearsal.yaml, as the local cloud takes them: with its compartment,
and without secrets, credentials and what exists on Oracle Cloud only. docs/operations.md has the way from there to
a rehearsed upgrade.`
	return cmd
}
