// Package kubeconfig adapts a kubeconfig that OKE wrote to the credentials that Pulumi's OCI provider was given.
package kubeconfig

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Login is how Oracle's command line gets its credentials. The kubeconfig of OKE calls it for a token.
type Login struct {
	Profile string // of the configuration file; empty for the command's default
	Auth    string // as the OCI provider names the method, such as "SecurityToken"; empty for the command's default
}

// methods are the command's names of the provider's methods, which compares them in lower case (terraform-provider-oci,
// internal/provider/provider.go; oci-cli, option --auth; read 2026-11-28).
var methods = map[string]string{
	"apikey":              "api_key",
	"instanceprincipal":   "instance_principal",
	"okeworkloadidentity": "oke_workload_identity",
	"resourceprincipal":   "resource_principal",
	"securitytoken":       "security_token",
}

// Check returns an error if the command has no such method as the provider.
func (l Login) Check() error {
	if _, known := methods[strings.ToLower(l.Auth)]; l.Auth != "" && !known {
		return fmt.Errorf("%q is no method of the command oci, which the kubeconfig calls: it has ApiKey, "+
			"InstancePrincipal, OKEWorkloadIdentity, ResourcePrincipal and SecurityToken", l.Auth)
	}
	return nil
}

// arguments returns the command's options and their values.
func (l Login) arguments() map[string]string {
	options := map[string]string{}
	if l.Profile != "" {
		options["--profile"] = l.Profile
	}
	if l.Auth != "" {
		options["--auth"] = methods[strings.ToLower(l.Auth)]
	}
	return options
}

// Apply returns the kubeconfig with the login's options in each call of the command oci. Without options, or without
// such a call, it returns the kubeconfig as it is.
func (l Login) Apply(kubeconfig string) (string, error) {
	if err := l.Check(); err != nil {
		return "", err
	}
	document, calls, err := parse(kubeconfig)
	options := l.arguments()
	if err != nil || len(calls) == 0 || len(options) == 0 {
		return kubeconfig, err
	}
	for _, call := range calls {
		args := field(call, "args")
		if args == nil || args.Kind != yaml.SequenceNode {
			return "", fmt.Errorf("kubeconfig: the command oci has no list of arguments, so %v cannot be added", options)
		}
		for _, option := range slices.Sorted(maps.Keys(options)) {
			set(args, option, options[option])
		}
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return "", fmt.Errorf("kubeconfig: %w", err)
	}
	return out.String(), nil
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

// Calls reports whether the kubeconfig calls the command oci.
func Calls(kubeconfig string) (bool, error) {
	_, calls, err := parse(kubeconfig)
	return len(calls) > 0, err
}

// parse returns a kubeconfig, in YAML or JSON, and the calls of the command oci in it.
func parse(kubeconfig string) (document *yaml.Node, calls []*yaml.Node, err error) {
	document = &yaml.Node{}
	if err := yaml.Unmarshal([]byte(kubeconfig), document); err != nil {
		return nil, nil, fmt.Errorf("kubeconfig: %w", err)
	}
	if len(document.Content) == 0 {
		return document, nil, nil
	}
	users := field(document.Content[0], "users")
	if users == nil {
		return document, nil, nil
	}
	for _, user := range users.Content {
		call := field(field(user, "user"), "exec")
		if command := field(call, "command"); command != nil && filepath.Base(command.Value) == "oci" {
			calls = append(calls, call)
		}
	}
	return document, calls, nil
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
