package setting

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"oke-guestbook/plan/problem"
)

// Check is what a value must satisfy, whatever the other settings are.
type Check[T any] struct {
	Allowed string // for the reference, such as "1 to 100"; empty if the help says it
	// Test returns why a value is refused, or nil. Errors that errors.Join has joined are reported one by one.
	Test func(T) error
}

// Func is a check by a function.
func Func[T any](allowed string, test func(T) error) Check[T] { return Check[T]{allowed, test} }

// Range allows numbers from low to high.
func Range[T ~int](low, high T) Check[T] {
	return Func(fmt.Sprintf("%d to %d", low, high), func(got T) error {
		if got < low || got > high {
			return fmt.Errorf("must be from %d to %d (got %d)", low, high, got)
		}
		return nil
	})
}

// OneOf allows some values only.
func OneOf[T ~string](allowed ...T) Check[T] {
	names := make([]string, len(allowed))
	for i, value := range allowed {
		names[i] = string(value)
	}
	all := strings.Join(names, ", ")
	return Func(all, func(got T) error {
		if !slices.Contains(allowed, got) {
			return fmt.Errorf("%q is not one of %s", got, all)
		}
		return nil
	})
}

// Match allows texts that match the pattern. Allowed describes them, such as "a name that begins with a letter".
func Match(pattern *regexp.Regexp, allowed string) Check[string] {
	return Func(allowed, func(got string) error {
		if !pattern.MatchString(got) {
			return fmt.Errorf("%q is not %s", got, allowed)
		}
		return nil
	})
}

// OCID allows the OCIDs of some kinds of resource, such as "vcn", and the empty text.
func OCID(kinds ...string) Check[string] {
	return Func(anOCID+strings.Join(kinds, " or "), func(got string) error {
		parts := OCIDParts(got)
		switch {
		case got == "":
			return nil
		case parts == nil:
			return fmt.Errorf("%q is not an OCID such as ocid1.%s.oc1.iad.aaaa", got, kinds[0])
		case !slices.Contains(kinds, parts[1]):
			return fmt.Errorf("%q is the OCID of a resource of kind %s, not of kind %s",
				got, parts[1], strings.Join(kinds, " or "))
		case !ocid.MatchString(got):
			return fmt.Errorf("%q is not an OCID in full, such as ocid1.%s.oc1.iad.aaaa: copy it from the Console", got,
				kinds[0])
		}
		return nil
	})
}

// ocid matches an OCID: version, kind, realm, region, which may be empty, perhaps parts for future use, and the unique
// part (Oracle documentation, "Resource Identifiers", read 2026-11-29; of the characters it gives examples only). Old
// tenancies and users have colons between the parts (oci-java-sdk, OCIDTest, validLegacyOcid, read 2026-11-29).
var ocid = regexp.MustCompile(`^(ocid1\.[a-z0-9-]+\.oc\d+(\.[A-Za-z0-9_-]*)+\.[A-Za-z0-9_-]+|` +
	`ocidv1:[a-z0-9-]+:oc\d+(:[A-Za-z0-9_-]*)+:[A-Za-z0-9_-]+)$`)

// OCIDParts returns the parts of an OCID: version, kind, realm, region and others. They are nil if it is none.
func OCIDParts(text string) []string {
	for version, separator := range map[string]string{"ocid1": ".", "ocidv1": ":"} {
		if parts := strings.Split(text, separator); parts[0] == version && len(parts) > 4 {
			return parts
		}
	}
	return nil
}

// KindOf returns the kind of resource of an OCID: "" of what is none.
func KindOf(ocid string) string {
	if parts := OCIDParts(ocid); parts != nil {
		return parts[1]
	}
	return ""
}

// IsOCID reports whether the setting takes OCIDs.
func (s Setting) IsOCID() bool {
	return slices.ContainsFunc(s.Allowed, func(text string) bool { return strings.HasPrefix(text, anOCID) })
}

const anOCID = "an OCID of kind "

// The longest name of the DNS, and the longest text between its periods (RFC 1035, section 2.3.4), in letters of
// English. Clients translate those of other languages, and their number changes then.
const (
	maxHost  = 253
	maxLabel = 63
)

func tooLong(name string, most int) bool {
	return len(name) > most && !strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII })
}

// nobody are addresses that no machine has (RFC 1122, section 3.2.1.3, and RFC 1112, section 4).
var nobody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("240.0.0.0/4")}

// CheckRemote refuses hosts that are not reached from the stack's network, whatever its rules are, and what is neither
// an address nor a name that a resolver takes.
func CheckRemote(host string) error {
	addr, err := netip.ParseAddr(host)
	addr = addr.Unmap()
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case host == "localhost" || strings.HasSuffix(host, ".localhost"),
		err == nil && (addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified()),
		slices.ContainsFunc(nobody, func(n netip.Prefix) bool { return n.Contains(addr) }):
		return fmt.Errorf("%s is not an address of another machine", host)
	case err == nil && !addr.Is4():
		return fmt.Errorf("%s is an IPv6 address, and the stack's network has IPv4 only", host)
	case tooLong(host, maxHost):
		return fmt.Errorf("%.20s... has %d characters, and a host name at most %d", host, len(host), maxHost)
	case err != nil && (slices.ContainsFunc(labels, notLabel) || digits.MatchString(labels[len(labels)-1])):
		return fmt.Errorf("%q is neither an address nor the name of a host", host)
	}
	return nil
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// notLabel reports whether a text between the periods of a host name cannot be there (RFC 1123, section 2.1). Letters
// of other languages pass.
func notLabel(text string) bool {
	return text == "" || tooLong(text, maxLabel) || strings.HasPrefix(text, "-") || strings.HasSuffix(text, "-")
}

// Required refuses the zero value. How tells how to set the setting.
func Required[T comparable](how string) Check[T] {
	return Func("", func(got T) error {
		var zero T
		if got == zero {
			return errors.New("is required: " + how)
		}
		return nil
	})
}

// If applies a check only while the condition holds. The condition is that of the time of the declaration.
func If[T any](condition bool, check Check[T]) Check[T] {
	if !condition {
		check.Test = func(T) error { return nil }
	}
	return check
}

// Optional allows the zero value in addition to what check allows.
func Optional[T comparable](check Check[T]) Check[T] {
	var zero T
	if _, number := any(zero).(int); number {
		check.Allowed = "0, or " + check.Allowed
	}
	test := check.Test
	check.Test = func(got T) error {
		if got == zero {
			return nil
		}
		return test(got)
	}
	return check
}

// Each checks every item of a list.
func Each[T any](check Check[T]) Check[[]T] {
	return Func(check.Allowed, func(items []T) error {
		var all []error
		for _, item := range items {
			all = append(all, check.Test(item))
		}
		return errors.Join(all...)
	})
}

// Names checks every name of a map.
func Names[K ~string, V any](check Check[K]) Check[map[K]V] {
	return Func(check.Allowed, func(values map[K]V) error {
		return Each(check).Test(slices.Sorted(maps.Keys(values)))
	})
}

// Unique refuses lists that hold an item twice.
func Unique[T comparable]() Check[[]T] {
	return Func("each once", func(items []T) error {
		for i, item := range items {
			if slices.Contains(items[:i], item) {
				return fmt.Errorf("holds %v twice", item)
			}
		}
		return nil
	})
}

// run adds the problems of a value.
func (c Check[T]) run(list *problem.List, key string, value T) {
	err := c.Test(value)
	if err == nil {
		return
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // by errors.Join
		all = joined.Unwrap()
	}
	for _, err := range all {
		list.Add(key, "%v", err).Invalidates(key)
	}
}
