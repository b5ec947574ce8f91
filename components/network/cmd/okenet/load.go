package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"oke-guestbook/components/network/layout"
	"oke-guestbook/settings/problem"
)

// load reads the network's part of a stack's settings from the project's files. It returns the project's name too.
func load(dir, stack string, notes io.Writer) (string, layout.Spec, error) {
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
	fill(&spec, notes)
	var problems problem.List
	spec.Validate(&problems, layout.Capacity{})
	if err := problems.Err(); err != nil {
		return "", layout.Spec{}, fmt.Errorf("stack %s: %w", stack, err)
	}
	return project.Name, spec, nil
}

// standIn is for documentation (RFC 5737).
const standIn = "203.0.113.0/24"

// fill names the networks that operators have to name themselves and have not.
func fill(s *layout.Spec, notes io.Writer) {
	for _, list := range []struct {
		key    string
		needed bool
		cidrs  *[]string
	}{
		{"apiAllowedCidrs", s.APIEndpoint == layout.Public, &s.APIAllowedCIDRs},
		{"bastionAllowedCidrs", s.Bastion, &s.BastionAllowedCIDRs},
	} {
		if list.needed && len(*list.cidrs) == 0 {
			*list.cidrs = []string{standIn}
			fmt.Fprintf(notes, "%s is not set yet: %s stands in\n", list.key, standIn)
		}
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
