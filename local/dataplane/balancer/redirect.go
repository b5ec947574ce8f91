package balancer

import (
	"cmp"
	"net"
	"net/http"
	"strconv"
	"strings"

	"oke-guestbook/local/cloud"
)

// redirect returns the address and status code with which the first matching redirect rule answers a request, or 0.
// The rules are those of the API reference, RedirectUri.
func redirect(c *frontendConfig, r *http.Request) (location string, code int) {
	for _, rule := range c.Redirects {
		if matches(rule, r.URL.Path) {
			return address(rule, c, r), cmp.Or(rule.Code, http.StatusFound)
		}
	}
	return "", 0
}

func matches(rule cloud.Redirect, path string) bool {
	switch rule.Match {
	case "":
		return true
	case "EXACT_MATCH":
		return path == rule.MatchPath
	case "SUFFIX_MATCH":
		return strings.HasSuffix(path, rule.MatchPath)
	default:
		return strings.HasPrefix(path, rule.MatchPath)
	}
}

func address(rule cloud.Redirect, c *frontendConfig, r *http.Request) string {
	protocol, port := "http", strconv.Itoa(c.Port)
	if r.TLS != nil {
		protocol = "https"
	}
	host := r.Host
	if name, asked, err := net.SplitHostPort(r.Host); err == nil {
		host, port = name, asked
	}
	fill := strings.NewReplacer("{protocol}", protocol, "{host}", host, "{port}", port, "{path}", r.URL.EscapedPath(),
		"{query}", r.URL.RawQuery).Replace
	protocol, host, port = strings.ToLower(fill(rule.Protocol)), fill(rule.Host), fill(rule.Port)
	if port != map[string]string{"http": "80", "https": "443"}[protocol] {
		host = net.JoinHostPort(host, port)
	}
	location := protocol + "://" + host + fill(rule.Path)
	if query := strings.TrimPrefix(fill(rule.Query), "?"); query != "" {
		location += "?" + strings.TrimSuffix(query, "&")
	}
	return location
}
