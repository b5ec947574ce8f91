package ociplugin

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"oke-guestbook/catalog"
	"oke-guestbook/local/oci/schema"
)

// sdk is the typed SDK, which is generated from the official plugin's schema: its structs have the schema's properties.
// They are read as source, because compiling them takes minutes.
type sdk struct {
	dir      string
	mu       sync.Mutex
	packages map[string]structs
	docs     map[string]map[string]string // by struct and property, of the resources
}

// structs hold the Go type of each property, by struct and property.
type structs map[string]map[string]string

func typedSDK(t *testing.T) *sdk {
	t.Helper()
	os.Getenv("SOURCES") // the Makefile says why
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
	return &sdk{
		dir: filepath.Join(module.Dir, "go", "oci"), packages: map[string]structs{}, docs: map[string]map[string]string{},
	}
}

// structs are the structs of a package with "pulumi" tags.
func (s *sdk) structs(t *testing.T, pkg, file string) structs {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.packages[pkg] == nil {
		s.packages[pkg] = structs{}
		types, err := filepath.Glob(filepath.Join(s.dir, pkg, "pulumiTypes*.go"))
		if err != nil || len(types) == 0 {
			t.Fatalf("no types in %s: %v", pkg, err)
		}
		for _, f := range types {
			s.parse(t, pkg, f, parser.SkipObjectResolution)
		}
	}
	s.parse(t, pkg, filepath.Join(s.dir, pkg, file), parser.SkipObjectResolution|parser.ParseComments)
	return s.packages[pkg]
}

func (s *sdk) parse(t *testing.T, pkg, path string, mode parser.Mode) {
	t.Helper()
	f, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, mode)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != gotoken.TYPE {
			continue
		}
		for _, spec := range g.Specs {
			ts, _ := spec.(*ast.TypeSpec)
			st, ok := ts.Type.(*ast.StructType)
			if !ok {
				continue
			}
			types, docs := map[string]string{}, map[string]string{}
			for _, f := range st.Fields.List {
				if f.Tag != nil {
					tag := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Get("pulumi")
					name, _, _ := strings.Cut(tag, ",")
					types[name], docs[name] = goType(f.Type), f.Doc.Text()
				}
			}
			if len(types) > 0 {
				s.packages[pkg][ts.Name.Name], s.docs[ts.Name.Name] = types, docs
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

// property is the Go type of a property of a struct or of a list of structs, or "".
func (s structs) property(goType, name string) string {
	return s[strings.TrimPrefix(goType, "[]")][name]
}

// conform reports fields, at any depth, that are not in the struct or of another form.
func (s structs) conform(t *testing.T, goType, path string, fs fields) {
	t.Helper()
	for name, f := range fs {
		at, is := path+name, s.property(goType, name)
		switch {
		case f.restOnly != (is == ""):
			t.Errorf("%s is no property of the official schema: here %t, there %t", at, f.restOnly, is == "")
		case (f.asList || f.set) && !strings.HasPrefix(is, "[]"), f.userKeys && is != "map", f.number && is != "string":
			t.Errorf("%s is of type %s in the official schema, here %+v", at, is, f)
		}
		s.conform(t, is, at+".", f.fields)
	}
}

// resource returns the structs of a resource's inputs and state, and all structs of its package.
func (s *sdk) resource(t *testing.T, token string) (args, state string, all structs) {
	t.Helper()
	pkg, file, name := split(token)
	all = s.structs(t, pkg, file)
	name = strings.ToLower(name[:1]) + name[1:]
	args, state = name+"Args", name+"State"
	if len(all[args]) == 0 || len(all[state]) == 0 {
		t.Fatalf("the SDK has no %s and %s", args, state)
	}
	return args, state, all
}

// Inputs of the official schema that nothing here needs.
var unusedInputs = []string{"autotunePolicies", "blockVolumeReplicas", "blockVolumeReplicasDeletion", "retentionRules"}

func TestPropertiesAreThoseOfTheOfficialSchema(t *testing.T) {
	official := typedSDK(t)
	for token, m := range mappings {
		t.Run(token, func(t *testing.T) {
			args, state, all := official.resource(t, token)
			all.conform(t, args, "", m.inputs)
			all.conform(t, state, "", m.all())
			for name := range m.outputs {
				if all.property(args, name) != "" {
					t.Errorf("the output %s is an input of the official schema", name)
				}
			}
			for name := range all[args] {
				if _, ok := m.inputs[name]; !ok && !slices.Contains(unusedInputs, name) {
					t.Errorf("the official input %s is missing", name)
				}
			}
			templates := []catalog.Template{m.Collection, m.ID, m.ImportID}
			for _, template := range templates {
				for _, name := range template.Variables() {
					if _, ok := m.inputs[name]; !ok && name != "id" {
						t.Errorf("%s: %s is no input", template, name)
					}
				}
			}
			for _, name := range []string{m.Adopts, m.NameQuery} {
				if _, ok := m.inputs[name]; !ok && name != "" {
					t.Errorf("%s is no input", name)
				}
			}
		})
	}
	for _, k := range catalog.Kinds() {
		if mappings[k.Token] == nil {
			t.Errorf("%s has no mapping", k.Token)
		}
	}
}

// models returns the names of a kind's models in REST: the resource, and the body of its creation.
func models(token string) (resource, creation string) {
	pkg, _, name := split(token)
	switch token {
	case catalog.Addon:
		return "containerengine.Addon", "containerengine.InstallAddonDetails"
	case catalog.DefaultRouteTable, catalog.DefaultSecurityList:
		name = strings.TrimPrefix(name, "Default")
	case catalog.NetworkSecurityGroupSecurityRule:
		name = "SecurityRule"
	case catalog.RecordSet:
		return "dns.RrSet", "dns.UpdateRrSetDetails"
	case catalog.BudgetRule:
		name = "AlertRule"
	}
	return pkg + "." + name, pkg + ".Create" + name + "Details"
}

func TestRESTNamesAreThoseOfItsModels(t *testing.T) {
	for token, m := range mappings {
		resource, creation := models(token)
		for name, f := range m.all() {
			rest := f.restName(name)
			if !f.notInBody && !schema.Has(resource, rest) && !schema.Has(creation, rest) {
				t.Errorf("%s: %s has no %s", token, resource, rest)
			}
		}
	}
}

// The provider updates these in place (its source has no ForceNew), and their documentation does not say so.
var updatedInPlace = map[string][]string{
	catalog.VCN:          {"byoipv6cidrDetails", "ipv6privateCidrBlocks", "isIpv6enabled", "isOracleGuaAllocationEnabled"},
	catalog.Subnet:       {"ipv4cidrBlocks"},
	catalog.Volume:       {"clusterPlacementGroupId"},
	catalog.Subscription: {"deliveryPolicy"},
	catalog.Addon:        {"overrideExisting", "removeAddonResourcesOnDelete"},
}

// The official documentation says "(Updatable)" of each input whose change does not replace the resource.
func TestReplacementRulesAreThoseOfTheOfficialDocumentation(t *testing.T) {
	official := typedSDK(t)
	for _, k := range catalog.Kinds() {
		t.Run(k.Token, func(t *testing.T) {
			args, _, all := official.resource(t, k.Token)
			for _, path := range k.ForceNew {
				goType := args
				for name := range strings.SplitSeq(path, ".") {
					goType = all.property(goType, name)
				}
				if goType == "" {
					t.Errorf("%s is no input of the official schema", path)
				}
			}
			docs := official.docs[args]
			updatable := func(name string) bool { return strings.Contains(docs[name], "(Updatable)") }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(docs)), updatable) {
				t.Skip("its documentation does not say what is updatable")
			}
			for name := range mappings[k.Token].inputs {
				below := slices.ContainsFunc(k.ForceNew, func(f string) bool { return strings.HasPrefix(f, name+".") })
				replaces := k.ForceNew.Contains(name)
				if slices.Contains(updatedInPlace[k.Token], name) {
					if replaces || updatable(name) {
						t.Errorf("%s is not updated in place, or its documentation says so", name)
					}
				} else if replaces == updatable(name) && (replaces || !below) {
					t.Errorf("a change of %s replaces: %t; documentation: %s", name, replaces, docs[name])
				}
			}
		})
	}
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
			for _, arg := range slices.Concat(f.query, f.body, f.path.Variables(), []string{f.one, f.number}) {
				if arg != "" && structs[argsType][arg] == "" {
					t.Errorf("argument %s is not in the official schema", arg)
				}
			}
			element := resultType
			for _, property := range []string{f.list, f.text} {
				if property != "" && structs[resultType][property] == "" {
					t.Errorf("result %s is not in the official schema", property)
				}
			}
			if f.list != "" {
				element = strings.TrimPrefix(structs[resultType][f.list], "[]")
			}
			isOne := func(string) bool { return false } // of a resource's property
			if f.of != "" {
				args, _, all := official.resource(t, f.of)
				isOne = func(property string) bool {
					goType := all.property(args, property)
					return goType != "" && !strings.HasPrefix(goType, "[]")
				}
			}
			for property, field := range f.result().outputs {
				goType := structs[element][property]
				if goType == "" && f.of == "" {
					t.Errorf("result %s.%s is not in the official schema", element, property)
				}
				if field.asList && goType != "" && !strings.HasPrefix(goType, "[]") {
					t.Errorf("result %s.%s is a list here, and %s in the official schema", element, property, goType)
				}
				if isOne(property) && strings.HasPrefix(goType, "[]") && !field.asList {
					t.Errorf("result %s.%s is the resource's one object here, and a list in the official schema", element, property)
				}
			}
		})
	}
}
