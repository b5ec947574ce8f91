// Package problemtest checks problems in tests by their settings and values, not by their wording.
package problemtest

import (
	"errors"
	"strings"
	"testing"

	"oke-guestbook/plan/problem"
)

// Check fails the test unless err reports exactly the wanted problems, in this order; no problems mean no error. Each
// is written as the setting's key and the values that its text must contain: "vcnCidr 10.0.0.0/15 /16 /30".
func Check(t testing.TB, err error, want ...string) {
	t.Helper()
	var found *problem.Error
	if err != nil && !errors.As(err, &found) {
		t.Errorf("got %v, want an error that holds problems", err)
		return
	}
	var problems []problem.Problem
	if found != nil {
		problems = found.Problems
	}
	if len(problems) != len(want) {
		t.Errorf("got %d problems, want %q:\n%v", len(problems), want, err)
		return
	}
	for i, p := range problems {
		fields := strings.Fields(want[i])
		if p.Key != fields[0] {
			t.Errorf("got problem of %s, want %s:\n%v", p.Key, fields[0], err)
			continue
		}
		for _, value := range fields[1:] {
			if !strings.Contains(p.Text, value) {
				t.Errorf("%q lacks %s", p, value)
			}
		}
	}
}
