package image

import (
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Kind is an image that this package builds: one static binary, and the files around it.
type Kind struct {
	// Command is the package of the binary, relative to the module.
	Command string

	title, description string
	program            string   // path of the binary in the image
	links              []string // symbolic links to it
	files              []file   // and directories, before the binary
	config             v1.Config
}

// file is a file of an image, or a directory if its name ends with a slash.
type file struct {
	name    string
	mode    int64
	owner   int // user and group
	content string
}

// Guestbook is the guestbook's image.
var Guestbook = Kind{
	Command: ".",
	title:   "guestbook", description: "A guestbook for Kubernetes that keeps its entries in MongoDB",
	program: "guestbook",
	files: []file{
		{"etc/", 0o755, 0, ""},
		{"etc/group", 0o644, 0, "nonroot:x:65532:\n"},
		{"etc/passwd", 0o644, 0, "nonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"},
	},
	config: v1.Config{
		User:       User,
		Entrypoint: []string{"/guestbook"},
		WorkingDir: "/",
		// Leaves room for memory outside the Go heap below a limit of 64 MiB.
		Env:          []string{"GOMEMLIMIT=52MiB"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "9090/tcp": {}},
		StopSignal:   "SIGTERM",
	},
}

// StandIn is the stand-in for MongoDB's image (package standin). Users, paths and entry point are the official image's
// (docker-library/mongo, 8.0/Dockerfile, read in November 2026).
var StandIn = Kind{
	Command: "./cmd/mongod",
	title:   "mongod stand-in", description: "FerretDB on SQLite in place of MongoDB, for clusters without internet",
	program: "usr/bin/mongod",
	links:   []string{"bin/bash", "bin/sh", "usr/bin/bash", "usr/bin/install", "usr/local/bin/docker-entrypoint.sh"},
	files: []file{
		{"bin/", 0o755, 0, ""},
		{"data/", 0o755, 0, ""},
		{"data/configdb/", 0o755, 999, ""},
		{"data/db/", 0o755, 999, ""},
		{"etc/", 0o755, 0, ""},
		{"etc/group", 0o644, 0, "root:x:0:\nmongodb:x:999:\n"},
		{"etc/passwd", 0o644, 0, "root:x:0:0:root:/root:/bin/bash\nmongodb:x:999:999::/data/db:/bin/bash\n"},
		{"tmp/", 0o1777, 0, ""},
		{"usr/", 0o755, 0, ""},
		{"usr/bin/", 0o755, 0, ""},
		{"usr/local/", 0o755, 0, ""},
		{"usr/local/bin/", 0o755, 0, ""},
	},
	config: v1.Config{
		Entrypoint: []string{"docker-entrypoint.sh"},
		Cmd:        []string{"mongod"},
		WorkingDir: "/",
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/data/db", "GOMEMLIMIT=128MiB",
		},
		ExposedPorts: map[string]struct{}{"27017/tcp": {}},
		Volumes:      map[string]struct{}{"/data/configdb": {}, "/data/db": {}},
		StopSignal:   "SIGTERM",
	},
}

// Labels returns the image's labels and annotations (OCI Image Format, "Pre-Defined Annotation Keys").
func (k Kind) Labels(version, revision string) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       k.title,
		"org.opencontainers.image.description": k.description,
		"org.opencontainers.image.version":     version,
	}
	if revision != "" {
		labels["org.opencontainers.image.revision"] = revision
	}
	return labels
}

// target is what the link at a path points to.
func (k Kind) target(link string) string {
	return strings.Repeat("../", strings.Count(path.Clean(link), "/")) + k.program
}
