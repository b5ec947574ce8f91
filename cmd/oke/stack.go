package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"oke-guestbook/plan/layout"
	"oke-guestbook/settings"
)

// stackFlags select a stack.
type stackFlags struct{ dir, name string }

func (f *stackFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.dir, "directory", "C", ".", "directory of Pulumi.yaml")
	cmd.Flags().StringVar(&f.name, "stack", "local", "stack whose settings are read")
}

// stackNetwork is the part of a stack's settings that concerns the network.
type stackNetwork struct {
	project string
	spec    layout.Spec
	unset   []string // settings of operators' networks for which layout.StandIn stands in
}

// load reads the stack's network settings. It notes the settings that are not set yet.
func (f stackFlags) load(notes io.Writer) (stackNetwork, error) {
	if f.name == "" {
		return stackNetwork{}, errors.New("STACK: is empty: name a stack, such as STACK=dev")
	}
	project, config, err := readConfig(f.dir, f.name)
	if err != nil {
		return stackNetwork{}, err
	}
	spec, unset, err := settings.LoadNetwork(project, f.name, config)
	if err != nil {
		return stackNetwork{}, err
	}
	for _, key := range unset {
		fmt.Fprintf(notes, "%s is not set yet: %s stands in\n", key, layout.StandIn)
	}
	return stackNetwork{project, spec, unset}, nil
}

// readConfig reads the project's name and the stack's configuration from the project's files.
func readConfig(dir, stack string) (project string, config map[string]any, err error) {
	var projectFile struct {
		Name string `yaml:"name"`
	}
	var stackFile struct {
		Config any `yaml:"config"`
	}
	if err := readYAML(filepath.Join(dir, "Pulumi.yaml"), &projectFile); err != nil {
		return "", nil, err
	}
	file := "Pulumi." + stack + ".yaml"
	err = readYAML(filepath.Join(dir, file), &stackFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no stack %q here: %s is missing", stack, file)
	}
	config, isMap := stackFile.Config.(map[string]any)
	if err == nil && stackFile.Config != nil && !isMap {
		err = fmt.Errorf("%s: config must hold settings, one a line, such as oke-guestbook:vcnCidr: 10.0.0.0/16", file)
	}
	return projectFile.Name, config, err
}

func readYAML(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
