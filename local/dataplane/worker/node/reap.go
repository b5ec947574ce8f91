package node

import (
	"bytes"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// reapDelay is how long an ended child is left to whoever waits for it. Only orphans of other processes remain longer.
const reapDelay = time.Second

// reap waits for ended orphans, the duty of the first process of a PID namespace.
func reap() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	for range ended {
		before := zombies()
		time.Sleep(reapDelay)
		for pid := range zombies() {
			if before[pid] {
				_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // an error means that somebody else has waited
			}
		}
	}
}

// zombies returns the ended children of this process.
func zombies() map[int]bool {
	found := map[int]bool{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // gone
		}
		// The name, in parentheses, may contain spaces.
		fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && fields[0] == "Z" && fields[1] == "1" {
			found[pid] = true
		}
	}
	return found
}

// containers returns the first processes of containers, which have a PID namespace of their own or share a Pod's.
func containers() ([]int, error) {
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, err
	}
	var pids []int
	spaces, _ := filepath.Glob("/proc/[0-9]*/ns/pid") // the pattern is good
	for _, path := range spaces {
		var pid int
		if space, err := os.Readlink(path); err == nil && space != own {
			if _, err := fmt.Sscanf(path, "/proc/%d/", &pid); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids, nil
}
