package failure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
)

var (
	// head is the line before the diagnostics of a resource: "  oci:ContainerEngine:NodePool (workers):".
	head = regexp.MustCompile(`^\s*(?:\S+:)?(\w+) \(([^()]+)\):$`)
	// style matches what colours a terminal, and the engine's own form of it in events.
	style = regexp.MustCompile(`\x1b\[[0-9;]*m|<\{%[^%]*%\}>`)
)

// event is what is read of an event of the engine (sdk/go/common/apitype, EngineEvent of v3.253.0).
type event struct {
	Diagnostic *struct {
		URN, Message, Severity string
	} `json:"diagnosticEvent"`
}

// Read returns the errors in the output of pulumi up, or in its log of events, which has one in a line. Title names the
// resource of a URN.
func Read(in io.Reader, title func(urn string) string) (all []Diagnostic, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20) // an event may have a whole kubeconfig
	resource, failed := "", false
	for lines.Scan() {
		line := style.ReplaceAllString(lines.Text(), "")
		m := head.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, `{"`):
			d, err := fromEvent(lines.Bytes(), title)
			if err != nil {
				return nil, err
			}
			all = append(all, d...)
		case m != nil:
			resource, failed = m[1]+" "+m[2], false
		case line != "" && !strings.HasPrefix(line, " "): // the end of the diagnostics
			resource = ""
		case resource != "" && strings.HasPrefix(strings.TrimSpace(line), "error: "):
			failed = true
			all = append(all, Diagnostic{resource, line + "\n"})
		case resource != "" && failed:
			all[len(all)-1].Text += line + "\n"
		}
	}
	return all, lines.Err()
}

// fromEvent returns the diagnostic of an event, if it is an error.
func fromEvent(line []byte, title func(urn string) string) ([]Diagnostic, error) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("log of events: %w", err)
	}
	if d := e.Diagnostic; d != nil && d.Severity == "error" && d.URN != "" {
		return []Diagnostic{{title(d.URN), style.ReplaceAllString(d.Message, "")}}, nil
	}
	return nil, nil
}
