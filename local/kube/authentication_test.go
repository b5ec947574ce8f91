package kube

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"oke-guestbook/local/cloud"
	"oke-guestbook/local/eventually"
)

// issuer is an OpenID Connect issuer, on loopback with TLS.
type issuer struct {
	*httptest.Server
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := issuer{key: key}
	encode := base64.RawURLEncoding.EncodeToString
	mux := http.NewServeMux()
	answer := func(path string, doc func() any) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(doc())
		})
	}
	answer("/.well-known/openid-configuration", func() any {
		return map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"}
	})
	answer("/keys", func() any {
		return map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
			"n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
		}}}
	})
	i.Server = httptest.NewTLSServer(mux)
	t.Cleanup(i.Close)
	return i
}

// ca is the issuer's certificate in PEM.
func (i issuer) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.Certificate().Raw})
}

// token is one of user jane in group ops.
func (i issuer) token(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	all := jwt.MapClaims{
		"iss": i.URL, "aud": "oke", "sub": "jane", "groups": []string{"ops"}, "team": "web",
		"exp": time.Now().Add(time.Hour).Unix(),
	}
	for name, value := range claims {
		all[name] = value
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, all)
	token.Header["kid"] = "1"
	signed, err := token.SignedString(i.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// whoIs asks the API server whom it takes the holder of a token for.
func whoIs(t *testing.T, m *Manager, token string) (authenticationv1.UserInfo, error) {
	t.Helper()
	kubeconfig, err := m.Kubeconfig(t.Context(), testCluster().ID)
	if err != nil {
		t.Fatal(err)
	}
	admin, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	api, err := kubernetes.NewForConfig(&rest.Config{
		Host: admin.Host, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: admin.CAData},
	})
	if err != nil {
		t.Fatal(err)
	}
	review, err := api.AuthenticationV1().SelfSubjectReviews().Create(t.Context(),
		&authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return authenticationv1.UserInfo{}, err
	}
	return review.Status.UserInfo, nil
}

// accepts waits until the API server takes the token for a user: it reads an issuer's keys some time after its start.
func accepts(t *testing.T, m *Manager, token, user, group string) {
	t.Helper()
	eventually.Succeeds(t, time.Minute, user, func(context.Context) error {
		who, err := whoIs(t, m, token)
		if err == nil && (who.Username != user || !slices.Contains(who.Groups, group)) {
			err = fmt.Errorf("it is %v", who)
		}
		return err
	})
}

func refuses(t *testing.T, m *Manager, what, token string) {
	t.Helper()
	if who, err := whoIs(t, m, token); !apierrors.IsUnauthorized(err) {
		t.Errorf("%s: %v, %v; want Unauthorized", what, who, err)
	}
}

// TestTokensOfIssuers has API servers accept tokens of an issuer by their flags, then of two by a file, then of none,
// and name their own tokens after the discovery endpoint.
func TestTokensOfIssuers(t *testing.T) {
	first, second := newIssuer(t), newIssuer(t)
	m, api := startCluster(t, testConfig(t), 0)
	refuses(t, m, "before", first.token(t, nil))

	cluster := testCluster()
	cluster.Authentication = cloud.Authentication{
		OwnName: "https://discovery.example.com/cluster",
		Issuer: &cloud.TokenIssuer{
			URL: first.URL, ClientID: "oke", UsernamePrefix: "oidc:", GroupsClaim: "groups", GroupsPrefix: "oidc:",
			RequiredClaims: []string{"team=web"}, CA: first.ca(), SigningAlgorithms: []string{"RS256"},
		},
	}
	start := func() {
		t.Helper()
		if _, err := m.Start(t.Context(), cluster); err != nil {
			t.Fatal(err)
		}
	}
	start()
	accepts(t, m, first.token(t, nil), "oidc:jane", "oidc:ops")
	refuses(t, m, "another client", first.token(t, jwt.MapClaims{"aud": "other"}))
	refuses(t, m, "another team", first.token(t, jwt.MapClaims{"team": "ops"}))
	refuses(t, m, "expired", first.token(t, jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}))
	refuses(t, m, "another issuer", second.token(t, nil))

	own, err := api.CoreV1().ServiceAccounts("default").CreateToken(t.Context(), "default",
		&authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(own.Status.Token, &claims); err != nil {
		t.Fatal(err)
	}
	if claims["iss"] != cluster.Authentication.OwnName {
		t.Errorf("a service account's token is of issuer %v", claims["iss"])
	}
	accepts(t, m, own.Status.Token, "system:serviceaccount:default:default", "system:serviceaccounts")

	var file strings.Builder
	file.WriteString("apiVersion: apiserver.config.k8s.io/v1beta1\nkind: AuthenticationConfiguration\njwt:\n")
	for n, i := range []issuer{first, second} {
		fmt.Fprintf(&file, "- issuer:\n    url: %s\n    audiences: [oke]\n    certificateAuthority: %q\n"+
			"  claimMappings:\n    username: {claim: sub, prefix: 'idp%d:'}\n    groups: {claim: groups, prefix: ''}\n",
			i.URL, i.ca(), n)
	}
	cluster.Authentication = cloud.Authentication{Config: []byte(file.String())}
	start()
	accepts(t, m, first.token(t, nil), "idp0:jane", "ops")
	accepts(t, m, second.token(t, nil), "idp1:jane", "ops")

	cluster.Authentication = cloud.Authentication{}
	start()
	refuses(t, m, "afterwards", first.token(t, nil))
}
