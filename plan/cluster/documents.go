package cluster

import (
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
