// Command image builds the guestbook's container image as an OCI image layout. With -push it pushes the image too. With
// -standin it builds the stand-in for MongoDB's image instead.
//
//	go run ./cmd/image -out DIR [-standin] [-arch A] [-binary FILE] [-version V] [-revision R]
//	    [-push registry/repository:tag [-public] -stack NAME -compartment OCID]
//
// For Oracle's registry it first makes the repository, in the compartment, or in the one of the stack's configuration.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"

	"oke-guestbook/app/internal/image"
)

func main() {
	out := flag.String("out", "../bin/image", "directory of the image")
	source := flag.String("source", ".", "directory of the guestbook's source")
	version := flag.String("version", "dev", "version in the labels and in the program")
	revision := flag.String("revision", "", "commit in the labels")
	standIn := flag.Bool("standin", false, "build the stand-in for MongoDB's image")
	arch := flag.String("arch", "", "build for this architecture only: amd64 or arm64")
	binary := flag.String("binary", "", "static binary to put into the image of -arch, instead of building it")
	var target *string // set even if empty: with an empty target the command fails before it builds
	flag.Func("push", "push the image to registry/repository:tag", func(v string) error {
		target = &v
		return nil
	})
	var p push
	flag.BoolVar(&p.public, "public", false, "make the repository of Oracle's registry public")
	flag.StringVar(&p.stack, "stack", "local", "stack that the image is for")
	flag.StringVar(&p.compartment, "compartment", "", "OCID of the repository's compartment; empty: the stack's")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	b := builder{
		kind: image.Guestbook, source: *source, version: *version, revision: *revision, architectures: image.Architectures,
		binary: *binary,
	}
	if *standIn {
		b.kind = image.StandIn
	}
	if *arch != "" {
		b.architectures = []string{*arch}
	}
	err := b.run(ctx, *out, target, p)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// builder says what to build.
type builder struct {
	kind                      image.Kind
	source, version, revision string
	architectures             []string
	binary                    string // of the only architecture; empty: it is built
}

// run builds the image, and pushes it unless target is nil.
func (b builder) run(ctx context.Context, out string, target *string, p push) error {
	if unknown := slices.DeleteFunc(slices.Clone(b.architectures), func(arch string) bool {
		return slices.Contains(image.Architectures, arch)
	}); len(unknown) > 0 {
		return fmt.Errorf("-arch %s: want one of %v", unknown[0], image.Architectures)
	}
	if b.binary != "" && len(b.architectures) > 1 {
		return errors.New("-binary is for one architecture: add -arch")
	}
	out, err := filepath.Abs(out) // printed below; make runs this command in another directory than the user's
	if err != nil {
		return err
	}
	if target != nil {
		if err := p.prepare(*target); err != nil {
			return err
		}
	}
	if err := b.build(ctx, out); err != nil || target == nil {
		return err
	}
	return p.send(ctx, out, *target)
}

func (b builder) build(ctx context.Context, out string) error {
	tmp, err := os.MkdirTemp("", "guestbook-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binaries := map[string]string{}
	for _, arch := range b.architectures {
		if binaries[arch] = b.binary; b.binary != "" {
			continue
		}
		fmt.Printf("building for linux/%s\n", arch)
		binaries[arch] = filepath.Join(tmp, arch)
		if err := b.kind.Compile(ctx, b.source, arch, b.version, binaries[arch]); err != nil {
			return err
		}
	}
	index, err := b.kind.Index(binaries, b.kind.Labels(b.version, b.revision))
	if err != nil {
		return err
	}
	if err := image.Write(index, out, b.version); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", out, digest)
	return nil
}
