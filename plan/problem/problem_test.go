package problem_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"oke-guestbook/plan/problem"
)

func TestFormat(t *testing.T) {
	var list problem.List
	if err := list.Err(); err != nil {
		t.Errorf("an empty list gives %v", err)
	}
	list.Add("vcnCidr", "%s is too large", "10.0.0.0/8")
	if got, want := list.Err().Error(), "vcnCidr: 10.0.0.0/8 is too large"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	list.Add("nodePools[0].size", "must be from 1 to %d", 1000)
	err := fmt.Errorf("stack dev: %w", list.Err())
	const want = `stack dev: 2 settings need a change:
  - vcnCidr: 10.0.0.0/8 is too large
  - nodePools[0].size: must be from 1 to 1000`
	if err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
	var found *problem.Error
	if !errors.As(err, &found) || len(found.Problems) != 2 || found.Problems[1].Key != "nodePools[0].size" {
		t.Errorf("the error holds %+v", found)
	}
}

func TestWhatRestsOnAnUnusableSettingIsNotReported(t *testing.T) {
	for _, tc := range []struct {
		key, dependsOn, unusable string
		want                     bool // reported
	}{
		{"vcnCidr", "", "vcnCidr", false},
		{"subnets.api", "vcnCidr", "vcnCidr", false},
		{"subnets.api", "podsCidr", "vcnCidr", true},
		{"nodePools[0].size", "", "nodePools", false},
		{"nodePools[0].size", "", "nodePools[0]", false},
		{"nodePools[0].size", "", "nodePools[1]", true},
		{"nodePools[1].size", "", "nodePools[10]", true},
		{"mongoReplicas", "nodePools", "nodePools[0].size", false},
		{"subnets", "", "subnets.api", false},
		{"vcn", "", "vcnCidr", true},
		{"vcnCidr", "", "vcn", true},
	} {
		var list problem.List
		list.Add("other", "cannot be read").Invalidates(tc.unusable)
		entry := list.Add(tc.key, "is bad")
		if tc.dependsOn != "" {
			entry.DependsOn(tc.dependsOn)
		}
		if got := len(list.Problems()) == 2; got != tc.want {
			t.Errorf("%+v: reported %t", tc, got)
		}
	}
}

func keys(list problem.List) (keys []string) {
	for _, p := range list.Problems() {
		keys = append(keys, p.Key)
	}
	return keys
}

func TestAppend(t *testing.T) {
	var list, other problem.List
	list.Add("nodePools[0].size", "cannot be read").Invalidates("nodePools[0]")
	list.Add("nodePools[0].ocpus", "cannot be read").Invalidates("nodePools[0]")
	other.Add("nodePools[0].size", "is out of range").Invalidates("nodePools[0].size")
	other.Add("nodePools[1].name", "is bad").Invalidates("nodePools[1].name")
	other.Add("nodePools[1].name", "is taken").DependsOn("nodePools[2].name")
	other.Add("subnets.workers", "is too small").DependsOn("nodePools")
	list.Append(other)
	want := []string{"nodePools[0].size", "nodePools[0].ocpus", "nodePools[1].name"}
	if got := keys(list); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOf(t *testing.T) {
	var list problem.List
	list.Add("drgId", "is bad").Invalidates("drgId")
	list.Add("vcnCidr", "is bad")
	list.Add("subnets.api.id", "is bad")
	list.Add("subnets.pods", "is bad").DependsOn("drgId")
	list.Add("subnetsOfSomeoneElse", "is bad")
	want := []string{"drgId", "subnets.api.id"}
	own := list.Where(func(p problem.Problem) bool { return p.Of([]string{"subnets", "drgId"}) })
	if got := keys(own); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWordingDecidesNothing gives the same problems other texts, made of settings' keys: the same ones are reported.
func TestWordingDecidesNothing(t *testing.T) {
	key := rapid.SampledFrom([]string{
		"vcnCidr", "subnets", "subnets.api", "subnets.api.id", "nodePools", "nodePools[0]", "nodePools[0].size", "drgId",
	})
	text := rapid.Map(rapid.SliceOf(rapid.OneOf(key, rapid.String())), func(words []string) string {
		return strings.Join(words, " ")
	})
	same := func(a, b problem.Problem) bool { return a.Key == b.Key && a.Invalidates == b.Invalidates }
	rapid.Check(t, func(t *rapid.T) {
		var plain, reworded problem.List
		for range rapid.IntRange(1, 8).Draw(t, "problems") {
			own, others, unusable := key.Draw(t, "key"), rapid.SliceOfN(key, 0, 2).Draw(t, "depends on"), ""
			if rapid.Bool().Draw(t, "invalidates") {
				unusable = own
			}
			plain.Add(own, "is bad").DependsOn(others...).Invalidates(unusable)
			reworded.Add(own, "%s", text.Draw(t, "text")).DependsOn(others...).Invalidates(unusable)
		}
		got, want := reworded.Problems(), plain.Problems()
		if !slices.EqualFunc(got, want, same) {
			t.Fatalf("got\n%v\nwant\n%v", got, want)
		}
	})
}
