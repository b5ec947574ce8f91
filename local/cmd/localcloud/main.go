// Command localcloud is the launcher: it runs the stack on the local cloud. The Makefile calls it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"oke-guestbook/local/launch"
	"oke-guestbook/local/repository"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The second Ctrl-C kills this process, and with it an engine that did not end after the first.
	context.AfterFunc(ctx, stop)
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		os.Exit(1)
	}
}

// commands are too few to need a library. None but flows has flags.
var commands = map[string]func(launch.Launcher, context.Context) error{
	"up": launch.Launcher.Up, "preview": launch.Launcher.Preview, "refresh": launch.Launcher.Refresh,
	"down": launch.Launcher.Down, "status": launch.Launcher.Status, "kubeconfig": launch.Launcher.Kubeconfig,
	"env": launch.Launcher.PrintEnv, "open": launch.Launcher.Open, "clean": launch.Launcher.Clean,
	"build": launch.Launcher.Build,
}

func run(ctx context.Context, args []string) error {
	flows := len(args) > 0 && args[0] == "flows"
	if !flows && (len(args) != 1 || commands[args[0]] == nil) {
		return fmt.Errorf("usage: localcloud up|preview|refresh|down|status|open|flows|kubeconfig|env|clean|build")
	}
	root, err := repository.Find()
	if err != nil {
		return err
	}
	launcher, err := launch.FromEnv(root)
	if err != nil {
		return err
	}
	if flows {
		return launcher.Flows(ctx, args[1:])
	}
	return commands[args[0]](launcher, ctx)
}
