// Package problem collects what is wrong with a stack's settings, so that one error reports everything at once.
package problem

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with the settings.
type Problem struct {
	Key  string // of the setting, or of a part of it, such as "nodePools[0].size"
	Text string // what is wrong, and what is allowed

	// DependsOn are the other settings that the check used. They and Key decide whether the problem is reported
	// when one of them has no usable value; the text does not.
	DependsOn []string
	// Invalidates is the setting that has no usable value because of this problem. Empty if its value can be
	// checked further.
	Invalidates string
}

// String returns the problem as a line of the error.
func (p Problem) String() string { return p.Key + ": " + p.Text }

// List collects problems in the order in which they are found. The zero value is empty and ready to use.
type List struct {
	entries []*Problem
}

// Entry is a problem that was just added to a list.
type Entry struct{ problem *Problem }

// Add records a problem of the setting key.
func (l *List) Add(key, format string, args ...any) Entry {
	p := &Problem{Key: key, Text: fmt.Sprintf(format, args...)}
	l.entries = append(l.entries, p)
	return Entry{p}
}

// DependsOn names the other settings that the check used.
func (e Entry) DependsOn(keys ...string) Entry {
	e.problem.DependsOn = append(e.problem.DependsOn, keys...)
	return e
}

// Invalidates says that the setting, or a part of it, has no usable value: what depends on it is not reported.
func (e Entry) Invalidates(key string) Entry {
	e.problem.Invalidates = key
	return e
}

// Problems returns what is to be reported: everything but the problems that depend on a setting without a usable value.
// The problems that say which value is unusable are all reported.
func (l *List) Problems() []Problem {
	unusable := l.unusable()
	var reported []Problem
	for _, p := range l.entries {
		if p.Invalidates != "" || !p.RestsOn(unusable) {
			reported = append(reported, *p)
		}
	}
	return reported
}

func (l *List) unusable() (settings []string) {
	for _, p := range l.entries {
		if p.Invalidates != "" {
			settings = append(settings, p.Invalidates)
		}
	}
	return settings
}

// Append appends what other reports, except problems that depend on a setting without a usable value in l.
func (l *List) Append(other List) {
	unusable := l.unusable()
	for _, p := range other.Problems() {
		if !p.RestsOn(unusable) {
			l.entries = append(l.entries, &p)
		}
	}
}

// Where returns what the list reports and keep accepts.
func (l *List) Where(keep func(Problem) bool) (kept List) {
	for _, p := range l.Problems() {
		if keep(p) {
			kept.entries = append(kept.entries, &p)
		}
	}
	return kept
}

// Err returns nil when there is no problem, else an *Error.
func (l *List) Err() error {
	if problems := l.Problems(); len(problems) > 0 {
		return &Error{problems}
	}
	return nil
}

// Of reports whether the problem is one of the settings, or of their parts.
func (p Problem) Of(settings []string) bool {
	return slices.ContainsFunc(settings, func(setting string) bool { return isPart(p.Key, setting) })
}

// RestsOn reports whether the problem's own setting or one that it depends on is among the settings, a part of one, or
// has one as a part.
func (p Problem) RestsOn(settings []string) bool {
	return slices.ContainsFunc(settings, func(setting string) bool {
		related := func(key string) bool { return isPart(key, setting) || isPart(setting, key) }
		return related(p.Key) || slices.ContainsFunc(p.DependsOn, related)
	})
}

// isPart reports whether key is the setting or a part of it, such as "nodePools[0].size" of "nodePools".
func isPart(key, setting string) bool {
	rest, found := strings.CutPrefix(key, setting)
	return found && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// Error is the error of settings with problems. There is at least one.
type Error struct{ Problems []Problem }

// Error returns the only problem, or a list with one problem a line.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0].String()
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d settings need a change:", len(e.Problems))
	for _, p := range e.Problems {
		text.WriteString("\n  - " + p.String())
	}
	return text.String()
}
