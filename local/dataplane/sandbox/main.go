package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/vishvananda/netlink"
)

// Main is the process itself: it serves the control socket until ctx is done or the daemon has ended. Its
// arguments are the directory of its files and the executable localnode.
func Main(ctx context.Context, args []string) error {
	if len(args) != 2 || os.Getpid() != 1 {
		return errors.New("dataplane: only the daemon starts it, in namespaces of its own; `make up` starts the daemon")
	}
	dir := args[0]
	go endWithDaemon()
	if err := isolate(); err != nil {
		return fmt.Errorf("dataplane: %w", err)
	}
	loopback, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(loopback)
	}
	if err != nil {
		return fmt.Errorf("dataplane: loopback: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	go reapOrphans(ctx)
	file := os.NewFile(controlFD, controlSocket)
	listener, err := net.FileListener(file)
	if err != nil {
		return fmt.Errorf("dataplane: control socket: %w", err)
	}
	file.Close()
	s, err := newServer(dir, args[1], log)
	if err != nil {
		return fmt.Errorf("dataplane: %w", err)
	}
	defer s.close()
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("dataplane: %w", err)
	}
	return nil
}

// endWithDaemon ends this process, and with it everything in its namespaces, when the daemon has ended.
func endWithDaemon() {
	_, _ = io.Copy(io.Discard, os.NewFile(lifeFD, "life"))
	os.Exit(0)
}
