package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"oke-guestbook/plan/reach"
)

// reachCommand prints the matrix, or one answer when any of its three flags is given.
func reachCommand() *cobra.Command {
	var stack stackFlags
	var from, to, port string
	cmd := &cobra.Command{
		Use:   "reach",
		Short: "Prints who reaches whom in a stack's network",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := stack.load(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			n, err := reach.Of(loaded.spec)
			if err != nil {
				return err
			}
			text := fmt.Sprintf("%s\n%s", n.Legend(), n.Matrix())
			if from != "" || to != "" || port != "" {
				text, err = answer(n, from, to, port)
			}
			fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	stack.register(cmd)
	cmd.Flags().StringVar(&from, "from", "", "who opens the connection: a role, internet, osn, an address or a CIDR")
	cmd.Flags().StringVar(&to, "to", "", "to whom")
	cmd.Flags().StringVar(&port, "port", "", "6443, 8000-8010, 53/udp, icmp or icmp/3/4")
	return cmd
}

// answer explains whether one connection can be opened. Its errors name the variables of `make reach`.
func answer(n reach.Network, from, to, port string) (string, error) {
	if from == "" || to == "" || port == "" {
		return "", errors.New("one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443")
	}
	source, err := n.Parse(from)
	if err != nil {
		return "", fmt.Errorf("FROM: %w", err)
	}
	target, err := n.Parse(to)
	if err != nil {
		return "", fmt.Errorf("TO: %w", err)
	}
	service, err := reach.ParseService(port)
	if err != nil {
		return "", fmt.Errorf("PORT: %w", err)
	}
	return fmt.Sprintf("%s to %s, %s: %s", from, to, service, n.Ask(source, target, service).Explain()), nil
}
