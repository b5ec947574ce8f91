// Package entry defines the guestbook's entries and validates what visitors type.
package entry

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// The limits of a draft. Characters are Unicode code points.
const (
	MaxName    = 80   // characters
	MaxMessage = 2000 // characters
	MaxLines   = 60   // lines of a message
)

// Entry is a stored message of the guestbook.
type Entry struct {
	ID      string    // unique, safe as an HTML id
	Name    string    // empty if the visitor gave none
	Message string    // as typed; line breaks are \n
	Time    time.Time // when it was stored; zero if unknown
}

// Draft is what a visitor typed.
type Draft struct {
	Form    string // id of the form that it was typed into
	Name    string
	Message string
}

// Problem is the reason why a draft is invalid; empty if it is valid.
type Problem string

// The problems of a draft.
const (
	Blank            Problem = "blank message"
	LongMessage      Problem = "message too long"             // over MaxMessage
	ManyLines        Problem = "too many lines"               // over MaxLines
	LongName         Problem = "name too long"                // over MaxName
	InvalidUTF8      Problem = "invalid UTF-8"                // in the name or the message
	ControlInName    Problem = "control character in name"    // line breaks included
	ControlInMessage Problem = "control character in message" // other than line break and tab
)

// Normalize returns the draft as it is stored: with \n as line break, without white space around the name, without
// empty lines before and white space after the message. A name without any visible character becomes empty.
func (d Draft) Normalize() Draft {
	d.Name = strings.TrimSpace(d.Name)
	// Control characters and invalid UTF-8 are kept, so that Check reports them.
	keep := func(r rune) bool { return visible(r) || unicode.IsControl(r) || r == utf8.RuneError }
	if !strings.ContainsFunc(d.Name, keep) {
		d.Name = ""
	}
	d.Message = strings.ReplaceAll(d.Message, "\r\n", "\n")
	d.Message = strings.TrimRightFunc(strings.TrimLeft(d.Message, "\n"), unicode.IsSpace)
	return d
}

// Check returns the first problem of a normalized draft.
func (d Draft) Check() Problem {
	switch {
	case !utf8.ValidString(d.Name) || !utf8.ValidString(d.Message):
		return InvalidUTF8
	case strings.ContainsFunc(d.Name, unicode.IsControl):
		return ControlInName
	case strings.ContainsFunc(d.Message, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return ControlInMessage
	case !strings.ContainsFunc(d.Message, visible):
		return Blank
	case utf8.RuneCountInString(d.Message) > MaxMessage:
		return LongMessage
	case strings.Count(d.Message, "\n") >= MaxLines:
		return ManyLines
	case utf8.RuneCountInString(d.Name) > MaxName:
		return LongName
	}
	return ""
}

// Key identifies the text and the form that it was typed into. A repeated request has the same key; edited text from
// the same form has another one.
func (d Draft) Key() string {
	h := sha256.New()
	for _, s := range []string{d.Form, d.Name, d.Message} {
		h.Write([]byte(s))
		h.Write([]byte{0xff}) // separator: never part of UTF-8
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// visible reports whether r is visible on the page. Some letters, marks and symbols are invisible: most of them have
// Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt).
func visible(r rune) bool {
	switch r {
	case '\u2800', '\U0001d159': // Braille pattern blank, musical symbol null notehead
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
