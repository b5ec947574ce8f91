// Command mongod is the program of the stand-in for MongoDB's image (package standin), under every name it has there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"mvdan.cc/sh/v3/interp"

	"oke-guestbook/app/internal/standin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	program := filepath.Base(os.Args[0])
	err := standin.Main(ctx, program, os.Args[1:])
	stop()
	var status interp.ExitStatus
	switch {
	case errors.As(err, &status):
		os.Exit(int(status))
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", program, err)
		os.Exit(1)
	}
}
