package sandbox

import (
	"context"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// reapInterval is how long an ended process stays before it is reaped. It is long enough for a parent here to have
// waited for it.
const reapInterval = 10 * time.Second

// reapOrphans waits, as process 1 must, for ended processes whose parents have ended before them. Those that this
// program has started itself are os/exec's to wait for, which it does at once: what is a zombie twice in a row has
// nobody else.
func reapOrphans(ctx context.Context) {
	tick := time.NewTicker(reapInterval)
	defer tick.Stop()
	before := map[int]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := zombies()
		for pid := range now {
			if before[pid] {
				_, _ = syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
			}
		}
		before = now
	}
}

// zombies returns the ended children of process 1.
func zombies() map[int]bool {
	found := map[int]bool{}
	processes, err := procfs.AllProcs()
	if err != nil {
		return found
	}
	for _, p := range processes {
		if stat, err := p.Stat(); err == nil && stat.PPID == 1 && stat.State == "Z" {
			found[p.PID] = true
		}
	}
	return found
}
