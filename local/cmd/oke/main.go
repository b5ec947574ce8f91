// Command oke runs the stack on the local cloud. The Makefile calls it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"oke-guestbook/local/launch"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends this process, and with it an engine that does not end in order
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	commands := map[string]func(launch.Options, context.Context) error{
		"up": launch.Options.Up, "preview": launch.Options.Preview, "refresh": launch.Options.Refresh,
		"down": launch.Options.Down, "status": launch.Options.Status, "kubeconfig": launch.Options.Kubeconfig,
		"env": launch.Options.PrintEnv, "clean": launch.Options.Clean, "build": launch.Options.Build,
	}
	if len(args) != 1 || commands[args[0]] == nil {
		return fmt.Errorf("usage: oke up|preview|refresh|down|status|kubeconfig|env|clean|build")
	}
	root, err := repository()
	if err != nil {
		return err
	}
	options, err := launch.OptionsFromEnv(root)
	if err != nil {
		return err
	}
	return commands[args[0]](options, ctx)
}

// repository finds the directory of Pulumi.yaml, here or above.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no Pulumi.yaml here or above: run this within the repository")
		}
	}
}
