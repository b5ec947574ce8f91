// Package kubeconfig adapts a kubeconfig that OKE wrote to the credentials that Pulumi's OCI provider was given.
package kubeconfig

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Target is what a kubeconfig is for.
type Target struct {
	ClusterID string
	Region    string // for the command oke, unless the kubeconfig names one; empty for that of the credentials
	// Command runs the command that makes tokens: ["oci"], ["oke"], or how else the latter is started.
	Command []string
	// Keys puts the key of the settings into the kubeconfig, or its path. Only one that is no file may hold a key.
	Keys bool
}

// Apply returns the kubeconfig with calls of the target's command, with the login's options. One that calls the command
// oci, for oci, is changed as little as possible. Without such a call, nothing is changed unless the login
// insists on OKE, which then replaces every other way to get access.
func (l Login) Apply(kubeconfig string, target Target) (string, error) {
	if err := l.Check(); err != nil {
		return "", err
	}
	document, users, err := parse(kubeconfig)
	if err != nil {
		return "", err
	}
	changed := false
	for _, user := range users {
		call := oracleCall(user)
		switch {
		case call == nil && l.Command != OKE:
			continue
		case filepath.Base(target.Command[0]) == "oci":
			if call == nil || len(l.options()) == 0 && (!target.Keys || len(l.Variables()) == 0) {
				continue
			}
			err = l.complete(call, target)
		default:
			err = replace(user, l.call(call, target))
		}
		if err != nil {
			return "", err
		}
		changed = true
	}
	if !changed {
		return kubeconfig, nil
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return "", fmt.Errorf("kubeconfig: %w", err)
	}
	return out.String(), nil
}

// complete adds options and variables to a call of the command oci.
func (l Login) complete(call *yaml.Node, target Target) error {
	args, options := field(call, "args"), l.options()
	if args == nil || args.Kind != yaml.SequenceNode {
		return fmt.Errorf("kubeconfig: the command oci has no list of arguments, so %v cannot be added", options)
	}
	for _, option := range slices.Sorted(maps.Keys(options)) {
		set(args, option, options[option])
	}
	if variables := l.environment(target); len(variables) > 0 {
		node := &yaml.Node{}
		if err := node.Encode(variables); err != nil {
			return err
		}
		setField(call, "env", node)
	}
	return nil
}

// variable is an entry of a call's env.
type variable struct {
	Name  string `yaml:"name"`
	Value string `yaml:"value"`
}

func (l Login) environment(target Target) []variable {
	var list []variable
	if target.Keys {
		values := l.Variables()
		for _, name := range slices.Sorted(maps.Keys(values)) {
			list = append(list, variable{name, values[name]})
		}
	}
	return list
}

// Call is a user's entry exec.
type Call struct {
	APIVersion      string     `yaml:"apiVersion"`
	Command         string     `yaml:"command"`
	Args            []string   `yaml:"args"`
	Env             []variable `yaml:"env,omitempty"`
	InstallHint     string     `yaml:"installHint,omitempty"`
	InteractiveMode string     `yaml:"interactiveMode"`
}

// call returns the call of the command oke. It keeps the region of a call of the command oci.
func (l Login) call(old *yaml.Node, target Target) Call {
	args := append(slices.Clone(target.Command[1:]), "token", "--cluster-id", target.ClusterID)
	if region := cmp.Or(valueOf(field(old, "args"), "--region"), target.Region); region != "" {
		args = append(args, "--region", region)
	}
	options := l.options()
	for _, option := range slices.Sorted(maps.Keys(options)) {
		args = append(args, option, options[option])
	}
	return Call{
		APIVersion: "client.authentication.k8s.io/v1", Command: target.Command[0], Args: args,
		Env: l.environment(target), InteractiveMode: "Never",
		InstallHint: "oke is in the repository of the stack's program: go install ./cmd/oke",
	}
}

// replace makes a call the only way to get access of a user.
func replace(user *yaml.Node, call Call) error {
	node := &yaml.Node{}
	if err := node.Encode(map[string]Call{"exec": call}); err != nil {
		return err
	}
	setField(user, "user", node)
	return nil
}

// set gives an option a value among a call's arguments, at their end if they do not have it yet.
func set(args *yaml.Node, option, value string) {
	for i, arg := range args.Content {
		if arg.Value == option && i+1 < len(args.Content) {
			args.Content[i+1].SetString(value)
			return
		}
	}
	for _, text := range []string{option, value} {
		node := &yaml.Node{}
		node.SetString(text)
		args.Content = append(args.Content, node)
	}
}

// valueOf returns the value of an option among a call's arguments; empty if they do not have it.
func valueOf(args *yaml.Node, option string) string {
	if args != nil {
		for i, arg := range args.Content {
			if arg.Value == option && i+1 < len(args.Content) {
				return args.Content[i+1].Value
			}
		}
	}
	return ""
}

// Calls reports whether the kubeconfig calls the command oci.
func Calls(kubeconfig string) (bool, error) {
	_, users, err := parse(kubeconfig)
	return slices.ContainsFunc(users, func(user *yaml.Node) bool { return oracleCall(user) != nil }), err
}

// parse returns a kubeconfig, in YAML or JSON, and its users.
func parse(kubeconfig string) (document *yaml.Node, users []*yaml.Node, err error) {
	document = &yaml.Node{}
	if err := yaml.Unmarshal([]byte(kubeconfig), document); err != nil {
		return nil, nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if len(document.Content) == 0 {
		return document, nil, nil
	}
	if list := field(document.Content[0], "users"); list != nil {
		users = list.Content
	}
	return document, users, nil
}

// oracleCall returns a user's call of the command oci, or nil.
func oracleCall(user *yaml.Node) *yaml.Node {
	call := field(field(user, "user"), "exec")
	if command := field(call, "command"); command != nil && filepath.Base(command.Value) == "oci" {
		return call
	}
	return nil
}

// field returns the value of a mapping's key, or nil if node is no mapping with that key.
func field(node *yaml.Node, key string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// setField gives a mapping's key a value.
func setField(node *yaml.Node, key string, value *yaml.Node) {
	if old := field(node, key); old != nil {
		*old = *value
		return
	}
	name := &yaml.Node{}
	name.SetString(key)
	node.Content = append(node.Content, name, value)
}
