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
	"%s is no image: %v":              "result: is no image",
	"Pulumi.yaml: %v":                 "result",
}

var verb = regexp.MustCompile(`%[a-z]`)

// unprovoked returns an error for each ✗ of the package doctor that no test provokes, and for each that byUnitTests
// names in vain.
func unprovoked() (problems []string) {
	files, err := filepath.Glob("../../doctor/*.go")
	if err != nil || len(files) == 0 {
		return []string{fmt.Sprintf("the source of doctor: %v", err)}
	}
	var said strings.Builder
	printed.Range(func(_, text any) bool { said.WriteString(text.(string)); return true })
	known := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, format := range formatsOf("failed", file) {
			known[format] = true
			if strings.TrimSpace(verb.ReplaceAllString(format, "")) == "" || byUnitTests[format] != "" {
				continue // all of it is another package's text, or another test's
			}
			parts := verb.Split(format, -1)
			for i := range parts {
				parts[i] = regexp.QuoteMeta(parts[i])
			}
			if !regexp.MustCompile("(?m)✗ " + strings.Join(parts, ".*")).MatchString(said.String()) {
				problems = append(problems, fmt.Sprintf("%s: no test provokes %q", file, format))
			}
		}
	}
	for format, where := range byUnitTests {
		parts := verb.Split(format, -1)
		slices.SortFunc(parts, func(a, b string) int { return len(b) - len(a) })
		name, part, given := strings.Cut(where, ": ")
		if !given || !strings.Contains(format, part) {
			part = strings.TrimSpace(parts[0])
		}
		test, err := os.ReadFile(filepath.Join("../../doctor", name+"_test.go"))
		if err != nil || !known[format] || !strings.Contains(string(test), part) {
			problems = append(problems, fmt.Sprintf("%s_test.go does not provoke %q, or doctor does not say it: %v",
				name, format, err))
		}
	}
	return problems
}

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
			if name, is := call.Fun.(*ast.Ident); is && name.Name == function {
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
