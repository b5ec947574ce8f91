package toolchain

import (
	"context"
	"os"
	"strings"
)

// nodePrograms are the programs of the images that are built here for nodes that run Pods; package dataplane/images
// makes the images. They are for this machine's architecture, as those nodes are.
func nodePrograms(ldflags string) []tool {
	return []tool{
		{name: "pause", module: "local", pkg: "oke-guestbook/local/cmd/pause", ldflags: ldflags},
		{name: "coredns", module: "local", pkg: "oke-guestbook/local/cmd/coredns", ldflags: ldflags},
		{name: "guestbook", module: "app", pkg: "oke-guestbook/app", ldflags: ldflags},
	}
}

// InstallNodePrograms builds the programs of the nodes' images, after Install.
func (t Toolchain) InstallNodePrograms(ctx context.Context) error {
	if err := os.MkdirAll(t.Bin, 0o755); err != nil {
		return err
	}
	ldflags, err := t.staticFlags(ctx)
	if err != nil {
		return err
	}
	return t.build(ctx, nodePrograms(ldflags))
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
