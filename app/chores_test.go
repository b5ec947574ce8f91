package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"oke-guestbook/app/internal/apptest"
	"oke-guestbook/app/internal/entry"
	"oke-guestbook/app/internal/store"
)

// The chores refuse bad arguments and settings, all of the settings at once.
func TestBadChores(t *testing.T) {
	for _, c := range []struct {
		args []string
		env  map[string]string
		want []string
	}{
		{[]string{"serve"}, nil, []string{`invalid arguments ["serve"]`, "Usage: guestbook"}},
		{[]string{"install", "/nowhere"}, nil, []string{"/nowhere/guestbook"}},
		{[]string{"probe"}, nil, []string{"invalid arguments", "probe ready"}},
		{[]string{"probe", "alive"}, nil, []string{`probe "alive": want startup, ready or live`}},
		{[]string{"probe", "live"}, map[string]string{"MONGODB_TIMEOUT": "1h"}, []string{`MONGODB_TIMEOUT "1h"`}},
		{[]string{"probe", "live"}, map[string]string{"MONGODB_URI": "mongo"}, []string{"MONGODB_URI: "}},
		{[]string{"restore"}, nil, []string{"invalid arguments", "restore NAME"}},
		{[]string{"setup"}, map[string]string{"SETUP_TIMEOUT": "0s"}, []string{
			"MONGODB_URI is not set", "MONGODB_ROOT_PASSWORD_FILE is not set", "BACKUP_PASSWORD_FILE is not set",
			"MONGODB_USERNAME is not set", `SETUP_TIMEOUT "0s"`,
		}},
		{[]string{"backup"}, map[string]string{"BACKUP_KEEP_DAYS": "0", "OBJECT_STORAGE_ENDPOINT": "oracle"}, []string{
			"MONGODB_URI is not set", "BACKUP_NAMESPACE is not set", "BACKUP_BUCKET is not set", "OCI_REGION is not set",
			`BACKUP_KEEP_DAYS "0"`, `OBJECT_STORAGE_ENDPOINT "oracle"`,
		}},
		{[]string{"backup"}, map[string]string{"OCI_AUTH": "password"}, []string{
			`OCI_AUTH "password": want workload_identity`,
		}},
	} {
		err := run(context.Background(), c.args, func(key string) string { return c.env[key] }, io.Discard, nil)
		if err == nil {
			t.Errorf("%q: no error", c.args)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %v, want %q", c.args, err, want)
			}
		}
	}
}

// The help fits on a screen of 80 lines and 120 columns and names every command and every setting of the chores.
func TestHelp(t *testing.T) {
	var out bytes.Buffer
	read := map[string]bool{}
	getenv := func(key string) string {
		read[key] = true
		return map[string]string{"MONGODB_TIMEOUT": "100ms"}[key]
	}
	if err := run(context.Background(), []string{"help"}, getenv, &out, nil); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"setup"}, {"backup"}, {"probe", "live"}} {
		_ = run(context.Background(), args, getenv, io.Discard, nil)
	}
	for key := range read {
		if !strings.Contains(out.String(), key) {
			t.Errorf("the help does not name %s", key)
		}
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) > 40 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 120 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// The commands do their work with settings from the environment, from a backup to its restore.
func TestChores(t *testing.T) {
	proxy := apptest.StartProxy(t, "127.0.0.1:0", apptest.StartDB(t).URI, nil)
	proxy.SetPassword("backup", "of-backup")
	bucket := apptest.StartObjectStore(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("of-backup"), 0o400); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{
		"MONGODB_URI": "mongodb://" + proxy.Address, "MONGODB_USERNAME": "backup", "MONGODB_PASSWORD_FILE": file,
		"BACKUP_NAMESPACE": "tenancy", "BACKUP_BUCKET": "backups", "OBJECT_STORAGE_ENDPOINT": bucket.URL,
		"OCI_AUTH": "config_file", "OCI_CONFIG_FILE": bucket.ConfigFile,
	}
	do := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := run(t.Context(), args, func(key string) string { return env[key] }, &out, nil); err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		return out.String()
	}
	dir := t.TempDir()
	for range 2 {
		do("install", dir)
	}
	if info, err := os.Stat(filepath.Join(dir, "guestbook")); err != nil || info.Mode().Perm()&0o555 != 0o555 {
		t.Errorf("install: %v, %v", info, err)
	}
	pages, err := store.Open(store.Config{
		URI: env["MONGODB_URI"], Database: "guestbook", Username: "backup", PasswordFile: file, AuthSource: "admin",
		Timeout: time.Minute, Connections: 1, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer pages.Close(t.Context())
	if _, err := pages.Add(t.Context(), entry.Draft{Form: "f", Message: "saved"}); err != nil {
		t.Fatal(err)
	}
	if got := do("probe", "live"); got != "the database answers\n" {
		t.Errorf("probe live: %q", got)
	}
	if got := do("backup"); !strings.Contains(got, `"msg":"saved"`) || len(bucket.Names()) != 1 {
		t.Errorf("backup: %s; the bucket has %q", got, bucket.Names())
	}
	wantBackupMetric(t, env)
	if _, err := pages.Add(t.Context(), entry.Draft{Form: "f", Message: "not saved"}); err != nil {
		t.Fatal(err)
	}
	if got := do("restore", bucket.Names()[0]); !strings.Contains(got, `"msg":"restored"`) {
		t.Errorf("restore: %s", got)
	}
	entries, total, err := pages.Page(t.Context(), 0, 10)
	if err != nil || total != 1 || entries[0].Message != "saved" {
		t.Errorf("after the restore: %v, %v", entries, err)
	}
}

// wantBackupMetric expects the frontend to export when the last backup was made: a moment ago.
func wantBackupMetric(t *testing.T, env map[string]string) {
	t.Helper()
	g := start(t, env)
	_, metrics, _ := get(t, g.metrics+"/metrics")
	match := regexp.MustCompile(`(?m)^guestbook_last_backup_timestamp_seconds (\S+)$`).FindStringSubmatch(metrics)
	if match == nil {
		t.Fatalf("no time of the last backup in %s", metrics)
	}
	if at, err := strconv.ParseFloat(match[1], 64); err != nil || time.Since(time.Unix(int64(at), 0)) > time.Minute {
		t.Errorf("the last backup is of %v, %v", match[1], err)
	}
}
