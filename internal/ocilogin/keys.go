package ocilogin

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// keys are an API key from variables.
type keys struct {
	tenancy, user, fingerprint, region string
	pem, path, passphrase              string
}

func keysOf(region string) keys {
	return keys{
		tenancy: variable("TENANCY", "tenancy_ocid"), user: variable("USER", "user_ocid"),
		fingerprint: variable("FINGERPRINT", "fingerprint"), region: region,
		pem: variable("KEY_CONTENT", "private_key"), path: variable("KEY_FILE", "private_key_path"),
		passphrase: variable("PASSPHRASE", "private_key_password"),
	}
}

// complete reports whether the variables name a user and a key. Otherwise the configuration file does.
func (k keys) complete() bool {
	return k.tenancy != "" && k.user != "" && k.fingerprint != "" && cmp.Or(k.pem, k.path) != ""
}

func (k keys) provider() (common.ConfigurationProvider, error) {
	if k.pem == "" {
		path := k.path
		if rest, isHome := strings.CutPrefix(path, "~/"); isHome {
			home, err := os.UserHomeDir()
			if err != nil {
				return nil, err
			}
			path = home + "/" + rest
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("the private key of user %s: %w", k.user, err)
		}
		k.pem = string(data)
	}
	provider := common.NewRawConfigurationProvider(k.tenancy, k.user, k.region, k.fingerprint, k.pem, &k.passphrase)
	return provider, check(provider, "user "+k.user)
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
