package kubeplugin_test

import (
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"oke-guestbook/local/provider/plugintest"
	"oke-guestbook/local/provider/value"
)

// meta returns the metadata of an object in the test's namespace.
func (f *fixture) meta(name string, more object) object {
	m := object{"namespace": f.namespace}
	if name != "" {
		m["name"] = name
	}
	return merged(m, more)
}

func podSpec(more object) object {
	return merged(object{"containers": []any{object{
		"name": "main", "image": "docker.io/library/nginx:1.29",
		"resources": object{ // the API server returns 128Mi and 1
			"requests": object{"cpu": "100m", "memory": "131072Ki"}, "limits": object{"cpu": "1000m"},
		},
		"ports": []any{object{"containerPort": 80.0}},
		"env":   []any{object{"name": "A", "value": "1"}},
	}}}, more)
}

func (f *fixture) deployment(name string, replicas float64, pod object) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": f.meta(name, object{"labels": object{"app": name}}),
		"spec": object{
			"replicas": replicas, "selector": object{"matchLabels": labels},
			"template": object{"metadata": object{"labels": labels}, "spec": podSpec(pod)},
		},
	}
}

func TestDeploymentLifeCycle(t *testing.T) {
	f := newFixture(t, nil)
	inputs := f.deployment("web", 2, nil)

	preview, err := f.preview("apps/v1:Deployment", "web", inputs)
	if err != nil {
		t.Fatal(err)
	}
	if !preview.Get("status").IsComputed() || !preview.Get("metadata").AsMap().Get("uid").IsComputed() {
		t.Errorf("preview: status and uid must be unknown: %v", preview)
	}
	if v := preview.Get("spec").AsMap().Get("progressDeadlineSeconds"); !v.IsNumber() {
		t.Errorf("preview: the API server's defaults are missing: %v", preview.Get("spec"))
	}

	r := f.create("apps/v1:Deployment", "web", inputs)
	if r.ID != f.namespace+"/web" {
		t.Errorf("id %q", r.ID)
	}
	if ready := r.State.Get("status").AsMap().Get("readyReplicas"); !ready.IsNumber() || ready.AsNumber() != 2 {
		t.Errorf("not ready when created: %v", r.State.Get("status"))
	}
	r.Unchanged("after the creation", inputs)
	if !r.Refresh() {
		t.Fatal("refresh: it does not exist")
	}
	r.Unchanged("after a refresh", inputs)

	more := f.deployment("web", 3, nil)
	if d := r.Diff(more); d.DetailedDiff["spec.replicas"].Kind != p.Update || len(d.DetailedDiff) != 1 {
		t.Errorf("replicas: %v", d.DetailedDiff)
	}
	if err := r.Update(more); err != nil {
		t.Fatal(err)
	}
	if n := r.State.Get("status").AsMap().Get("readyReplicas").AsNumber(); n != 3 {
		t.Errorf("%v ready after the update", n)
	}
	r.Unchanged("after the update", more)

	checkDrift(f, r)
	r.Delete()
	if r.Refresh() {
		t.Error("it exists after its deletion")
	}
	r.Delete()
}

// checkDrift changes the Deployment without the plugin, refreshes it and imports it.
func checkDrift(f *fixture, r *plugintest.Resource) {
	desired := f.deployment("web", 3, nil)
	f.patch(deployments, "web", `{"spec":{"replicas":1},"metadata":{"labels":{"app":null,"theirs":"x"}}}`)
	r.Refresh()
	d := r.Diff(desired)
	if len(d.DetailedDiff) != 2 || d.DetailedDiff["spec.replicas"].Kind != p.Update ||
		d.DetailedDiff["metadata.labels.app"].Kind != p.Add {
		f.Errorf("drift: %v", d.DetailedDiff)
	}

	other := f.deployment("web", 3, nil)
	other["spec"].(object)["selector"] = object{"matchLabels": object{"app": "other"}}
	d = r.Diff(other)
	if d.DetailedDiff["spec.selector.matchLabels.app"].Kind != p.UpdateReplace || !d.DeleteBeforeReplace {
		f.Errorf("another selector: %+v", d)
	}

	imported, err := f.Read(f.Context(), p.ReadRequest{ID: r.ID, Urn: r.URN})
	if err != nil || imported.ID != r.ID {
		f.Fatalf("import: %v %v", imported.ID, err)
	}
	if imported.Inputs.Get("spec").AsMap().Get("replicas").AsNumber() != 1 || !imported.Inputs.Get("status").IsNull() {
		f.Errorf("import: %v", imported.Inputs)
	}
}

func TestAutonamingAndReplacement(t *testing.T) {
	f := newFixture(t, nil)
	inputs := object{"metadata": f.meta("", nil), "data": object{"a": "1"}}
	r := f.create("core/v1:ConfigMap", "settings", inputs)
	if !strings.HasPrefix(r.ID, f.namespace+"/settings-") || len(r.ID) != len(f.namespace+"/settings-")+8 {
		t.Errorf("id %q", r.ID)
	}
	r.Unchanged("after the creation", inputs)
	d := r.Diff(object{"metadata": f.meta("", nil), "data": object{"a": "2"}})
	if d.DetailedDiff["data.a"].Kind != p.UpdateReplace || d.DeleteBeforeReplace {
		t.Errorf("changed data of an autonamed ConfigMap: %+v", d)
	}
	d = r.Diff(object{"metadata": f.meta("own", nil), "data": object{"a": "1"}})
	if d.DetailedDiff["metadata.name"].Kind != p.UpdateReplace || d.DeleteBeforeReplace {
		t.Errorf("another name: %+v", d)
	}

	mutable := newFixture(t, object{"enableConfigMapMutable": true})
	m := mutable.create("core/v1:ConfigMap", "settings", object{
		"metadata": mutable.meta("own", nil), "data": object{"a": "1", "b": "1"},
	})
	changed := object{"metadata": mutable.meta("own", nil), "data": object{"a": "2"}}
	if d := m.Diff(changed); d.DetailedDiff["data.a"].Kind != p.Update || d.DetailedDiff["data.b"].Kind != p.Delete {
		t.Errorf("mutable: %v", d.DetailedDiff)
	}
	if err := m.Update(changed); err != nil {
		t.Fatal(err)
	}
	data := mutable.live(configMaps, "own").Object["data"].(object)
	if len(data) != 1 || data["a"] != "2" {
		t.Errorf("data %v: removed keys must be deleted", data)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	f := newFixture(t, object{"enableSecretMutable": true})
	inputs := object{"metadata": f.meta("password", nil), "stringData": object{"a": "one", "b": "two"}}
	r := f.create("core/v1:Secret", "password", inputs)
	if !r.State.Get("data").Secret() {
		t.Errorf("data is not secret: %v", r.State.Get("data"))
	}
	r.Unchanged("after the creation", inputs)
	r.Refresh()
	r.Unchanged("after a refresh", inputs)
	f.patch(secrets, "password", `{"stringData":{"a":"else"}}`)
	r.Refresh()
	if d := r.Diff(inputs); d.DetailedDiff["stringData.a"].Kind != p.Update || len(d.DetailedDiff) != 1 {
		t.Errorf("drift: %v", d.DetailedDiff)
	}
	fewer := object{"metadata": f.meta("password", nil), "stringData": object{"b": "two"}}
	if err := r.Update(fewer); err != nil {
		t.Fatal(err)
	}
	data := f.live(secrets, "password").Object["data"].(object)
	if _, theirs := data["a"]; !theirs || data["b"] == nil {
		t.Errorf("a key of another field manager must stay: %v", data)
	}

	r.Inputs = value.OfMap(object{ // as a refresh by the official plugin leaves them
		"apiVersion": "v1", "kind": "Secret", "metadata": f.meta("password", nil), "data": object{"b": "dHdv"},
	})
	r.Unchanged("after the official plugin's refresh", fewer)
	other := object{"metadata": f.meta("password", nil), "stringData": object{"b": "three"}}
	if d := r.Diff(other); d.DetailedDiff["data.b"].Kind != p.Update || len(d.DetailedDiff) != 1 {
		t.Errorf("another value after the official plugin's refresh: %v", d.DetailedDiff)
	}

	mixed := property.New("s").WithSecret(true)
	annotations := property.NewMap(map[string]property.Value{"plain": property.New("p"), "hidden": mixed})
	u := newURN("core/v1:ConfigMap", "c")
	created, err := f.Create(t.Context(), p.CreateRequest{Urn: u, Properties: property.NewMap(map[string]property.Value{
		"metadata": property.New(property.NewMap(map[string]property.Value{
			"name": property.New("c"), "namespace": property.New(f.namespace), "annotations": property.New(annotations),
		})),
	})})
	if err != nil {
		t.Fatal(err)
	}
	got := created.Properties.Get("metadata").AsMap().Get("annotations").AsMap()
	if !got.Get("hidden").Secret() || got.Get("plain").Secret() {
		t.Errorf("secrets: %v", got)
	}
}

func TestExistingObjectsAreNotTakenOver(t *testing.T) {
	f := newFixture(t, nil)
	inputs := object{"metadata": f.meta("own", nil), "data": object{"a": "1"}}
	f.create("core/v1:ConfigMap", "first", inputs)
	_, err := f.tryCreate("core/v1:ConfigMap", "second", inputs)
	if err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("an object that exists: %v", err)
	}
	upsert := newFixture(t, object{"upsertExistingObjects": true})
	upsert.namespace = f.namespace
	r := upsert.create("core/v1:ConfigMap", "third", inputs)
	r.Unchanged("after taking it over", inputs)

	// Both managers own the field now: another value conflicts, unless forced.
	other := object{"metadata": f.meta("own", nil), "data": object{"a": "2"}}
	if _, err := upsert.tryCreate("core/v1:ConfigMap", "fourth", other); err == nil ||
		!strings.Contains(err.Error(), "pulumi.com/patchForce") {
		t.Errorf("no conflict: %v", err)
	}
	annotated := f.meta("own", object{"annotations": object{"pulumi.com/patchForce": "true"}})
	upsert.create("core/v1:ConfigMap", "fifth", merged(other, object{"metadata": annotated}))
	if data := f.live(configMaps, "own").Object["data"].(object); data["a"] != "2" {
		t.Errorf("forced: %v", data)
	}
}

func TestIgnoredChangesKeepTheLiveValue(t *testing.T) {
	f := newFixture(t, nil)
	inputs := f.deployment("web", 1, nil)
	r := f.create("apps/v1:Deployment", "web", inputs)
	f.patch(deployments, "web", `{"spec":{"replicas":3}}`, "scale") // as the autoscaler does
	labelled := f.deployment("web", 1, nil)
	labelled["metadata"].(object)["labels"] = object{"app": "web", "new": "yes"}
	if err := r.Update(labelled, "spec.replicas"); err != nil {
		t.Fatal(err)
	}
	live := f.live(deployments, "web")
	if n := live.Object["spec"].(object)["replicas"]; n != int64(3) || live.GetLabels()["new"] != "yes" {
		t.Errorf("replicas %v, labels %v", n, live.GetLabels())
	}
}

func TestErrorsAndWarningsOfTheAPIServer(t *testing.T) {
	f := newFixture(t, nil)
	bad := f.deployment("web", 1, nil)
	bad["spec"].(object)["selector"] = object{"matchLabels": object{"app": "other"}}
	if _, err := f.preview("apps/v1:Deployment", "web", bad); err == nil || !strings.Contains(err.Error(), "selector") {
		t.Errorf("preview of an invalid object: %v", err)
	}
	if r, err := f.tryCreate("apps/v1:Deployment", "web", bad); err == nil || r.ID != "" {
		t.Errorf("created: %q, %v", r.ID, err)
	}
	typo := f.deployment("web", 1, object{"contaners": []any{}})
	if _, err := f.preview("apps/v1:Deployment", "web", typo); err == nil || !strings.Contains(err.Error(), "contaners") {
		t.Errorf("an unknown field: %v", err)
	}
	meta := object{"name": "c", "namespace": "not-yet"}
	if _, err := f.preview("core/v1:ConfigMap", "c", object{"metadata": meta}); err != nil {
		t.Errorf("preview in a namespace that does not exist yet: %v", err)
	}
	began := time.Now()
	thing := object{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": meta}
	if _, err := f.preview("example.com/v1:Thing", "c", thing); err != nil {
		t.Errorf("preview of a kind that is not defined yet: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the preview took %s", took)
	}

	_, err := f.api.Resource(namespaces).Patch(t.Context(), f.namespace, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/warn":"restricted"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := logged(t, func() { f.create("apps/v1:Deployment", "web", f.deployment("web", 1, nil)) })
	if !strings.Contains(text, "level=WARN") || !strings.Contains(text, "would violate PodSecurity") {
		t.Errorf("the warning is not shown: %s", text)
	}
}

// TestStateSuitsTheOfficialPlugin expects the state to hold the inputs and the first API version: without them the
// official plugin would replace every object of a stack that it takes over, a database's claim among them.
func TestStateSuitsTheOfficialPlugin(t *testing.T) {
	f := newFixture(t, nil)
	const kind = "core/v1:Secret"
	secret := func(password string) object {
		return object{
			"apiVersion": "v1", "kind": "Secret", "metadata": f.meta("password", nil), "type": "Opaque",
			"stringData": object{"password": password},
		}
	}
	r := f.create(kind, "password", secret("first"))
	check := func(when, password string) {
		t.Helper()
		in, version := r.State.Get("__inputs"), r.State.Get("__initialApiVersion")
		if !in.IsMap() || !version.IsString() || version.AsString() != "v1" {
			t.Fatalf("%s: inputs %v, version %v", when, in, version)
		}
		data := in.AsMap().Get("stringData")
		if !data.Secret() || data.AsMap().Get("password").AsString() != password || in.AsMap().Len() != 5 {
			t.Errorf("%s: %v", when, in)
		}
	}
	check("created", "first")
	if err := r.Update(secret("second")); err != nil {
		t.Fatal(err)
	}
	check("updated", "second")
	f.patch(secrets, "password", `{"data":{"password":"dGhpcmQ="}}`)
	r.Refresh()
	check("refreshed", "third")
}
