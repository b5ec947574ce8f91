package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"oke-guestbook/components/network/layout"
	"oke-guestbook/settings/problem"
)

// load reads the network's part of a stack's settings from the project's files. It returns the project's name too.
func load(dir, stack string, example bool) (string, layout.Spec, error) {
	var project struct {
		Name string `yaml:"name"`
	}
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := readYAML(filepath.Join(dir, "Pulumi.yaml"), &project); err != nil {
		return "", layout.Spec{}, err
	}
	err := readYAML(filepath.Join(dir, "Pulumi."+stack+".yaml"), &file)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no stack %q here: %w", stack, err)
	}
	if err != nil {
		return "", layout.Spec{}, err
	}
	var spec layout.Spec
	for _, setting := range layout.Settings {
		value, ok := file.Config[project.Name+":"+setting.Key]
		if !ok {
			continue
		}
		// `pulumi config set` writes every value as text; what is no text was meant as JSON.
		if text, isText := value.(string); isText && setting.Type != "string" {
			value = json.RawMessage(text)
		}
		raw, err := json.Marshal(map[string]any{setting.Key: value})
		if err == nil {
			err = json.Unmarshal(raw, &spec)
		}
		if err != nil {
			return "", layout.Spec{}, fmt.Errorf("stack %s: %s: %w", stack, setting.Key, err)
		}
	}
	spec.ApplyDefaults()
	if example {
		fill(&spec)
	}
	var problems problem.List
	spec.Validate(&problems, layout.Capacity{})
	if err := problems.Err(); err != nil {
		return "", layout.Spec{}, fmt.Errorf("stack %s: %w", stack, err)
	}
	return project.Name, spec, nil
}

// fill names networks that operators have to name themselves and have not: 203.0.113.0/24 is for documentation (RFC 5737).
func fill(s *layout.Spec) {
	operators := []string{"203.0.113.0/24"}
	if s.APIEndpoint == layout.Public && len(s.APIAllowedCIDRs) == 0 {
		s.APIAllowedCIDRs = operators
	}
	if s.Bastion && len(s.BastionAllowedCIDRs) == 0 {
		s.BastionAllowedCIDRs = operators
	}
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
