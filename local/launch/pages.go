package launch

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"oke-guestbook/local/launch/daemon"
)

// page is where a guestbook's page is.
type page struct {
	name  string // of the guestbook
	url   string // on the emulated internet or in the VCN; empty: it has no load balancer
	local string // the same on this machine; empty: nothing of this machine leads there
	host  string // the host name in url, which its certificate is for; empty: an address
	why   string // there is no local one, and what to do
}

// pages returns where the stack's guestbooks are, that of the output url first.
func pages(outputs map[string]any, status daemon.Status) []page {
	urls, addresses := texts(outputs["urls"]), texts(outputs["addresses"])
	var all []page
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		all = append(all, newPage(name, urls[name], addresses[name], status))
	}
	first := slices.IndexFunc(all, func(p page) bool { return p.url == outputs["url"] })
	if first > 0 {
		all = slices.Insert(slices.Delete(slices.Clone(all), first, first+1), 0, all[first])
	}
	return all
}

// texts returns an output that is a map of texts.
func texts(output any) map[string]string {
	all := map[string]string{}
	values, _ := output.(map[string]any)
	for key, value := range values {
		all[key], _ = value.(string)
	}
	return all
}

// newPage returns where the page at a URL is, whose load balancer has the address.
func newPage(name, text, address string, status daemon.Status) page {
	p := page{name: name, url: text}
	const forward = "`kubectl port-forward -n <namespace> deployment/frontend 8080:http` leads there"
	u, err := url.Parse(text)
	if text == "" || err != nil {
		p.why = "it has no load balancer, as its setting exposure says: " + forward
		return p
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil {
		p.host = u.Hostname()
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	public := net.JoinHostPort(cmp.Or(address, u.Hostname()), port)
	p.why = "no port of this machine leads to its load balancer; `make status` lists those that lead to one"
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsPrivate() {
		p.why = "its load balancer is internal, as its setting exposure says, and answers in the VCN only: " + forward
	}
	for _, at := range status.LoadBalancers {
		if at.Public != public {
			continue
		}
		if p.why = at.Problem; at.Local != "" {
			u.Host, p.why = at.Local, ""
			p.local = u.String()
		}
	}
	return p
}

// line says where the page is.
func (p page) line() string {
	switch {
	case p.local == "" && p.url == "":
		return "not on this machine: " + p.why
	case p.local == "":
		return fmt.Sprintf("%s, not on this machine: %s", p.url, p.why)
	case strings.HasPrefix(p.url, "https:"):
		return fmt.Sprintf("%s   (%s within the local cloud; a browser warns, because the certificate is for another name "+
			"than this machine's address)", p.local, p.url)
	}
	return fmt.Sprintf("%s   (%s within the local cloud)", p.local, p.url)
}

// describePages has a line for each page, with its name if there are several.
func describePages(all []page) string {
	var lines []string
	for _, p := range all {
		line := p.line()
		if len(all) > 1 {
			line = fmt.Sprintf("%-12s %s", p.name, line)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n              ")
}
