package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"oke-guestbook/doctor"
)

// doctorCommand checks everything that can be known before the first resource is made.
func doctorCommand() *cobra.Command {
	var s doctor.Stack
	var asJSON bool
	cmd := fileCommand("doctor", "Checks what can be known of a stack before its first resource is made",
		func(cmd *cobra.Command, f file) error {
			s.Dir, s.Project, s.Name, s.File = f.dir, f.project, f.stack, f.config
			report := doctor.Run(cmd.Context(), s)
			write := report.WriteText
			if asJSON {
				write = report.WriteJSON
			}
			if err := write(cmd.OutOrStdout()); err != nil {
				return err
			}
			if !report.OK {
				return fmt.Errorf("stack %s: %d of %d checks failed", f.stack, report.Failed(), len(report.Results))
			}
			return nil
		})
	cmd.Long = `Checks what can be known of a stack before its first resource is made: tools, settings,
credentials, clock, region, compartment, rights, service limits, versions, shapes, capacity,
images, existing network, addresses. It only reads. The exit status is 1 if a check failed.

  ✓ is well   ✗ must be mended; the lines below say how   – not checked, and why`
	flags := cmd.Flags()
	flags.StringVar(&s.Group, "group", "oke-operators", "group of those who run pulumi, for statements they lack")
	flags.StringVar(&s.Domain, "domain", "", "identity domain of the group, such as Default; empty for none")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
