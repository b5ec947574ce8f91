package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"oke-guestbook/internal/ocilogin"
	"oke-guestbook/internal/ocirest"
	"oke-guestbook/internal/pulumicli"
	"oke-guestbook/recovery"
	"oke-guestbook/settings/stackfile"
)

// recoverCommand completes what a killed or failed command has left of a stack.
func recoverCommand() *cobra.Command {
	var yes, quiet bool
	var r recovery.Recovery
	cmd := pulumiCommand("recover", "Completes what a pulumi up that was killed or failed has left",
		func(cmd *cobra.Command, cli pulumicli.CLI) error {
			r.Name, r.Stack, r.Out = cli.Stack, cli, cmd.OutOrStdout()
			r.Confirm = func() (bool, error) {
				if yes {
					return true, nil
				}
				return ask(cmd)
			}
			visible := true
			r.Locks = func(ctx context.Context) (found []recovery.Lock, ok bool, err error) {
				found, visible, err = locks(ctx, cli)
				return found, visible, err
			}
			r.Orphans = func(ctx context.Context) ([]recovery.Orphan, error) { return recovery.Orphans(ctx, cli.Dir) }
			own := sync.OnceValues(func() (*ocilogin.Login, error) { return stackLogin(cmd.Context(), cli) })
			r.Cloud = func(_ context.Context, region string) (ocirest.Getter, error) {
				login, err := own()
				if err != nil {
					return nil, err
				}
				return ocirest.New(login.Keys, cmp.Or(region, login.Region), time.Minute), nil
			}
			found, err := r.Run(cmd.Context())
			if err != nil {
				if advice := r.Advice(err); advice != "" {
					return errors.New(advice)
				}
				return err
			}
			if !quiet {
				conclude(r.Out, cli.Stack, found, visible)
			}
			return nil
		})
	cmd.Long = `Completes what a pulumi up that was killed or failed has left, so that the next one goes on from there and
makes nothing twice. It works on any stack and backend, with the credentials of the stack's OCI provider.

It shows what it finds, and asks before it changes anything.`
	flags := cmd.Flags()
	flags.BoolVar(&yes, "yes", false, "do not ask")
	flags.BoolVar(&r.Unlock, "unlock", false, "remove the stack's locks although their holders may still run elsewhere")
	flags.BoolVar(&quiet, "quiet", false, "print nothing if there is nothing to do")
	return cmd
}

// conclude says how the recovery has ended.
func conclude(out io.Writer, stack string, found, locksVisible bool) {
	if found {
		fmt.Fprintf(out, "stack %s is recovered: pulumi up -s %s continues\n", stack, stack)
		return
	}
	fmt.Fprintf(out, "stack %s: no command was interrupted, nothing is half-made\n", stack)
	if !locksVisible {
		fmt.Fprintln(out, "this backend does not show locks: if pulumi says that the stack is locked, add --unlock")
	}
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
