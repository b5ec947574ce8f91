package settings

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
	"oke-guestbook/plan/setting"
	"oke-guestbook/plan/workload"
)

var update = flag.Bool("update", false, "rewrite the section config of Pulumi.yaml, and docs/settings.md")

const (
	projectFile   = "../Pulumi.yaml"
	referenceFile = "../docs/settings.md"
)

// TestProjectFile compares the section config of Pulumi.yaml, which is the file's end, with the declared settings.
func TestProjectFile(t *testing.T) {
	raw, err := os.ReadFile(projectFile)
	if err != nil {
		t.Fatal(err)
	}
	head, _, found := bytes.Cut(raw, []byte("\nconfig:\n"))
	if !found {
		t.Fatal("Pulumi.yaml has no section config")
	}
	var declared Settings
	var config yaml.Node
	config.Kind = yaml.MappingNode
	for _, s := range declared.Settings() {
		var key, value yaml.Node
		key.SetString(s.Key)
		if err := value.Encode(declaration(s)); err != nil {
			t.Fatal(err)
		}
		config.Content = append(config.Content, &key, &value)
	}
	var out bytes.Buffer
	out.Write(append(head, '\n'))
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]*yaml.Node{"config": &config}); err != nil {
		t.Fatal(err)
	}
	upToDate(t, projectFile, out.String())
}

// declaration is what Pulumi.yaml says of a setting.
func declaration(s setting.Setting) any {
	type items struct {
		Type string `yaml:"type"`
	}
	declared := struct {
		Type        string `yaml:"type"`
		Items       *items `yaml:"items,omitempty"`
		Default     any    `yaml:"default"`
		Description string `yaml:"description"`
	}{Type: s.Type, Default: s.Default, Description: s.Help}
	if s.Items != "" {
		declared.Items = &items{s.Items}
	}
	return declared
}

// TestReference compares docs/settings.md with the declared settings.
func TestReference(t *testing.T) {
	var out strings.Builder
	out.WriteString(`# Settings

Generated from the declarations in settings/ and plan/ by ` + "`go test ./settings -update`" + `; do not edit.
Set them with ` + "`pulumi config set`" + ` or in ` + "`Pulumi.<stack>.yaml`" + `.
[Decision 8](decisions/0008-settings.md) says how they work.
`)
	var declared Settings
	table(&out, declared.Settings())
	for _, s := range declared.Settings() {
		switch {
		case s.Key == "guestbooks":
			out.WriteString("\n## Fields of `guestbooks`\n\n`name`, which is required and unique in the stack, and every " +
				"setting from `profile` to `quotaMemoryMb`.\nA guestbook takes the stack's value for what it does not set.\n")
		case len(s.Fields) > 0:
			fmt.Fprintf(&out, "\n## Fields of `%s`\n", s.Key)
			table(&out, s.Fields)
		}
	}
	imageTable(&out)
	upToDate(t, referenceFile, out.String())
}

// imageTable writes one line for each image by default.
func imageTable(out *strings.Builder) {
	out.WriteString("\n## Images by default\n\nWhat was found when somebody last looked, without a pull. " +
		"The digest is that of the index of all architectures.\n\n" +
		"| setting | profile | image | digest | architectures | last look | source |\n|---|---|---|---|---|---|---|\n")
	for _, i := range workload.Images {
		digest := "not read"
		if i.Digest != "" {
			digest = "`" + i.Digest + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | `%s` | %s | %s | %s | %s |\n", i.Setting, i.Profile, i.Name, digest,
			strings.Join(i.Architectures, ", "), i.Looked, i.Source)
	}
}

// table writes one line for each setting.
func table(out *strings.Builder, settings setting.Group) {
	out.WriteString("\n| setting | type | default | allowed | |\n|---|---|---|---|---|\n")
	for _, s := range settings {
		kind := s.Type
		if s.Items != "" {
			kind += " of " + s.Items
		}
		byDefault := ""
		if raw, err := json.Marshal(s.Default); err == nil && !slices.Contains([]string{`""`, "[]", "{}", "0"}, string(raw)) {
			byDefault = "`" + strings.Trim(string(raw), `"`) + "`"
		}
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %s |\n", s.Key, kind, byDefault, strings.Join(s.Allowed, "; "), s.Help)
	}
}

// upToDate fails the test unless the file has the text, or writes the file.
func upToDate(t *testing.T, path, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != text {
		t.Errorf("%s is out of date: go test ./settings -update", path)
	}
}

// TestDeclarations checks what Pulumi and the reference need of each declaration, and that a default is read as itself.
func TestDeclarations(t *testing.T) {
	var declared Settings
	settings := declared.Settings()
	knownToPulumi := []string{"string", "integer", "boolean", "array", "object"}
	checkDeclarations(t, "", settings, knownToPulumi)
	values := map[string]json.RawMessage{}
	for _, s := range settings {
		raw, err := json.Marshal(s.Default)
		if err != nil {
			t.Fatal(err)
		}
		values[s.Key] = raw
	}
	var read, fresh Settings
	var list problem.List
	read.Settings().Decode(&list, values)
	if err := list.Err(); err != nil {
		t.Error(err)
	}
	fresh.Settings().ApplyDefaults()
	if got, want := fmt.Sprintf("%+v", read), fmt.Sprintf("%+v", fresh); got != want {
		t.Errorf("the defaults are read as\n%s\nwant\n%s", got, want)
	}
}

func checkDeclarations(t *testing.T, prefix string, settings setting.Group, types []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, s := range settings {
		key := prefix + s.Key
		switch {
		case seen[s.Key]:
			t.Errorf("%s is declared twice", key)
		case !slices.Contains(types, s.Type):
			t.Errorf("%s has type %s, which Pulumi does not know", key, s.Type)
		case (s.Type == "array") != slices.Contains(types, s.Items):
			t.Errorf("%s of type %s has items of type %q", key, s.Type, s.Items)
		case s.Help == "" || strings.ContainsAny(s.Help, "\n|") || strings.HasSuffix(s.Help, "."):
			t.Errorf("%s: help is not one line without a full stop at its end: %q", key, s.Help)
		}
		seen[s.Key] = true
		checkDeclarations(t, key+".", s.Fields, append([]string{"number"}, types...))
	}
}

func TestDefaultPoolIsFree(t *testing.T) {
	var s cluster.Spec
	s.Settings().ApplyDefaults()
	if len(s.NodePools) != 1 || !cluster.ArmShape(s.NodePools[0].Shape) || s.NodePools[0].EvictionGraceMinutes != 15 {
		t.Errorf("got %+v", s.NodePools)
	}
}
