// Package stackfile reads the files of a Pulumi project.
package stackfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Project returns the name of the project whose Pulumi.yaml is in dir.
func Project(dir string) (string, error) {
	var file struct {
		Name string `yaml:"name"`
	}
	path := filepath.Join(dir, "Pulumi.yaml")
	text, err := os.ReadFile(path)
	if err == nil {
		err = unmarshal(path, text, &file)
	}
	return file.Name, err
}

// Read returns the project's name and what the section config of the stack's file holds, by key. Dir is the directory
// of Pulumi.yaml.
func Read(dir, stack string) (project string, config map[string]any, err error) {
	if project, err = Project(dir); err != nil {
		return "", nil, err
	}
	name := "Pulumi." + stack + ".yaml"
	text, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no stack %q here: %s is missing; name one of %s, or make it: pulumi stack init %s",
			stack, name, strings.Join(names(dir), ", "), stack)
	}
	if err != nil {
		return "", nil, err
	}
	config, err = Parse(name, text)
	return project, config, err
}

// names returns the names of the stacks that have files in a directory.
func names(dir string) (names []string) {
	files, _ := filepath.Glob(filepath.Join(dir, "Pulumi.*.yaml")) // an error is one of the pattern
	for _, file := range files {
		name := strings.TrimPrefix(filepath.Base(file), "Pulumi.")
		names = append(names, strings.TrimSuffix(name, ".yaml"))
	}
	return names
}

// Parse returns what the section config of a stack's file holds, by key. Name is for errors.
func Parse(name string, text []byte) (map[string]any, error) {
	var stackFile struct {
		Config any `yaml:"config"`
	}
	if err := unmarshal(name, text, &stackFile); err != nil {
		return nil, err
	}
	config, isMap := stackFile.Config.(map[string]any)
	if stackFile.Config != nil && !isMap {
		return nil, fmt.Errorf("%s: config must map settings to values, such as oke-guestbook:vcnCidr: 10.0.0.0/16", name)
	}
	return config, nil
}

func unmarshal(name string, text []byte, into any) error {
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
