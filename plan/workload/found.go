package workload

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// FoundCertificate is what the Certificates service says of a certificate (API reference, Certificate).
type FoundCertificate struct {
	State     string // lifecycle state
	Origin    string // configType
	Names     []string
	NotBefore time.Time // zero: not said
	NotAfter  time.Time
}

// external is the origin of certificates whose keys the service does not have.
const external = "MANAGED_EXTERNALLY_ISSUED_BY_INTERNAL_CA"

// CheckFound returns why a load balancer cannot serve the certificate of tlsCertificateId, or visitors would refuse it.
func (g *Guestbook) CheckFound(c FoundCertificate, now time.Time) error {
	switch {
	case c.State != "ACTIVE":
		return fmt.Errorf("it is %s: load balancers take ACTIVE ones", c.State)
	case c.Origin == external:
		return errors.New("its private key is managed outside of the service: import certificate and key")
	case !c.NotAfter.IsZero() && now.After(c.NotAfter):
		return fmt.Errorf("its current version expired on %s: renew it", c.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(c.NotBefore):
		return fmt.Errorf("its current version is not valid before %s", c.NotBefore.UTC().Format(time.DateTime+" MST"))
	case g.TLSHostname != "" && !slices.ContainsFunc(c.Names, func(n string) bool { return matches(n, g.TLSHostname) }):
		return fmt.Errorf("tlsHostname %s is not among its names, %s", g.TLSHostname,
			strings.Join(c.Names, ", "))
	}
	return nil
}

// matches reports whether a certificate's name, which may begin with a wildcard for one label, is for a host (RFC 9525,
// section 6.3).
func matches(name, host string) bool {
	name = strings.ToLower(name)
	if rest, wildcard := strings.CutPrefix(name, "*."); wildcard {
		_, parent, _ := strings.Cut(host, ".")
		return rest == parent
	}
	return name == host
}
