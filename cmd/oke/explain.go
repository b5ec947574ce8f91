package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"oke-guestbook/internal/urn"
	"oke-guestbook/recovery/failure"
)

// explainCommand explains what the services have refused in an update.
func explainCommand() *cobra.Command {
	var stack, log string
	var quiet bool
	cmd := &cobra.Command{
		Use: "explain", Args: cobra.NoArgs,
		Short: "Says what to do about limits, quotas, capacity and rights that have ended a pulumi up",
		Long: `Reads the output of a pulumi up that has failed, and says which setting or limit is the cause and what to do:

    pulumi up 2>&1 | tee up.log
    oke explain --stack dev --log up.log`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if stack == "" {
				return errors.New("STACK: is empty: name a stack, such as STACK=dev")
			}
			in := cmd.InOrStdin()
			if log != "" {
				file, err := os.Open(log)
				if err != nil {
					return fmt.Errorf("LOG: %w: keep the output of pulumi up: pulumi up 2>&1 | tee up.log", err)
				}
				defer file.Close()
				in = file
			}
			return explain(cmd.OutOrStdout(), in, stack, quiet)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&stack, "stack", "", "name of the stack")
	flags.StringVar(&log, "log", "", "the output of pulumi up, or its log of events (default standard input)")
	flags.BoolVar(&quiet, "quiet", false, "print explanations only")
	return cmd
}

func explain(out io.Writer, log io.Reader, stack string, quiet bool) error {
	errs, err := failure.Read(log, urn.Title)
	if err != nil {
		return err
	}
	failures := failure.Explain(errs, stack)
	for _, f := range failures {
		fmt.Fprint(out, f)
	}
	switch {
	case quiet:
	case len(errs) == 0:
		fmt.Fprintln(out, "the log has no error of a resource")
	case len(failures) == 0:
		fmt.Fprintln(out, "none of the errors is of a known kind: docs/troubleshooting.md has more messages")
	default:
		fmt.Fprintf(out, "what was made is kept: mend the cause, then make recover STACK=%[1]s and pulumi up -s %[1]s\n",
			stack)
	}
	return nil
}
