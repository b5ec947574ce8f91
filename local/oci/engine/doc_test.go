package engine

import (
	"encoding/json"
	"reflect"
	"testing"
)

// Documents written in Go and decoded ones nest different types; both must read alike.
func TestDocForms(t *testing.T) {
	written := Doc{"a": Doc{"b": []any{Doc{"c": "x"}, "y"}, "n": 2.0, "f": true}}
	var decoded Doc
	text, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &decoded); err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]Doc{"written": written, "decoded": decoded, "copied": decoded.Clone()} {
		if got := d.Objects("a", "b"); len(got) != 1 || got[0].Str("c") != "x" {
			t.Errorf("%s: objects %v", name, got)
		}
		if got := d.Texts("a", "b"); !reflect.DeepEqual(got, []string{"y"}) {
			t.Errorf("%s: texts %v", name, got)
		}
		if d.Num("a", "n") != 2 || !d.Flag("a", "f") || d.Sub("a", "none") != nil || d.Str("a", "n") != "" {
			t.Errorf("%s: %v", name, d)
		}
	}
	decoded.Sub("a")["n"] = 3.0
	if decoded.Num("a", "n") != 3 {
		t.Error("Sub returns a copy")
	}
	copied := decoded.Clone()
	copied.Objects("a", "b")[0]["c"] = "changed"
	if decoded.Objects("a", "b")[0].Str("c") != "x" {
		t.Error("Clone shares an object")
	}
}
