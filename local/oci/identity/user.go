package identity

import (
	"crypto/rand"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
)

// UserName is the name of the tenancy's one user, who is in the identity domain Default and an administrator.
const UserName = "local-user"

// defaultDomain is the identity domain that a user name need not begin with.
const defaultDomain = "Default"

const authTokenKind = "credential"

// maxAuthTokens is how many auth tokens a user can have (Oracle: "Managing User Credentials", "Working with Auth
// Tokens").
const maxAuthTokens = 2

// authTokenState is what the service remembers of an auth token.
type authTokenState struct{ Token string }

// registerUsers adds the user and the auth tokens, which are passwords for services that cannot sign requests.
func registerUsers(api engine.API) {
	api.Handle("GET /users/{userId}", "", onUser(func(*engine.Call) (*engine.Answer, error) {
		return &engine.Answer{Body: engine.Doc{
			"id": engine.UserID, "compartmentId": engine.TenancyID, "name": UserName, "description": "Of the local cloud",
			"timeCreated": "2026-01-01T00:00:00.000Z", "lifecycleState": "ACTIVE", "isMfaActivated": false,
			"freeformTags": engine.Doc{}, "definedTags": engine.Doc{},
		}}, nil
	}))
	api.AddKind(&engine.Kind{
		Name: authTokenKind, Model: "identity.AuthToken", Global: true, States: engine.ServiceStates,
		CreateTime: time.Second, Private: engine.PrivateOf[authTokenState](),
	})
	const path = "/users/{userId}/authTokens"
	api.Handle("POST "+path, "identity.CreateAuthTokenDetails", onUser(createAuthToken))
	api.Handle("GET "+path, "", onUser(func(c *engine.Call) (*engine.Answer, error) {
		out := []any{}
		for _, r := range c.All(authTokenKind) {
			out = append(out, r.Doc)
		}
		return &engine.Answer{Body: out}, nil
	}))
	change := func(h engine.ResourceHandler) engine.Handler {
		return onUser(engine.OnChangeable(authTokenKind, h, engine.ServiceStates.Creating, engine.ServiceStates.Live))
	}
	api.Handle("PUT "+path+"/{id}", "identity.UpdateAuthTokenDetails", change(
		func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
			r.Doc.Merge(c.Body)
			return r.Answer(), nil
		}))
	api.Handle("DELETE "+path+"/{id}", "", change(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		return &engine.Answer{Status: http.StatusNoContent}, c.Remove(r)
	}))
}

// onUser refuses paths of other users.
func onUser(h engine.Handler) engine.Handler {
	return func(c *engine.Call) (*engine.Answer, error) {
		if id := c.Path("userId"); id != engine.UserID {
			return nil, engine.NotFound(id)
		}
		return h(c)
	}
}

// createAuthToken answers with the token, which no later answer contains.
func createAuthToken(c *engine.Call) (*engine.Answer, error) {
	if len(c.All(authTokenKind)) >= maxAuthTokens {
		return nil, engine.LimitExceeded("a user has at most %d auth tokens: delete one first", maxAuthTokens)
	}
	c.Body["userId"] = engine.UserID
	r, err := c.Insert(authTokenKind, c.Body)
	if err != nil {
		return nil, err
	}
	token := rand.Text()
	engine.Private[authTokenState](r).Token = token
	answer := r.Answer()
	shown := r.Doc.Clone()
	shown["token"] = token
	answer.Body, answer.Created = shown, r.ID
	return answer, nil
}

// IsLogin reports whether name, "<user>" or "<domain>/<user>", and an auth token are a user's.
func IsLogin(t *engine.Tx, name, token string) bool {
	domain, user, found := strings.Cut(name, "/")
	if !found {
		domain, user = defaultDomain, name
	}
	if !strings.EqualFold(domain, defaultDomain) || user != UserName {
		return false
	}
	return slices.ContainsFunc(t.All(authTokenKind), func(r *engine.Resource) bool {
		return subtle.ConstantTimeCompare([]byte(engine.Private[authTokenState](r).Token), []byte(token)) == 1
	})
}
