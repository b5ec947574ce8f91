// Package ocilogin finds the credentials that OCI's requests are signed with: the same kinds, under the same names, as
// Pulumi's OCI provider and the command oci.
package ocilogin

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// Options say which credentials. Each that is empty comes from the variables that Find reads.
type Options struct {
	Auth       string // method of authentication, such as security_token or SecurityToken; default an API key
	Profile    string // of the configuration file; default DEFAULT
	ConfigFile string // path of the configuration file; default ~/.oci/config
	Region     string // such as "us-ashburn-1"; default that of the credentials
	PodToken   string // path of a Pod's service account token, for workload identity; default the mounted one

	// Provider asks for what Pulumi's OCI provider takes, by its rules: from the stack's configuration, whose keys are
	// such as oci:region, else from the variables that the provider reads, and from the configuration file in Home. The
	// variables of the command oci do not count.
	Provider bool
	Config   map[string]string
	Home     string // directory of .oci/config; default that of the user
}

// Login is what requests are signed with.
type Login struct {
	Keys    common.ConfigurationProvider
	Region  string
	Tenancy string // empty if only the service knows it
	From    string // what kind it is, whose, and where it was found
	Method  string // of authentication, such as "api_key"
	Profile string // of the configuration file that was asked for; empty for none
}

// SameKey reports whether both sign with the same key.
func (l *Login) SameKey(other *Login) bool {
	one, err := l.Keys.KeyID()
	two, errOther := other.Keys.KeyID()
	return one == two && err == nil && errOther == nil
}

// Problem says why there are no credentials, in one line, and what to do, in a line for each step.
type Problem struct{ Text, Do string }

func (p *Problem) Error() string { return p.Text + ": " + strings.ReplaceAll(p.Do, "\n", "; ") }

func problem(format string, args ...any) *Problem {
	return &Problem{Text: fmt.Sprintf(format, args...)}
}

func (p *Problem) do(format string, args ...any) *Problem {
	p.Do = fmt.Sprintf(format, args...)
	return p
}

// setting is a value under its several names.
type setting struct {
	config  string // the provider's, in a stack's configuration: oci:<config>
	command string // the command oci's, as a variable: OCI_CLI_<command>
	// provider is the provider's, as variables: TF_VAR_<provider>, OCI_<PROVIDER> (terraform-provider-oci at 001656e,
	// internal/provider/provider.go, read 2026-11-28).
	provider string
}

var (
	method         = setting{"auth", "AUTH", "auth"}
	profile        = setting{"configFileProfile", "PROFILE", "config_file_profile"}
	region         = setting{"region", "REGION", "region"}
	tenancy        = setting{"tenancyOcid", "TENANCY", "tenancy_ocid"}
	user           = setting{"userOcid", "USER", "user_ocid"}
	fingerprint    = setting{"fingerprint", "FINGERPRINT", "fingerprint"}
	privateKey     = setting{"privateKey", "KEY_CONTENT", "private_key"}
	privateKeyPath = setting{"privateKeyPath", "KEY_FILE", "private_key_path"}
	passphrase     = setting{"privateKeyPassword", "PASSPHRASE", "private_key_password"}
)

// get returns a value, and where it was found.
func (o Options) get(s setting) (value, from string) {
	if value := o.Config["oci:"+s.config]; value != "" {
		return value, "oci:" + s.config
	}
	names := []string{"OCI_CLI_" + s.command, "TF_VAR_" + s.provider, "OCI_" + strings.ToUpper(s.provider)}
	if o.Provider {
		names = names[1:]
	}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value, name
		}
	}
	return "", ""
}

func (o Options) value(s setting) string {
	value, _ := o.get(s)
	return value
}

// either returns what to do about the provider's credentials, or about those of a command.
func (o Options) either(provider, command string) string {
	if o.Provider {
		return provider
	}
	return command
}

// methods of authentication, as the command oci names them. The provider's names have other cases and no "_".
var methods = []string{
	"api_key", "security_token", "instance_principal", "resource_principal", "oke_workload_identity",
}

// Find returns the credentials and the region. Its error is a *Problem.
func Find(ctx context.Context, o Options) (*Login, error) {
	auth, from := o.Auth, "--auth"
	if auth == "" {
		auth, from = o.get(method)
	}
	o.Region = cmp.Or(o.Region, o.value(region))
	plain := func(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }
	i := slices.IndexFunc(methods, func(m string) bool { return plain(m) == plain(cmp.Or(auth, methods[0])) })
	var login *Login
	var bad *Problem
	switch i {
	case -1:
		bad = problem("%s is %q, which is no method of authentication that a kubeconfig can have", from, auth).
			do("one of %s", o.either("ApiKey, SecurityToken, InstancePrincipal, ResourcePrincipal, OKEWorkloadIdentity",
				strings.Join(methods, ", ")))
	case 0:
		login, bad = o.apiKey()
	case 1:
		login, bad = o.session()
	default:
		login, bad = o.principal(ctx, methods[i])
	}
	if bad != nil {
		return nil, bad
	}
	login.Region = cmp.Or(o.Region, login.Region)
	login.Method, login.Profile = methods[i], cmp.Or(o.Profile, o.value(profile))
	if login.Region == "" {
		return nil, problem("no region is set, and the credentials name none").
			do("%s us-ashburn-1", o.either("pulumi config set oci:region", "add --region"))
	}
	return login, nil
}

// Variables returns the variables that may decide the credentials, as "NAME=value", in order.
func Variables() []string {
	var found []string
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "OCI_") || strings.HasPrefix(kv, "TF_VAR_") {
			found = append(found, kv)
		}
	}
	slices.Sort(found)
	return found
}

// short abbreviates an OCID.
func short(ocid string) string {
	if i := strings.LastIndex(ocid, "."); i >= 0 && len(ocid)-i > 10 {
		return ocid[:i+1] + "…" + ocid[len(ocid)-6:]
	}
	return ocid
}

// oneLine is the error without the SDK's hints, which follow on lines of their own.
func oneLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
