package logging

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"oke-guestbook/local/oci/engine"
)

// query is a search query: search "COMPARTMENT/GROUP/LOG" | where FIELD = VALUE and ... | sort by datetime desc
type query struct {
	sources    [][]string // OCIDs: of a compartment, and maybe of a log group and a log in it
	conditions []condition
	descending bool
}

type condition struct{ field, operator, value string }

// grammar is what the local cloud understands of the "Logging Query Language Specification" (Oracle documentation).
const grammar = `the local cloud understands: search "COMPARTMENT[/GROUP[/LOG]]", ... [| where FIELD =|!=|<|<=|>|>= ` +
	`VALUE [and ...]] [| sort by datetime asc|desc]`

var word = regexp.MustCompile(`'[^']*'|"[^"]*"|[!<>]=|[=<>|,]|[^\s=<>|,!'"]+`)

// parseQuery reads a search query.
func parseQuery(text string) (query, error) {
	q := query{descending: true}
	var stages [][]string
	stage := []string{}
	for _, w := range word.FindAllString(text, -1) {
		if w == "|" {
			stages, stage = append(stages, stage), nil
			continue
		}
		stage = append(stage, w)
	}
	for i, stage := range append(stages, stage) {
		if err := q.read(i == 0, stage); err != nil {
			return q, engine.Invalid("searchQuery: %v; %s", err, grammar)
		}
	}
	return q, nil
}

func (q *query) read(first bool, words []string) error {
	name := ""
	if len(words) > 0 {
		name = strings.ToLower(words[0])
	}
	switch {
	case first && name == "search":
		return q.readSources(words[1:])
	case first:
		return fmt.Errorf("it must begin with search")
	case name == "where":
		return q.readConditions(words[1:])
	case name == "sort":
		order := strings.ToLower(strings.Join(words[1:], " "))
		q.descending = order == "by datetime desc"
		if !q.descending && order != "by datetime" && order != "by datetime asc" {
			return fmt.Errorf("%q is no order", order)
		}
		return nil
	}
	return fmt.Errorf("%q is not understood", strings.Join(words, " "))
}

func (q *query) readSources(words []string) error {
	for i, w := range words {
		if i%2 == 1 {
			if w != "," {
				return fmt.Errorf("%q must be a comma", w)
			}
			continue
		}
		source := strings.Split(strings.Trim(w, `"'`), "/")
		if len(source) > 3 || source[0] == "" {
			return fmt.Errorf("%s is no source", w)
		}
		q.sources = append(q.sources, source)
	}
	if len(words)%2 == 0 {
		return fmt.Errorf("a source is missing")
	}
	return nil
}

func (q *query) readConditions(words []string) error {
	for i := 0; ; i += 4 {
		if len(words) < i+3 || !slices.Contains([]string{"=", "!=", "<", "<=", ">", ">="}, words[i+1]) {
			return fmt.Errorf("a condition is a field, an operator and a value")
		}
		q.conditions = append(q.conditions, condition{words[i], words[i+1], strings.Trim(words[i+2], `"'`)})
		if len(words) == i+3 {
			return nil
		}
		if !strings.EqualFold(words[i+3], "and") {
			return fmt.Errorf("%q must be and", words[i+3])
		}
	}
}

// matches reports whether an entry meets all conditions. A field that it does not have meets none.
func (q *query) matches(entry engine.Doc) bool {
	return !slices.ContainsFunc(q.conditions, func(c condition) bool {
		path := strings.Split(strings.TrimPrefix(c.field, "logContent."), ".")
		holder := entry.Sub("logContent")
		if len(path) > 1 {
			holder = holder.Sub(path[:len(path)-1]...)
		}
		value, ok := holder[path[len(path)-1]]
		return !ok || !c.holds(value)
	})
}

// holds compares numbers as numbers and everything else as text.
func (c condition) holds(value any) bool {
	text := fmt.Sprint(value)
	order := strings.Compare(text, c.value)
	a, errA := strconv.ParseFloat(text, 64)
	b, errB := strconv.ParseFloat(c.value, 64)
	if errA == nil && errB == nil {
		order = cmp.Compare(a, b)
	}
	switch c.operator {
	case "=":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	}
	return order >= 0
}
