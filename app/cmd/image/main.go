// Command image builds the guestbook's container image as an OCI image layout. With -push it pushes the image too.
//
//	go run ./cmd/image -out DIR [-version V] [-revision R] [-push registry/repository:tag]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"oke-guestbook/app/internal/image"
)

func main() {
	out := flag.String("out", "../bin/image", "directory of the image")
	source := flag.String("source", ".", "directory of the guestbook's source")
	version := flag.String("version", "dev", "version in the labels and in the program")
	revision := flag.String("revision", "", "commit in the labels")
	var push *string // set even if empty: with an empty target the command fails before it builds
	flag.Func("push", "push the image to registry/repository:tag", func(v string) error {
		push = &v
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *source, *out, *version, *revision, push)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "image:", err)
		os.Exit(1)
	}
}

// run builds the image, and pushes it unless push is nil.
func run(ctx context.Context, source, out, version, revision string, push *string) error {
	out, err := filepath.Abs(out) // printed below; make runs this command in another directory than the user's
	if err != nil {
		return err
	}
	if push != nil {
		if err := image.CheckTarget(*push); err != nil {
			return err
		}
	}
	if err := build(ctx, source, out, version, revision); err != nil || push == nil {
		return err
	}
	return send(ctx, out, *push)
}

func build(ctx context.Context, source, out, version, revision string) error {
	tmp, err := os.MkdirTemp("", "guestbook-image-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	binaries := map[string]string{}
	for _, arch := range image.Architectures {
		fmt.Printf("building for linux/%s\n", arch)
		binaries[arch] = filepath.Join(tmp, arch)
		if err := image.Compile(ctx, source, arch, version, binaries[arch]); err != nil {
			return err
		}
	}
	index, err := image.Index(binaries, image.Labels(version, revision))
	if err != nil {
		return err
	}
	if err := image.Write(index, out, version); err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	fmt.Printf("%s\n%s\n", out, digest)
	return nil
}

func send(ctx context.Context, dir, target string) error {
	fmt.Printf("pushing %s to %s\n", dir, target)
	reference, err := image.Push(ctx, dir, target)
	if err != nil {
		return err
	}
	fmt.Println(reference)
	return nil
}
