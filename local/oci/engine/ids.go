package engine

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The one region and the one tenancy of every local cloud. The OCIDs are fixed, so that settings can name them.
const (
	Region        = "us-ashburn-1"
	RegionKey     = "iad"
	TenancyID     = "ocid1.tenancy.oc1..aaaaaaaalocalcloudtenancy"
	CompartmentID = "ocid1.compartment.oc1..aaaaaaaalocalcloudcompartment"
	UserID        = "ocid1.user.oc1..aaaaaaaalocalclouduser"
)

// AvailabilityDomains are the names of the region's availability domains.
var AvailabilityDomains = []string{"Uocm:US-ASHBURN-AD-1", "Uocm:US-ASHBURN-AD-2", "Uocm:US-ASHBURN-AD-3"}

// unifyDomains replaces names of availability domains in a query or a body, at every depth, by the service's own
// spelling: they compare without case (terraform-provider-oci, core_subnet_test.go and EqualIgnoreCaseSuppressDiff).
func unifyDomains(v any) {
	const field = "availabilityDomain"
	switch v := v.(type) {
	case url.Values:
		if v.Has(field) {
			v.Set(field, domainNamed(v.Get(field)))
		}
	case []any:
		for _, e := range v {
			unifyDomains(e)
		}
	default:
		d, _ := asDoc(v)
		if name, ok := d[field].(string); ok {
			d[field] = domainNamed(name)
		}
		for _, e := range d {
			unifyDomains(e)
		}
	}
}

// domainNamed returns the availability domain's own name; a name of none stays as it is.
func domainNamed(name string) string {
	i := slices.IndexFunc(AvailabilityDomains, func(ad string) bool { return strings.EqualFold(ad, name) })
	if i < 0 {
		return name
	}
	return AvailabilityDomains[i]
}

// FaultDomains are the names of each availability domain's fault domains.
var FaultDomains = []string{"FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"}

// IsCompartment reports whether the compartment exists: the tenancy's root, or the one below it.
func IsCompartment(id string) bool { return id == TenancyID || id == CompartmentID }

var ocidEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewOCID returns a new OCID for a resource of the region.
func NewOCID(kind string) string { return newOCID(kind, RegionKey) }

func newOCID(kind, region string) string {
	b := make([]byte, 30)
	rand.Read(b) // never fails
	return "ocid1." + kind + ".oc1." + region + ".aaaaaaaa" + ocidEncoding.EncodeToString(b)
}

// KindOf returns the kind that an OCID names.
func KindOf(ocid string) string {
	kind, _, _ := strings.Cut(strings.TrimPrefix(ocid, "ocid1."), ".")
	return kind
}

// ShortID returns the last characters of an OCID, for names that OCI derives from it.
func ShortID(ocid string) string { return ocid[max(0, len(ocid)-11):] }

// NewRequestID returns a random identifier of 32 hexadecimal digits.
func NewRequestID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return strings.ToUpper(hex.EncodeToString(b))
}

// Timestamp formats a time as the services do.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
