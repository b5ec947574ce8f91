package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"oke-guestbook/app/internal/chores"
	"oke-guestbook/app/internal/config"
)

const usage = `Usage: guestbook [command]

Without a command it serves the guestbook until SIGTERM. Commands:

  probe startup   exit status 0 if the database's server answers as a member of a replica set
  probe ready     exit status 0 if it is the primary or a secondary
  probe live      exit status 0 if it answers
  install DIR     copy this program to DIR/guestbook, for the probes of another container
  setup           initiate the replica set, add and remove members, set up the users and the index
  backup          save the database to a bucket of Object Storage, and delete old backups
  restore NAME    load the backup NAME, such as 2026-11-23T03-00-00Z.archive.gz, in place of the entries
  measure         measure the guestbook once, and post what is found to OCI Monitoring
  help            show this text

setup and restore may be repeated. Exit status 1: the command failed, and the last line says why. Settings are
environment variables:

  all commands     MONGODB_URI (probe: the server on this host), MONGODB_TIMEOUT
  all but probe    MONGODB_USERNAME, MONGODB_PASSWORD_FILE, MONGODB_AUTH_SOURCE, MONGODB_DATABASE
  setup            MONGODB_ROOT_USERNAME, MONGODB_ROOT_PASSWORD_FILE, BACKUP_USERNAME, BACKUP_PASSWORD_FILE,
                   SETUP_TIMEOUT
  backup, restore  BACKUP_NAMESPACE, BACKUP_BUCKET, BACKUP_KEEP_DAYS, BACKUP_TIMEOUT, OBJECT_STORAGE_ENDPOINT,
                   OCI_AUTH (workload_identity or config_file), OCI_REGION, OCI_CONFIG_FILE, OCI_CONFIG_PROFILE
  measure          METRIC_STACK, METRIC_GUESTBOOK, METRIC_COMPARTMENT, FRONTEND_URL, CERTIFICATE_EXPIRES,
                   BACKUP_INTERVAL, MONITORING_ENDPOINT, and OCI_* as backup
`

// chore runs the command args[0] and writes its log to out.
func chore(ctx context.Context, args []string, getenv func(string) string, out io.Writer) error {
	want := map[string]int{
		"probe": 2, "install": 2, "setup": 1, "backup": 1, "restore": 2, "measure": 1, "help": 1, "-h": 1, "--help": 1,
	}
	if n, ok := want[args[0]]; !ok || n != len(args) {
		return fmt.Errorf("invalid arguments %q\n\n%s", args, usage)
	}
	log := slog.New(slog.NewJSONHandler(out, nil))
	switch args[0] {
	case "probe":
		return runProbe(ctx, args[1], getenv, out)
	case "setup":
		cfg, err := config.LoadSetup(getenv)
		if err != nil {
			return err
		}
		return chores.Setup(ctx, cfg, log)
	case "install":
		return install(args[1])
	case "measure":
		cfg, err := config.LoadMeasure(getenv)
		if err != nil {
			return err
		}
		return chores.Measure(ctx, cfg, log)
	case "backup", "restore":
		cfg, err := config.LoadBackup(getenv)
		if err != nil {
			return err
		}
		if args[0] == "restore" {
			return chores.Restore(ctx, cfg, args[1], log)
		}
		return chores.Backup(ctx, cfg, version, log)
	}
	_, err := io.WriteString(out, usage)
	return err
}

func runProbe(ctx context.Context, kind string, getenv func(string) string, out io.Writer) error {
	if kind != chores.Startup && kind != chores.Ready && kind != chores.Live {
		return fmt.Errorf("probe %q: want %s, %s or %s", kind, chores.Startup, chores.Ready, chores.Live)
	}
	cfg, err := config.LoadProbe(getenv)
	if err != nil {
		return err
	}
	state, err := chores.Probe(ctx, cfg, kind)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, state)
	return err
}

// install copies this program into a directory.
func install(dir string) error {
	in, err := os.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer in.Close()
	// A program that runs cannot be written to, but replaced.
	next := filepath.Join(dir, "guestbook.new")
	out, err := os.OpenFile(next, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.Rename(next, filepath.Join(dir, "guestbook"))
}
