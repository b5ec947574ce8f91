// Package entry says what an entry of the guestbook is and which ones are taken.
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

// Entry is one signature as a reader sees it.
type Entry struct {
	ID      string    // unique, safe as an HTML id
	Name    string    // empty: the visitor gave none
	Message string    // as typed; line breaks are \n
	Time    time.Time // zero: unknown
}

// Draft is what a visitor typed.
type Draft struct {
	Form    string // the id of the form that it was typed into
	Name    string
	Message string
}

// Problem is why a draft is not taken. The empty Problem means that it is.
type Problem string

// The problems of a draft.
const (
	Blank           Problem = "blank"            // the message has nothing to see
	LongMessage     Problem = "long message"     // over MaxMessage
	ManyLines       Problem = "many lines"       // over MaxLines
	LongName        Problem = "long name"        // over MaxName
	NotText         Problem = "not text"         // invalid UTF-8
	ControlInName   Problem = "control in name"  // a control character or a line break
	ControlInLetter Problem = "control in entry" // a control character other than line break and tab
)

// Tidy returns the draft as it is stored: line breaks are \n, no white space
// around, and a name that nobody could see is none.
func (d Draft) Tidy() Draft {
	d.Name = strings.TrimSpace(d.Name)
	if !strings.ContainsFunc(d.Name, func(r rune) bool { return visible(r) || unicode.IsControl(r) || r == utf8.RuneError }) {
		d.Name = ""
	}
	d.Message = strings.ReplaceAll(d.Message, "\r\n", "\n")
	d.Message = strings.TrimRightFunc(strings.TrimLeft(d.Message, "\n"), unicode.IsSpace)
	return d
}

// Check tells what is wrong with a tidy draft.
func (d Draft) Check() Problem {
	switch {
	case !utf8.ValidString(d.Name) || !utf8.ValidString(d.Message):
		return NotText
	case strings.ContainsFunc(d.Name, unicode.IsControl):
		return ControlInName
	case strings.ContainsFunc(d.Message, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }):
		return ControlInLetter
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

// Key is the same for the same text from the same form, and for nothing else:
// a request that is sent twice is one entry, an edited one is another.
func (d Draft) Key() string {
	h := sha256.New()
	for _, s := range []string{d.Form, d.Name, d.Message} {
		h.Write([]byte(s))
		h.Write([]byte{0xff}) // occurs in no UTF-8 text
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// visible reports whether r leaves a mark on the page. Some characters are
// letters, marks or symbols by category, and blank by design: Unicode calls
// most of them default ignorable (DerivedCoreProperties.txt).
func visible(r rune) bool {
	switch r {
	case '\u2800', '\U0001d159': // a Braille pattern without dots, a note without a head
		return false
	}
	return unicode.IsGraphic(r) && !unicode.IsSpace(r) && !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
