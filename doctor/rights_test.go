package doctor

import (
	"testing"

	"oke-guestbook/plan/iam"
)

// TestEveryGrantHasAQuestion expects each right of the operators to be asked for, or a reason why it is not.
func TestEveryGrantHasAQuestion(t *testing.T) {
	grants := iam.Grants(iam.Operators)
	for grant, conditional := range grants {
		_, asked := questions[grant]
		if _, explained := unlisted[grant]; asked == (explained || conditional) {
			t.Errorf("%s: asked for: %t, with a reason why not: %t, conditional: %t", grant, asked, explained, conditional)
		}
	}
	for grant := range questions {
		if _, is := grants[grant]; !is {
			t.Errorf("%s is asked for, and no statement allows it", grant)
		}
	}
	for grant := range unlisted {
		if _, is := grants[grant]; !is {
			t.Errorf("%s is explained, and no statement allows it", grant)
		}
	}
}
