package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"oke-guestbook/plan/setting"
)

// part says what is wrong with a part of a document, or nothing. Null stands for a field that is left out.
type part func(v any) error

type fields map[string]part

// at adds a field, or the index of an item such as "[0]", to the path that an error begins with.
func at(step string, err error) error {
	if err == nil {
		return nil
	}
	rest := err.Error()
	if !strings.HasPrefix(rest, ".") && !strings.HasPrefix(rest, "[") {
		rest = " " + rest
	}
	return errors.New(step + rest)
}

// object allows the fields, none of which is required.
func object(known fields) part {
	return func(v any) error {
		values, is := v.(map[string]any)
		if !is {
			return errors.New("must be an object")
		}
		for _, name := range slices.Sorted(maps.Keys(values)) {
			check, found := known[name]
			switch {
			case !found:
				names := slices.Sorted(maps.Keys(known))
				return fmt.Errorf("has no field %q%s", name,
					cmp.Or(setting.Nearest(name, names), "; there are "+strings.Join(names, ", ")))
			case values[name] == nil:
			default:
				if err := check(values[name]); err != nil {
					return at("."+name, err)
				}
			}
		}
		return nil
	}
}

// needs requires fields of an object.
func needs(an part, required ...string) part {
	return both(an, func(v any) error {
		for _, name := range required {
			if v.(map[string]any)[name] == nil {
				return fmt.Errorf("needs %s", name)
			}
		}
		return nil
	})
}

// both checks what has passed first with second, too.
func both(first, second part) part {
	return func(v any) error {
		if err := first(v); err != nil {
			return err
		}
		return second(v)
	}
}

func list(item part) part {
	return func(v any) error {
		items, is := v.([]any)
		if !is {
			return errors.New("must be a list")
		}
		for i, one := range items {
			if err := item(one); err != nil {
				return at(fmt.Sprintf("[%d]", i), err)
			}
		}
		return nil
	}
}

// some is a list with an item at least.
func some(item part) part {
	return both(list(item), func(v any) error {
		if len(v.([]any)) == 0 {
			return errors.New("needs an item")
		}
		return nil
	})
}

func text(v any) error {
	if _, is := v.(string); !is {
		return errors.New("must be a text")
	}
	return nil
}

// matching is a text that is empty or passes a test.
func matching(what string, test func(string) bool) part {
	return both(text, func(v any) error {
		if s := v.(string); s != "" && !test(s) {
			return fmt.Errorf("is %q, which is not %s", s, what)
		}
		return nil
	})
}

// word is one of some texts, or empty.
func word(allowed ...string) part {
	return matching("one of "+strings.Join(allowed, ", "), func(s string) bool { return slices.Contains(allowed, s) })
}

func whole(low, high float64) part {
	return func(v any) error {
		n, is := v.(float64)
		switch {
		case !is:
			return errors.New("must be a whole number")
		case n != math.Trunc(n) || n < low || n > high:
			return fmt.Errorf("is %v, and must be a whole number from %.0f to %.0f", n, low, high)
		}
		return nil
	}
}

// texts is an object of texts whose names and values pass tests.
func texts(name, value func(string) bool) part {
	return func(v any) error {
		values, is := v.(map[string]any)
		if !is {
			return errors.New("must be an object")
		}
		for _, key := range slices.Sorted(maps.Keys(values)) {
			s, isText := values[key].(string)
			switch {
			case !name(key):
				return fmt.Errorf("has %q, which cannot be a key there", key)
			case !isText:
				return at("."+key, errors.New("must be a text"))
			case !value(s):
				return at("."+key, fmt.Errorf("is %q, which cannot be a value there", s))
			}
		}
		return nil
	}
}
