package bucket

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
)

// The values of Config.Auth.
const (
	WorkloadIdentity = "workload_identity" // of a Pod in an enhanced OKE cluster
	ConfigFile       = "config_file"       // of the OCI command line interface
)

// The files that Kubernetes mounts into a Pod whose account has a token.
var tokenFile, caFile = auth.KubernetesServiceAccountTokenPath, auth.DefaultKubernetesServiceAccountCertPath

// Credentials returns what a client of OCI signs requests with. It reads the fields of cfg for access alone.
func Credentials(cfg Config) (common.ConfigurationProvider, error) {
	if cfg.Auth == ConfigFile {
		home, _ := os.UserHomeDir()
		file := cmp.Or(cfg.ConfigFile, filepath.Join(home, ".oci", "config"))
		provider, err := common.ConfigurationProviderFromFileWithProfile(file, cfg.ConfigProfile, "")
		if err != nil {
			return nil, fmt.Errorf("OCI_CONFIG_FILE: %w", err)
		}
		if _, err := common.IsConfigurationProviderValid(provider); err != nil {
			return nil, fmt.Errorf("OCI_CONFIG_FILE %s, profile %s: %w", file, cfg.ConfigProfile, err)
		}
		return provider, nil
	}
	if os.Getenv(auth.KubernetesServiceHostEnvVar) == "" {
		return nil, errors.New("OCI_AUTH is workload_identity, but this is no Pod: set OCI_AUTH=config_file")
	}
	if _, err := os.Stat(tokenFile); err != nil {
		return nil, fmt.Errorf("the Pod's account has no token (automountServiceAccountToken): %w", err)
	}
	// The SDK reads these from the environment only.
	for key, value := range map[string]string{
		auth.ResourcePrincipalVersionEnvVar:      auth.ResourcePrincipalVersion2_2,
		auth.ResourcePrincipalRegionEnvVar:       cfg.Region,
		auth.OciKubernetesServiceAccountCertPath: caFile,
	} {
		if err := os.Setenv(key, value); err != nil {
			return nil, err
		}
	}
	provider, err := auth.OkeWorkloadIdentityConfigurationProviderWithServiceAccountTokenProvider(
		auth.NewDefaultServiceAccountTokenProvider().WithSaTokenPath(tokenFile))
	if err != nil {
		return nil, fmt.Errorf("workload identity: %w", err)
	}
	return provider, nil
}
