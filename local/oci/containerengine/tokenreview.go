package containerengine

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	authentication "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/oci/engine"
)

// maxReview is far above any review, in bytes. A security token is some kilobytes.
const maxReview = 256 << 10

// registerTokenReview registers the webhook that API servers ask who has signed a token.
func (s *Service) registerTokenReview() {
	s.e.HandleUnsigned("POST /admin/clusters/{id}/tokenreview", func(r *http.Request) (*engine.Answer, error) {
		var review authentication.TokenReview
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxReview)).Decode(&review); err != nil {
			return nil, engine.Invalid("token review: %v", err)
		}
		answer := authentication.TokenReview{
			TypeMeta: metav1.TypeMeta{APIVersion: authentication.SchemeGroupVersion.String(), Kind: "TokenReview"},
		}
		who, err := s.tokenSigner(r.PathValue("id"), review.Spec.Token)
		if err != nil {
			answer.Status.Error = err.Error()
			return &engine.Answer{Body: answer}, nil
		}
		answer.Status.Authenticated = true
		answer.Status.User = authentication.UserInfo{Username: who.ID, UID: who.ID, Groups: groupsOf(who)}
		return &engine.Answer{Body: answer}, nil
	})
}

// groupsOf returns the Kubernetes groups of a principal. Whom a policy lets manage clusters may do everything in them:
// here, the tenancy's administrator. All others have the rights of role bindings that name their OCID (Oracle
// documentation, "About Access Control and Kubernetes Engine").
func groupsOf(who engine.Principal) []string {
	if who.Type == engine.UserPrincipal && who.ID == engine.UserID {
		return []string{"system:masters"}
	}
	return nil
}

// tokenSigner returns who has signed a token for a cluster: the URL-safe base64 of
// https://containerengine.<region>.oraclecloud.com/cluster_request/<cluster>, with the signature and the date of a GET
// request in the query.
func (s *Service) tokenSigner(clusterID, token string) (engine.Principal, error) {
	refuse := func(format string, args ...any) (engine.Principal, error) {
		return engine.Principal{}, engine.Fail(http.StatusUnauthorized, "NotAuthenticated", format, args...)
	}
	text, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	if err != nil {
		return refuse("the token is not base64")
	}
	signed, err := url.Parse(string(text))
	if err != nil || signed.Path == "" {
		return refuse("the token holds no URL")
	}
	if !strings.HasPrefix(signed.Hostname(), "containerengine."+engine.Region+".") && signed.Hostname() != "127.0.0.1" {
		return refuse("the token is for %s, not for Container Engine in %s", signed.Host, engine.Region)
	}
	if want := "/cluster_request/" + clusterID; signed.Path != want {
		return refuse("the token is for %s, not for %s", signed.Path, want)
	}
	query := signed.Query()
	return s.e.Authenticate(&http.Request{
		Method: http.MethodGet, Host: signed.Host, RequestURI: signed.EscapedPath(),
		Header: http.Header{"Authorization": query["authorization"], "Date": query["date"]},
	}, nil, false)
}
