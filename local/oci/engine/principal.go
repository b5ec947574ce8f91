package engine

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Types of principals, as the claim ptype of a security token names them.
const (
	UserPrincipal     = "user"
	InstancePrincipal = "instance"
	ResourcePrincipal = "resource"
	WorkloadPrincipal = "workload"
	ClusterPrincipal  = "cluster"
	NodePoolPrincipal = "nodepool"
	// ServicePrincipal is an Oracle service, whose name is the principal's ID. Services sign no requests here.
	ServicePrincipal = "service"
)

// Principal is who has signed a request.
type Principal struct {
	ID   string // OCID of the user, the instance or another resource
	Type string // UserPrincipal, ...
	Workload
}

// Workload are the Pods of a cluster that have one service account.
type Workload struct {
	ClusterID      string `json:"cluster_id,omitempty"`
	Namespace      string `json:"namespace,omitempty"`
	ServiceAccount string `json:"service_account,omitempty"`
}

// claims of a security token. The session's key is a JSON Web Key, here as an object.
type claims struct {
	Type    string     `json:"ptype"`
	Tenant  string     `json:"tenant"`
	Owner   string     `json:"res_tenant"` // the same, as SDKs look for it in the token of a resource
	Session sessionKey `json:"jwk"`
	Workload
	jwt.RegisteredClaims
}

// sessionKey is the public half of the key that a token's holder signs with (RFC 7517, 7518).
type sessionKey struct {
	Type     string `json:"kty"`
	Modulus  string `json:"n"`
	Exponent string `json:"e"`
}

// IssueToken returns a security token, which names the key of a principal for a time. Requests that are signed with the
// key have the key's identifier "ST$" and the token.
func (e *Engine) IssueToken(who Principal, key *rsa.PublicKey, lifetime time.Duration) (string, error) {
	now := time.Now()
	encode := base64.RawURLEncoding.EncodeToString
	return jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		Type: who.Type, Tenant: TenancyID, Owner: TenancyID,
		Session:  sessionKey{"RSA", encode(key.N.Bytes()), encode(big.NewInt(int64(key.E)).Bytes())},
		Workload: who.Workload, RegisteredClaims: jwt.RegisteredClaims{
			Subject: who.ID, Issuer: "authService.oracle.com",
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(lifetime)),
		},
	}).SignedString(e.issuer)
}

// sessionLife is longer than any local cloud lives.
const sessionLife = 10 * 365 * 24 * time.Hour

// Session returns a security token with which whoever has the local cloud's own key acts as a principal.
func (e *Engine) Session(who Principal) (string, error) { return e.IssueToken(who, e.key, sessionLife) }

// signer returns the principal and the key that a key's identifier names: the user's API key, or a security token's.
func (e *Engine) signer(keyID string) (Principal, *rsa.PublicKey, error) {
	token, isToken := strings.CutPrefix(keyID, "ST$")
	if !isToken {
		if want := e.creds.Tenancy + "/" + e.creds.User + "/" + e.creds.Fingerprint; keyID != want {
			return Principal{}, nil, notAuthenticated("the key %q is not the local cloud's", keyID)
		}
		return Principal{ID: e.creds.User, Type: UserPrincipal}, e.key, nil
	}
	var c claims
	_, err := jwt.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return e.issuer.Public(), nil },
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired())
	if err != nil {
		return Principal{}, nil, notAuthenticated("the security token is not valid: %v", err)
	}
	key, err := c.Session.rsa()
	if err != nil {
		return Principal{}, nil, notAuthenticated("the security token's key: %v", err)
	}
	return Principal{c.Subject, c.Type, c.Workload}, key, nil
}

func (k sessionKey) rsa() (*rsa.PublicKey, error) {
	n, err := base64.RawURLEncoding.DecodeString(k.Modulus)
	if err != nil {
		return nil, err
	}
	exponent, err := base64.RawURLEncoding.DecodeString(k.Exponent)
	if err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(exponent).Int64())}, nil
}

// issuer reads or creates the key that security tokens are signed with: they outlive a restart of the local cloud.
func issuer(dir string) (ed25519.PrivateKey, error) {
	file := filepath.Join(dir, "issuer.pem")
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		return key, writeFile(file, pem.EncodeToMemory(&pem.Block{Type: "ED25519 SEED", Bytes: key.Seed()}))
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || len(block.Bytes) != ed25519.SeedSize {
		return nil, fmt.Errorf("%s holds no key: delete it, and the local cloud makes another", file)
	}
	return ed25519.NewKeyFromSeed(block.Bytes), nil
}
