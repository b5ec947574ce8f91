package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"oke-guestbook/internal/pulumicli"
	"oke-guestbook/recovery"
	"oke-guestbook/settings/stackfile"
)

// recoverCommand completes what a killed or failed command has left of a stack.
func recoverCommand() *cobra.Command {
	var yes, unlock, quiet bool
	cmd := pulumiCommand("recover", "Completes what a pulumi up that was killed or failed has left",
		func(cmd *cobra.Command, cli pulumicli.CLI) error {
			r := recovery.Recovery{
				Name: cli.Stack, Stack: cli, Unlock: unlock, Out: cmd.OutOrStdout(),
				Locks: func(ctx context.Context) ([]recovery.Lock, bool, error) { return locks(ctx, cli) },
				Confirm: func() (bool, error) {
					if yes {
						return true, nil
					}
					return ask(cmd)
				},
			}
			region := sync.OnceValues(func() (recovery.Cloud, error) { return stackRegion(cmd.Context(), cli) })
			r.Cloud = func(context.Context) (recovery.Cloud, error) { return region() }
			found, err := r.Run(cmd.Context())
			if err != nil {
				if advice := r.Advice(err); advice != "" {
					return errors.New(advice)
				}
				return err
			}
			switch {
			case found && !quiet:
				fmt.Fprintf(cmd.OutOrStdout(), "stack %s is recovered: pulumi up -s %s continues\n", cli.Stack, cli.Stack)
			case !quiet:
				fmt.Fprintf(cmd.OutOrStdout(), "stack %s: no command was interrupted, nothing is half-made\n", cli.Stack)
			}
			return nil
		})
	cmd.Long = `Completes what a pulumi up that was killed or failed has left, so that the next one goes on from there and
makes nothing twice. It works on any stack and backend, with the credentials of the stack's OCI provider.

It shows what it finds, and asks before it changes anything.`
	flags := cmd.Flags()
	flags.BoolVar(&yes, "yes", false, "do not ask")
	flags.BoolVar(&unlock, "unlock", false, "remove the stack's locks although their holders may still run elsewhere")
	flags.BoolVar(&quiet, "quiet", false, "print nothing if there is nothing to do")
	return cmd
}

// locks returns who has locked the stack, if its backend is a directory.
func locks(ctx context.Context, cli pulumicli.CLI) ([]recovery.Lock, bool, error) {
	project, err := stackfile.Project(cli.Dir)
	if err != nil {
		return nil, false, err
	}
	backend, err := cli.Backend(ctx)
	if err != nil {
		return nil, false, err
	}
	return recovery.FileLocks(backend, project, cli.Stack)
}

// ask asks for the consent on a terminal. Without one, it says how to give it.
func ask(cmd *cobra.Command) (bool, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return false, errors.New("nothing was changed: add --yes to do it (make recover STACK=... ARGS=--yes)")
	}
	fmt.Fprint(cmd.OutOrStdout(), "Do it? [y/N] ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer == "y" || answer == "yes", err
}
