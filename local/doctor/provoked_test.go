package doctor_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// byUnitTests are the findings that tests of the package doctor provoke, and this package cannot: those of what takes
// too long or of another machine. The test is in the named file, without _test.go, and has the longest part of the
// format, or the one that follows the name.
var byUnitTests = map[string]string{
	"%s %s overlaps %s, which this machine has a route to":                "machine: overlaps",
	"apiAllowedCidrs %s has none of this machine's addresses, such as %s": "machine",
	"no answer within %s":             "result",
	"%s: the service does not answer": "result",
	"%s: there is no host %s":         "result",
	"Pulumi.yaml: %v":                 "result",
}

var verb = regexp.MustCompile(`%[a-z]`)

// finding functions are those of the package doctor that return a ✗. That of the formats is failed.
var findingFunctions = []string{"failed", "badSetting", "noDomain", "unseen", "unusable"}

// site is a place in the package doctor where it makes a ✗.
type site struct {
	file         string
	line, column int
	format       string // of failed
	advised      bool   // by do
}

func (s site) String() string { return fmt.Sprintf("%s:%d: %s", s.file, s.line, s.format) }

// sites finds where the package doctor makes a ✗.
func sites() (found []site, err error) {
	files, err := filepath.Glob("../../doctor/*.go")
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		advised := map[ast.Node]bool{}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if s, is := n.(*ast.SelectorExpr); is && s.Sel.Name == "do" {
				advised[s.X] = true
			}
			call, is := n.(*ast.CallExpr)
			if !is || !slices.Contains(findingFunctions, called(call)) {
				return true
			}
			at := set.Position(call.Pos())
			s := site{filepath.Base(file), at.Line, at.Column, "", true}
			if called(call) == "failed" {
				s.format, s.advised = literal(call.Args[0]), advised[call]
			}
			found = append(found, s)
			return true
		})
	}
	return found, err
}

// called returns the name of a called function or method.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

// block is a line of a coverage profile: file, its first and last line and column, statements and how often they ran.
var block = regexp.MustCompile(`oke-guestbook/doctor/(\w+\.go):(\d+)\.(\d+),(\d+)\.(\d+) \d+ (\d+)`)

// unprovoked returns an error for each ✗ of the package doctor that no run of the command has made, and no test that
// byUnitTests names.
func unprovoked(profile string) (problems []string) {
	found, err := sites()
	if err != nil || len(found) < 40 {
		return []string{fmt.Sprintf("%d findings in the source of doctor: %v", len(found), err)}
	}
	ran := map[site]bool{}
	for _, m := range block.FindAllStringSubmatch(profile, -1) {
		var n [5]int // lines and columns, and how often
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+2])
		}
		for _, s := range found {
			after := s.line > n[0] || s.line == n[0] && s.column >= n[1]
			before := s.line < n[2] || s.line == n[2] && s.column < n[3]
			ran[s] = ran[s] || s.file == m[1] && after && before && n[4] > 0
		}
	}
	known := map[string]bool{}
	for _, s := range found {
		known[s.format] = true
		if !ran[s] && byUnitTests[s.format] == "" {
			problems = append(problems, fmt.Sprintf("no test provokes %s", s))
		}
	}
	for format, where := range byUnitTests {
		if !known[format] || !unitTested(format, where) {
			problems = append(problems, fmt.Sprintf("no test of %s provokes %q, or doctor does not say it", where, format))
		}
	}
	return problems
}

// unitTested reports whether the test that byUnitTests names has a part of the format.
func unitTested(format, where string) bool {
	name, part, given := strings.Cut(where, ": ")
	if !given || !strings.Contains(format, part) {
		parts := verb.Split(format, -1)
		slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
		part = strings.TrimSpace(parts[0])
	}
	test, err := os.ReadFile(filepath.Join("../../doctor", name+"_test.go"))
	return err == nil && strings.Contains(string(test), part)
}

// unadvised returns an error for each ✗ that does not say what to do: in the source, and in what was printed.
func unadvised() (problems []string) {
	found, err := sites()
	if err != nil {
		return []string{err.Error()}
	}
	for _, s := range found {
		if !s.advised && s.file != "images.go" { // whose advice is in doctor.go
			problems = append(problems, fmt.Sprintf("no advice follows %s", s))
		}
	}
	printed.Range(func(test, text any) bool {
		for _, mute := range mute.FindAllString(text.(string), -1) {
			problems = append(problems, fmt.Sprintf("%s: no advice follows %s", test, strings.TrimSpace(mute)))
		}
		return true
	})
	return problems
}

// mute is a ✗ without a further line, which has a deeper indent.
var mute = regexp.MustCompile(`(?m)^  ✗ .*\n(?:  \S|\S|\z)`)

// unprovokedLogins returns an error for each problem of the package ocilogin whose longest part its test does not have.
func unprovokedLogins() (problems []string) {
	test, err := os.ReadFile("../../internal/ocilogin/ocilogin_test.go")
	files, errFiles := filepath.Glob("../../internal/ocilogin/*.go")
	if err != nil || errFiles != nil {
		return []string{fmt.Sprintf("the source of ocilogin: %v", errors.Join(err, errFiles))}
	}
	found := 0
	for _, file := range files {
		for _, format := range formatsOf("problem", file) {
			found++
			parts := verb.Split(format, -1)
			if !slices.ContainsFunc(parts, func(part string) bool {
				part = strings.Trim(part, " :,")
				return len(part) > 10 && strings.Contains(string(test), part)
			}) {
				problems = append(problems, fmt.Sprintf("%s: no test provokes %q", file, format))
			}
		}
	}
	if found < 15 {
		problems = append(problems, fmt.Sprintf("%d problems of ocilogin were found", found))
	}
	return problems
}

// formatsOf returns the formats of the calls of a function in a file.
func formatsOf(function, file string) (formats []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if call, is := n.(*ast.CallExpr); is {
			if called(call) == function {
				formats = append(formats, literal(call.Args[0]))
			}
		}
		return true
	})
	return formats
}

// literal returns a text, which may be a sum.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	}
	return ""
}
