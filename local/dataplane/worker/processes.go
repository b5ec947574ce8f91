package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"oke-guestbook/local/dataplane/worker/node"
)

// translate replaces the process ids and paths of a node by those that this process sees.
func translate(s *Status, dir string) error {
	space, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(s.PID), "ns/pid"))
	if err != nil {
		return err
	}
	outside := map[int]int{}
	spaces, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		return err
	}
	for _, path := range spaces {
		if is, err := os.Readlink(path); err != nil || is != space {
			continue // another node's, or gone
		}
		dir := filepath.Dir(filepath.Dir(path))
		if pid, inside, ok := pids(filepath.Join(dir, "status")); ok {
			outside[inside] = pid
		}
	}
	for i, p := range s.Processes {
		s.Processes[i].PID = outside[p.PID]
		s.Processes[i].Log = filepath.Join(dir, strings.TrimPrefix(p.Log, node.Dir))
	}
	return nil
}

// pids reads the first and the last id of a process from its status file: outside and inside of its PID namespace.
func pids(path string) (outside, inside int, ok bool) {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, false
	}
	for line := range bytes.Lines(data) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != "NSpid:" {
			continue
		}
		outside, err = strconv.Atoi(string(fields[1]))
		if err != nil {
			return 0, 0, false
		}
		inside, err = strconv.Atoi(string(fields[len(fields)-1]))
		return outside, inside, err == nil
	}
	return 0, 0, false
}
