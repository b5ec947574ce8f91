// Package config reads the guestbook's settings from environment variables.
//
// It is hand-written because caarlos0/env checks neither ranges nor formats and names Go fields, not variables, in its
// errors: the checks and messages below would stay.
package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Config holds the settings. Load fills in the defaults.
type Config struct {
	Listen  string // LISTEN_ADDRESS, default ":8080"
	Metrics string // METRICS_ADDRESS, default ":9090"

	Redirect   string // REDIRECT_ADDRESS, default none
	RedirectTo string // REDIRECT_TO, default the host of the request, and port 443

	TLS        string // TLS_ADDRESS, default none
	TLSHost    string // TLS_HOSTNAME
	TLSMinimum uint16 // TLS_MINIMUM_VERSION, default TLSv1.2

	ACMEDirectory string // ACME_DIRECTORY
	ACMEEmail     string // ACME_EMAIL, default none

	Mongo
	MongoConnections int // MONGODB_MAX_CONNECTIONS, default 20

	Title          string         // TITLE, default "Guestbook" in the reader's language
	PageSize       int            // PAGE_SIZE, default 20
	TimeZone       *time.Location // TIME_ZONE, default UTC; for readers without JavaScript
	SignsPerMinute int            // SIGNS_PER_MINUTE, default 10, per client and replica
	ReadsPerSecond int            // READS_PER_SECOND, default 20, per client and replica
	TrustedProxies []netip.Prefix // TRUSTED_PROXIES, default none
	ProxyProtocol  []netip.Prefix // PROXY_PROTOCOL_FROM: senders whose connections begin with a PROXY header, default none

	DrainDelay      time.Duration // DRAIN_DELAY, default 35s
	ShutdownTimeout time.Duration // SHUTDOWN_TIMEOUT, default 20s
	LogLevel        slog.Level    // LOG_LEVEL, default info
}

// Mongo holds the settings of the connection to the database.
type Mongo struct {
	MongoURI        string        // MONGODB_URI, required
	MongoDatabase   string        // MONGODB_DATABASE, default "guestbook"
	MongoUser       string        // MONGODB_USERNAME, default none
	MongoPassFile   string        // MONGODB_PASSWORD_FILE, default none
	MongoAuthSource string        // MONGODB_AUTH_SOURCE, default "admin"
	MongoTimeout    time.Duration // MONGODB_TIMEOUT, default 3s; a page takes two operations, the server's limit is 30 s
}

var (
	databaseName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)
	hostnames    = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	authorities  = regexp.MustCompile(`^([A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|:[0-9]{1,5})$`)
)

// Load reads the settings with getenv. The error has one line for each invalid setting and says what is allowed.
func Load(getenv func(string) string) (Config, error) {
	r := reader{getenv: getenv}
	c := Config{
		Listen:  r.address("LISTEN_ADDRESS", ":8080"),
		Metrics: r.address("METRICS_ADDRESS", ":9090"),

		Redirect:   r.optionalAddress("REDIRECT_ADDRESS"),
		RedirectTo: r.authority("REDIRECT_TO"),

		MongoConnections: r.number("MONGODB_MAX_CONNECTIONS", 20, 1000),

		Title:          r.text("TITLE", ""),
		PageSize:       r.number("PAGE_SIZE", 20, 100),
		TimeZone:       r.zone("TIME_ZONE"),
		SignsPerMinute: r.number("SIGNS_PER_MINUTE", 10, 1_000_000),
		ReadsPerSecond: r.number("READS_PER_SECOND", 20, 1_000_000),
		TrustedProxies: r.prefixes("TRUSTED_PROXIES"),
		ProxyProtocol:  r.prefixes("PROXY_PROTOCOL_FROM"),

		// OCI's load balancer removes a backend after 3 failed health checks at intervals of 10 s (its defaults).
		DrainDelay:      r.duration("DRAIN_DELAY", 35*time.Second, 0, 10*time.Minute),
		ShutdownTimeout: r.duration("SHUTDOWN_TIMEOUT", 20*time.Second, time.Second, 10*time.Minute),
		LogLevel:        r.level("LOG_LEVEL"),
	}
	c.Mongo = r.mongo()
	r.certificate(&c)
	return c, errors.Join(r.problems...)
}

// certificate reads the settings of HTTPS.
func (r *reader) certificate(c *Config) {
	c.TLS = r.optionalAddress("TLS_ADDRESS")
	c.TLSHost = strings.ToLower(r.text("TLS_HOSTNAME", ""))
	c.TLSMinimum = r.tlsVersion("TLS_MINIMUM_VERSION")
	c.ACMEDirectory = r.text("ACME_DIRECTORY", "")
	c.ACMEEmail = r.text("ACME_EMAIL", "")
	if set := c.TLS != ""; set != (c.TLSHost != "") || set != (c.ACMEDirectory != "") {
		r.add("TLS_ADDRESS, TLS_HOSTNAME and ACME_DIRECTORY go together: set all or none")
	}
	if c.TLSHost != "" && !hostnames.MatchString(c.TLSHost) {
		r.add("TLS_HOSTNAME %q: want a host name, such as guestbook.example.com", c.TLSHost)
	}
	if u, err := url.Parse(c.ACMEDirectory); c.ACMEDirectory != "" &&
		(err != nil || u.Hostname() == "" || u.Scheme != "https") {
		r.add("ACME_DIRECTORY %q: want the https URL of an ACME server's directory", c.ACMEDirectory)
	}
	if a, err := mail.ParseAddress(c.ACMEEmail); c.ACMEEmail != "" && (err != nil || a.Address != c.ACMEEmail) {
		r.add("ACME_EMAIL %q: want a mail address", c.ACMEEmail)
	}
}

func (r *reader) tlsVersion(key string) uint16 {
	v := r.text(key, "TLSv1.2")
	version, ok := map[string]uint16{"TLSv1.2": tls.VersionTLS12, "TLSv1.3": tls.VersionTLS13}[v]
	if !ok {
		r.add("%s %q: want TLSv1.2 or TLSv1.3", key, v)
	}
	return version
}

func (r *reader) mongo() Mongo {
	m := Mongo{
		MongoURI:        r.text("MONGODB_URI", ""),
		MongoDatabase:   r.text("MONGODB_DATABASE", "guestbook"),
		MongoUser:       r.text("MONGODB_USERNAME", ""),
		MongoPassFile:   r.text("MONGODB_PASSWORD_FILE", ""),
		MongoAuthSource: r.text("MONGODB_AUTH_SOURCE", "admin"),
		MongoTimeout:    r.duration("MONGODB_TIMEOUT", 3*time.Second, 100*time.Millisecond, 10*time.Second),
	}
	if m.MongoURI == "" {
		r.add("MONGODB_URI is not set: give the database's address, such as mongodb://mongo:27017")
	}
	if !databaseName.MatchString(m.MongoDatabase) {
		r.add("MONGODB_DATABASE %q: 1 to 63 letters, digits, _ or -", m.MongoDatabase)
	}
	if (m.MongoUser == "") != (m.MongoPassFile == "") {
		r.add("MONGODB_USERNAME and MONGODB_PASSWORD_FILE go together: set both or none")
	}
	return m
}

type reader struct {
	getenv   func(string) string
	problems []error
}

func (r *reader) add(format string, args ...any) {
	r.problems = append(r.problems, fmt.Errorf(format, args...))
}

func (r *reader) text(key, def string) string {
	if v := strings.TrimSpace(r.getenv(key)); v != "" {
		return v
	}
	return def
}

func (r *reader) address(key, def string) string {
	v := r.text(key, def)
	if _, port, err := net.SplitHostPort(v); err != nil || port == "" {
		r.add("%s %q: want host:port or :port", key, v)
	} else if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		r.add("%s %q: the port %d is outside 0 to 65535", key, v, n)
	}
	return v
}

// optionalAddress reads the address of a server that there may be.
func (r *reader) optionalAddress(key string) string {
	if r.text(key, "") == "" {
		return ""
	}
	return r.address(key, "")
}

// authority reads a host, a host and a port, or a colon and a port.
func (r *reader) authority(key string) string {
	v := r.text(key, "")
	if v != "" && !authorities.MatchString(v) {
		r.add("%s %q: want a host with or without a port, or :port, such as guestbook.example.com:8443", key, v)
	}
	return v
}

// number reads a whole number from 1 to high.
func (r *reader) number(key string, def, high int) int {
	v := r.text(key, strconv.Itoa(def))
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > high {
		r.add("%s %q: want a whole number from 1 to %d", key, v, high)
	}
	return n
}

func (r *reader) duration(key string, def, low, high time.Duration) time.Duration {
	v := r.text(key, def.String())
	d, err := time.ParseDuration(v)
	if err != nil || d < low || d > high {
		r.add("%s %q: want a duration from %v to %v, such as %v", key, v, low, high, def)
	}
	return d
}

func (r *reader) zone(key string) *time.Location {
	v := r.text(key, "UTC")
	loc, err := time.LoadLocation(v)
	if err != nil || v == "Local" {
		r.add("%s %q: want a name of the IANA time zone database, such as Asia/Seoul", key, v)
		return time.UTC
	}
	return loc
}

func (r *reader) prefixes(key string) []netip.Prefix {
	var out []netip.Prefix
	for v := range strings.SplitSeq(r.getenv(key), ",") {
		if v = strings.TrimSpace(v); v == "" {
			continue
		}
		p, err := netip.ParsePrefix(v)
		if err != nil {
			r.add("%s %q: want CIDR blocks with commas between, such as 10.0.20.0/24", key, v)
			continue
		}
		out = append(out, p)
	}
	return out
}

func (r *reader) level(key string) slog.Level {
	var l slog.Level
	if v := r.text(key, "info"); l.UnmarshalText([]byte(v)) != nil {
		r.add("%s %q: want debug, info, warn or error", key, v)
	}
	return l
}
