// Package environment reads the variables that configure the local cloud, and makes the environment of the commands
// that the launcher starts.
package environment

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Stack is the name of the Pulumi stack on the local cloud.
const Stack = "local"

// Values of PLUGINS, PULUMI_CLI, NODES and IMAGES.
const (
	Auto     = "auto"
	Official = "official" // PLUGINS: the official provider plugins only
	StandIn  = "local"    // PLUGINS: this repository's stand-ins
	OnPath   = "path"     // PULUMI_CLI: the CLI on PATH only
	Own      = "own"      // PULUMI_CLI: the CLI that this repository pins, built from source

	Usual       = "usual"        // LOCAL_LIMITS: of a paying account
	Free        = "free"         // LOCAL_LIMITS: of an account upgraded to Pay As You Go, as far as it is free
	NotUpgraded = "not-upgraded" // LOCAL_LIMITS: of a free account whose trial has ended

	Real      = "real"      // NODES: nodes run Pods on this machine
	Simulated = "simulated" // NODES: they do not

	Registry = "registry" // IMAGES: from their registries
	Built    = "built"    // IMAGES: those that are built here only
)

// Defaults of LOCAL_DIR and LOCAL_PORT.
const (
	defaultDir  = ".local"
	defaultPort = "8787"
)

// Settings say where and how the local cloud runs. Each but Root is read from an environment variable, which make
// passes on.
type Settings struct {
	Root    string // directory of the repository
	Dir     string // LOCAL_DIR: directory for all state of the local cloud and of Pulumi, default .local in Root
	Port    int    // LOCAL_PORT: port of the OCI emulator on 127.0.0.1, default 8787
	Limits  string // LOCAL_LIMITS: service limits, those that are usual (default), Free or NotUpgraded
	Speed   int    // LOCAL_SPEED: life cycles run this many times faster than on OCI, default 100
	Delay   int    // LOCAL_POLICY_DELAY: seconds until a policy is in force, which Speed divides; default 10, as on OCI
	Plugins string // PLUGINS: Auto (default), Official or StandIn
	Pulumi  string // PULUMI_CLI: Auto (default), OnPath or Own
	Nodes   string // NODES: Auto (default), Real or Simulated
	Images  string // IMAGES: Auto (default), Registry or Built
}

// Read returns the settings for the repository at root. Its error lists every variable with an invalid value.
func Read(root string) (Settings, error) {
	s := Settings{Root: root, Dir: variable("LOCAL_DIR", defaultDir)}
	var problems []error
	number := func(key, fallback string, low, high int) int {
		n, err := strconv.Atoi(variable(key, fallback))
		if err != nil || n < low || n > high {
			problems = append(problems,
				fmt.Errorf("%s=%q: want a whole number from %d to %d", key, os.Getenv(key), low, high))
		}
		return n
	}
	choice := func(key string, allowed ...string) string {
		value := variable(key, Auto)
		if !slices.Contains(allowed, value) {
			problems = append(problems, fmt.Errorf("%s=%q: want one of %v", key, value, allowed))
		}
		return value
	}
	s.Port = number("LOCAL_PORT", defaultPort, 1024, 65535)
	s.Speed = number("LOCAL_SPEED", "100", 1, 1000)
	s.Delay = number("LOCAL_POLICY_DELAY", "10", 1, 3600)
	s.Limits = variable("LOCAL_LIMITS", Usual)
	if kinds := []string{Usual, Free, NotUpgraded}; !slices.Contains(kinds, s.Limits) {
		problems = append(problems, fmt.Errorf("LOCAL_LIMITS=%q: want one of %v", s.Limits, kinds))
	}
	s.Plugins = choice("PLUGINS", Auto, Official, StandIn)
	s.Pulumi = choice("PULUMI_CLI", Auto, OnPath, Own)
	s.Nodes = choice("NODES", Auto, Real, Simulated)
	s.Images = choice("IMAGES", Auto, Registry, Built)
	if !filepath.IsAbs(s.Dir) {
		s.Dir = filepath.Join(root, s.Dir)
	}
	home, _ := os.UserHomeDir()
	for _, protected := range []string{root, home} { // `make clean` removes LOCAL_DIR with everything in it
		below, err := filepath.Rel(s.Dir, protected)
		if protected != "" && err == nil && filepath.IsLocal(below) {
			problems = append(problems,
				fmt.Errorf("LOCAL_DIR=%s contains %s: want a directory for the local cloud alone", s.Dir, protected))
		}
	}
	return s, errors.Join(problems...)
}

func variable(key, fallback string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return fallback
}

// Make returns the command line of a make target on this local cloud. It repeats the settings that are not the
// default, so that it works when it is copied.
func (s Settings) Make(target string) string {
	if strconv.Itoa(s.Port) != defaultPort {
		return s.MakeAt(target, s.Port)
	}
	return "make " + target + s.dirArgument()
}

// MakeAt is Make with another port, which it always names.
func (s Settings) MakeAt(target string, port int) string {
	return "make " + target + " LOCAL_PORT=" + strconv.Itoa(port) + s.dirArgument()
}

// dirArgument is the argument of make for LOCAL_DIR, or "" for the default.
func (s Settings) dirArgument() string {
	if s.Dir == filepath.Join(s.Root, defaultDir) {
		return ""
	}
	return " LOCAL_DIR=" + word(s.Dir)
}

// word quotes text for the shell if it needs quotes.
func word(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@%", r)
	}) {
		return Quoted(text)
	}
	return text
}

// Quoted quotes text for the shell. A library for this line would be a dependency of the launcher.
func Quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// Path returns the path of a file below LOCAL_DIR.
func (s Settings) Path(elem ...string) string {
	return filepath.Join(append([]string{s.Dir}, elem...)...)
}

// StateDir is the directory of Pulumi's file backend.
func (s Settings) StateDir() string { return s.Path("state") }

// PulumiHome is the PULUMI_HOME of the local cloud, apart from the user's own.
func (s Settings) PulumiHome() string { return s.Path("pulumi") }

// Address is the host and port of the OCI emulator.
func (s Settings) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Endpoint is the URL of the OCI emulator.
func (s Settings) Endpoint() string { return "http://" + s.Address() }
