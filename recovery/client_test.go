package recovery

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestPagesOfLists(t *testing.T) {
	for _, text := range []string{`["a", "b"]`, `{"items": ["a", "b"]}`} {
		var found page[string]
		if err := json.Unmarshal([]byte(text), &found); err != nil || !slices.Equal(found, []string{"a", "b"}) {
			t.Errorf("%s: %v, %v", text, found, err)
		}
	}
}
