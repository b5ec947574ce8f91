// Package procinfo reads what Linux says of a process in /proc.
package procinfo

import (
	"fmt"
	"os"
	"strings"
)

// Alive reports whether a process runs. A process that has ended and has not been waited for does not.
func Alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z")
}

// BinaryDeleted reports whether a process runs a binary that has been removed or replaced since it started.
func BinaryDeleted(pid int) bool {
	target, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && strings.HasSuffix(target, " (deleted)")
}
