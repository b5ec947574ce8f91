// Command run-app runs the guestbook on this machine with an embedded database, for development. The entries are kept
// in -dir.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"oke-guestbook/app/internal/devdb"
)

func main() {
	app := flag.String("app", "", "the guestbook's binary; required")
	dir := flag.String("dir", ".local/run-app", "directory of the entries")
	flag.Parse()
	if err := run(*app, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "run-app:", err)
		os.Exit(1)
	}
}

// run starts the database and the guestbook, and stops both on SIGTERM or an interrupt.
func run(app, dir string) error {
	if app == "" {
		return errors.New("-app is required: the guestbook's binary")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	db, err := devdb.Start(filepath.Join(dir, "db"), "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = db.Stop() }()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	cmd := exec.CommandContext(ctx, app)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is passed on by cmd.Cancel only
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	// The environment takes precedence over these settings.
	cmd.Env = append([]string{
		"LISTEN_ADDRESS=127.0.0.1:8080", "METRICS_ADDRESS=127.0.0.1:9090", "DRAIN_DELAY=0s",
	}, os.Environ()...)
	cmd.Env = append(cmd.Env, "MONGODB_URI="+db.URI)
	fmt.Printf("The guestbook runs on this machine; entries are in %s. Ctrl-C ends it.\n"+
		"Open http://%s\n", dir, setting(cmd.Env, "LISTEN_ADDRESS"))
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// setting returns the value of key in the environment env, where the last one counts.
func setting(env []string, key string) string {
	value := ""
	for _, line := range env {
		if k, v, _ := strings.Cut(line, "="); k == key {
			value = v
		}
	}
	return value
}
