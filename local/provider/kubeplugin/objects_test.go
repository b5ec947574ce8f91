package kubeplugin_test

import (
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func (w *world) meta(name string, more object) object {
	m := object{"namespace": w.namespace}
	if name != "" {
		m["name"] = name
	}
	for k, v := range more {
		m[k] = v
	}
	return m
}

func podSpec(more object) object {
	spec := object{"containers": []any{object{
		"name": "main", "image": "docker.io/library/nginx:1.29",
		// The API server writes these quantities its own way: 1, 128Mi.
		"resources": object{"requests": object{"cpu": "100m", "memory": "131072Ki"}, "limits": object{"cpu": "1000m"}},
		"ports":     []any{object{"containerPort": 80.0}},
		"env":       []any{object{"name": "A", "value": "1"}},
	}}}
	for k, v := range more {
		spec[k] = v
	}
	return spec
}

func (w *world) deployment(name string, replicas float64, pod object) object {
	labels := object{"app": name}
	return object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": w.meta(name, object{"labels": object{"app": name}}),
		"spec": object{
			"replicas": replicas, "selector": object{"matchLabels": labels},
			"template": object{"metadata": object{"labels": labels}, "spec": podSpec(pod)},
		},
	}
}

func TestDeploymentThroughItsLife(t *testing.T) {
	w := newWorld(t, nil)
	inputs := w.deployment("web", 2, nil)

	preview, err := w.preview("apps/v1:Deployment", "web", inputs)
	if err != nil {
		t.Fatal(err)
	}
	if !preview.Get("status").IsComputed() || !preview.Get("metadata").AsMap().Get("uid").IsComputed() {
		t.Errorf("preview: status and uid must be unknown: %v", preview)
	}
	if v := preview.Get("spec").AsMap().Get("progressDeadlineSeconds"); !v.IsNumber() {
		t.Errorf("preview: the API server's defaults are missing: %v", preview.Get("spec"))
	}

	r := w.create("apps/v1:Deployment", "web", inputs)
	if r.id != w.namespace+"/web" {
		t.Errorf("id %q", r.id)
	}
	if ready := r.state.Get("status").AsMap().Get("readyReplicas"); !ready.IsNumber() || ready.AsNumber() != 2 {
		t.Errorf("not ready when created: %v", r.state.Get("status"))
	}
	r.unchanged("after the creation", inputs)
	if !r.refresh() {
		t.Fatal("refresh: gone")
	}
	r.unchanged("after a refresh", inputs)

	more := w.deployment("web", 3, nil)
	if d := r.diff(more); d.DetailedDiff["spec.replicas"].Kind != p.Update || len(d.DetailedDiff) != 1 {
		t.Errorf("replicas: %v", d.DetailedDiff)
	}
	if err := r.update(more); err != nil {
		t.Fatal(err)
	}
	if n := r.state.Get("status").AsMap().Get("readyReplicas").AsNumber(); n != 3 {
		t.Errorf("%v ready after the update", n)
	}
	r.unchanged("after the update", more)

	w.patch(deployments, "web", `{"spec":{"replicas":1},"metadata":{"labels":{"app":null,"theirs":"x"}}}`)
	r.refresh()
	d := r.diff(more)
	if d.DetailedDiff["spec.replicas"].Kind != p.Update || d.DetailedDiff["metadata.labels.app"].Kind != p.Add || len(d.DetailedDiff) != 2 {
		t.Errorf("drift: %v", d.DetailedDiff)
	}

	other := w.deployment("web", 3, nil)
	other["spec"].(object)["selector"] = object{"matchLabels": object{"app": "other"}}
	d = r.diff(other)
	if d.DetailedDiff["spec.selector.matchLabels.app"].Kind != p.UpdateReplace || !d.DeleteBeforeReplace {
		t.Errorf("another selector: %+v", d)
	}

	imported, err := w.plugin.Read(t.Context(), p.ReadRequest{ID: r.id, Urn: r.urn})
	if err != nil || imported.ID != r.id {
		t.Fatalf("import: %v %v", imported.ID, err)
	}
	if imported.Inputs.Get("spec").AsMap().Get("replicas").AsNumber() != 1 || !imported.Inputs.Get("status").IsNull() {
		t.Errorf("import: %v", imported.Inputs)
	}

	r.delete()
	if r.refresh() {
		t.Error("still there after its deletion")
	}
	r.delete()
}

func TestNamesAndReplacements(t *testing.T) {
	w := newWorld(t, nil)
	inputs := object{"metadata": w.meta("", nil), "data": object{"a": "1"}}
	r := w.create("core/v1:ConfigMap", "settings", inputs)
	if !strings.HasPrefix(r.name(), "settings-") || len(r.name()) != len("settings-")+8 {
		t.Errorf("name %q", r.name())
	}
	r.unchanged("after the creation", inputs)
	d := r.diff(object{"metadata": w.meta("", nil), "data": object{"a": "2"}})
	if d.DetailedDiff["data.a"].Kind != p.UpdateReplace || d.DeleteBeforeReplace {
		t.Errorf("changed data of a ConfigMap with a chosen name: %+v", d)
	}
	d = r.diff(object{"metadata": w.meta("own", nil), "data": object{"a": "1"}})
	if d.DetailedDiff["metadata.name"].Kind != p.UpdateReplace || d.DeleteBeforeReplace {
		t.Errorf("another name: %+v", d)
	}

	mutable := newWorld(t, object{"enableConfigMapMutable": true})
	m := mutable.create("core/v1:ConfigMap", "settings", object{"metadata": mutable.meta("own", nil), "data": object{"a": "1", "b": "1"}})
	changed := object{"metadata": mutable.meta("own", nil), "data": object{"a": "2"}}
	if d := m.diff(changed); d.DetailedDiff["data.a"].Kind != p.Update || d.DetailedDiff["data.b"].Kind != p.Delete {
		t.Errorf("mutable: %v", d.DetailedDiff)
	}
	if err := m.update(changed); err != nil {
		t.Fatal(err)
	}
	data := mutable.live(configMaps, "own").Object["data"].(object)
	if len(data) != 1 || data["a"] != "2" {
		t.Errorf("data %v: what the program no longer sets must be gone", data)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	w := newWorld(t, object{"enableSecretMutable": true})
	inputs := object{"metadata": w.meta("password", nil), "stringData": object{"a": "one", "b": "two"}}
	r := w.create("core/v1:Secret", "password", inputs)
	if !r.state.Get("data").Secret() {
		t.Errorf("data is no secret: %v", r.state.Get("data"))
	}
	r.unchanged("after the creation", inputs)
	r.refresh()
	r.unchanged("after a refresh", inputs)
	w.patch(secrets, "password", `{"stringData":{"a":"else"}}`)
	r.refresh()
	if d := r.diff(inputs); d.DetailedDiff["stringData.a"].Kind != p.Update || len(d.DetailedDiff) != 1 {
		t.Errorf("drift: %v", d.DetailedDiff)
	}
	fewer := object{"metadata": w.meta("password", nil), "stringData": object{"b": "two"}}
	if err := r.update(fewer); err != nil {
		t.Fatal(err)
	}
	data := w.live(secrets, "password").Object["data"].(object)
	if _, theirs := data["a"]; !theirs || data["b"] == nil {
		t.Errorf("what somebody else set must stay: %v", data)
	}

	mixed := property.New("s").WithSecret(true)
	annotations := property.NewMap(map[string]property.Value{"plain": property.New("p"), "hidden": mixed})
	u := newURN("core/v1:ConfigMap", "c")
	made, err := w.plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: property.NewMap(map[string]property.Value{
		"metadata": property.New(property.NewMap(map[string]property.Value{
			"name": property.New("c"), "namespace": property.New(w.namespace), "annotations": property.New(annotations),
		})),
	})})
	if err != nil {
		t.Fatal(err)
	}
	got := made.Properties.Get("metadata").AsMap().Get("annotations").AsMap()
	if !got.Get("hidden").Secret() || got.Get("plain").Secret() {
		t.Errorf("secrets: %v", got)
	}
}

func TestWhatIsThereIsNotTakenOver(t *testing.T) {
	w := newWorld(t, nil)
	inputs := object{"metadata": w.meta("own", nil), "data": object{"a": "1"}}
	w.create("core/v1:ConfigMap", "first", inputs)
	if _, err := w.tryCreate("core/v1:ConfigMap", "second", inputs); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("taken over: %v", err)
	}
	upsert := newWorld(t, object{"upsertExistingObjects": true})
	upsert.namespace = w.namespace
	r := upsert.create("core/v1:ConfigMap", "third", inputs)
	r.unchanged("after taking it over", inputs)

	// The first one's manager owns the field now as well: another value conflicts, unless forced.
	if _, err := upsert.tryCreate("core/v1:ConfigMap", "fourth", object{"metadata": w.meta("own", nil), "data": object{"a": "2"}}); err == nil ||
		!strings.Contains(err.Error(), "pulumi.com/patchForce") {
		t.Errorf("no conflict: %v", err)
	}
	forced := object{"metadata": w.meta("own", object{"annotations": object{"pulumi.com/patchForce": "true"}}), "data": object{"a": "2"}}
	upsert.create("core/v1:ConfigMap", "fifth", forced)
	if data := w.live(configMaps, "own").Object["data"].(object); data["a"] != "2" {
		t.Errorf("forced: %v", data)
	}
}

func TestIgnoredChangesAreLeftToTheirOwner(t *testing.T) {
	w := newWorld(t, nil)
	inputs := w.deployment("web", 1, nil)
	r := w.create("apps/v1:Deployment", "web", inputs)
	w.patch(deployments, "web", `{"spec":{"replicas":3}}`, "scale") // as the autoscaler does
	labelled := w.deployment("web", 1, nil)
	labelled["metadata"].(object)["labels"] = object{"app": "web", "new": "yes"}
	if err := r.update(labelled, "spec.replicas"); err != nil {
		t.Fatal(err)
	}
	live := w.live(deployments, "web")
	if n := live.Object["spec"].(object)["replicas"]; n != int64(3) || live.GetLabels()["new"] != "yes" {
		t.Errorf("replicas %v, labels %v", n, live.GetLabels())
	}
}

func TestRefusalsAndWarningsOfTheAPIServer(t *testing.T) {
	w := newWorld(t, nil)
	bad := w.deployment("web", 1, nil)
	bad["spec"].(object)["selector"] = object{"matchLabels": object{"app": "other"}}
	if _, err := w.preview("apps/v1:Deployment", "web", bad); err == nil || !strings.Contains(err.Error(), "selector") {
		t.Errorf("preview of what the API server refuses: %v", err)
	}
	if r, err := w.tryCreate("apps/v1:Deployment", "web", bad); err == nil || r.id != "" {
		t.Errorf("created: %q, %v", r.id, err)
	}
	typo := w.deployment("web", 1, object{"contaners": []any{}})
	if _, err := w.preview("apps/v1:Deployment", "web", typo); err == nil || !strings.Contains(err.Error(), "contaners") {
		t.Errorf("an unknown field: %v", err)
	}
	if _, err := w.preview("core/v1:ConfigMap", "c", object{"metadata": object{"name": "c", "namespace": "not-yet"}}); err != nil {
		t.Errorf("preview in a namespace that is still to be made: %v", err)
	}
	began := time.Now()
	if _, err := w.preview("example.com/v1:Thing", "c", object{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": object{"name": "c", "namespace": "x"}}); err != nil {
		t.Errorf("preview of a kind that is still to be defined: %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("that took %s", took)
	}

	_, err := w.api.Resource(namespaces).Patch(t.Context(), w.namespace, "application/merge-patch+json",
		[]byte(`{"metadata":{"labels":{"pod-security.kubernetes.io/warn":"restricted"}}}`), metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := logged(t, func() { w.create("apps/v1:Deployment", "web", w.deployment("web", 1, nil)) })
	if !strings.Contains(text, "level=WARN") || !strings.Contains(text, "would violate PodSecurity") {
		t.Errorf("the warning is not shown: %s", text)
	}
}
