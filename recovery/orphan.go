package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Orphan is a provider plugin whose engine has ended. What it still does, such as waiting for a cluster and deleting it
// when it has failed, no state records. The oci plugin v3.16.0 does not notice that its engine was killed, and runs on
// for an hour.
type Orphan struct {
	PID  int
	Name string // such as pulumi-resource-oci
}

// Orphans returns the plugins, of this user, whose engine ran the program in dir and has ended. An engine gives its
// plugins the address where it listens, which answers as long as it runs. On other systems than Linux none is found.
func Orphans(ctx context.Context, dir string) (found []Orphan, err error) {
	project, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	for _, process := range processes {
		cwd, err := os.Stat(filepath.Join(process, "cwd"))
		if err != nil || !os.SameFile(cwd, project) {
			continue // of another project or user, or it has ended
		}
		line, err := os.ReadFile(filepath.Join(process, "cmdline"))
		name, engine, isPlugin := plugin(line)
		if err != nil || !isPlugin || listens(ctx, engine) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(process))
		if err != nil {
			return nil, err
		}
		found = append(found, Orphan{pid, name})
	}
	return found, nil
}

// plugin reads the name of a plugin and the address of its engine from a command line of /proc.
func plugin(line []byte) (name, engine string, ok bool) {
	args := strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")
	for _, arg := range args { // the first, or that of an interpreter
		if base := filepath.Base(arg); strings.HasPrefix(base, "pulumi-resource-") {
			name = base
			break
		}
	}
	engine = args[len(args)-1]
	_, _, err := net.SplitHostPort(engine)
	return strings.TrimSuffix(name, ".official"), engine, name != "" && err == nil
}

// listens reports whether a process listens at the address, or that cannot be told.
func listens(ctx context.Context, address string) bool {
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return !errors.Is(err, syscall.ECONNREFUSED)
}

// end ends the plugins.
func end(orphans []Orphan) error {
	for _, o := range orphans {
		process, err := os.FindProcess(o.PID)
		if err == nil {
			err = process.Kill()
		}
		if err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("end %s: %w", o, err)
		}
	}
	return nil
}

func (o Orphan) String() string { return fmt.Sprintf("%s, process %d", o.Name, o.PID) }
