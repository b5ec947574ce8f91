package web

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxClients limits a limiter's memory. It is the size of each of its two generations of clients.
const maxClients = 10_000

// limiter limits the rate of each client's requests.
type limiter struct {
	limit rate.Limit
	burst int
	// refill is the time after which an idle client has its full burst again, and need not be remembered.
	refill time.Duration
	clock  func() time.Time

	mu       sync.Mutex
	rotated  time.Time                      // when current became previous
	current  map[netip.Prefix]*rate.Limiter // clients seen since rotated
	previous map[netip.Prefix]*rate.Limiter // clients seen in the generation before
}

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{
		limit: rate.Limit(perSecond), burst: burst,
		refill:  time.Duration(float64(burst) / perSecond * float64(time.Second)),
		clock:   time.Now,
		rotated: time.Now(), current: map[netip.Prefix]*rate.Limiter{},
	}
}

// take counts a request of the client. It returns 0 if the request is allowed, else the time until one is.
func (l *limiter) take(client netip.Prefix) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if len(l.current) >= maxClients || now.Sub(l.rotated) > l.refill {
		l.previous, l.current, l.rotated = l.current, map[netip.Prefix]*rate.Limiter{}, now
	}
	c := l.current[client]
	if c == nil {
		if c = l.previous[client]; c == nil {
			c = rate.NewLimiter(l.limit, l.burst)
		}
		l.current[client] = c
	}
	if c.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - c.TokensAt(now)) / float64(l.limit) * float64(time.Second))
}

func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// client identifies the visitor: by the IPv4 address, or by the IPv6 address's /64 network, the usual allocation of one
// subscriber.
func (s *Server) client(r *http.Request) netip.Prefix {
	addr := s.clientAddr(r)
	if addr.Is4() {
		return netip.PrefixFrom(addr, 32)
	}
	p, _ := addr.Prefix(64)
	return p
}

// clientAddr returns the last address of X-Forwarded-For, read from the right, that is not a trusted proxy itself.
// If the peer is not a trusted proxy, it returns the peer's address.
func (s *Server) clientAddr(r *http.Request) netip.Addr {
	peer := parseAddr(r.RemoteAddr)
	if !s.trusts(peer) {
		return peer
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := parseAddr(strings.TrimSpace(hops[i]))
		if !hop.IsValid() {
			break
		}
		peer = hop
		if !s.trusts(hop) {
			break
		}
	}
	return peer
}

func (s *Server) trusts(a netip.Addr) bool {
	for _, p := range s.cfg.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// https reports whether the visitor's connection is encrypted: to this server or to a trusted proxy.
func (s *Server) https(r *http.Request) bool {
	return r.TLS != nil || s.trusts(parseAddr(r.RemoteAddr)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// parseAddr parses an IP address with or without a port. It returns the zero Addr if v is neither.
func parseAddr(v string) netip.Addr {
	if ap, err := netip.ParseAddrPort(v); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(strings.Trim(v, "[]"))
	return a.Unmap().WithZone("")
}
