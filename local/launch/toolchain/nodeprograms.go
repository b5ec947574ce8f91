package toolchain

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// mongod is the program of the image that stands for MongoDB's, which imageBuilder makes in the directory mongoImage.
var (
	mongod       = tool{name: "mongod", module: "app", pkg: "oke-guestbook/app/cmd/mongod"}
	imageBuilder = tool{name: "guestbook-image", module: "app", pkg: "oke-guestbook/app/cmd/image", ldflags: "-s -w"}
)

const mongoImage = "mongo-image"

// nodePrograms are the programs of the images that are built here for nodes that run Pods; package dataplane/images
// makes the images. They are for this machine's architecture, as those nodes are.
func (t Toolchain) nodePrograms(ctx context.Context) ([]tool, error) {
	ldflags, err := t.staticFlags(ctx)
	if err != nil {
		return nil, err
	}
	programs := []tool{
		{name: "pause", module: "local", pkg: "oke-guestbook/local/cmd/pause"},
		{name: "coredns", module: "local", pkg: "oke-guestbook/local/cmd/coredns"},
		{name: "netpol", module: "local", pkg: "oke-guestbook/local/cmd/netpol"},
		{name: "logagent", module: "local", pkg: "oke-guestbook/local/cmd/logagent"},
		{name: "guestbook", module: "app", pkg: "oke-guestbook/app"},
		mongod,
	}
	for i := range programs {
		programs[i].ldflags = ldflags
	}
	return append(programs, imageBuilder), nil
}

// makeMongoImage makes the image that stands for MongoDB's, unless it is as new as its program.
func (t Toolchain) makeMongoImage(ctx context.Context) error {
	dir := filepath.Join(t.Bin, mongoImage)
	program, err := os.Stat(t.path(mongod))
	if err != nil {
		return err
	}
	if image, err := os.Stat(filepath.Join(dir, "index.json")); err == nil && image.ModTime().After(program.ModTime()) {
		return nil
	}
	build := exec.CommandContext(ctx, t.path(imageBuilder), "-standin", "-arch", runtime.GOARCH,
		"-binary", t.path(mongod), "-out", dir)
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("image of %s: %w\n%s", mongod.name, err, output)
	}
	return nil
}

// staticFlags returns the linker's flags for a static binary. Where a C compiler is, which turns cgo on, CGO_ENABLED=0
// would compile a third of the packages once more.
func (t Toolchain) staticFlags(ctx context.Context) (string, error) {
	cgo, err := t.goCommand(ctx, "local", "env", "CGO_ENABLED").Output()
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(string(cgo)) == "1" {
		return "-s -w -linkmode external -extldflags -static", nil
	}
	return "-s -w", nil
}
