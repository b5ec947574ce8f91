// Command oke shows the network that a stack's settings ask for, without an
// engine or a cloud: who can reach whom, and a picture. It refuses what `pulumi up`
// would refuse of the network, in the same words.
//
//	oke reach -stack prod
//	oke reach -stack prod -from workers -to api -port 6443
//	oke diagram -stack prod -o docs/network-prod.svg
//
// Where a stack's file leaves its operators' networks to be said, 203.0.113.0/24
// stands in for them, with a note; the picture calls them "Your networks".
package main

import (
	"flag"
	"fmt"
	"io"
	"os"

	"oke-guestbook/plan/diagram"
	"oke-guestbook/plan/layout"
	"oke-guestbook/plan/reach"
	"oke-guestbook/settings"
	"oke-guestbook/settings/stackfile"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "oke:", err)
		os.Exit(1)
	}
}

func run(args []string, out, notes io.Writer) error {
	if len(args) == 0 || args[0] != "reach" && args[0] != "diagram" {
		return fmt.Errorf("say reach or diagram; both take -stack NAME")
	}
	flags := flag.NewFlagSet("oke "+args[0], flag.ContinueOnError)
	dir := flags.String("C", ".", "directory of Pulumi.yaml")
	stack := flags.String("stack", "local", "stack whose settings are read")
	from := flags.String("from", "", "reach: who opens the connection: a role, internet, osn, an address or a CIDR")
	to := flags.String("to", "", "reach: to whom")
	port := flags.String("port", "", "reach: 6443, 8000-8010, 53/udp, icmp or icmp/3/4")
	file := flags.String("o", "", "diagram: file to write; empty: standard output")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if *stack == "" {
		return fmt.Errorf("STACK: is empty: name a stack, such as STACK=dev")
	}
	project, config, err := stackfile.Read(*dir, *stack)
	if err != nil {
		return err
	}
	spec, unset, err := settings.LoadNetwork(project, *stack, config)
	if err != nil {
		return err
	}
	for _, key := range unset {
		fmt.Fprintf(notes, "%s is not set yet: %s stands in\n", key, layout.StandIn)
	}
	if args[0] == "reach" {
		return showReach(out, spec, *from, *to, *port)
	}
	svg, err := diagram.SVG(project+" "+*stack, spec, unset)
	if err != nil {
		return err
	}
	if *file != "" {
		return os.WriteFile(*file, []byte(svg), 0o644)
	}
	_, err = io.WriteString(out, svg)
	return err
}

// showReach prints the matrix, or one answer when any of the three is given.
func showReach(out io.Writer, spec layout.Spec, from, to, port string) error {
	n, err := reach.Of(spec)
	if err != nil {
		return err
	}
	if from == "" && to == "" && port == "" {
		_, err = fmt.Fprintf(out, "%s\n%s", n.Legend(), n.Matrix())
		return err
	}
	if from == "" || to == "" || port == "" {
		return fmt.Errorf("one answer takes all of FROM, TO and PORT, such as FROM=workers TO=api PORT=6443")
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
