// Package standin is a stand-in for MongoDB's image, for machines that cannot pull it: one program that is mongod (a
// front of this project's and FerretDB on SQLite), and the few other programs of the image that the stack's Pods run.
//
// It says in its log and in buildInfo what it is. It has users, passwords and replica sets as far as the stack needs
// them. A replica set has one member with data, the one that was initiated: the others know the configuration and the
// users, refuse to read and write as secondaries do, and never become the primary.
package standin

import (
	"context"
	"fmt"
	"log/slog"
	"os"
)

// Programs are the names under which the program runs.
var Programs = []string{"mongod", "bash", "sh", "install", "docker-entrypoint.sh"}

// Main runs a program of the image with its arguments, until ctx is done. Logs go to standard output.
func Main(ctx context.Context, program string, args []string) error {
	switch program {
	case "mongod":
		return mongod(ctx, args, slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	case "bash", "sh":
		return bash(ctx, args)
	case "install":
		return install(args)
	case "docker-entrypoint.sh":
		return entrypoint(args)
	}
	return fmt.Errorf("the stand-in for MongoDB's image has no program %s: it has %v", program, Programs)
}
