package cluster

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/plan/setting"
)

// documents are the arguments in JSON whose contents are known: they become parts of the add-on's Pods and Deployments,
// and the API server refuses those that do not have these forms (Kubernetes, pkg/apis/core/validation and
// pkg/apis/apps/validation, v1.36), or drops a field that it does not know.
var documents = map[argument]part{
	affinity: object(fields{
		"nodeAffinity": object(fields{
			"requiredDuringSchedulingIgnoredDuringExecution": needs(object(fields{
				"nodeSelectorTerms": some(nodeSelectorTerm),
			}), "nodeSelectorTerms"),
			"preferredDuringSchedulingIgnoredDuringExecution": list(weighted("preference", nodeSelectorTerm)),
		}),
		"podAffinity": podAffinity, "podAntiAffinity": podAffinity,
	}),
	annotations:   texts(isAnnotationKey, func(string) bool { return true }),
	nodeSelectors: labels,
	resources: both(object(fields{
		"limits": both(amounts, checkMemoryLimit), "requests": amounts, "claims": anything,
	}), checkRequests),
	rollingUpdate: both(object(fields{"maxSurge": step(math.MaxInt32), "maxUnavailable": step(100)}), checkRolling),
	spread: list(needs(object(fields{
		"maxSkew": whole(1, math.MaxInt32), "topologyKey": matching("the key of a label", isLabelKey),
		"whenUnsatisfiable": word("DoNotSchedule", "ScheduleAnyway"), "labelSelector": labelSelector,
		"minDomains": whole(1, math.MaxInt32), "nodeAffinityPolicy": word("Honor", "Ignore"),
		"nodeTaintsPolicy": word("Honor", "Ignore"), "matchLabelKeys": labelKeys,
	}), "maxSkew", "topologyKey", "whenUnsatisfiable")),
	tolerations: list(both(object(fields{
		"key": matching("the key of a taint", isLabelKey), "operator": word("Exists", "Equal", "Lt", "Gt"),
		"value": matching("the value of a taint", labelValue.MatchString), "effect": word(taintEffects...),
		"tolerationSeconds": whole(math.MinInt64, math.MaxInt64),
	}), checkToleration)),
}

// Parts of several documents.
var (
	anything  part = func(any) error { return nil }
	labels         = texts(isLabelKey, labelValue.MatchString)
	labelKeys      = list(matching("the key of a label", isLabelKey))
	amounts   part = checkAmounts

	labelSelector = object(fields{
		"matchLabels": labels, "matchExpressions": list(expression("In", "NotIn", "Exists", "DoesNotExist")),
	})
	nodeSelectorTerm = object(fields{
		"matchExpressions": list(expression("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")),
		"matchFields":      list(anything),
	})
	podAffinityTerm = needs(object(fields{
		"labelSelector": labelSelector, "namespaceSelector": labelSelector, "namespaces": list(text),
		"topologyKey": matching("the key of a label", isLabelKey), "matchLabelKeys": labelKeys,
		"mismatchLabelKeys": labelKeys,
	}), "topologyKey")
	podAffinity = object(fields{
		"requiredDuringSchedulingIgnoredDuringExecution":  list(podAffinityTerm),
		"preferredDuringSchedulingIgnoredDuringExecution": list(weighted("podAffinityTerm", podAffinityTerm)),
	})
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

// weighted is a preference with its weight.
func weighted(field string, of part) part {
	return needs(object(fields{"weight": whole(1, 100), field: of}), "weight", field)
}

// expression is a requirement of a selector.
func expression(operators ...string) part {
	form := needs(object(fields{
		"key": matching("the key of a label", isLabelKey), "operator": word(operators...), "values": list(text),
	}), "key", "operator")
	return both(form, func(v any) error {
		e := v.(map[string]any)
		values, _ := e["values"].([]any)
		switch n := len(values); {
		case (e["operator"] == "In" || e["operator"] == "NotIn") && n == 0:
			return fmt.Errorf("needs values for the operator %s", e["operator"])
		case (e["operator"] == "Exists" || e["operator"] == "DoesNotExist") && n > 0:
			return fmt.Errorf("takes no values with the operator %s", e["operator"])
		case (e["operator"] == "Gt" || e["operator"] == "Lt") && n != 1:
			return fmt.Errorf("needs one value for the operator %s", e["operator"])
		}
		return nil
	})
}

// step is a number of Pods of a rolling update, or a share of at most so many percent.
func step(most float64) part {
	return func(v any) error {
		share, isText := v.(string)
		if !isText {
			return whole(0, math.MaxInt32)(v)
		}
		digits, percent := strings.CutSuffix(share, "%")
		n, err := strconv.ParseUint(digits, 10, 31)
		switch {
		case err != nil || !percent:
			return fmt.Errorf("is %q, and must be a whole number such as 1, or a percentage such as \"25%%\"", share)
		case float64(n) > most:
			return fmt.Errorf("is %s, and at most %.0f%%", share, most)
		}
		return nil
	}
}

func checkRolling(v any) error {
	update := v.(map[string]any)
	none := func(v any) bool { return v == float64(0) || v == "0%" }
	if none(update["maxSurge"]) && none(update["maxUnavailable"]) {
		return errors.New("has 0 for maxSurge and maxUnavailable: no Pod could be replaced")
	}
	return nil
}

func checkToleration(v any) error {
	t := v.(map[string]any)
	given := func(field string) bool { return t[field] != nil && t[field] != "" }
	switch exists := t["operator"] == "Exists"; {
	case !given("key") && !exists:
		return errors.New("needs a key, or the operator Exists")
	case exists && given("value"):
		return errors.New("takes no value with the operator Exists")
	case t["tolerationSeconds"] != nil && t["effect"] != "NoExecute":
		return errors.New("takes tolerationSeconds with the effect NoExecute only")
	}
	return nil
}

// quantity matches an amount of a resource (Kubernetes, apimachinery, pkg/api/resource, v0.36) that is not negative.
var quantity = regexp.MustCompile(`^\+?(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|([eE][+-]?\d+))?$`)

var suffixes = map[string]float64{
	"": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}

// amount reads a quantity.
func amount(v any) (n float64, ok bool) {
	if n, is := v.(float64); is {
		return n, n >= 0
	}
	s, _ := v.(string)
	parts := quantity.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	n, _ = strconv.ParseFloat(parts[1]+parts[3], 64) // infinite if it is too large, which is the largest to Kubernetes
	return n * suffixes[parts[2]], true
}

// resourceName matches what a container can ask for: names of Kubernetes's own, and others with a domain.
var resourceName = regexp.MustCompile(`^(cpu|memory|ephemeral-storage|hugepages-[0-9]+[KMGTPE]i?)$`)

func checkAmounts(v any) error {
	values, is := v.(map[string]any)
	if !is {
		return errors.New("must be an object")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		n, ok := amount(values[name])
		switch {
		case !resourceName.MatchString(name) && !(strings.Contains(name, "/") && isLabelKey(name)):
			return fmt.Errorf("has %q, and a container asks for cpu, memory and ephemeral-storage", name)
		case !ok:
			return at("."+name, fmt.Errorf("is %v, and must be a quantity such as 500m (CPU) or 200Mi (memory)", values[name]))
		case strings.Contains(name, "/") && n != math.Trunc(n):
			return at("."+name, fmt.Errorf("is %v, and must be a whole number", values[name]))
		}
	}
	return nil
}

// leastMemory is the smallest limit of memory that CRI-O, the container runtime of OKE, starts a container with: that
// with crun, and 12 MiB with other runtimes (cri-o, pkg/config, defaultContainerMinMemoryCrun, read 2026-11-29).
const leastMemory = 500 << 10

// checkMemoryLimit refuses limits of a wrong unit, such as 512m. Zero is no limit, and a request may be small.
func checkMemoryLimit(v any) error {
	memory := v.(map[string]any)["memory"]
	if n, ok := amount(memory); ok && n > 0 && n < leastMemory {
		return at(".memory", fmt.Errorf("is %v, which is less than 500Ki, and no container starts with so little", memory))
	}
	return nil
}

// checkRequests refuses requests above the limits.
func checkRequests(v any) error {
	values := v.(map[string]any)
	requests, _ := values["requests"].(map[string]any)
	limits, _ := values["limits"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		request, _ := amount(requests[name])
		if limit, ok := amount(limits[name]); ok && request > limit {
			return at(".requests."+name, fmt.Errorf("is %v, which is above the limit, %v", requests[name], limits[name]))
		}
	}
	return nil
}

// decodeDocument reads JSON of a type, or null, plain or in base64.
func decodeDocument[T any](text string) (value T, ok bool) {
	if json.Unmarshal([]byte(text), &value) == nil {
		return value, true
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	return value, err == nil && json.Unmarshal(decoded, &value) == nil
}

// checkDocument returns what is wrong in an argument that is a document.
func (a argument) checkDocument(text string) error {
	check, document := documents[a]
	if value, ok := decodeDocument[any](text); document && ok && value != nil {
		return check(value)
	}
	return nil
}
