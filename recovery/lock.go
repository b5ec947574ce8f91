package recovery

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Lock says which process has locked a stack. The formats are those of Pulumi v3.253.0 (pkg/backend/diy/lock.go).
type Lock struct {
	PID  int       `json:"pid"`
	User string    `json:"username"`
	Host string    `json:"hostname"`
	Time time.Time `json:"timestamp"` // when the lock was taken
}

func (l Lock) String() string {
	return fmt.Sprintf("process %d of %s@%s, since %s", l.PID, l.User, l.Host, l.Time.Local().Format(time.DateTime))
}

// holder is what is known of the process that holds a lock.
type holder int

const (
	dead    holder = iota // it ran on this machine, and has ended
	alive                 // it runs on this machine
	unknown               // it runs, or has run, on another machine
)

func (l Lock) holder() holder {
	switch host, err := os.Hostname(); {
	case err != nil || host != l.Host:
		return unknown
	case runs(l.PID, "pulumi"):
		return alive
	}
	return dead
}

// runs reports whether a process is alive and, where the system tells it, has name in its command name: after a reboot,
// the number of a process that has ended may be another program's.
func runs(pid int, name string) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // 4711 (pulumi) S ...
		command, state, found := strings.Cut(string(stat), ") ")
		return err == nil && found && strings.Contains(command, name) && !strings.HasPrefix(state, "Z")
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = process.Signal(syscall.Signal(0))
	return err == nil || errors.Is(err, syscall.EPERM)
}

// FileLocks returns the locks of a stack in a file backend, whose URL begins with file://. `pulumi cancel`, which
// removes them, is documented, but no command prints whose they are. Ok is false for another backend.
func FileLocks(backend, project, stack string) (locks []Lock, ok bool, err error) {
	location, err := url.Parse(backend)
	if err != nil || location.Scheme != "file" {
		return nil, false, err
	}
	dir := location.Host + location.Path // of file://~ the host is "~"
	if rest, home := strings.CutPrefix(dir, "~"); home {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, false, err
		}
		dir = home + rest
	}
	// .pulumi/locks/organization/<project>/<stack>/<random>.json
	files, err := filepath.Glob(filepath.Join(dir, ".pulumi", "locks", "*", project, stack, "*.json"))
	if err != nil {
		return nil, false, err
	}
	for _, file := range files {
		var lock Lock
		data, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // released meanwhile
		}
		if err == nil {
			err = json.Unmarshal(data, &lock)
		}
		if err == nil && lock.PID == 0 {
			err = errors.New("it names no process")
		}
		if err != nil {
			return nil, true, fmt.Errorf("lock %s: %w", file, err)
		}
		locks = append(locks, lock)
	}
	return locks, true, nil
}

// lockedBy is a line of the error with which a command of the CLI fails on a stack that is locked, in any backend but
// Pulumi Cloud.
var lockedBy = regexp.MustCompile(`created by (.+)@(\S+) \(pid (\d+)\) at (\S+)`)

// LocksIn returns the locks that an error of the CLI names.
func LocksIn(message string) (locks []Lock) {
	for _, match := range lockedBy.FindAllStringSubmatch(message, -1) {
		pid, _ := strconv.Atoi(match[3])
		since, _ := time.Parse(time.RFC3339, match[4])
		locks = append(locks, Lock{PID: pid, User: match[1], Host: match[2], Time: since})
	}
	return locks
}

// removable returns an error unless all locks may be removed: those of processes that have ended, and with force also
// those of processes on other machines.
func removable(stack string, locks []Lock, force bool) error {
	for _, lock := range locks {
		switch lock.holder() {
		case alive:
			return fmt.Errorf("stack %s is in use by %s: wait until it has ended, or end it with kill -INT %d",
				stack, lock, lock.PID)
		case unknown:
			if !force {
				return fmt.Errorf("stack %s is locked by %s, on another machine: wait until it has ended; if it was killed, "+
					"add --unlock (make recover STACK=%s ARGS=--unlock)", stack, lock, stack)
			}
		}
	}
	return nil
}
