package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

var update = flag.Bool("update", false, "rewrite the config section of Pulumi.yaml")

const projectFile = "../Pulumi.yaml"

// TestProjectFileDeclaresEverySetting compares Pulumi.yaml with the struct: neither has a setting, a type, a default or a
// word of help that the other has not.
func TestProjectFileDeclaresEverySetting(t *testing.T) {
	table, err := Table()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		writeProject(t, table)
	}
	raw, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	var project struct {
		Config map[string]declaration `yaml:"config"`
	}
	if err := yaml.Unmarshal(raw, &project); err != nil {
		t.Fatal(err)
	}
	for _, s := range table {
		got, ok := project.Config[s.Key]
		if !ok {
			t.Errorf("%s is not declared; run go test ./settings -update", s.Key)
			continue
		}
		var gotDefault any
		if err := throughJSON(got.Default, &gotDefault); err != nil {
			t.Fatal(err)
		}
		if got.Type != s.Type || got.Description != s.Help || !reflect.DeepEqual(gotDefault, s.Default) {
			t.Errorf("%s is declared as %+v, want %+v; run go test ./settings -update", s.Key, got, s)
		}
		if got.Items == nil && s.Items != "" || got.Items != nil && got.Items.Type != s.Items {
			t.Errorf("%s holds %+v, want %q", s.Key, got.Items, s.Items)
		}
		if s.Help == "" {
			t.Errorf("%s has no help", s.Key)
		}
		delete(project.Config, s.Key)
	}
	for key := range project.Config {
		t.Errorf("%s is declared and is no setting", key)
	}
}

// TestTableAgreesWithDefaults holds the network's table, which is written by hand, against the struct.
func TestTableAgreesWithDefaults(t *testing.T) {
	table, err := Table()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range table {
		if !slices.Contains([]string{"string", "integer", "boolean", "array", "object"}, s.Type) {
			t.Errorf("%s has type %s, which Pulumi does not know", s.Key, s.Type)
		}
		if s.Type == "array" && !slices.Contains([]string{"string", "integer", "boolean", "object"}, s.Items) {
			t.Errorf("items of %s have type %q, with which Pulumi refuses the project", s.Key, s.Items)
		}
		var got Settings
		raw, _ := json.Marshal(map[string]any{s.Key: s.Default})
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Errorf("default of %s: %v", s.Key, err)
		}
	}
}

type declaration struct {
	Type        string `yaml:"type"`
	Items       *items `yaml:"items,omitempty"`
	Default     any    `yaml:"default"`
	Description string `yaml:"description"`
}

type items struct {
	Type string `yaml:"type"`
}

// writeProject replaces what comes after "config:" in Pulumi.yaml, which is the file's end.
func writeProject(t *testing.T, table []Setting) {
	raw, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := bytes.Cut(raw, []byte("\nconfig:\n"))
	if !found {
		t.Fatal("Pulumi.yaml has no config section")
	}
	var config yaml.Node
	config.Kind = yaml.MappingNode
	for _, s := range table {
		d := declaration{Type: s.Type, Default: s.Default, Description: s.Help}
		if s.Items != "" {
			d.Items = &items{s.Items}
		}
		var key, value yaml.Node
		key.SetString(s.Key)
		if err := value.Encode(d); err != nil {
			t.Fatal(err)
		}
		config.Content = append(config.Content, &key, &value)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]*yaml.Node{"config": &config}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(projectFile, append(append(head, '\n'), out.Bytes()...), 0o644); err != nil {
		t.Fatal(err)
	}
}
