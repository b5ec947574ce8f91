package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// isolate keeps what is mounted in this process's namespace apart from the machine's, and mounts the /proc of its
// processes. Nodes make file systems of their own.
func isolate() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts apart from the machine's: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}
