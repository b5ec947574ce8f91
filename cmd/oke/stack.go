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

// stack is the network part of a stack's settings.
type stack struct {
	project, name string
	spec          layout.Spec
	unset         []string // settings of operators' networks for which layout.StandIn stands in
}

// stackCommand returns a command about the stack that its flags select.
func stackCommand(use, short string, show func(out io.Writer, s stack) error) *cobra.Command {
	var dir, name string
	cmd := &cobra.Command{
		Use: use, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadStack(dir, name)
			if err != nil {
				return err
			}
			for _, key := range s.unset {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s is not set yet: %s stands in\n", key, layout.StandIn)
			}
			return show(cmd.OutOrStdout(), s)
		},
	}
	cmd.Flags().StringVarP(&dir, "directory", "C", ".", "directory of Pulumi.yaml")
	cmd.Flags().StringVar(&name, "stack", "local", "stack whose settings are read")
	return cmd
}

func loadStack(dir, name string) (stack, error) {
	if name == "" {
		return stack{}, errors.New("STACK: is empty: name a stack, such as STACK=dev")
	}
	project, config, err := readConfig(dir, name)
	if err != nil {
		return stack{}, err
	}
	spec, unset, err := settings.LoadNetwork(project, name, config)
	return stack{project, name, spec, unset}, err
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
