package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"oke-guestbook/drift"
	"oke-guestbook/internal/pulumicli"
)

// driftStatus is the exit status if the cloud differs from the state. That of an error is 1.
const driftStatus = 2

// driftError is an outcome with an exit status of its own.
type driftError struct{ text string }

func (e driftError) Error() string { return e.text }

// driftCommand shows what somebody changed behind Pulumi's back.
func driftCommand() *cobra.Command {
	var asJSON bool
	cmd := pulumiCommand("drift", "Shows what differs between a stack's state and the cloud, and changes nothing",
		func(cmd *cobra.Command, cli pulumicli.CLI) error {
			found, err := differences(cmd.Context(), cli)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			switch {
			case asJSON:
				encoder := json.NewEncoder(out)
				encoder.SetIndent("", "  ")
				err = encoder.Encode(found)
			case len(found) == 0:
				_, err = fmt.Fprintf(out, "stack %s: the cloud is as the state says\n", cli.Stack)
			default:
				err = drift.WriteTable(out, found)
			}
			if err != nil || len(found) == 0 {
				return err
			}
			return driftError{fmt.Sprintf("stack %s: %d differences: pulumi up --refresh -s %s undoes those that the "+
				"settings do not ask for", cli.Stack, len(found), cli.Stack)}
		})
	cmd.Long = `Shows what differs between a stack's state and the cloud, Kubernetes objects included: what somebody has
changed or deleted without Pulumi. It changes nothing, and takes no lock. Properties that the program leaves to others
are not compared.

The exit status is 0 if nothing differs, 2 if something does, and 1 for an error.`
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// differences returns what an interrupted command has not recorded, and what differs from the state. It is not nil.
func differences(ctx context.Context, cli pulumicli.CLI) ([]drift.Difference, error) {
	exported, err := cli.Export(ctx)
	if err != nil {
		return nil, err
	}
	interrupted, err := drift.Interrupted(exported)
	if err != nil {
		return nil, err
	}
	preview, err := cli.PreviewRefresh(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := drift.Parse(preview)
	return append(append([]drift.Difference{}, interrupted...), changed...), err
}
