// Package statement reads statements of IAM policies and rules of dynamic groups, and decides by them. It knows those
// for any user, dynamic groups and services (Oracle, "Policy Syntax", "Conditions", "Granting Workloads Access to OCI
// Resources" and "Writing Matching Rules to Define Dynamic Groups", read November 2026).
package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Access is what a request asks for.
type Access struct {
	// Subjects are what a statement may call who asks: AnyUser, or what Group or Service returns.
	Subjects   []string
	Permission string // "OBJECT_READ"
	// Compartment is what a statement may call the resource's: its OCID, and its name.
	Compartment []string
	// Variables are those of conditions by their names: "request.principal.type", "target.bucket.name". A condition about
	// another one does not hold.
	Variables map[string]string
}

// AnyUser is the subject that every principal is.
const AnyUser = "any-user"

const dynamicGroup, service, group = "dynamic-group ", "service ", "group "

// Group returns the subjects of the members of a dynamic group.
func Group(id, name string) []string {
	return []string{dynamicGroup + "id " + strings.ToLower(id), dynamicGroup + strings.ToLower(name)}
}

// Service returns the subject of an Oracle service.
func Service(name string) string { return service + name }

// Statement allows its subjects something.
type Statement struct {
	subjects    []string
	permissions []string
	compartment string // OCID or name; empty: the whole tenancy
	where       condition
}

// NoPermissions is the error of a statement that gives no permission: IAM knows no such verb.
type NoPermissions string

func (e NoPermissions) Error() string { return "No permissions found: " + string(e) }

// form is that of a statement: its subject, its permissions in braces or a verb and a resource type, its place, and its
// condition.
var form = regexp.MustCompile(
	`(?is)^\s*allow\s+(any-user|(?:dynamic-group|group|service)\s+.+?)\s+to\s+` +
		`(?:\{(.*?)\}|(\S+)\s+(\S+))\s+in\s+(tenancy|compartment\s+(?:id\s+)?(\S+))(?:\s+where\s+(.+?))?\s*$`)

// Parse reads a statement. One for a group of users is read as far as its verb: users are administrators, so it gives
// them nothing.
func Parse(text string) (Statement, error) {
	part := form.FindStringSubmatch(text)
	if part == nil {
		return Statement{}, fmt.Errorf("%q is not: Allow any-user, dynamic-group, group or service to <verb> "+
			"<resource-type> in tenancy or a compartment where <condition>", text)
	}
	s := Statement{subjects: subjects(part[1]), compartment: part[6], where: func(Access) bool { return true }}
	verb, resource := strings.ToLower(part[3]), strings.ToLower(part[4])
	if verb != "" && !slices.Contains(verbs, verb) {
		return s, NoPermissions(fmt.Sprintf("%q has the verb %q, which is none of %s", text, verb, strings.Join(verbs, ", ")))
	}
	if strings.HasPrefix(s.subjects[0], group) {
		return Statement{}, nil
	}
	if verb == "" {
		for p := range strings.SplitSeq(part[2], ",") {
			s.permissions = append(s.permissions, strings.ToUpper(strings.TrimSpace(p)))
		}
	} else {
		var known bool
		if s.permissions, known = permissions(verb, resource); !known {
			return s, fmt.Errorf("%q is about %q, a resource type that the local cloud does not know", text, resource)
		}
	}
	if part[7] == "" {
		return s, nil
	}
	var err error
	if s.where, err = parseCondition(part[7]); err != nil {
		err = fmt.Errorf("condition of %q: %w", text, err)
	}
	return s, err
}

// subjects reads "dynamic-group id <OCID>, 'Default'/'nodes'" as Group writes it: the domain of a name is left out.
func subjects(text string) (all []string) {
	kind, names, listed := strings.Cut(strings.ToLower(strings.Join(strings.Fields(text), " ")), " ")
	if !listed {
		return []string{kind}
	}
	for name := range strings.SplitSeq(names, ",") {
		name = strings.TrimSpace(name)
		name = strings.Trim(name[strings.LastIndex(name, "/")+1:], "'")
		all = append(all, kind+" "+name)
	}
	return all
}

// Allows reports whether the statement allows what a request asks for.
func (s Statement) Allows(a Access) bool {
	return slices.Contains(s.permissions, a.Permission) &&
		slices.ContainsFunc(a.Subjects, func(who string) bool { return slices.Contains(s.subjects, who) }) &&
		(s.compartment == "" || slices.Contains(a.Compartment, s.compartment)) && s.where(a)
}

// Rule is the matching rule of a dynamic group.
type Rule struct{ where condition }

// ParseRule reads a matching rule.
func ParseRule(text string) (Rule, error) {
	where, err := parseCondition(text)
	return Rule{where}, err
}

// Matches reports whether the rule holds for something that the variables describe, such as "instance.id".
func (r Rule) Matches(variables map[string]string) bool { return r.where(Access{Variables: variables}) }

type condition func(Access) bool

func parseCondition(text string) (condition, error) {
	r := &reader{rest: strings.TrimSpace(text)}
	c, err := r.condition()
	if err == nil && r.rest != "" {
		err = fmt.Errorf("%q is too much", r.rest)
	}
	return c, err
}

// reader reads a condition from what is left of a text.
type reader struct{ rest string }

var (
	several    = regexp.MustCompile(`(?i)^(all|any)\s*\{\s*`)
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
	if part := r.take(several); part != nil {
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
