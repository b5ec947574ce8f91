// Package scripts tests the scripts that run in the guestbook's Pods, with stand-ins for the commands that they call.
package scripts

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	layout   = "2006-01-02T15-04-05Z" // of the time in a backup's name, before .archive.gz
	password = "S3CRET"
	bucket   = "--namespace tenancy --bucket-name backups"
)

// tool stands in for a command. It appends its name and arguments to a file, one line a call, fails if the line begins
// with $FAIL, and answers a list of objects.
const tool = `#!/bin/bash
line="${0##*/} $*"
echo "$line" >> "$DIR/calls"
[[ -z $FAIL || $line != "$FAIL"* ]] || exit 1
[[ $line != "oci os object list "* ]] || cat "$DIR/list"
`

// pod is the environment of a script. Its directories /tmp and /work are in dir.
type pod struct {
	dir string
	env map[string]string
}

func newPod(t *testing.T) pod {
	t.Helper()
	p := pod{t.TempDir(), map[string]string{
		"BUCKET": "backups", "NAMESPACE": "tenancy", "KEEP_DAYS": "30", "OBJECT": "2026-11-23T03-00-00Z.archive.gz",
		"MONGODB_URI": "mongodb://mongo-0.mongo:27017/?replicaSet=rs0", "FAIL": "",
	}}
	p.env["DIR"], p.env["PASSWORD"] = p.dir, filepath.Join(p.dir, "backup-password")
	for _, dir := range []string{"bin", "tmp", "work"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"oci", "mongodump", "mongorestore"} {
		p.write(t, filepath.Join("bin", name), tool)
	}
	p.write(t, "backup-password", password+"\n")
	p.putObjects(t)
	return p
}

func (p pod) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
}

// putObjects sets the names of the bucket's objects, as the OCI command line interface prints them.
func (p pod) putObjects(t *testing.T, names ...string) {
	t.Helper()
	list, err := json.MarshalIndent(names, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "list", string(list)+"\n")
}

// run runs a script as the backup's containers do (backupPod in components/guestbook), and returns the script's calls.
func (p pod) run(t *testing.T, script string) ([]string, error) {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	inDir := regexp.MustCompile(`/(tmp|work)/`).ReplaceAllString(string(text), p.dir+"/$1/")
	cmd := exec.Command("bash", "-euo", "pipefail", "-c", inDir)
	cmd.Env = []string{"PATH=" + filepath.Join(p.dir, "bin") + ":" + os.Getenv("PATH")}
	for name, value := range p.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	output, err := cmd.CombinedOutput()
	t.Logf("%s: %v\n%s", script, err, output)
	calls, _ := os.ReadFile(filepath.Join(p.dir, "calls"))
	lines := strings.Split(strings.ReplaceAll(string(calls), p.dir, ""), "\n")
	return slices.DeleteFunc(lines, func(line string) bool { return line == "" }), err
}

// TestUpload expects the current time as the backup's name.
func TestUpload(t *testing.T) {
	before := time.Now().UTC().Truncate(time.Second)
	calls, err := newPod(t).run(t, "upload.sh")
	if err != nil || len(calls) == 0 {
		t.Fatalf("%v, calls %q", err, calls)
	}
	name, ok := strings.CutPrefix(calls[0], "oci os object put "+bucket+" --name ")
	name, hasFile := strings.CutSuffix(name, ".archive.gz --file /work/backup")
	at, err := time.Parse(layout, name)
	if !ok || !hasFile || err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("%s: %v", calls[0], err)
	}
}

// TestRetention expects the backups that are older than the retention to be deleted, and nothing else.
func TestRetention(t *testing.T) {
	now := time.Now().UTC()
	ago := func(days int, less time.Duration) string {
		return now.Add(-time.Duration(days)*24*time.Hour+less).Format(layout) + ".archive.gz"
	}
	const margin = 10 * time.Minute // for a slow machine
	old := []string{ago(4000, 0), ago(31, 0), ago(30, -margin)}
	names := append([]string{
		ago(30, margin), ago(29, 0), ago(1, 0), ago(0, 0), ago(-1, 0),
		// Objects that a person uploaded.
		"0-before-the-move.archive.gz", "2020.archive.gz", "before " + ago(31, 0), "before/" + ago(31, 0),
		ago(31, 0) + ".old",
		strings.TrimSuffix(ago(31, 0), ".archive.gz"), `"` + ago(31, 0) + `"`, "a,[b]", "*", "-",
	}, old...)
	for _, tc := range []struct {
		keep, fail string
		deleted    []string
		fails      bool
	}{
		{"30", "", old, false},
		{"28", "", append([]string{ago(30, margin), ago(29, 0)}, old...), false},
		{"3650", "", old[:1], false},
		{"30", "oci os object put", nil, true},
		{"30", "oci os object list", nil, true},
		{"30", "oci os object delete", old[:1], true},
	} {
		t.Run(tc.keep+" "+tc.fail, func(t *testing.T) {
			p := newPod(t)
			p.env["KEEP_DAYS"], p.env["FAIL"] = tc.keep, tc.fail
			p.putObjects(t, names...)
			calls, err := p.run(t, "upload.sh")
			if (err != nil) != tc.fails {
				t.Errorf("the script ended with %v", err)
			}
			var deleted []string
			for _, call := range calls {
				if rest, ok := strings.CutPrefix(call, "oci os object delete "+bucket+" --name "); ok {
					deleted = append(deleted, strings.TrimSuffix(rest, " --force"))
				}
			}
			if !slices.Equal(deleted, tc.deleted) {
				t.Errorf("deleted %q\nwant    %q", deleted, tc.deleted)
			}
		})
	}
}

// TestTools expects each of the other scripts to call its command once, without the password among its arguments, and
// to fail if it fails.
func TestTools(t *testing.T) {
	const mongo = " --config=/tmp/auth.yaml --uri=mongodb://mongo-0.mongo:27017/?replicaSet=rs0" +
		" --username=backup --authenticationDatabase=admin "
	for script, want := range map[string]string{
		"dump.sh":     "mongodump" + mongo + "--db=guestbook --gzip --archive=/work/backup",
		"restore.sh":  "mongorestore" + mongo + "--nsInclude=guestbook.* --drop --gzip --archive=/work/backup",
		"download.sh": "oci os object get " + bucket + " --name 2026-11-23T03-00-00Z.archive.gz --file /work/backup",
	} {
		t.Run(script, func(t *testing.T) {
			p := newPod(t)
			calls, err := p.run(t, script)
			if err != nil || !slices.Equal(calls, []string{want}) {
				t.Errorf("%v, calls\n%q, want\n%q", err, calls, want)
			}
			if strings.Contains(want, "--config") {
				if auth, err := os.ReadFile(filepath.Join(p.dir, "tmp/auth.yaml")); string(auth) != "password: "+password+"\n" {
					t.Errorf("%v, the tool's configuration is %q", err, auth)
				}
			}
			p.env["FAIL"], _, _ = strings.Cut(want, " ")
			if _, err := p.run(t, script); err == nil {
				t.Error("the script succeeds though its command fails")
			}
		})
	}
}

// TestSetup runs setup.js in Node.js, which mongosh is based on, against a stand-in for the database.
func TestSetup(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil && os.Getenv("CI") == "" {
		t.Skipf("setup.js is not run: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	p := newPod(t)
	for _, name := range []string{"root", "app", "backup"} {
		file := map[string]string{"root": "root-password", "app": "password", "backup": "backup-password"}[name]
		p.write(t, file, "of-"+name+"\n")
	}
	const (
		first    = "0=mongo-0.mongo:27017"
		second   = first + " 1=mongo-1.mongo:27017"
		third    = second + " 2=mongo-2.mongo:27017"
		auth     = "auth root of-root"
		connect  = "connect mongodb://root:of-root@mongo-0.mongo:27017/admin"
		appUser  = ` guestbook of-app [{"role":"readWrite","db":"guestbook"}]`
		saveUser = ` backup of-backup ["backup","restore"]`
		one      = `["mongo-0.mongo:27017"]`
		three    = `["mongo-0.mongo:27017","mongo-1.mongo:27017","mongo-2.mongo:27017"]`
	)
	created := []string{"create" + appUser, "create" + saveUser}
	updated := []string{"update" + appUser, "update" + saveUser}
	grow := []string{"reconfigure " + second, "reconfigure " + third}
	both := map[string]string{"USERS": "root guestbook backup"}
	for _, tc := range []struct {
		name, replicas, members string
		env                     map[string]string
		want                    []string
		fails                   bool
	}{
		{"new", "1", "null", nil, append([]string{auth, "initiate rs0 " + first, connect}, created...), false},
		{
			"new, of three", "3", "null", nil,
			slices.Concat([]string{auth, "initiate rs0 " + first, connect}, grow, created), false,
		},
		{"again", "3", three, both, append([]string{auth, connect}, updated...), false},
		{
			"interrupted", "1", one,
			map[string]string{"USERS": "root guestbook"},
			[]string{auth, connect, updated[0], created[1]},
			false,
		},
		{
			"other primary", "3", three,
			map[string]string{"USERS": "root guestbook backup", "PRIMARY": "mongo-2.mongo:27017"},
			append([]string{auth, strings.Replace(connect, "mongo-0", "mongo-2", 1)}, updated...), false,
		},
		{"grown", "3", one, both, slices.Concat([]string{auth, connect}, grow, updated), false},
		{"shrunk", "1", three, both, append([]string{auth, "force " + first, connect}, updated...), false},
		{"configuration unreadable", "1", one, map[string]string{"FAIL": "conf"}, []string{auth}, true},
		{
			"member refused", "3", one,
			map[string]string{"FAIL": "reconfigure"},
			[]string{auth, connect, "reconfigure " + second},
			true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			env := map[string]string{
				"SECRETS": p.dir, "REPLICAS": tc.replicas, "MEMBERS": tc.members, "USERS": "root", "PRIMARY": "mongo-0.mongo:27017",
			}
			maps.Copy(env, tc.env)
			cmd := exec.Command(node, "--require", "./testdata/mongosh.js", "setup.js")
			for name, value := range env {
				cmd.Env = append(cmd.Env, name+"="+value)
			}
			var stderr strings.Builder
			cmd.Stderr = &stderr
			output, err := cmd.Output()
			if (err != nil) != tc.fails {
				t.Errorf("the script ended with %v: %s", err, stderr.String())
			}
			if got := strings.Split(strings.TrimSpace(string(output)), "\n"); !slices.Equal(got, tc.want) {
				t.Errorf("calls\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
		})
	}
}
