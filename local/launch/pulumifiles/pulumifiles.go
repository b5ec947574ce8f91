// Package pulumifiles reads and writes the files of Pulumi for which it documents no interface. The formats are those
// of v3.253.0: pkg/backend/diy (store.go), sdk/go/common/apitype (core.go) and sdk/go/common/workspace
// (plugins.go). The tests fail if the pinned CLI no longer has them.
package pulumifiles

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Backend is the directory of a file backend: what PULUMI_BACKEND_URL names after file://.
type Backend string

func (b Backend) path(elem ...string) string {
	return filepath.Join(append([]string{string(b), ".pulumi"}, elem...)...)
}

// Used reports whether Pulumi has ever kept a stack in the backend.
func (b Backend) Used() bool {
	_, err := os.Stat(b.path())
	return err == nil
}

// Resource is a resource in the state of a stack.
type Resource struct {
	URN, ID string
	Outputs map[string]json.RawMessage
}

// Checkpoint is the state of a stack.
type Checkpoint struct {
	Resources []Resource
	Pending   []json.RawMessage `json:"pending_operations"` // operations whose end was not recorded
}

// Checkpoints returns the states of a stack, by project. `pulumi stack export` would need the tools, which may be gone.
func (b Backend) Checkpoints(stack string) (map[string]Checkpoint, error) {
	files, err := filepath.Glob(b.path("stacks", "*", stack+".json")) // .pulumi/stacks/<project>/<stack>.json
	if err != nil {
		return nil, err
	}
	checkpoints := map[string]Checkpoint{}
	for _, file := range files {
		var content struct {
			Checkpoint *struct{ Latest Checkpoint } // a stack that was never updated has no latest
		}
		if err := readJSON(file, &content); err != nil {
			return nil, fmt.Errorf("state %w", err)
		}
		if content.Checkpoint == nil {
			return nil, fmt.Errorf("state %s holds no checkpoint", file)
		}
		checkpoints[filepath.Base(filepath.Dir(file))] = content.Checkpoint.Latest
	}
	return checkpoints, nil
}

// readJSON decodes a file. Its errors name it.
func readJSON(file string, out any) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// Plugin is a provider plugin, such as oci, in a version without "v".
type Plugin struct{ Name, Version string }

func (p Plugin) String() string { return p.Name + " v" + p.Version }

// Binary is the name of the plugin's executable.
func (p Plugin) Binary() string { return "pulumi-resource-" + p.Name }

func (p Plugin) dir(home string) string {
	return filepath.Join(home, "plugins", "resource-"+p.Name+"-v"+p.Version)
}

// Path is where the engine looks for the plugin's executable below a PULUMI_HOME.
func (p Plugin) Path(home string) string { return filepath.Join(p.dir(home), p.Binary()) }

// Link installs a symbolic link to binary as the plugin. `pulumi plugin install --file` would copy it, hundreds of
// megabytes each time.
func (p Plugin) Link(home, binary string) error {
	if binary == p.Path(home) {
		return nil
	}
	if err := p.Remove(home); err != nil {
		return err
	}
	if err := os.MkdirAll(p.dir(home), 0o755); err != nil {
		return err
	}
	return os.Symlink(binary, p.Path(home))
}

// Wrap installs the official plugin in binary so that it ends with its engine, also one that was killed: the oci plugin
// v3.16.0 does not notice that, and what it was creating would go on beside the next update. A binary that the CLI has
// downloaded to home stays there.
func (p Plugin) Wrap(home, binary string) error {
	original := p.Path(home) + originalSuffix
	switch binary {
	case original:
	case p.Path(home):
		if err := os.Rename(binary, original); err != nil {
			return err
		}
	default:
		if err := p.Link(home, binary); err != nil {
			return err
		}
		if err := os.Rename(p.Path(home), original); err != nil {
			return err
		}
	}
	script := "#!/bin/sh\n" + EndWithEngine + "exec $end_with_engine \"$0" + originalSuffix + "\" \"$@\"\n"
	return os.WriteFile(p.Path(home), []byte(script), 0o755)
}

const originalSuffix = ".official"

// Original returns the executable that Wrap has installed below a PULUMI_HOME, or Path.
func (p Plugin) Original(home string) string {
	original := p.Path(home) + originalSuffix
	if _, err := os.Lstat(original); err != nil {
		return p.Path(home)
	}
	return original
}

// EndWithEngine is the lines of a shell script that set end_with_engine to a prefix of a command: setpriv, of
// util-linux, ends the process as soon as the engine that has started it is gone. Without setpriv the prefix is empty.
const EndWithEngine = "end_with_engine='setpriv --pdeathsig KILL'\n" +
	"$end_with_engine true 2>/dev/null || end_with_engine=\n"

// Remove removes the plugin, and the engine's files that mark an unfinished download.
func (p Plugin) Remove(home string) error {
	dir := p.dir(home)
	return errors.Join(os.RemoveAll(dir), os.RemoveAll(dir+".partial"), os.RemoveAll(dir+".lock"))
}
