package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// process is a running process.
type process struct {
	pid, parent int
	started     string // after the machine's start; no other process has both this and the id
	command     string
	marked      bool // command line or environment contain the stack's directory
}

// allProcesses reads the processes that run, without those that only wait for their parent to ask how they ended.
func (s *stack) allProcesses() (all []process) {
	s.t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	s.must(err)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		// proc_pid_stat(5): after the name in parentheses, state and parent are the first fields, the start the 20th.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
			continue
		}
		dir := filepath.Dir(file)
		p := process{started: fields[19]}
		p.pid, _ = strconv.Atoi(filepath.Base(dir))
		p.parent, _ = strconv.Atoi(fields[1])
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		environ, _ := os.ReadFile(filepath.Join(dir, "environ")) // another user's cannot be read
		p.command = strings.ReplaceAll(string(command), "\x00", " ")
		p.marked = strings.Contains(p.command+string(environ), s.o.Dir)
		all = append(all, p)
	}
	return all
}

// processes lists the processes of the stack: those whose command line or environment contain its directory, all below
// them, which are the Pods', and those that were such a process before and have another parent now.
func (s *stack) processes() []string {
	s.t.Helper()
	all := s.allProcesses()
	mine := map[int]bool{}
	for more := true; more; {
		more = false
		for _, p := range all {
			if key := fmt.Sprint(p.pid, " ", p.started); !mine[p.pid] && (p.marked || mine[p.parent] || s.seen[key]) {
				mine[p.pid], s.seen[key], more = true, true, true
			}
		}
	}
	var found []string
	for _, p := range all {
		if mine[p.pid] {
			found = append(found, fmt.Sprintf("%d: %s", p.pid, p.command))
		}
	}
	return found
}
