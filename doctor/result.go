// Package doctor checks what can be known of a stack before its first resource is made: tools, settings, credentials,
// and what the account, its limits and the region allow. It only reads. The services are asked by their REST API:
// oci-go-sdk's package common signs, and the typed packages of four services alone are 225,000 lines to compile.
package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Status is the outcome of a check.
type Status string

// The outcomes.
const (
	OK      Status = "ok"
	Failed  Status = "failed"
	Skipped Status = "skipped" // not checked, or nothing can be said for sure
)

var marks = map[Status]string{OK: "✓", Failed: "✗", Skipped: "–"}

// Result is what one check found.
type Result struct {
	Group  string `json:"group"` // such as "Limits"
	Status Status `json:"status"`
	Text   string `json:"text"`         // one line; of a skipped check, why
	Do     string `json:"do,omitempty"` // what to do about it, one line for each step
}

// Report is what a stack's checks found.
type Report struct {
	Stack   string   `json:"stack"`
	OK      bool     `json:"ok"`
	Results []Result `json:"results"`
}

// Failed returns how many checks failed.
func (r *Report) Failed() (n int) {
	for _, result := range r.Results {
		if result.Status == Failed {
			n++
		}
	}
	return n
}

// WriteText writes the report for people.
func (r *Report) WriteText(out io.Writer) error {
	var text strings.Builder
	group := ""
	for _, result := range r.Results {
		if result.Group != group {
			group = result.Group
			text.WriteString(group + "\n")
		}
		fmt.Fprintf(&text, "  %s %s\n", marks[result.Status], result.Text)
		for line := range strings.Lines(result.Do) {
			fmt.Fprintf(&text, "      %s\n", strings.TrimRight(line, "\n"))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

func ok(format string, args ...any) Result {
	return Result{Status: OK, Text: fmt.Sprintf(format, args...)}
}

func failed(format string, args ...any) Result {
	return Result{Status: Failed, Text: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) Result {
	return Result{Status: Skipped, Text: fmt.Sprintf(format, args...)}
}

// do says what to do about the result.
func (r Result) do(format string, args ...any) Result {
	r.Do = fmt.Sprintf(format, args...)
	return r
}

// check is one question, or several that need each other's answers.
type check struct {
	group string
	run   func(context.Context) []Result
}

// patience is how long a check may take. A service that does not answer is a finding, too.
const patience = 20 * time.Second

// all runs checks at once, and returns their results in the checks' order.
func all(ctx context.Context, checks ...check) []Result {
	found := make([][]Result, len(checks))
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() { found[i] = c.within(ctx, patience) })
	}
	wait.Wait()
	var results []Result
	for _, list := range found {
		results = append(results, list...)
	}
	return results
}

// within runs the check, and gives it up after the limit: some libraries do not end with the context.
func (c check) within(ctx context.Context, limit time.Duration) []Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []Result, 1)
	go func() { done <- c.run(ctx) }()
	var results []Result
	select {
	case results = <-done:
	case <-ctx.Done():
		select {
		case results = <-done:
		case <-time.After(time.Second): // to say what did not answer
			results = []Result{failed("no answer within %s", limit).
				do("try again; or a firewall or proxy drops the requests")}
		}
	}
	for i := range results {
		results[i].Group = c.group
	}
	return results
}
