package balancer

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"time"

	"oke-guestbook/local/cloud"
)

// Results of health checks (API reference, HealthCheckResult).
const (
	resultOK            = "OK"
	resultUnknown       = "UNKNOWN"
	resultConnectFailed = "CONNECT_FAILED"
	resultTimedOut      = "TIMED_OUT"
	resultIOError       = "IO_ERROR"
	resultStatusCode    = "INVALID_STATUS_CODE"
	resultRegex         = "REGEX_MISMATCH"
)

// maxBody limits how much of an answer a regular expression is matched with, in bytes.
const maxBody = 1 << 20

// health is the state of a backend's health checks. A new backend gets no requests until its first check, which
// decides alone: how the service begins is not documented.
type health struct {
	cloud.BackendHealth
	streak int // checks in a row that contradict Healthy
}

func newHealth() health { return health{BackendHealth: cloud.BackendHealth{Result: resultUnknown}} }

// record adds the result of a check, and reports whether the backend has become healthy or unhealthy. It takes as many
// results in a row as the check has retries (API reference, HealthChecker, "retries").
func (h *health) record(result string, at time.Time, retries int) (changed bool) {
	first := h.Result == resultUnknown
	h.Result, h.At = result, at
	if (result == resultOK) == h.Healthy {
		h.streak = 0
		return first
	}
	if h.streak++; first || h.streak >= max(retries, 1) {
		h.Healthy, h.streak = !h.Healthy, 0
		return true
	}
	return false
}

func (p *pool) health() map[string]cloud.BackendHealth {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]cloud.BackendHealth{}
	for _, b := range p.backends {
		out[b.Name] = b.state.BackendHealth
	}
	return out
}

// startCheck begins to check a backend, now and once in each interval. An earlier check of it ends.
func (p *pool) startCheck(b *backend, regex *regexp.Regexp) {
	if b.stopCheck != nil {
		b.stopCheck()
	}
	var ctx context.Context
	ctx, b.stopCheck = context.WithCancel(p.lb.ctx)
	check := p.set.Health
	probe := p.newProbe(b.Address, check, regex)
	interval := time.Duration(cmp.Or(check.IntervalMillis, 10000)) * time.Millisecond
	p.lb.running.Go(func() {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		for {
			result := probe(ctx)
			if ctx.Err() != nil {
				return
			}
			p.record(b, result, check.Retries)
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	})
}

func (p *pool) record(b *backend, result string, retries int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.state.record(result, time.Now(), retries) {
		p.lb.opts.Log.Info("health of a backend", "set", p.name, "backend", b.Name, "healthy", b.state.Healthy,
			"result", result)
	}
}

// newProbe returns a function that checks a backend once.
func (p *pool) newProbe(
	address netip.AddrPort, check cloud.HealthCheck, regex *regexp.Regexp,
) func(context.Context) string {
	if check.Port != 0 {
		address = netip.AddrPortFrom(address.Addr(), uint16(check.Port))
	}
	timeout := time.Duration(cmp.Or(check.TimeoutMillis, 3000)) * time.Millisecond
	secure := p.tls
	if check.PlainText {
		secure = nil
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return p.lb.dial(ctx, address) }
	run := func(ctx context.Context) (string, error) { return checkTCP(ctx, dial, secure) }
	if check.Protocol == "HTTP" {
		scheme := "http"
		if secure != nil {
			scheme = "https"
		}
		url := fmt.Sprintf("%s://%s%s", scheme, address, cmp.Or(check.Path, "/"))
		client := &http.Client{
			Transport:     &http.Transport{DialContext: dial, TLSClientConfig: secure.Clone(), DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		run = func(ctx context.Context) (string, error) { return checkHTTP(ctx, client, url, check, regex) }
	}
	return func(ctx context.Context) string {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		result, err := run(ctx)
		switch {
		case err == nil:
			return result
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			return resultTimedOut
		case errors.As(err, new(dialError)):
			return resultConnectFailed
		default:
			return resultIOError
		}
	}
}

func checkTCP(
	ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), secure *tls.Config,
) (string, error) {
	conn, err := dial(ctx, "", "")
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if secure != nil {
		return resultOK, tls.Client(conn, secure).HandshakeContext(ctx)
	}
	return resultOK, nil
}

func checkHTTP(
	ctx context.Context, client *http.Client, url string, check cloud.HealthCheck, regex *regexp.Regexp,
) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return "", err
	case resp.StatusCode != cmp.Or(check.StatusCode, http.StatusOK):
		return resultStatusCode, nil
	case !regex.Match(body):
		return resultRegex, nil
	}
	return resultOK, nil
}
