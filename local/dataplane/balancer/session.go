package balancer

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"oke-guestbook/local/cloud"
)

// sessionID is what a session's cookie holds: it does not tell the backend's address.
func sessionID(b *backend) string {
	sum := sha256.Sum256([]byte(b.Name))
	return hex.EncodeToString(sum[:16])
}

// sessionCookie returns the cookie that begins, moves or ends a session, or nil if nothing changes. A session of the
// load balancer begins with the first answer. One of the application begins when its cookie is set, and ends when that
// is set to expire (Oracle: "Load Balancer Session Persistence", read 2026-11-28).
func sessionCookie(session *cloud.Session, resp *http.Response, b *backend, sticky bool) *http.Cookie {
	cookie := &http.Cookie{
		Name: session.Cookie, Value: sessionID(b), Domain: session.Domain, Path: session.Path,
		MaxAge: session.MaxAgeSeconds, Secure: session.Secure, HttpOnly: session.HTTPOnly,
	}
	if session.AppCookie == "" {
		if sticky {
			return nil
		}
		return cookie
	}
	for _, set := range resp.Cookies() {
		if session.AppCookie != "*" && set.Name != session.AppCookie {
			continue
		}
		if set.MaxAge < 0 || !set.Expires.IsZero() && set.Expires.Before(time.Now()) {
			cookie.Value, cookie.MaxAge = "", -1
		}
		return cookie
	}
	return nil
}
