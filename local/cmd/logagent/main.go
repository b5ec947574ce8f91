// Command logagent stands for Fluent Bit's image on nodes that run Pods. It knows those settings only that the stack's
// log agents have (components/logs/fluent-bit.yaml), and refuses others. With -listen it is a server that prints the
// records which agents send.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"

	"oke-guestbook/local/cmd/internal/program"
)

func main() { program.Main(run) }

func run(ctx context.Context) error {
	path := flag.String("config", "", "Fluent Bit's configuration, in YAML")
	address := flag.String("listen", "", "address to take records at, such as :24224, in place of sending any")
	flag.Parse()
	if (*path == "") == (*address == "") || flag.NArg() > 0 {
		return errors.New("the stand-in for Fluent Bit takes -config FILE or -listen ADDRESS")
	}
	if *address != "" {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *address)
		if err != nil {
			return err
		}
		return collect(ctx, listener, os.Stdout)
	}
	data, err := os.ReadFile(*path)
	if err != nil {
		return err
	}
	c, err := parse(data, os.LookupEnv)
	if err != nil {
		return fmt.Errorf("%s: %w", *path, err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.level}))
	fmt.Fprintf(os.Stderr, "a stand-in for Fluent Bit: it sends the lines of %s to %s:%d\n", c.path, c.host, c.port)
	return newAgent(c, log).run(ctx)
}
