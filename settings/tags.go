package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"oke-guestbook/plan/cluster"
	"oke-guestbook/plan/problem"
)

// FreeformTags returns the tags that everything in OCI has.
func (s *Settings) FreeformTags(project, stack string) map[string]string {
	tags := map[string]string{"project": project, "stack": stack}
	maps.Copy(tags, s.Tags)
	return tags
}

// Limits of tags (Oracle documentation, "Tagging Overview", section "Limits on Tags").
const (
	maxTags        = cluster.MaxTags - 2 // besides project and stack
	maxDefinedTags = 64
	maxTagValue    = 256      // characters
	maxTagData     = 5 * 1024 // bytes of JSON, which Oracle gives as 5 K
)

// A name of a tag or a tag namespace: printable ASCII but the blank and the period.
const tagName = `[!-\-/-~]{1,100}`

var (
	tagKey     = regexp.MustCompile(`^` + tagName + `$`)
	definedTag = regexp.MustCompile(`^` + tagName + `\.` + tagName + `$`)
)

func checkTags(tags map[string]string) error {
	for _, reserved := range []string{"project", "stack", cluster.PoolTag} {
		if _, taken := tags[reserved]; taken {
			return fmt.Errorf("%q is set by the program", reserved)
		}
	}
	if len(tags) > maxTags {
		return fmt.Errorf("%d are more than the %d that a resource takes besides project and stack", len(tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !tagKey.MatchString(key) || utf8.RuneCountInString(tags[key]) > maxTagValue {
			return fmt.Errorf("%q cannot be a freeform tag: its name has 1 to 100 characters without periods and blanks, "+
				"its value at most %d", key, maxTagValue)
		}
	}
	return nil
}

func checkDefinedTags(tags map[string]string) error {
	if len(tags) > maxDefinedTags {
		return fmt.Errorf("%d are more than the %d that a resource takes", len(tags), maxDefinedTags)
	}
	var all []error
	seen := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		lower := strings.ToLower(key)
		switch {
		case !definedTag.MatchString(key):
			all = append(all, fmt.Errorf("%q is no defined tag: write its namespace, a period and its key, such as "+
				"Operations.CostCenter, each of 1 to 100 characters without periods and blanks", key))
		case utf8.RuneCountInString(tags[key]) > maxTagValue:
			all = append(all, fmt.Errorf("the value of %s has more than %d characters", key, maxTagValue))
		case seen[lower] != "":
			all = append(all, fmt.Errorf("%s and %s are one tag: OCI does not tell upper case from lower", seen[lower], key))
		}
		seen[lower] = key
	}
	return errors.Join(all...)
}

// validateTagData checks the size of all tags together. The tags that OKE and tag defaults add are not known.
func (s *Settings) validateTagData(list *problem.List, stack string) {
	defined := map[string]map[string]string{}
	for key, value := range s.DefinedTags {
		namespace, name, _ := strings.Cut(key, ".")
		if defined[namespace] == nil {
			defined[namespace] = map[string]string{}
		}
		defined[namespace][name] = value
	}
	data, _ := json.Marshal(map[string]any{"freeformTags": s.FreeformTags("oke-guestbook", stack), "definedTags": defined})
	if len(data) > maxTagData {
		key, other := "definedTags", "tags"
		if len(s.DefinedTags) == 0 {
			key, other = other, key
		}
		list.Add(key, "with %s, they are %d bytes of JSON, and a resource takes %d", other, len(data), maxTagData).
			DependsOn(other)
	}
}
