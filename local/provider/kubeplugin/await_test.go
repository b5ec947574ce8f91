package kubeplugin_test

import (
	"context"
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func TestWaitingThatFailsSaysWhyAndLosesNothing(t *testing.T) {
	w := newWorld(t, nil)
	nowhere := w.deployment("web", 1, object{"nodeSelector": object{"no": "such"}})
	nowhere["metadata"].(object)["annotations"] = object{"pulumi.com/timeoutSeconds": "3"}
	u := newURN("apps/v1:Deployment", "web")
	made, err := w.plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: w.check(u, inputsNone, nowhere)})
	if err == nil {
		t.Fatal("ready")
	}
	for _, part := range []string{"not ready within 3s", "Pod web-", "Unschedulable", "didn't match Pod's node affinity"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message lacks %q: %v", part, err)
		}
	}
	if made.ID != w.namespace+"/web" || made.PartialState == nil {
		t.Errorf("the Deployment is lost: %q %v", made.ID, made.PartialState)
	}

	nowhere["metadata"].(object)["annotations"] = object{"pulumi.com/skipAwait": "true"}
	began := time.Now()
	nowhere["metadata"].(object)["name"] = "skipped"
	w.create("apps/v1:Deployment", "skipped", nowhere)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("skipAwait waited %s", took)
	}
}

func TestLoadBalancerServiceWaitsForItsAddress(t *testing.T) {
	w := newWorld(t, nil)
	done := make(chan *resource)
	go func() {
		r, err := w.tryCreate("core/v1:Service", "lb", object{
			"metadata": w.meta("lb", nil), "spec": object{"type": "LoadBalancer", "ports": []any{object{"port": 80.0}}},
		})
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	eventually(t, func() bool {
		_, err := w.api.Resource(services).Namespace(w.namespace).Get(t.Context(), "lb", metav1.GetOptions{})
		return err == nil
	})
	select {
	case <-done:
		t.Fatal("it did not wait")
	default:
	}
	w.patch(services, "lb", `{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}}`, "status")
	ingress := (<-done).state.Get("status").AsMap().Get("loadBalancer").AsMap().Get("ingress").AsArray()
	if ip := ingress.Get(0).AsMap().Get("ip").AsString(); ip != "203.0.113.7" {
		t.Errorf("address %q", ip)
	}
}

func TestServicesOfEveryKind(t *testing.T) {
	w := newWorld(t, nil)
	w.create("apps/v1:Deployment", "web", w.deployment("web", 1, nil))
	ports := []any{object{"port": 80.0}}
	for name, spec := range map[string]object{
		"clusterip": {"selector": object{"app": "web"}, "ports": ports},
		"nodeport":  {"type": "NodePort", "selector": object{"app": "web"}, "ports": ports},
		"headless":  {"clusterIP": "None", "selector": object{"app": "none"}, "ports": ports},
		"external":  {"type": "ExternalName", "externalName": "db.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.T = t
			inputs := object{"metadata": w.meta(name, nil), "spec": spec}
			r := w.create("core/v1:Service", name, inputs)
			r.refresh()
			r.unchanged("after a refresh", inputs)
			if d := r.diff(object{"metadata": w.meta(name, nil), "spec": merged(spec, object{"clusterIP": "10.96.0.99"})}); !d.DeleteBeforeReplace {
				t.Errorf("another clusterIP: %+v", d)
			}
			r.delete()
		})
	}
}

func merged(a, b object) object {
	out := object{}
	for k, v := range a {
		out[k] = v
	}
	for k, v := range b {
		out[k] = v
	}
	return out
}

func TestJobIsWaitedForToItsEnd(t *testing.T) {
	w := newWorld(t, nil)
	job := func(name string, deadline float64) object {
		return object{
			"metadata": w.meta(name, nil),
			"spec": object{
				"backoffLimit": 0.0, "activeDeadlineSeconds": deadline,
				"template": object{"spec": podSpec(object{"restartPolicy": "Never"})},
			},
		}
	}
	r := w.create("batch/v1:Job", "good", job("good", 300))
	if n := r.state.Get("status").AsMap().Get("succeeded"); !n.IsNumber() || n.AsNumber() != 1 {
		t.Errorf("not complete: %v", r.state.Get("status"))
	}
	r.refresh()
	r.unchanged("after a refresh", job("good", 300))
	if d := r.diff(merged(job("good", 300), object{"spec": object{"template": object{}}})); !d.DeleteBeforeReplace {
		t.Errorf("another template: %+v", d)
	}

	bad := job("bad", 1)
	bad["spec"].(object)["template"].(object)["spec"].(object)["nodeSelector"] = object{"no": "such"}
	if _, err := w.tryCreate("batch/v1:Job", "bad", bad); err == nil || !strings.Contains(err.Error(), "DeadlineExceeded") {
		t.Errorf("a Job that fails: %v", err)
	}
}

func TestClaimThatBindsLateIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, nil)
	class := "late-" + w.namespace
	w.create("storage.k8s.io/v1:StorageClass", "late", object{
		"metadata": object{"name": class}, "provisioner": "example.com/none", "volumeBindingMode": "WaitForFirstConsumer",
	}) // StorageClass has no namespace
	inputs := object{"metadata": w.meta("data", nil), "spec": object{
		"accessModes": []any{"ReadWriteOnce"}, "storageClassName": class, "resources": object{"requests": object{"storage": "50Gi"}},
	}}
	r := w.create("core/v1:PersistentVolumeClaim", "data", inputs)
	r.refresh()
	r.unchanged("after a refresh", inputs)
	r.delete()
}

func TestDefinitionsAndTheirObjects(t *testing.T) {
	w := newWorld(t, nil)
	group := "g" + strings.ReplaceAll(randomName(), "-", "x") + ".example.com"
	thing := object{"apiVersion": group + "/v1", "kind": "Thing", "metadata": w.meta("one", nil), "spec": object{"size": 1.0}}
	definition := w.create("apiextensions.k8s.io/v1:CustomResourceDefinition", "things", object{
		"metadata": object{"name": "things." + group},
		"spec": object{
			"group": group, "scope": "Namespaced", "names": object{"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
			"versions": []any{object{"name": "v1", "served": true, "storage": true, "schema": object{
				"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		},
	})
	r := w.create(group+"/v1:Thing", "one", thing)
	r.refresh()
	r.unchanged("after a refresh", thing)
	definition.delete()
	if r.refresh() {
		t.Error("still there without its definition")
	}
	r.delete()
}

func TestDeletionWaitsForFinalizers(t *testing.T) {
	w := newWorld(t, nil)
	r := w.create("core/v1:ConfigMap", "held", object{"metadata": w.meta("held", object{"finalizers": []any{"example.com/hold"}})})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := w.plugin.Delete(ctx, p.DeleteRequest{ID: r.id, Urn: r.urn, Properties: r.state, OldInputs: r.inputs})
	if err == nil || !strings.Contains(err.Error(), "example.com/hold") {
		t.Errorf("deleted: %v", err)
	}
	w.patch(configMaps, "held", `{"metadata":{"finalizers":null}}`)
	r.delete()
	if r.refresh() {
		t.Error("still there")
	}
}

func eventually(t *testing.T, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !check(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
	}
}
