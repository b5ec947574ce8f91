package daemon

import (
	"context"
	"fmt"
	"time"

	"oke-guestbook/local/launch/procinfo"
)

// Ended is the cause of the end of a context of Watch.
type Ended struct{ Log string }

func (e Ended) Error() string {
	return fmt.Sprintf("the local cloud has ended; the end of its log:\n%s", e.Log)
}

// watchInterval is how often Watch looks whether the daemon still runs.
const watchInterval = time.Second

// Watch returns a context that ends with the daemon, with Ended as its cause. The official plugins would repeat their
// requests for minutes. It watches until stop is called.
func (d Daemon) Watch(ctx context.Context) (watched context.Context, stop func()) {
	watched, cancel := context.WithCancelCause(ctx)
	h, err := d.health(ctx)
	if err != nil || !procinfo.Alive(h.PID) {
		return watched, func() { cancel(nil) }
	}
	go func() {
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		for procinfo.Alive(h.PID) {
			select {
			case <-watched.Done():
				return
			case <-ticker.C:
			}
		}
		cancel(Ended{tail(d.logFile(), 15)})
	}()
	return watched, func() { cancel(nil) }
}
