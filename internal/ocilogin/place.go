package ocilogin

import (
	"cmp"
	"crypto/md5" // which the fingerprints of API keys are
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	osuser "os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// place holds parts of an API key, or of a session.
type place struct {
	name                               string
	tenancy, user, fingerprint, region string
	key, keyPath, keyFrom, passphrase  string
	session                            string // path of its token
}

// complete reports whether the place has what a key is named by.
func (p place) complete() bool {
	return p.tenancy != "" && p.fingerprint != "" && p.user != "" || p.session != ""
}

// places lists where an API key may be, in the order of the provider: its settings, a profile, the profile DEFAULT.
// Profiles that Options name go alone.
func (o Options) places() ([]place, *Problem) {
	var places []place
	name, from := o.Profile, "--profile"
	if name == "" {
		name, from = o.get(profile)
	}
	if o.Profile == "" && o.ConfigFile == "" {
		places = append(places, o.outside())
		if !o.Provider && places[0].complete() && cmp.Or(places[0].key, places[0].keyPath) != "" {
			return places, nil
		}
	}
	path := o.configFile(name)
	profiles, err := readProfiles(path)
	switch {
	case err != nil && (name != "" || o.ConfigFile != ""):
		return nil, problem("profile %s is wanted, and %v", cmp.Or(name, "DEFAULT"), err).
			do("oci setup config, or %s", o.either("pulumi config rm oci:configFileProfile",
				"name another file with --config-file"))
	case name != "" && profiles[name] == nil:
		return nil, problem("%s: %s has no profile %s", from, path, name).do("it has %s: %s <one of them>",
			strings.Join(slices.Sorted(maps.Keys(profiles)), ", "),
			o.either("pulumi config set oci:configFileProfile", "--profile"))
	}
	names := []string{cmp.Or(name, "DEFAULT")}
	if o.Provider && name != "" {
		names = append(names, "DEFAULT")
	}
	for _, name := range names {
		if values := profiles[name]; values != nil {
			places = append(places, place{
				name: "profile " + name + " of " + path, tenancy: values["tenancy"], user: values["user"],
				fingerprint: values["fingerprint"], region: values["region"],
				keyPath: values["key_file"], keyFrom: "profile " + name,
				passphrase: cmp.Or(o.value(passphrase), values["pass_phrase"], values["passphrase"]),
				session:    values["security_token_file"],
			})
		}
	}
	return places, nil
}

// outside is the place of the settings and the variables.
func (o Options) outside() place {
	p := place{
		name: "the stack's settings", tenancy: o.value(tenancy), user: o.value(user), fingerprint: o.value(fingerprint),
		region: o.Region, keyPath: o.value(privateKeyPath), passphrase: o.value(passphrase),
	}
	if _, from := o.get(user); !strings.HasPrefix(from, "oci:") {
		p.name = "the environment"
	}
	_, p.keyFrom = o.get(privateKeyPath)
	if key, from := o.get(privateKey); key != "" {
		p.key, p.keyFrom = strings.ReplaceAll(key, `\n`, "\n"), from
	}
	return p
}

// configFile is the path of OCI's configuration file. The provider looks for a named profile in the home directory
// only; else OCI_CONFIG_FILE stands in where there is no file (oci-go-sdk v65.129.0, common, getDefaultConfigFilePath).
func (o Options) configFile(profile string) string {
	path := filepath.Join(o.home(), ".oci", "config")
	if !o.Provider {
		return cmp.Or(o.ConfigFile, os.Getenv("OCI_CLI_CONFIG_FILE"), os.Getenv("OCI_CONFIG_FILE"), path)
	}
	if other := os.Getenv("OCI_CONFIG_FILE"); profile == "" && other != "" && !exists(path) && exists(other) {
		return other
	}
	return path
}

func (o Options) home() string {
	if o.Home != "" {
		return o.Home
	}
	if current, err := osuser.Current(); err == nil && o.Provider {
		return current.HomeDir // as the provider finds it
	}
	home, _ := os.UserHomeDir() // without one, the file is not found, and its path says why
	return home
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// expand replaces ~ in a path.
func (o Options) expand(path string) string {
	if rest, found := strings.CutPrefix(path, "~"); found {
		return filepath.Join(o.home(), rest)
	}
	return path
}

var heading = regexp.MustCompile(`^\s*\[(.*)\]`)

// readProfiles reads the file as oci-go-sdk does, which has no such function for others: an INI file whose keys are in
// any case.
func readProfiles(path string) (map[string]map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("OCI's configuration file cannot be read: %w", err)
	}
	profiles := map[string]map[string]string{}
	var current map[string]string
	for line := range strings.Lines(string(text)) {
		if match := heading.FindStringSubmatch(line); match != nil {
			current = map[string]string{}
			profiles[match[1]] = current
			continue
		}
		if key, value, found := strings.Cut(line, "="); found && current != nil {
			current[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
		}
	}
	return profiles, nil
}

// read returns the private key, or what is wrong with it.
func (o Options) read(p place) (*rsa.PrivateKey, *Problem) {
	text, where := []byte(p.key), p.keyFrom
	if p.key == "" {
		path := o.expand(p.keyPath)
		where = path
		var err error
		switch text, err = os.ReadFile(path); {
		case errors.Is(err, fs.ErrNotExist):
			return nil, problem("%s names the key file %s, which does not exist", p.keyFrom, path).
				do("correct the path, or make a key: oci setup keys")
		case err != nil:
			return nil, problem("%s names a key file that cannot be read: %v", p.keyFrom, err).do("chmod 600 %s", path)
		}
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, problem("%s holds no key in PEM form", where).do("it must begin with -----BEGIN PRIVATE KEY-----")
	}
	encrypted := strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != ""
	give := "pass_phrase in the profile, or " +
		o.either("pulumi config set --secret oci:privateKeyPassword", "the variable OCI_CLI_PASSPHRASE")
	if encrypted && p.passphrase == "" {
		return nil, problem("the key of %s has a passphrase, and none is set", where).do("%s", give)
	}
	key, err := common.PrivateKeyFromBytesWithPassword(text, []byte(p.passphrase))
	switch {
	case err != nil && encrypted:
		return nil, problem("the passphrase that is set does not open the key of %s", where).do("%s", give)
	case err != nil:
		return nil, problem("%s holds no RSA key: %v", where, err).do("make one: oci setup keys")
	}
	return key, nil
}

// fingerprintOf returns a key's fingerprint, as the Console shows it.
func fingerprintOf(key *rsa.PrivateKey) string {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil { // no RSA key has one
		return ""
	}
	sum := md5.Sum(der)
	pairs := make([]string, len(sum))
	for i, b := range sum {
		pairs[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(pairs, ":")
}
