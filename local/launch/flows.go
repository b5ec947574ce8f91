package launch

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"oke-guestbook/local/launch/daemon"
)

// flowLine is what the flows of a line have in common. Their source ports differ.
type flowLine struct {
	subnet, flow, missing string
}

// flowSum is a line's last flow, and the size of all.
type flowSum struct {
	last           time.Time
	packets, bytes int
}

// Flows prints the connections that a security rule or a route of the emulated network has dropped, with what was
// missing; with the flag --accepted, those that passed.
func (l Launcher) Flows(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("flows", flag.ContinueOnError)
	accepted := flags.Bool("accepted", false, "the flows that passed instead of those that were dropped")
	subnet := flags.String("subnet", "", "only those of the subnet with this name")
	minutes := flags.Int("minutes", 60, "of the last minutes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *minutes < 1 {
		return fmt.Errorf("MINUTES=%d: must be a positive number", *minutes)
	}
	p := l.parts()
	if _, ok, err := p.cloud.Running(ctx); err != nil || !ok {
		return cmp.Or(err, fmt.Errorf("the local cloud does not run: `%s` starts it", l.Make("up")))
	}
	if !p.nodes.Kind() {
		return fmt.Errorf("nodes are simulated, so nothing carries packets: `%s`, then `%s`",
			l.Make("down"), l.Make("up NODES=real"))
	}
	flows, err := p.cloud.Flows(ctx, *minutes)
	if err != nil {
		return err
	}
	subnets, err := p.cloud.Subnets(ctx)
	if err != nil {
		return err
	}
	if *subnet != "" && !slices.Contains(subnets, *subnet) {
		return fmt.Errorf("SUBNET=%s: the subnets are %q", *subnet, subnets)
	}
	flows = slices.DeleteFunc(flows, func(f daemon.Flow) bool {
		return f.Accepted != *accepted || *subnet != "" && f.Subnet != *subnet
	})
	p.printFlows(flows, *minutes, *accepted)
	return nil
}

func (p parts) printFlows(flows []daemon.Flow, minutes int, accepted bool) {
	verb := map[bool]string{false: "dropped", true: "accepted"}[accepted]
	sums := map[flowLine]flowSum{}
	for _, f := range flows {
		line := flowLine{f.Subnet, describeFlow(f), f.Missing}
		sum := sums[line]
		sum.packets, sum.bytes = sum.packets+f.Packets, sum.bytes+f.Bytes
		if f.Last.After(sum.last) {
			sum.last = f.Last
		}
		sums[line] = sum
	}
	if len(sums) == 0 {
		p.out.Printf("nothing was %s in the last %d minutes", verb, minutes)
		return
	}
	lines := make([]flowLine, 0, len(sums))
	for line := range sums {
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b flowLine) int {
		return cmp.Or(sums[a].last.Compare(sums[b].last), cmp.Compare(a.flow, b.flow), cmp.Compare(a.subnet, b.subnet))
	})
	p.out.Printf("%s in the last %d minutes, the latest at the end", verb, minutes)
	for _, line := range lines {
		sum := sums[line]
		p.out.Printf("%s  %5d packets %8d bytes  %-14s %s", sum.last.Local().Format("15:04:05"), sum.packets, sum.bytes,
			line.subnet, line.flow)
		if line.missing != "" {
			p.out.Printf("%50s missing: %s", "", line.missing)
		}
	}
}

// describeFlow writes a flow without the source port: "10.0.32.2 -> 10.0.16.3 TCP 30080, in".
func describeFlow(f daemon.Flow) string {
	direction := map[bool]string{false: "out", true: "in"}[f.Ingress]
	protocol := map[int]string{1: "ICMP", 6: "TCP", 17: "UDP"}[f.Protocol]
	source, _, errSource := net.SplitHostPort(f.Source)
	destination, port, errDestination := net.SplitHostPort(f.Destination)
	if errors.Join(errSource, errDestination) != nil {
		return fmt.Sprintf("%s -> %s, %s", f.Source, f.Destination, direction)
	}
	text := fmt.Sprintf("%s -> %s %s", source, destination, cmp.Or(protocol, "protocol "+strconv.Itoa(f.Protocol)))
	if port != "0" {
		text += " " + port
	}
	return text + ", " + direction
}
