package environment

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/catalog"
)

// passphrase encrypts the secrets of stack local, which give access to nothing but this machine's loopback. It matches
// the salt in Pulumi.local.yaml; a stack on Oracle Cloud has its own.
const passphrase = "local-cloud"

// PulumiVariables returns the variables that keep Pulumi's files below LOCAL_DIR, and put the tools in bin first on
// PATH.
func (s Settings) PulumiVariables(bin string) []string {
	return []string{
		"PULUMI_HOME=" + s.PulumiHome(),
		// Without metadata: the backend does not write that file beside a checkpoint atomically, and one that was
		// truncated by a kill makes the state unreadable.
		"PULUMI_BACKEND_URL=file://" + s.StateDir() + "?metadata=skip",
		"PULUMI_CONFIG_PASSPHRASE=" + passphrase,
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"),
	}
}

// noDomain is a domain that never resolves (RFC 6761).
const noDomain = "local-cloud.invalid"

// CloudVariables returns PulumiVariables and those that direct the official provider and the oci command to the local
// cloud. It fails if the local cloud has never run.
//
// All of the provider's clients are redirected. The local cloud answers NotImplemented for the services that it lacks;
// Oracle would be asked for them otherwise, with the local cloud's credentials.
func (s Settings) CloudVariables(bin string) ([]string, error) {
	file := s.Path("oci", "config")
	config, err := readConfig(file)
	if err != nil {
		return nil, fmt.Errorf("%w; `%s` starts the local cloud", err, s.Make("up"))
	}
	var overrides []string
	for _, client := range catalog.ProviderClients() {
		overrides = append(overrides, string(client)+"="+s.Endpoint())
	}
	return append(s.PulumiVariables(bin),
		"CLIENT_HOST_OVERRIDES="+strings.Join(overrides, ";"),
		// The provider makes one more client, of work requests, which has no name and cannot be redirected.
		"OCI_domain_name_override="+noDomain,
		"OCI_TENANCY_OCID="+config["tenancy"], "OCI_USER_OCID="+config["user"],
		"OCI_FINGERPRINT="+config["fingerprint"], "OCI_REGION="+config["region"],
		"OCI_PRIVATE_KEY_PATH="+config["key_file"],
		// The oci command: each of its services adds the version's path to the endpoint.
		// Its file of defaults may name a profile that this file lacks.
		"OCI_CLI_CONFIG_FILE="+file, "OCI_CLI_PROFILE=DEFAULT", "OCI_CLI_ENDPOINT="+s.Endpoint(),
	), nil
}

// Inherited is this process's environment without the variables that would direct Pulumi or OCI clients elsewhere.
func Inherited() []string {
	var kept []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if slices.Contains([]string{"PATH", "KUBECONFIG", "CLIENT_HOST_OVERRIDES"}, name) ||
			strings.HasPrefix(name, "PULUMI_") || strings.HasPrefix(name, "OCI_") || strings.HasPrefix(name, "TF_VAR_") {
			continue
		}
		kept = append(kept, kv)
	}
	return kept
}

// readConfig reads the keys of an OCI configuration file. An INI library would be a dependency of the launcher for
// these lines: the file has one profile, and the local cloud writes it.
func readConfig(path string) (map[string]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	config := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if key, value, ok := strings.Cut(line, "="); ok {
			config[strings.TrimSpace(key)] = strings.TrimSpace(value)
		}
	}
	return config, nil
}

// GarbageCollection returns a variable that has Go's garbage collector run less often, if the machine has memory to
// spare and the user has not set GOGC. The compiler of the large SDK packages, and Pulumi's CLI, would otherwise
// spend a sixth of their time on it.
func GarbageCollection() []string {
	if os.Getenv("GOGC") != "" || memoryGB() < 15 {
		return nil
	}
	return []string{"GOGC=400"}
}

// memoryGB is the machine's memory in GB, or 0 if that is unknown.
func memoryGB() int {
	data, _ := os.ReadFile("/proc/meminfo")
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kb, _ := strconv.Atoi(f[1])
			return kb >> 20
		}
	}
	return 0
}
