package ocilogin

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
)

// apiKey finds the user and the key as the provider does: the first place that names a user's key, and the first one
// that has a key.
func (o Options) apiKey() (*Login, *Problem) {
	places, bad := o.places()
	if bad != nil {
		return nil, bad
	}
	var who, secret *place
	region := ""
	for i := range places {
		p := &places[i]
		region = cmp.Or(region, p.region)
		if who == nil && p.complete() {
			who = p
		}
		if secret == nil && (p.key != "" || p.keyPath != "") {
			secret = p
		}
	}
	switch {
	case who == nil:
		return nil, problem("no user: neither the stack, the environment nor %s has tenancy, user and fingerprint",
			o.configFile("")).do("oci setup config, or %s", o.either(
			"pulumi config set oci:configFileProfile <profile>; on a machine of Oracle's, "+
				"pulumi config set oci:auth InstancePrincipal",
			"--config-file, --profile; on a machine of Oracle's, --auth instance_principal"))
	case secret == nil:
		return nil, problem("no private key for user %s of %s", short(who.user), who.name).
			do("set key_file in that profile, or %s",
				o.either("pulumi config set oci:privateKeyPath <file>", "the variable OCI_CLI_KEY_FILE"))
	case who.user == "":
		return o.sessionOf(*who)
	}
	key, bad := o.read(*secret)
	if bad != nil {
		return nil, bad
	}
	if is := fingerprintOf(key); !strings.EqualFold(is, who.fingerprint) {
		return nil, problem("the key of %s has the fingerprint %s, and %s says %s",
			secret.keyFrom, is, who.name, who.fingerprint).
			do("set the fingerprint that belongs to the key, or the key's file that belongs to the fingerprint")
	}
	from := who.name
	if secret != who {
		from += ", key of " + secret.name
	}
	return &Login{
		Keys: signer(*who, key), Region: region, Tenancy: who.tenancy,
		From: fmt.Sprintf("API key %s of user %s, from %s", who.fingerprint, short(who.user), from),
	}, nil
}

func signer(p place, key *rsa.PrivateKey) common.ConfigurationProvider {
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	return common.NewRawConfigurationProvider(p.tenancy, p.user, p.region, p.fingerprint, string(text), nil)
}

// session finds the session token of a profile, which `oci session authenticate` makes.
func (o Options) session() (*Login, *Problem) {
	if o.Provider && (o.value(profile) == "" || o.Region == "") {
		return nil, problem("SecurityToken needs oci:configFileProfile and oci:region").
			do("%s", renew("<profile>", cmp.Or(o.Region, "<region>")))
	}
	if o.ConfigFile == "" { // the places of an API key do not count
		o.ConfigFile = o.configFile(cmp.Or(o.Profile, o.value(profile)))
	}
	places, bad := o.places()
	if bad != nil {
		bad.Do += "\nor make it: " + renew(cmp.Or(o.Profile, o.value(profile), "<profile>"), cmp.Or(o.Region, "<region>"))
		return nil, bad
	}
	if len(places) == 0 {
		places = []place{{name: "profile DEFAULT of " + o.ConfigFile}}
	}
	return o.sessionOf(places[0])
}

// sessionPrefix begins the name of a key that a session token names.
const sessionPrefix = "ST$"

// sessionKeys sign with the key that belongs to a session token.
type sessionKeys struct {
	common.ConfigurationProvider
	token string
}

// KeyID returns what names the key.
func (s sessionKeys) KeyID() (string, error) { return sessionPrefix + s.token, nil }

func (o Options) sessionOf(p place) (*Login, *Problem) {
	_, name, _ := strings.Cut(p.name, " ")
	name, _, _ = strings.Cut(name, " of ")
	renew := renew(name, cmp.Or(o.Region, p.region, "<region>"))
	if p.session == "" {
		return nil, problem("%s has no security_token_file", p.name).do("%s", renew)
	}
	path := o.expand(p.session)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, problem("the session token cannot be read: %v", err).do("%s", renew)
	}
	token := strings.TrimSpace(string(text))
	expires, err := expiry(token)
	switch {
	case err != nil:
		return nil, problem("%s holds no session token: %v", path, err).do("%s", renew)
	case time.Now().After(expires):
		return nil, problem("the session token of profile %s expired %s ago",
			name, time.Since(expires).Round(time.Minute)).do("%s", renew)
	}
	key, bad := o.read(p)
	if bad != nil {
		return nil, bad
	}
	return &Login{
		Keys: sessionKeys{signer(p, key), token}, Region: p.region, Tenancy: p.tenancy,
		From: fmt.Sprintf("session token of profile %s, for another %s", name, time.Until(expires).Round(time.Minute)),
	}, nil
}

// renew is the command that makes a session.
func renew(profile, region string) string {
	return fmt.Sprintf("oci session authenticate --profile-name %s --region %s", profile, region)
}

// expiry reads when a JSON web token expires.
func expiry(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("it is no JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}, err
	}
	var claims struct {
		Expires int64 `json:"exp"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Expires == 0 {
		return time.Time{}, errors.New("it does not say when it expires")
	}
	return time.Unix(claims.Expires, 0), nil
}
