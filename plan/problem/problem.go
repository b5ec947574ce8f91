// Package problem collects what is wrong with a stack's settings, so that a
// reader of the error mends all of it at once.
package problem

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// List collects problems in the order in which they were found. The zero value is empty and ready to use.
type List struct {
	lines []string
}

// Add records one problem of the setting key. The message says what is allowed.
func (l *List) Add(key, format string, args ...any) {
	l.lines = append(l.lines, key+": "+fmt.Sprintf(format, args...))
}

// AddAllBut records the problems of other that name none of the settings.
func (l *List) AddAllBut(other List, settings []string) {
	for _, line := range other.lines {
		if !names(line, settings) {
			l.lines = append(l.lines, line)
		}
	}
}

// Of returns the problems that the settings themselves have, or their parts.
func (l *List) Of(settings []string) (own List) {
	for _, line := range l.lines {
		if key, _, _ := strings.Cut(line, ": "); names(key, settings) {
			own.lines = append(own.lines, line)
		}
	}
	return own
}

func names(text string, settings []string) bool {
	return slices.ContainsFunc(settings, func(key string) bool {
		return regexp.MustCompile(`(^|\W)` + regexp.QuoteMeta(key) + `(\W|$)`).MatchString(text)
	})
}

// Err returns nil when there is no problem, else one error with a line for each.
func (l *List) Err() error {
	switch len(l.lines) {
	case 0:
		return nil
	case 1:
		return errors.New(l.lines[0])
	}
	return fmt.Errorf("%d settings need a change:\n  - %s", len(l.lines), strings.Join(l.lines, "\n  - "))
}
