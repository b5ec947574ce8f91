package images

import (
	"fmt"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// StandIn is a program of this repository whose image stands for others.
type StandIn struct {
	Program string // name of the binary, in the directory of the tools
	For     []string
	Use     Use
	Config  v1.Config
}

// Images of OKE, which its nodes pull from Container Registry.
const (
	okeImages = "ocir.us-ashburn-1.oci.oraclecloud.com/axoxdievda5j/"
	pause     = okeImages + "oke-public-pause"
	coredns   = okeImages + "oke-public-cloud-provider-oci/coredns"
)

// enforcer is the image of kube-network-policies.
const enforcer = "registry.k8s.io/networking/kube-network-policies"

// logAgent is the image of the log agents by default.
const logAgent = "docker.io/fluent/fluent-bit"

// tutorial is the frontend's image of profile tutorial.
const tutorial = "docker.io/paulczar/gb-frontend"

// mongo is the image that the layout in mongoLayout, of the directory of the tools, stands for.
const (
	mongo       = "docker.io/library/mongo"
	mongoLayout = "mongo-image"
)

// PauseImage is the image of the container that holds a Pod's namespaces.
const PauseImage = pause + ":local"

// StandIns are the programs that nodes need and this machine builds.
var StandIns = []StandIn{
	{
		Program: "pause", For: []string{pause},
		Config: v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"},
	},
	{
		Program: "coredns", For: []string{coredns},
		Config: v1.Config{Entrypoint: []string{"/coredns"}, WorkingDir: "/"},
	},
	{
		Program: "netpol", For: []string{enforcer},
		Config: v1.Config{Entrypoint: []string{"/bin/netpol"}, WorkingDir: "/"},
	},
	{
		// Fluent Bit itself takes the same configuration, and does more.
		Program: "logagent", For: []string{logAgent}, Use: Offline,
		Config: v1.Config{Entrypoint: []string{"/logagent"}, WorkingDir: "/", Env: []string{"GOMEMLIMIT=48MiB"}},
	},
	{
		Program: "guestbook", For: []string{"registry.local/guestbook"},
		// As the image of `make image`, whose binary leaves room outside of Go's heap below a limit of 64 MiB.
		Config: v1.Config{
			Entrypoint: []string{"/guestbook"}, User: "65532:65532", WorkingDir: "/", Env: []string{"GOMEMLIMIT=52MiB"},
		},
	},
	{
		// It has no settings of the tutorial's frontend: the database is the one beside it.
		Program: "guestbook", For: []string{tutorial}, Use: Offline,
		Config: v1.Config{
			Entrypoint: []string{"/guestbook"}, User: "65532:65532", WorkingDir: "/",
			Env: []string{"LISTEN_ADDRESS=:80", "MONGODB_URI=mongodb://mongo"},
		},
	},
}

// AddStandIns adds the images of the programs, and of MongoDB, in the directory of the tools. It returns the line that
// says so.
func (m *Mirror) AddStandIns(dir, arch string) (notice string, err error) {
	var all []string
	tell := func(use Use, names ...string) {
		for _, name := range names {
			if !m.asksRegistry(use) {
				all = append(all, strings.TrimPrefix(name, okeImages))
			}
		}
	}
	for _, s := range StandIns {
		image, err := Program(filepath.Join(dir, s.Program), arch, s.Config)
		if err == nil {
			err = m.Add(image, s.Use, s.For...)
		}
		if err != nil {
			return "", fmt.Errorf("image of %s: %w", s.Program, err)
		}
		tell(s.Use, s.For...)
	}
	if err := m.AddLayout(filepath.Join(dir, mongoLayout), arch, Usually, mongo); err != nil {
		return "", err
	}
	tell(Usually, mongo+" (FerretDB)")
	others := "all others come from their registries"
	if m.source == Built {
		others = "there are no others (IMAGES=built)"
	}
	return "images built here stand for " + strings.Join(all, ", ") + "; " + others, nil
}

// StandsForMongo reports whether an image's name is answered by the one that stands for MongoDB's.
func (m *Mirror) StandsForMongo(image string) bool {
	return (strings.HasPrefix(image, mongo+":") || strings.HasPrefix(image, mongo+"@")) && !m.asksRegistry(Usually)
}
