package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/reach"
)

// reachCommand prints the matrix, or one answer when any of its three flags is given.
func reachCommand() *cobra.Command {
	var from, to, port string
	cmd := stackCommand("reach", "Prints who reaches whom in a stack's network", func(out io.Writer, s stack) error {
		n, err := reach.Of(s.spec)
		if err != nil {
			return err
		}
		if from != "" || to != "" || port != "" {
			return printAnswer(out, n, from, to, port)
		}
		_, err = fmt.Fprintf(out, "%s\n%s", n.Legend(), n.Matrix())
		return err
	})
	cmd.Flags().StringVar(&from, "from", "", "who opens the connection: a role, internet, osn, an address or a CIDR")
	cmd.Flags().StringVar(&to, "to", "", "who accepts the connection, as for --from")
	cmd.Flags().StringVar(&port, "port", "", "6443, 8000-8010, 53/udp, icmp or icmp/3/4")
	return cmd
}

// printAnswer explains whether one connection can be opened. Its errors name the variables of `make reach`.
func printAnswer(out io.Writer, n reach.Network, from, to, port string) error {
	if from == "" || to == "" || port == "" {
		return errors.New("one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443")
	}
	source, err := n.Parse(from)
	if err != nil {
		return fmt.Errorf("FROM: %w", err)
	}
	target, err := n.Parse(to)
	if err != nil {
		return fmt.Errorf("TO: %w", err)
	}
	service, err := reach.ParseService(port)
	if err != nil {
		return fmt.Errorf("PORT: %w", err)
	}
	_, err = fmt.Fprintf(out, "%s to %s, %s: %s", from, to, service, n.Ask(source, target, service).Explain())
	return err
}
