package ociplugin

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The typed SDK is generated from the official plugin's schema: its structs say which properties there are. They are read as source,
// because to import them costs minutes.
type sdk struct {
	dir      string
	mu       sync.Mutex
	packages map[string]map[string]map[string]string // package, struct, property, Go type
}

func typedSDK(t *testing.T) *sdk {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", "github.com/pulumi/pulumi-oci/sdk/v3@v"+Version)
	cmd.Dir = "../../.." // the program's module, whose go.sum knows it
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the typed SDK: %v\n%s", err, out)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	return &sdk{dir: filepath.Join(module.Dir, "go", "oci"), packages: map[string]map[string]map[string]string{}}
}

// structs are the structs of a package with "pulumi" tags.
func (s *sdk) structs(t *testing.T, pkg, file string) map[string]map[string]string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packages[pkg] == nil {
		s.packages[pkg] = map[string]map[string]string{}
		types, err := filepath.Glob(filepath.Join(s.dir, pkg, "pulumiTypes*.go"))
		if err != nil || len(types) == 0 {
			t.Fatalf("no types in %s: %v", pkg, err)
		}
		for _, f := range types {
			s.parse(t, pkg, f)
		}
	}
	s.parse(t, pkg, filepath.Join(s.dir, pkg, file))
	return s.packages[pkg]
}

func (s *sdk) parse(t *testing.T, pkg, path string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			ts, _ := spec.(*ast.TypeSpec)
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			fields := map[string]string{}
			for _, field := range st.Fields.List {
				if field.Tag != nil {
					tag := reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("pulumi")
					name, _, _ := strings.Cut(tag, ",")
					fields[name] = goType(field.Type)
				}
			}
			if len(fields) > 0 {
				s.packages[pkg][ts.Name.Name] = fields
			}
		}
	}
}

func goType(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return goType(e.X)
	case *ast.ArrayType:
		return "[]" + goType(e.Elt)
	case *ast.MapType:
		return "map"
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return fmt.Sprintf("%T", e)
}

// split takes a token such as oci:Core/vcn:Vcn apart into the SDK's package, file and type.
func split(token string) (pkg, file, name string) {
	parts := strings.Split(token, ":")
	module, fileName, _ := strings.Cut(parts[1], "/")
	return strings.ToLower(module), fileName + ".go", parts[2]
}

// resolve is the Go type at the end of a property path, or "".
func resolve(structs map[string]map[string]string, root, path string) string {
	current := root
	for _, name := range strings.Split(path, ".") {
		next, ok := structs[strings.TrimPrefix(current, "[]")][name]
		if !ok {
			return ""
		}
		current = next
	}
	return current
}

func TestPropertiesAreThoseOfTheOfficialSchema(t *testing.T) {
	official := typedSDK(t)
	for token, k := range kinds {
		t.Run(token, func(t *testing.T) {
			pkg, file, name := split(token)
			structs := official.structs(t, pkg, file)
			stateType, argsType := strings.ToLower(name[:1])+name[1:]+"State", strings.ToLower(name[:1])+name[1:]+"Args"
			args, state := structs[argsType], structs[stateType]
			if len(args) == 0 || len(state) == 0 {
				t.Fatalf("the SDK has no %s and %s", argsType, stateType)
			}
			for property, f := range k.fields {
				if _, ok := state[property]; !ok {
					t.Errorf("%s is no property of the official schema", property)
				}
				if _, ok := args[property]; ok != f.input {
					t.Errorf("%s: an input here %t, there %t", property, f.input, ok)
				}
				if f.singleton && !strings.HasPrefix(state[property], "[]") {
					t.Errorf("%s is made a list, and is %s", property, state[property])
				}
			}
			for property := range args {
				if !k.fields[property].input && !slices.Contains(unusedInputs, property) {
					t.Errorf("the official input %s is missing", property)
				}
			}
			check := func(what string, paths []string, prefixes ...string) {
				for _, p := range paths {
					goType := resolve(structs, stateType, p)
					if goType == "" {
						t.Errorf("%s: %s is no property of the official schema", what, p)
					} else if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(goType, prefix) }) {
						t.Errorf("%s: %s is of type %s", what, p, goType)
					}
				}
			}
			check("names", sortedKeys(anyMap(k.names)), "")
			check("replace", k.replace, "")
			check("gone", k.gone, "")
			check("fixed", k.fixed, "")
			check("sets", k.sets, "[]")
			check("maps", k.maps, "map")
			check("numbers", k.numbers, "string", "[]string")
			check("texts", k.texts, "string")
		})
	}
}

// Inputs of the official schema that nothing here needs.
var unusedInputs = []string{"autotunePolicies", "blockVolumeReplicas", "blockVolumeReplicasDeletion", "retentionRules"}

func anyMap(m map[string]string) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func TestFunctionsAreThoseOfTheOfficialSchema(t *testing.T) {
	official := typedSDK(t)
	for token, f := range functions {
		t.Run(token, func(t *testing.T) {
			pkg, file, name := split(token)
			structs := official.structs(t, pkg, file)
			name = strings.ToUpper(name[:1]) + name[1:]
			resultType, argsType := name+"Result", name+"Args"
			if structs[resultType] == nil {
				resultType = "Lookup" + strings.TrimPrefix(name, "Get") + "Result"
				argsType = "Lookup" + strings.TrimPrefix(name, "Get") + "Args"
			}
			if structs[resultType] == nil {
				t.Fatalf("the SDK has no %s", resultType)
			}
			for _, arg := range strings.Fields(f.args) {
				if structs[argsType][arg] == "" {
					t.Errorf("argument %s is not in the official schema", arg)
				}
			}
			for arg := range f.body {
				if structs[argsType][arg] == "" {
					t.Errorf("argument %s is not in the official schema", arg)
				}
			}
			element := resultType
			for _, property := range []string{f.list, f.raw} {
				if property != "" && structs[resultType][property] == "" {
					t.Errorf("result %s is not in the official schema", property)
				}
			}
			if f.list != "" {
				element = strings.TrimPrefix(structs[resultType][f.list], "[]")
			}
			for property, field := range f.result().fields {
				goType := structs[element][property]
				if goType == "" && f.kind == "" {
					t.Errorf("result %s.%s is not in the official schema", element, property)
				}
				if field.singleton && goType != "" && !strings.HasPrefix(goType, "[]") {
					t.Errorf("result %s.%s is made a list, and is %s", element, property, goType)
				}
			}
		})
	}
}
