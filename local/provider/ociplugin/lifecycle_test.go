package ociplugin

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/urn"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"oke-guestbook/catalog"
	emulator "oke-guestbook/local/oci"
	"oke-guestbook/local/ociclient"
	"oke-guestbook/local/provider/plugintest"
	"oke-guestbook/local/provider/value"
)

type object = map[string]any

// world is an emulator with the plugin configured for it, and the ids of the resources in it by name.
type world struct {
	plugintest.Plugin
	rest   *ociclient.Client
	server *emulator.Server
	ids    map[string]string
}

func newWorld(t *testing.T) *world { return newSlowWorld(t, 100000) }

func newSlowWorld(t *testing.T, speed float64) *world {
	t.Helper()
	server, err := emulator.New(emulator.Config{Dir: t.TempDir(), Speed: speed})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		web.Close()
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	var overrides []string
	for _, c := range catalog.Clients() {
		overrides = append(overrides, string(c)+"="+web.URL)
	}
	creds := server.Credentials()
	t.Setenv("CLIENT_HOST_OVERRIDES", strings.Join(overrides, ";"))
	t.Setenv("OCI_TENANCY_OCID", creds.Tenancy)
	t.Setenv("OCI_USER_OCID", creds.User)
	t.Setenv("OCI_FINGERPRINT", creds.Fingerprint)
	t.Setenv("OCI_REGION", creds.Region)
	t.Setenv("OCI_PRIVATE_KEY", creds.PrivateKeyPEM)
	rest, err := ociclient.New(web.URL, creds)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		Plugin: plugintest.Plugin{T: t, Provider: New().WithDefaults()}, rest: rest, server: server, ids: map[string]string{},
	}
	if err := w.Configure(t.Context(), p.ConfigureRequest{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func newURN(token, name string) urn.URN { return plugintest.NewURN(token, name) }

// live is a resource as the engine's state has it.
type live struct {
	*plugintest.Resource
	w *world
}

func (w *world) create(token, name string, inputs object) *live {
	w.Helper()
	r, err := w.NewResource(token, name, inputs)
	if err != nil {
		w.Fatalf("create %s: %v", token, err)
	}
	w.ids[name] = r.ID
	return &live{r, w}
}

// live returns a resource that the test did not create by create.
func (w *world) live(u urn.URN, id string, inputs, state property.Map) *live {
	return &live{&plugintest.Resource{Plugin: w.Plugin, URN: u, ID: id, Inputs: inputs, State: state}, w}
}

func (l *live) update(inputs object) {
	l.w.Helper()
	if err := l.Update(inputs); err != nil {
		l.w.Fatalf("update: %v", err)
	}
}

func with(inputs object, changes object) object {
	out := maps.Clone(inputs)
	for k, v := range changes {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// lifeCycle is the test of one kind.
type lifeCycle struct {
	token    string
	inputs   func(w *world) object
	update   object // in place
	replaces object // each change alone
	drift    object // a change by somebody else, as REST takes it
	importID func(w *world, id string) string
	oneWay   bool // the update cannot be reverted
}

func (c lifeCycle) run(w *world, official *sdk) {
	w.Helper()
	inputs := c.inputs(w)
	name := c.token[strings.LastIndex(c.token, ":")+1:]
	c.preview(w, newURN(c.token, name), inputs)

	l := w.create(c.token, name, inputs)
	l.conforms(official)
	l.Unchanged("after the creation", inputs)
	if !l.Refresh() {
		w.Fatal("refresh: it is gone")
	}
	l.Unchanged("after a refresh", inputs)
	for input, v := range c.replaces {
		d := l.Diff(with(inputs, object{input: v}))
		if !slices.ContainsFunc(replacing(d), func(path string) bool { return strings.HasPrefix(path, input) }) {
			w.Errorf("a change of %s does not replace: %v", input, d.DetailedDiff)
		}
	}
	if c.update != nil {
		c.updates(l, inputs)
		if c.oneWay {
			inputs = with(inputs, c.update)
		}
	}
	if c.drift != nil {
		c.drifts(l, inputs)
	}
	l.imports(c, inputs)
	l.Delete()
	if l.Refresh() && mappings[c.token].Adopts == "" {
		w.Error("it still exists after its deletion")
	}
	l.Delete()
}

// preview checks that a preview of the creation knows the inputs, and no outputs.
func (c lifeCycle) preview(w *world, u urn.URN, inputs object) {
	w.Helper()
	checked := w.CheckInputs(u, property.Map{}, inputs)
	preview, err := w.Create(w.Context(), p.CreateRequest{Urn: u, Properties: checked, DryRun: true})
	if err != nil {
		w.Fatalf("preview: %v", err)
	}
	for input := range inputs {
		if preview.Properties.Get(input).HasComputed() {
			w.Errorf("preview: the input %s is unknown", input)
		}
	}
	for output := range mappings[c.token].outputs {
		if !preview.Properties.Get(output).IsComputed() {
			w.Errorf("preview: the output %s is not unknown: %v", output, preview.Properties.Get(output))
		}
	}
}

// updates changes the resource in place, and reverts that if it can be.
func (c lifeCycle) updates(l *live, inputs object) {
	l.w.Helper()
	changed := with(inputs, c.update)
	d := l.Diff(changed)
	if paths := replacing(d); len(paths) > 0 {
		l.w.Errorf("the change of %v replaces", paths)
	}
	if len(d.DetailedDiff) == 0 {
		l.w.Errorf("no diff for %v", c.update)
	}
	l.update(changed)
	l.Unchanged("after the update", changed)
	l.Refresh()
	l.Unchanged("after the update and a refresh", changed)
	if !c.oneWay {
		l.update(inputs)
		l.Unchanged("after the update back", inputs)
	}
}

// drifts changes the resource without the plugin, which has to see that and revert it.
func (c lifeCycle) drifts(l *live, inputs object) {
	l.w.Helper()
	m := mappings[c.token]
	r := &step{mapping: m, inputs: value.PlainMap(l.Inputs), old: value.PlainMap(l.State)}
	vars, _ := m.ID.Parse(l.ID)
	maps.Copy(r.old, vars)
	r.ocid, _ = vars["id"].(string)
	method := http.MethodPut
	if m.updateByPost {
		method = http.MethodPost
	}
	if _, err := l.w.rest.Do(l.w.Context(), method, r.itemPath(), nil, c.drift, nil); err != nil {
		l.w.Fatalf("drift: %v", err)
	}
	l.Refresh()
	if d := l.Diff(inputs); !d.HasChanges {
		l.w.Errorf("the drift %v was not seen; state %v", c.drift, value.PlainMap(l.State))
	}
	l.update(inputs)
	l.Unchanged("after the drift was reverted", inputs)
}

// replacing lists the paths whose change replaces the resource.
func replacing(d p.DiffResponse) (paths []string) {
	for path, change := range d.DetailedDiff {
		if strings.HasSuffix(string(change.Kind), "&replace") {
			paths = append(paths, path)
		}
	}
	return paths
}

// imports reads the resource by its id alone. The program's inputs must then show no change.
func (l *live) imports(c lifeCycle, inputs object) {
	l.w.Helper()
	id := l.ID
	if c.importID != nil {
		id = c.importID(l.w, id)
	}
	read, err := l.w.Read(l.w.Context(), p.ReadRequest{ID: id, Urn: l.URN})
	if err != nil {
		l.w.Fatalf("import: %v", err)
	}
	if read.ID != l.ID {
		l.w.Errorf("import: id %q, want %q", read.ID, l.ID)
	}
	imported := l.w.live(l.URN, read.ID, read.Inputs, read.Properties)
	m := mappings[c.token]
	for input, f := range m.inputs {
		if f.notInBody && !m.ForceNew.Contains(input) { // REST does not return it
			if v, ok := inputs[input]; ok {
				imported.State = imported.State.Set(input, value.Of(v))
			}
		}
	}
	imported.Unchanged("after an import", inputs)
}

// conforms compares the state with the types of the official SDK, down to the last nested property.
func (l *live) conforms(official *sdk) {
	l.w.Helper()
	pkg, file, name := split(string(l.URN.Type()))
	structs := official.structs(l.w.T, pkg, file)
	conform(l.w.T, structs, strings.ToLower(name[:1])+name[1:]+"State", "", value.PlainMap(l.State))
}

func conform(t *testing.T, structs structs, goType, path string, v any) {
	t.Helper()
	bad := false
	switch v := v.(type) {
	case map[string]any:
		if bad = goType != "map" && structs[goType] == nil; goType == "map" || bad {
			break
		}
		for name, e := range v {
			field, ok := structs[goType][name]
			if !ok {
				t.Errorf("%s has no property %s", path+" "+goType, name)
				continue
			}
			conform(t, structs, field, path+"."+name, e)
		}
	case []any:
		if bad = !strings.HasPrefix(goType, "[]"); bad {
			break
		}
		for _, e := range v {
			conform(t, structs, goType[2:], path+"[]", e)
		}
	case string:
		bad = goType != "string"
	case bool:
		bad = goType != "bool"
	case float64:
		bad = goType != "int" && goType != "float64"
	}
	if bad {
		t.Errorf("%s is %T, and %s in the official schema", path, v, goType)
	}
}

// TestSetsAreReadInOrder expects a refresh to find a security list changed whose rules the program gives in another
// order than the official plugin reads them.
func TestSetsAreReadInOrder(t *testing.T) {
	w := newWorld(t)
	w.build()
	rule := func(description string) object {
		return object{"destination": anywhere, "protocol": "all", "description": description}
	}
	made := w.create(catalog.SecurityList, "list", w.inVCN(object{
		"egressSecurityRules": []any{rule("to Oracle"), rule("to Oracle again"), rule("by workers")},
	}))
	read, err := w.Read(t.Context(), p.ReadRequest{
		ID: made.ID, Urn: made.URN, Inputs: made.Inputs, Properties: made.State,
	})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, rule := range read.Inputs.Get("egressSecurityRules").AsArray().All {
		order = append(order, rule.AsMap().Get("description").AsString())
	}
	if want := []string{"by workers", "to Oracle again", "to Oracle"}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}

func (w *world) invoke(token string, args object) object {
	w.Helper()
	got, err := w.Invoke(context.Background(), p.InvokeRequest{Token: tokens.Type(token), Args: value.OfMap(args)})
	if err != nil {
		w.Fatal(err)
	}
	if len(got.Failures) > 0 {
		w.Fatal(fmt.Sprint(got.Failures))
	}
	return value.PlainMap(got.Return)
}
