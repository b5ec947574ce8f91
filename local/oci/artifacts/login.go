package artifacts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/identity"
	"oke-guestbook/local/oci/objectstorage"
)

const (
	// tokenPath is of the operation GetAccessToken of the Container Registry API.
	tokenPath = "/20180419/docker/token"
	tokenLife = time.Hour
	// bearerUser is the user name with which an access token is the password.
	bearerUser = "BEARER_TOKEN"
)

// caller is who calls the registry.
type caller struct {
	User    string    `json:"user,omitempty"` // empty: anonymous
	Expires time.Time `json:"expires"`
}

// serveToken answers with an access token, for the credentials of a user: a signature, an auth token, or another access
// token. Without any it is the token of an anonymous caller.
func (g *registry) serveToken(w http.ResponseWriter, r *http.Request) {
	user, ok := g.login(r)
	if !ok {
		refuse(w, engine.Fail(http.StatusUnauthorized, "UNKNOWN", "Unauthorized"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	token := g.seal(caller{user, time.Now().Add(tokenLife)})
	_ = json.NewEncoder(w).Encode(engine.Doc{
		"token": token, "access_token": token, "scope": r.URL.Query().Get("scope"),
		"expires_in": int(tokenLife.Seconds()),
	})
}

// login returns the user whose credentials a request for a token has; false if they are wrong.
func (g *registry) login(r *http.Request) (user string, ok bool) {
	if r.Header.Get("Authorization") == "" {
		return "", true
	}
	name, password, basic := r.BasicAuth()
	switch {
	case !basic:
		return identity.UserName, g.engine.Verify(r) == nil
	case name == bearerUser:
		c, ok := g.open(password)
		return c.User, ok
	}
	namespace, name, _ := strings.Cut(name, "/")
	_ = g.engine.View(func(t *engine.Tx) error {
		ok = namespace == objectstorage.Namespace && identity.IsLogin(t, name, password)
		return nil
	})
	return identity.UserName, ok
}

// caller returns who calls, by the token of the request.
func (g *registry) caller(r *http.Request) (caller, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return caller{}, false
	}
	return g.open(token)
}

// challenge tells a client where to get a token. Clients call the registry by its names on Oracle Cloud, which they
// map, by an address of this machine, or as nodes do by TLS.
func challenge(w http.ResponseWriter, r *http.Request, scope string) {
	scheme := "http"
	if r.TLS != nil || strings.HasSuffix(r.Host, ".ocir.io") || strings.HasSuffix(r.Host, ".oraclecloud.com") {
		scheme = "https"
	}
	w.Header().Set("WWW-Authenticate",
		`Bearer realm="`+scheme+"://"+r.Host+tokenPath+`",service="`+r.Host+`",scope="`+scope+`"`)
	refuse(w, engine.Fail(http.StatusUnauthorized, "UNAUTHORIZED", "authentication required"))
}

// seal makes a caller's token, which is valid as long as this process.
func (g *registry) seal(c caller) string {
	text, _ := json.Marshal(c)
	payload := base64.RawURLEncoding.EncodeToString(text)
	return payload + "." + g.mac(payload)
}

func (g *registry) open(token string) (c caller, ok bool) {
	payload, mac, _ := strings.Cut(token, ".")
	if !hmac.Equal([]byte(mac), []byte(g.mac(payload))) {
		return c, false
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &c) != nil {
		return caller{}, false
	}
	return c, time.Now().Before(c.Expires)
}

func (g *registry) mac(payload string) string {
	h := hmac.New(sha256.New, g.key)
	h.Write([]byte(payload))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
