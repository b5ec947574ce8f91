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

// maxClients bounds a limiter's memory: it knows so many clients twice.
const maxClients = 10_000

// limiter lets each client do something so often.
type limiter struct {
	limit rate.Limit
	burst int
	// After this time without a request a client's allowance is full again.
	full  time.Duration
	clock func() time.Time

	mu      sync.Mutex
	rotated time.Time
	now     map[netip.Prefix]*rate.Limiter // seen since rotated
	before  map[netip.Prefix]*rate.Limiter // seen before that
}

func newLimiter(perSecond float64, burst int) *limiter {
	return &limiter{
		limit: rate.Limit(perSecond), burst: burst,
		full:    time.Duration(float64(burst) / perSecond * float64(time.Second)),
		clock:   time.Now,
		rotated: time.Now(), now: map[netip.Prefix]*rate.Limiter{},
	}
}

// take returns 0 if the client may go on, else how long it has to wait.
func (l *limiter) take(client netip.Prefix) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock()
	if len(l.now) >= maxClients || now.Sub(l.rotated) > l.full {
		l.before, l.now, l.rotated = l.now, map[netip.Prefix]*rate.Limiter{}, now
	}
	c := l.now[client]
	if c == nil {
		if c = l.before[client]; c == nil {
			c = rate.NewLimiter(l.limit, l.burst)
		}
		l.now[client] = c
	}
	if c.AllowN(now, 1) {
		return 0
	}
	return time.Duration((1 - c.TokensAt(now)) / float64(l.limit) * float64(time.Second))
}

func setRetryAfter(w http.ResponseWriter, wait time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
}

// client tells visitors apart: an IPv4 address, or the /64 network of an IPv6
// address, which is what one subscriber has.
func (s *Server) client(r *http.Request) netip.Prefix {
	addr := s.clientAddr(r)
	if addr.Is4() {
		return netip.PrefixFrom(addr, 32)
	}
	p, _ := addr.Prefix(64)
	return p
}

// clientAddr is the last address that a trusted proxy reports and that is not
// a trusted proxy itself. Without trusted proxies it is the peer's.
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

// https reports whether the visitor's connection is encrypted, here or at a trusted proxy.
func (s *Server) https(r *http.Request) bool {
	return r.TLS != nil || s.trusts(parseAddr(r.RemoteAddr)) && r.Header.Get("X-Forwarded-Proto") == "https"
}

// parseAddr takes an address with or without a port.
func parseAddr(v string) netip.Addr {
	if ap, err := netip.ParseAddrPort(v); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	a, _ := netip.ParseAddr(strings.Trim(v, "[]"))
	return a.Unmap().WithZone("")
}
