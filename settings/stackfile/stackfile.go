// Package stackfile reads the files of a Pulumi project.
package stackfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// Read returns the project's name and what the section config of the stack's file holds, by key. Dir is the directory
// of Pulumi.yaml.
func Read(dir, stack string) (project string, config map[string]any, err error) {
	var projectFile struct {
		Name string `yaml:"name"`
	}
	var stackFile struct {
		Config any `yaml:"config"`
	}
	if err := readYAML(filepath.Join(dir, "Pulumi.yaml"), &projectFile); err != nil {
		return "", nil, err
	}
	name := "Pulumi." + stack + ".yaml"
	err = readYAML(filepath.Join(dir, name), &stackFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no stack %q here: %s is missing", stack, name)
	}
	config, isMap := stackFile.Config.(map[string]any)
	if err == nil && stackFile.Config != nil && !isMap {
		err = fmt.Errorf("%s: config must map settings to values, such as oke-guestbook:vcnCidr: 10.0.0.0/16", name)
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
