package web

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// hosts matches what a Host header may hold: a name or an IPv4 address, or an IPv6 address in brackets, and a port.
var hosts = regexp.MustCompile(`^([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?$`)

// RedirectToHTTPS returns a handler that answers every request with the same address by HTTPS. to is that address's
// host and port, such as "guestbook.example.com:8443": without a host it is the one that the request names, and without
// a port 443.
//
// The answer is 308, which keeps method and form (RFC 9110, section 15.4.9). It is not to be stored, so that a
// guestbook can go back to HTTP.
func RedirectToHTTPS(to string) http.Handler {
	host, port := to, ""
	if i := strings.LastIndexByte(to, ':'); i >= 0 {
		host, port = to[:i], to[i:]
	}
	if port == ":443" {
		port = ""
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := host
		if name == "" {
			if !hosts.MatchString(r.Host) {
				plainText(w, http.StatusBadRequest, "The request names no host. This page is served by HTTPS.")
				return
			}
			name = r.Host
			if asked, _, err := net.SplitHostPort(r.Host); err == nil {
				name = asked
				if strings.Contains(asked, ":") { // an IPv6 address
					name = "[" + asked + "]"
				}
			}
		}
		address := url.URL{
			Scheme: "https", Host: name + port, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
		}
		w.Header().Set("Location", address.String())
		plainText(w, http.StatusPermanentRedirect, "This page is at "+address.String())
	})
}
