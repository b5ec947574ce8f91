package ocilogin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// sessionPrefix begins the identifier of a key that a security token names.
const sessionPrefix = "ST$"

// fromFile returns the credentials of a profile: an API key, or a session token.
func fromFile(o Options, session bool) (common.ConfigurationProvider, error) {
	where := fmt.Sprintf("profile %s of %s", o.Profile, o.ConfigFile)
	data, err := os.ReadFile(o.ConfigFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no %s: make it with oci setup config, name another with --config-file, "+
			"or choose another method with --auth", o.ConfigFile)
	case err != nil:
		return nil, err
	}
	if names := profiles(string(data)); !names[o.Profile] {
		return nil, fmt.Errorf("%s has no profile %q: name another with --profile", o.ConfigFile, o.Profile)
	}
	open := common.ConfigurationProviderFromFileWithProfile
	if session {
		open = common.ConfigurationProviderForSessionTokenWithProfile
	}
	provider, err := open(o.ConfigFile, o.Profile, os.Getenv("OCI_CLI_PASSPHRASE"))
	if err != nil {
		return nil, fmt.Errorf("%s: %s", where, oneLine(err))
	}
	if err := check(provider, where); err != nil {
		return nil, err
	}
	keyID, err := provider.KeyID()
	if err != nil && session {
		return nil, fmt.Errorf("%s has no session token: oci session authenticate --profile-name %s", where, o.Profile)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %s", where, oneLine(err))
	}
	if token, isSession := strings.CutPrefix(keyID, sessionPrefix); isSession {
		if expired := expiry(token); !expired.IsZero() && !expired.After(time.Now()) {
			return nil, fmt.Errorf("the session token of %s expired at %s: oci session authenticate --profile-name %s",
				where, expired.Local().Format(time.DateTime), o.Profile)
		}
	}
	return provider, nil
}

// check reads the private key.
func check(provider common.ConfigurationProvider, where string) error {
	_, err := provider.PrivateRSAKey()
	if err == nil {
		return nil
	}
	text := oneLine(err)
	for _, hint := range []string{"password", "parse private key", "decryption"} { // x509's and the SDK's words
		if strings.Contains(text, hint) {
			return fmt.Errorf("the private key of %s cannot be read (%s): if it has a passphrase, set pass_phrase in the "+
				"profile, or the variable OCI_CLI_PASSPHRASE", where, text)
		}
	}
	return fmt.Errorf("the private key of %s cannot be read: %s", where, text)
}

// profiles returns the names of a configuration file's profiles.
func profiles(file string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			names[line[1:len(line)-1]] = true
		}
	}
	return names
}

// expiry returns when a security token, which is a JSON Web Token, expires, or zero if it does not say so.
func expiry(token string) time.Time {
	parts := strings.Split(strings.TrimSpace(token), ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(claims.Expires, 0)
}
