// Package statement reads statements of IAM policies, and decides by them. It knows what lets workloads of Kubernetes
// use OCI: statements for any-user with conditions (Oracle, "Granting Workloads Access to OCI Resources", "Policy
// Syntax" and "Conditions", read November 2026).
package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Access is what a request asks for.
type Access struct {
	Permission  string // "OBJECT_READ"
	Compartment string // OCID of the resource's
	// Variables are those of conditions by their names: "request.principal.type", "target.bucket.name". A condition about
	// another one does not hold.
	Variables map[string]string
}

// Statement allows any user something.
type Statement struct {
	permissions []string
	compartment string // OCID; empty: the whole tenancy
	where       condition
}

// verbs are the permissions of verbs, each with those of the verbs before it, by resource type (Oracle, "Details for
// Object Storage and Archive Storage", "Details for Monitoring" and "Details for the Certificates Service", read
// November 2026).
var verbs = map[string]map[string][]string{
	"objects": {
		"inspect": {"OBJECT_INSPECT"}, "read": {"OBJECT_READ"}, "use": {"OBJECT_OVERWRITE"},
		"manage": {"OBJECT_CREATE", "OBJECT_DELETE"},
	},
	"metrics": {"inspect": {"METRIC_INSPECT"}, "read": {"METRIC_READ"}, "use": {"METRIC_WRITE"}},
	"leaf-certificates": {
		"inspect": {"CERTIFICATE_INSPECT"}, "read": {"CERTIFICATE_READ"}, "use": {"CERTIFICATE_UPDATE"},
		"manage": {"CERTIFICATE_CREATE", "CERTIFICATE_DELETE", "CERTIFICATE_MOVE"},
	},
}

func permissions(verb, resource string) (all []string) {
	if resource == "object-family" {
		resource = "objects"
	}
	for _, v := range []string{"inspect", "read", "use", "manage"} {
		all = append(all, verbs[resource][v]...)
		if v == verb {
			return all
		}
	}
	return nil
}

// form is that of a statement: its permissions in braces or a verb and a resource type, its place, and its condition.
var form = regexp.MustCompile(
	`(?is)^\s*allow\s+any-user\s+to\s+(?:\{(.*?)\}|(\S+)\s+(\S+))\s+in\s+(tenancy|compartment\s+id\s+(\S+))` +
		`(?:\s+where\s+(.+?))?\s*$`)

// Parse reads a statement. Of others than those for any user in the tenancy or in a compartment with its OCID, it says
// that it does not know them.
func Parse(text string) (Statement, error) {
	part := form.FindStringSubmatch(text)
	if part == nil {
		return Statement{}, fmt.Errorf("%q is not: allow any-user to <verb> <resource-type> in tenancy, or in "+
			"compartment id <OCID>, where <condition>", text)
	}
	s := Statement{compartment: part[5], where: func(Access) bool { return true }}
	if part[2] != "" {
		s.permissions = permissions(strings.ToLower(part[2]), strings.ToLower(part[3]))
	} else {
		for p := range strings.SplitSeq(part[1], ",") {
			s.permissions = append(s.permissions, strings.ToUpper(strings.TrimSpace(p)))
		}
	}
	if part[6] == "" {
		return s, nil
	}
	r := &reader{rest: part[6]}
	var err error
	if s.where, err = r.condition(); err == nil && r.rest != "" {
		err = fmt.Errorf("%q is too much", r.rest)
	}
	if err != nil {
		return s, fmt.Errorf("condition of %q: %w", text, err)
	}
	return s, nil
}

// Allows reports whether the statement allows what a request asks for.
func (s Statement) Allows(a Access) bool {
	return slices.Contains(s.permissions, a.Permission) &&
		(s.compartment == "" || s.compartment == a.Compartment) && s.where(a)
}

type condition func(Access) bool

// reader reads a condition from what is left of a text.
type reader struct{ rest string }

var (
	group      = regexp.MustCompile(`(?i)^(all|any)\s*\{\s*`)
	comparison = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9._-]*)\s*(!?=)\s*(?:'([^']*)'|/([^/]*)/)\s*`)
	separator  = regexp.MustCompile(`^([,}])\s*`)
)

// take returns the parts of what a pattern matches at the beginning of the rest, which it takes away, or nil.
func (r *reader) take(pattern *regexp.Regexp) []string {
	part := pattern.FindStringSubmatch(r.rest)
	if part != nil {
		r.rest = r.rest[len(part[0]):]
	}
	return part
}

func (r *reader) condition() (condition, error) {
	if part := r.take(group); part != nil {
		return r.group(strings.EqualFold(part[1], "all"))
	}
	part := r.take(comparison)
	if part == nil {
		return nil, fmt.Errorf("want all {...}, any {...} or a comparison, got %q", r.rest)
	}
	name, negated := strings.ToLower(part[1]), part[2] == "!="
	matches := func(value string) bool { return strings.EqualFold(value, part[3]) }
	if part[4] != "" { // a pattern, in which * stands for any characters
		pattern := strings.ReplaceAll(regexp.QuoteMeta(part[4]), `\*`, ".*")
		matches = regexp.MustCompile("(?i)^" + pattern + "$").MatchString
	}
	return func(a Access) bool {
		value, known := a.Variables[name]
		return known && matches(value) != negated
	}, nil
}

// group reads the conditions of a group, of which all or any must hold, after its first brace.
func (r *reader) group(all bool) (condition, error) {
	var conditions []condition
	for {
		c, err := r.condition()
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
		switch end := r.take(separator); {
		case end == nil:
			return nil, fmt.Errorf("want a comma or a brace, got %q", r.rest)
		case end[1] == "}":
			return func(a Access) bool {
				// All hold unless one does not; any holds if one does.
				return slices.ContainsFunc(conditions, func(c condition) bool { return c(a) != all }) != all
			}, nil
		}
	}
}
