package kubeconfig

import (
	"fmt"
	"strings"
)

// Login is how the cluster's API is asked for access: with a token of a command that a kubeconfig calls.
type Login struct {
	Command Command
	Profile string // of the configuration file; empty for the command's default
	Auth    string // as the OCI provider names the method, such as "SecurityToken"; empty for the command's default
	Keys    Keys
	// ConfigFile is the path of the configuration file; empty for the command's default.
	ConfigFile string
}

// Command names what makes the tokens.
type Command string

// Commands.
const (
	Auto Command = "auto" // OCI if it is there, else OKE
	OCI  Command = "oci"  // Oracle's command line
	OKE  Command = "oke"  // this repository's cmd/oke
)

// Keys are an API key in the stack's own settings.
type Keys struct {
	Tenancy, User, Fingerprint, Region     string
	PrivateKey, PrivateKeyPath, Passphrase string
}

// methods are the commands' names of the provider's methods, which compares them in lower case (terraform-provider-oci,
// internal/provider/provider.go; oci-cli, option --auth; read 2026-11-28).
var methods = map[string]string{
	"apikey":              "api_key",
	"instanceprincipal":   "instance_principal",
	"okeworkloadidentity": "oke_workload_identity",
	"resourceprincipal":   "resource_principal",
	"securitytoken":       "security_token",
}

// Method returns the commands' name of the provider's method; empty for the default.
func (l Login) Method() string { return methods[strings.ToLower(l.Auth)] }

// Check returns an error if the commands have no such method as the provider.
func (l Login) Check() error {
	if l.Auth != "" && l.Method() == "" {
		return fmt.Errorf("%q is no method of the command oci, which the kubeconfig calls: it has ApiKey, "+
			"InstancePrincipal, OKEWorkloadIdentity, ResourcePrincipal and SecurityToken", l.Auth)
	}
	return nil
}

// TakesKeys reports whether the method is that of an API key.
func (l Login) TakesKeys() bool { return l.Method() == "" || l.Method() == "api_key" }

// usesKeys reports whether the key of the settings decides, as it does for the provider before a profile.
func (l Login) usesKeys() bool {
	k := l.Keys
	return l.TakesKeys() && k.Tenancy != "" && k.User != "" && k.Fingerprint != "" &&
		(k.PrivateKey != "" || k.PrivateKeyPath != "")
}

// options returns the commands' options and their values.
func (l Login) options() map[string]string {
	options := map[string]string{}
	if l.Profile != "" && !l.usesKeys() {
		options["--profile"] = l.Profile
	}
	if l.ConfigFile != "" {
		options["--config-file"] = l.ConfigFile
	}
	if l.Auth != "" {
		options["--auth"] = l.Method()
	}
	return options
}

// Variables returns the variables that hand the key of the settings to either command, without those that are empty
// (Oracle documentation, "Environment Variables" of the command line interface).
func (l Login) Variables() map[string]string {
	set := map[string]string{}
	if !l.usesKeys() {
		return set
	}
	for name, value := range map[string]string{
		"OCI_CLI_TENANCY": l.Keys.Tenancy, "OCI_CLI_USER": l.Keys.User, "OCI_CLI_FINGERPRINT": l.Keys.Fingerprint,
		"OCI_CLI_REGION": l.Keys.Region, "OCI_CLI_KEY_CONTENT": l.Keys.PrivateKey,
		"OCI_CLI_KEY_FILE": l.Keys.PrivateKeyPath, "OCI_CLI_PASSPHRASE": l.Keys.Passphrase,
	} {
		if value != "" {
			set[name] = value
		}
	}
	return set
}
