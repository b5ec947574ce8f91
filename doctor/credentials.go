package doctor

import (
	"cmp"
	"context"
	"crypto/md5" // which the fingerprints of API keys are
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"
	"github.com/oracle/oci-go-sdk/v65/common/auth"
)

// login is who the OCI provider acts as, and where that comes from.
type login struct {
	keys    common.ConfigurationProvider
	region  string
	tenancy string // empty if only the service knows it
}

// attributes are the provider's settings of credentials by their name in a stack's file, and in variables of the
// environment: TF_VAR_<name>, and OCI_<NAME> (terraform-provider-oci at 001656e, internal/provider/provider.go).
var attributes = map[string]string{
	"auth": "auth", "tenancyOcid": "tenancy_ocid", "userOcid": "user_ocid", "fingerprint": "fingerprint",
	"privateKey": "private_key", "privateKeyPath": "private_key_path", "privateKeyPassword": "private_key_password",
	"region": "region", "configFileProfile": "config_file_profile",
}

// attribute is a value, and where it is set.
type attribute struct{ value, from string }

// lookup returns a setting of the provider: from the stack's configuration, else from the environment.
func lookup(config map[string]string, name string) attribute {
	if value := config["oci:"+name]; value != "" {
		return attribute{value, "oci:" + name}
	}
	for _, variable := range []string{"TF_VAR_" + attributes[name], "OCI_" + strings.ToUpper(attributes[name])} {
		if value := os.Getenv(variable); value != "" {
			return attribute{value, variable}
		}
	}
	return attribute{}
}

// findLogin returns the login that the provider would use, or nil if it has none that works, and says why. Home is the
// directory whose .oci/config the provider reads.
func findLogin(ctx context.Context, config map[string]string, home string) (*login, []Result) {
	method := cmp.Or(lookup(config, "auth").value, "ApiKey")
	switch strings.ToLower(method) {
	case "apikey":
		return apiKey(config, home)
	case "securitytoken":
		return securityToken(config, home)
	case "instanceprincipal", "resourceprincipal", "okeworkloadidentity":
		return principal(ctx, config, strings.ToLower(method))
	}
	return nil, []Result{failed("oci:auth is %q, which is no method of the provider that a kubeconfig can have", method).
		do("one of ApiKey, SecurityToken, InstancePrincipal, ResourcePrincipal, OKEWorkloadIdentity")}
}

// source is a place that holds parts of an API key.
type source struct {
	name                                      string
	tenancy, user, fingerprint                string
	key, keyFrom, keyPath, passphrase, region string
	token                                     string // path of a session token
}

// apiKey finds the user and the key as the provider does: the first place that has all three parts of the user's key
// id, and the first one that has a key.
func apiKey(config map[string]string, home string) (*login, []Result) {
	places, err := sources(config, home)
	if err != nil {
		return nil, []Result{*err}
	}
	var who, secret *source
	for i := range places {
		p := &places[i]
		if who == nil && p.tenancy != "" && p.user != "" && p.fingerprint != "" {
			who = p
		}
		if secret == nil && (p.key != "" || p.keyPath != "") {
			secret = p
		}
	}
	switch {
	case who == nil:
		return nil, []Result{failed("no user: neither the stack, the environment nor %s has tenancy, user and fingerprint",
			configFile(home)).do("oci setup config, or pulumi config set oci:configFileProfile <profile>; " +
			"on a machine of Oracle's, pulumi config set oci:auth InstancePrincipal")}
	case secret == nil:
		return nil, []Result{failed("no private key for user %s of %s", short(who.user), who.name).
			do("set key_file in that profile, or pulumi config set oci:privateKeyPath <file>")}
	}
	key, problem := secret.read(home)
	if problem != nil {
		return nil, []Result{*problem}
	}
	if is := fingerprint(key); !strings.EqualFold(is, who.fingerprint) {
		return nil, []Result{failed("the key of %s has the fingerprint %s, and %s says %s",
			secret.keyFrom, is, who.name, who.fingerprint).
			do("set the fingerprint that belongs to the key, or the key's file that belongs to the fingerprint")}
	}
	region := cmp.Or(lookup(config, "region").value, who.region, secret.region)
	from := who.name
	if secret != who {
		from += ", key of " + secret.name
	}
	pemText := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	keys := common.NewRawConfigurationProvider(who.tenancy, who.user, region, who.fingerprint, pemText, nil)
	return &login{keys, region, who.tenancy},
		[]Result{ok("API key %s of user %s, from %s", who.fingerprint, short(who.user), from)}
}

// sources lists the places that the provider takes an API key from, in its order.
func sources(config map[string]string, home string) ([]source, *Result) {
	get := func(name string) string { return lookup(config, name).value }
	stack := source{
		name: "the stack's settings", tenancy: get("tenancyOcid"), user: get("userOcid"), fingerprint: get("fingerprint"),
		key: strings.ReplaceAll(get("privateKey"), `\n`, "\n"), keyPath: get("privateKeyPath"),
		passphrase: get("privateKeyPassword"), region: get("region"),
	}
	if from := lookup(config, "userOcid").from; from != "" && !strings.HasPrefix(from, "oci:") {
		stack.name = "the environment"
	}
	stack.keyFrom = cmp.Or(lookup(config, "privateKey").from, lookup(config, "privateKeyPath").from)
	places, profile := []source{stack}, lookup(config, "configFileProfile")
	names := []string{"DEFAULT"}
	if profile.value != "" {
		names = []string{profile.value, "DEFAULT"}
	}
	path := configFile(home)
	if profile.value != "" {
		path = homeFile(home) // the provider looks for a profile there only
	}
	profiles, err := readProfiles(path)
	if profile.value != "" && err != nil {
		problem := failed("%s names profile %s, and %v", profile.from, profile.value, err).
			do("oci setup config, or pulumi config rm oci:configFileProfile")
		return nil, &problem
	}
	if profile.value != "" && profiles[profile.value] == nil {
		problem := failed("%s: %s has no profile %s", profile.from, path, profile.value).
			do("it has %s: pulumi config set oci:configFileProfile <one of them>", strings.Join(profileNames(profiles), ", "))
		return nil, &problem
	}
	for _, name := range names {
		if values := profiles[name]; values != nil {
			places = append(places, source{
				name: "profile " + name + " of " + path, tenancy: values["tenancy"], user: values["user"],
				fingerprint: values["fingerprint"], keyPath: values["key_file"], keyFrom: "profile " + name,
				passphrase: cmp.Or(values["pass_phrase"], values["passphrase"]), region: values["region"],
				token: values["security_token_file"],
			})
		}
	}
	return places, nil
}

// read returns the private key, or what is wrong with it.
func (s *source) read(home string) (*rsa.PrivateKey, *Result) {
	fail := func(r Result) (*rsa.PrivateKey, *Result) { return nil, &r }
	text, where := []byte(s.key), s.keyFrom
	if s.key == "" {
		path := expand(s.keyPath, home)
		where = path
		var err error
		switch text, err = os.ReadFile(path); {
		case errors.Is(err, fs.ErrNotExist):
			return fail(failed("%s names the key file %s, which does not exist", s.keyFrom, path).
				do("correct the path, or make a key: oci setup keys"))
		case err != nil:
			return fail(failed("%s names a key file that cannot be read: %v", s.keyFrom, err).do("chmod 600 %s", path))
		}
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fail(failed("%s holds no key in PEM form", where).do("it must begin with -----BEGIN PRIVATE KEY-----"))
	}
	encrypted := strings.Contains(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != ""
	if encrypted && s.passphrase == "" {
		return fail(failed("the key of %s has a passphrase, and none is set", where).
			do("pulumi config set --secret oci:privateKeyPassword, or pass_phrase in the profile"))
	}
	key, err := common.PrivateKeyFromBytesWithPassword(text, []byte(s.passphrase))
	switch {
	case err != nil && encrypted:
		return fail(failed("the passphrase that is set does not open the key of %s", where).
			do("pulumi config set --secret oci:privateKeyPassword, or pass_phrase in the profile"))
	case err != nil:
		return fail(failed("%s holds no RSA key: %v", where, err).do("make one: oci setup keys"))
	}
	return key, nil
}

// fingerprint returns a key's, as the Console shows it.
func fingerprint(key *rsa.PrivateKey) string {
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

// securityToken finds the session token of a profile, which `oci session authenticate` makes.
func securityToken(config map[string]string, home string) (*login, []Result) {
	profile, region := lookup(config, "configFileProfile").value, lookup(config, "region").value
	renew := fmt.Sprintf("oci session authenticate --profile-name %s --region %s",
		cmp.Or(profile, "<profile>"), cmp.Or(region, "<region>"))
	if profile == "" || region == "" {
		return nil, []Result{failed("SecurityToken needs oci:configFileProfile and oci:region").do("%s", renew)}
	}
	places, problem := sources(config, home)
	if problem != nil {
		problem.Do += "\nor make it: " + renew
		return nil, []Result{*problem}
	}
	place := places[1] // that of the profile
	if place.token == "" {
		return nil, []Result{failed("%s has no security_token_file", place.name).do("%s", renew)}
	}
	path := expand(place.token, home)
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, []Result{failed("the session token cannot be read: %v", err).do("%s", renew)}
	}
	expires, err := expiry(strings.TrimSpace(string(text)))
	switch {
	case err != nil:
		return nil, []Result{failed("%s holds no session token: %v", path, err).do("%s", renew)}
	case time.Now().After(expires):
		return nil, []Result{failed("the session token of profile %s expired %s ago",
			profile, time.Since(expires).Round(time.Minute)).do("%s", renew)}
	}
	if _, problem := place.read(home); problem != nil {
		return nil, []Result{*problem}
	}
	keys, err := common.ConfigurationProviderForSessionTokenWithProfile(homeFile(home), profile, place.passphrase)
	if err != nil {
		return nil, []Result{failed("profile %s: %v", profile, err).do("%s", renew)}
	}
	return &login{keys, region, place.tenancy}, []Result{ok("session token of profile %s, for another %s",
		profile, time.Until(expires).Round(time.Minute))}
}

// expiry reads when a JSON web token expires.
func expiry(token string) (time.Time, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, errors.New("it is no JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
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

// principal asks the machine, or the Pod, for its identity.
func principal(ctx context.Context, config map[string]string, method string) (*login, []Result) {
	region := lookup(config, "region").value
	var keys common.ConfigurationProvider
	var err error
	var where, help string
	switch method {
	case "instanceprincipal":
		where, help = "an instance of Oracle Cloud", "oci:auth InstancePrincipal works on instances only, which are in a "+
			"dynamic group with a policy; elsewhere pulumi config rm oci:auth"
		if region == "" {
			return nil, []Result{failed("InstancePrincipal needs the region").do("pulumi config set oci:region <region>")}
		}
		keys, err = instance(ctx, region)
	case "okeworkloadidentity":
		where, help = "a Pod of an enhanced OKE cluster", "oci:auth OKEWorkloadIdentity works in Pods of enhanced clusters "+
			"only, whose container has OCI_RESOURCE_PRINCIPAL_VERSION=2.2 and OCI_RESOURCE_PRINCIPAL_REGION"
		keys, err = auth.OkeWorkloadIdentityConfigurationProvider()
	default:
		where, help = "a resource principal", "oci:auth ResourcePrincipal works where OCI sets "+
			"OCI_RESOURCE_PRINCIPAL_VERSION, such as in functions and DevOps builds"
		keys, err = auth.ResourcePrincipalConfigurationProvider()
	}
	if err == nil {
		_, err = keys.KeyID()
	}
	if err != nil {
		return nil, []Result{failed("this is not %s: %v", where, firstLine(err)).do("%s", help)}
	}
	tenancy, _ := keys.TenancyOCID()
	if region == "" {
		region, _ = keys.Region()
	}
	return &login{keys, region, tenancy}, []Result{ok("%s", where)}
}

// instance asks the metadata service, whose client does not end with a context and tries for minutes.
func instance(ctx context.Context, region string) (common.ConfigurationProvider, error) {
	ctx, cancel := context.WithTimeout(ctx, patience/4)
	defer cancel()
	type answer struct {
		keys common.ConfigurationProvider
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		keys, err := auth.InstancePrincipalConfigurationProviderForRegion(common.StringToRegion(region))
		done <- answer{keys, err}
	}()
	select {
	case a := <-done:
		return a.keys, a.err
	case <-ctx.Done():
		return nil, errors.New("the metadata service at 169.254.169.254 does not answer")
	}
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// short abbreviates an OCID.
func short(ocid string) string {
	if i := strings.LastIndex(ocid, "."); i >= 0 && len(ocid)-i > 10 {
		return ocid[:i+1] + "…" + ocid[len(ocid)-6:]
	}
	return ocid
}
