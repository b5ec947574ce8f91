package entry

import (
	"testing"
	"unicode"
)

// A message of invisible characters is blank, and such a name is empty.
func TestInvisible(t *testing.T) {
	for _, r := range []rune{
		' ', '\t', '\u00a0', '\u2003', '\u3000', // spaces
		'\u115f', '\u1160', '\u3164', '\uffa0', '\u2800', '\U0001d159', // letters and symbols
		'\u00ad', '\u061c', '\u200b', '\u200d', '\u200e', '\u2060', '\u2064', '\ufeff', // format characters
		'\u034f', '\u17b4', '\u180b', '\ufe0f', '\U000e0020', '\U000e0100', // marks
		'\u2065', '\ufff0', '\U000e0fff', '\ue000', // unassigned or private use
	} {
		text := string([]rune{r, r, '\u200b', r})
		if d := (Draft{Name: text, Message: text}).Normalize(); d.Name != "" || d.Check() != Blank {
			t.Errorf("%U alone: name %+q, problem %q", r, d.Name, d.Check())
		}
		mixed := "a" + string(r) + "b"
		if unicode.IsControl(r) {
			continue
		}
		if d := (Draft{Name: mixed, Message: mixed}).Normalize(); d.Name != mixed || d.Message != mixed || d.Check() != "" {
			t.Errorf("%U between letters: %+q, %q", r, d, d.Check())
		}
	}
	for _, text := range []string{"김", "و", "0", "!", "👍🏽", "❤\ufe0f", "👨\u200d👩\u200d👧", "e\u0301"} {
		if d := (Draft{Name: text, Message: text}).Normalize(); d.Name != text || d.Message != text || d.Check() != "" {
			t.Errorf("%+q became %+q, %q", text, d, d.Check())
		}
	}
	// Control characters and invalid UTF-8 are reported, not removed.
	for name, want := range map[string]Problem{
		"\x00": ControlInName, "\xff": InvalidUTF8, "\u200b\x07": ControlInName,
	} {
		if got := (Draft{Name: name, Message: "hello"}).Normalize().Check(); got != want {
			t.Errorf("name %q: %q, want %q", name, got, want)
		}
	}
}
