package doctor_test

import (
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

// byUnitTests are the findings that tests of the package doctor provoke, and this package cannot: those of credentials
// that the local cloud's environment goes before, and of what takes too long. The test is in the named file, without
// _test.go, and has the longest part of the format, or the one that follows the name.
var byUnitTests = map[string]string{
	"no user: neither the stack, the environment nor %s has tenancy, user and fingerprint": "credentials: no user: ",
	"no private key for user %s of %s":                                              "credentials",
	"oci:auth is %q, which is no method of the provider that a kubeconfig can have": "credentials: oci:auth is",
	"%s names profile %s, and %v":                                                   "credentials",
	"%s: %s has no profile %s":                                                      "credentials",
	"%s names the key file %s, which does not exist":                                "credentials",
	"%s names a key file that cannot be read: %v":                                   "credentials: key file that cannot",
	"%s holds no key in PEM form":                                                   "credentials",
	"the key of %s has a passphrase, and none is set":                               "credentials",
	"the passphrase that is set does not open the key of %s":                        "credentials: does not open",
	"%s holds no RSA key: %v":                                                       "credentials: holds no RSA key",
	"SecurityToken needs oci:configFileProfile and oci:region":                      "credentials",
	"%s has no security_token_file":                                                 "credentials",
	"the session token cannot be read: %v":                                          "credentials: token cannot be read",
	"%s holds no session token: %v":                                                 "credentials",
	"the session token of profile %s expired %s ago":                                "credentials",
	"InstancePrincipal needs the region":                                            "credentials",
	"this is not %s: %v":                                                            "credentials",
	"%s %s overlaps %s, which this machine has a route to":                          "machine: overlaps",
	"apiAllowedCidrs %s has none of this machine's addresses, such as %s":           "machine",
	"no answer within %s":                                                           "result",
	"%s: the service does not answer":                                               "result",
	"%s: there is no host %s":                                                       "result",
	"%s is no image: %v":                                                            "result: is no image",
	"Pulumi.yaml: %v":                                                               "result",
}

// unreachable are findings that nothing provokes, and why they are there.
var unreachable = map[string]string{
	"profile %s: %v": "an error of the SDK, which has it for an empty path only",
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
		for _, format := range findingsIn(file) {
			known[format] = true
			if strings.TrimSpace(verb.ReplaceAllString(format, "")) == "" || byUnitTests[format] != "" ||
				unreachable[format] != "" {
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

// findingsIn returns the formats of the calls of failed in a file.
func findingsIn(file string) (formats []string) {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if call, is := n.(*ast.CallExpr); is {
			if name, is := call.Fun.(*ast.Ident); is && name.Name == "failed" {
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
