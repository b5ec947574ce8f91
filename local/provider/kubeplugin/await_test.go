package kubeplugin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"oke-guestbook/local/eventually"
	"oke-guestbook/local/provider/plugintest"
)

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

func TestFailedAwaitGivesTheReasonAndKeepsTheState(t *testing.T) {
	f := newFixture(t, nil)
	unschedulable := f.deployment("web", 1, object{"nodeSelector": object{"no": "such"}})
	unschedulable["metadata"].(object)["annotations"] = object{"pulumi.com/timeoutSeconds": "3"}
	u := newURN("apps/v1:Deployment", "web")
	checked := f.CheckInputs(u, property.Map{}, unschedulable)
	created, err := f.Create(t.Context(), p.CreateRequest{Urn: u, Properties: checked})
	if err == nil {
		t.Fatal("ready")
	}
	for _, part := range []string{"not ready within 3s", "Pod web-", "Unschedulable", "didn't match Pod's node affinity"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the message has no %q: %v", part, err)
		}
	}
	if created.ID != f.namespace+"/web" || created.PartialState == nil {
		t.Errorf("the Deployment is not in the state: %q %v", created.ID, created.PartialState)
	}

	unschedulable["metadata"].(object)["annotations"] = object{"pulumi.com/skipAwait": "true"}
	began := time.Now()
	unschedulable["metadata"].(object)["name"] = "skipped"
	f.create("apps/v1:Deployment", "skipped", unschedulable)
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("skipAwait waited %s", took)
	}
}

// TestGoesBack takes an update back that has failed at its deadline: the Deployment still says so when the next update
// begins.
func TestGoesBack(t *testing.T) {
	f := newFixture(t, nil)
	good := f.deployment("web", 1, nil)
	r := f.create("apps/v1:Deployment", "web", good)
	bad := f.deployment("web", 1, object{"nodeSelector": object{"no": "such"}})
	bad["spec"].(object)["progressDeadlineSeconds"] = 1.0
	if err := r.Update(bad); err == nil || !strings.Contains(err.Error(), "Progress deadline exceeded") {
		t.Fatalf("a Pod for no node: %v", err)
	}
	if err := r.Update(good); err != nil {
		t.Errorf("back: %v", err)
	}
}

// TestCrashesEndTheWait has a container end again and again. The error says how it ended, and what the events of its
// Pod say.
func TestCrashesEndTheWait(t *testing.T) {
	f := newFixture(t, nil)
	failed := make(chan error)
	go func() {
		unscheduled := f.deployment("web", 1, object{"nodeSelector": object{"no": "such"}})
		_, err := f.tryCreate("apps/v1:Deployment", "web", unscheduled)
		failed <- err
	}()
	pods := f.api.Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"}).Namespace(f.namespace)
	var pod unstructured.Unstructured
	eventually.Succeeds(t, 30*time.Second, "the Pod exists", func(ctx context.Context) error {
		list, err := pods.List(ctx, metav1.ListOptions{})
		if err == nil && len(list.Items) == 0 {
			err = errors.New("there is none")
		}
		if err == nil {
			pod = list.Items[0]
		}
		return err
	})
	f.create("core/v1:Event", "probe", object{
		"metadata": f.meta("probe", nil), "type": "Warning", "reason": "Unhealthy", "message": "Readiness probe failed: 503",
		"involvedObject": object{
			"apiVersion": "v1", "kind": "Pod", "name": pod.GetName(), "namespace": f.namespace, "uid": string(pod.GetUID()),
		},
	})
	for restarts := 1; ; restarts++ {
		status := fmt.Sprintf(`{"status":{"containerStatuses":[{"name":"web","image":"","imageID":"","ready":false,
			"restartCount":%d,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off"}},
			"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled"}}}]}}`, restarts)
		_, err := pods.Patch(
			t.Context(), pod.GetName(), types.MergePatchType, []byte(status), metav1.PatchOptions{}, "status")
		if err != nil {
			t.Fatal(err)
		}
		select {
		case err = <-failed:
		case <-time.After(time.Second): // the kubelet starts it again later
			continue
		}
		for _, part := range []string{
			"a container ends again and again", "container web is waiting: CrashLoopBackOff back-off",
			"it ended: OOMKilled, exit code 137", "Pod " + pod.GetName() + ": Unhealthy: Readiness probe failed: 503",
		} {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("the message has no %q: %v", part, err)
			}
		}
		return
	}
}

func TestLoadBalancerServiceWaitsForItsAddress(t *testing.T) {
	f := newFixture(t, nil)
	done := make(chan *plugintest.Resource)
	go func() {
		r, err := f.tryCreate("core/v1:Service", "lb", object{
			"metadata": f.meta("lb", nil), "spec": object{"type": "LoadBalancer", "ports": []any{object{"port": 80.0}}},
		})
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	eventually.Succeeds(t, 30*time.Second, "the Service exists", func(ctx context.Context) error {
		_, err := f.api.Resource(services).Namespace(f.namespace).Get(ctx, "lb", metav1.GetOptions{})
		return err
	})
	select {
	case <-done:
		t.Fatal("it did not wait")
	default:
	}
	f.patch(services, "lb", `{"status":{"loadBalancer":{"ingress":[{"ip":"203.0.113.7"}]}}}`, "status")
	ingress := (<-done).State.Get("status").AsMap().Get("loadBalancer").AsMap().Get("ingress").AsArray()
	if ip := ingress.Get(0).AsMap().Get("ip").AsString(); ip != "203.0.113.7" {
		t.Errorf("address %q", ip)
	}
}

func TestServicesOfAllTypes(t *testing.T) {
	f := newFixture(t, nil)
	f.create("apps/v1:Deployment", "web", f.deployment("web", 1, nil))
	ports := []any{object{"port": 80.0}}
	for name, spec := range map[string]object{
		"clusterip": {"selector": object{"app": "web"}, "ports": ports},
		"nodeport":  {"type": "NodePort", "selector": object{"app": "web"}, "ports": ports},
		"headless":  {"clusterIP": "None", "selector": object{"app": "none"}, "ports": ports},
		"external":  {"type": "ExternalName", "externalName": "db.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			f := *f
			f.T = t
			inputs := object{"metadata": f.meta(name, nil), "spec": spec}
			r := f.create("core/v1:Service", name, inputs)
			r.Refresh()
			r.Unchanged("after a refresh", inputs)
			other := object{"metadata": f.meta(name, nil), "spec": merged(spec, object{"clusterIP": "10.96.0.99"})}
			if d := r.Diff(other); !d.DeleteBeforeReplace {
				t.Errorf("another clusterIP: %+v", d)
			}
			r.Delete()
		})
	}
}

// merged returns a with the values of b.
func merged(a, b object) object {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func TestAwaitOfJobs(t *testing.T) {
	f := newFixture(t, nil)
	job := func(name string, deadline float64) object {
		return object{
			"metadata": f.meta(name, nil),
			"spec": object{
				"backoffLimit": 0.0, "activeDeadlineSeconds": deadline,
				"template": object{"spec": podSpec(object{"restartPolicy": "Never"})},
			},
		}
	}
	r := f.create("batch/v1:Job", "good", job("good", 300))
	if n := r.State.Get("status").AsMap().Get("succeeded"); !n.IsNumber() || n.AsNumber() != 1 {
		t.Errorf("not complete: %v", r.State.Get("status"))
	}
	r.Refresh()
	r.Unchanged("after a refresh", job("good", 300))
	if d := r.Diff(merged(job("good", 300), object{"spec": object{"template": object{}}})); !d.DeleteBeforeReplace {
		t.Errorf("another template: %+v", d)
	}

	bad := job("bad", 1)
	bad["spec"].(object)["template"].(object)["spec"].(object)["nodeSelector"] = object{"no": "such"}
	_, err := f.tryCreate("batch/v1:Job", "bad", bad)
	if err == nil || !strings.Contains(err.Error(), "DeadlineExceeded") {
		t.Errorf("a failing Job: %v", err)
	}
}

func TestNoAwaitOfClaimsThatBindOnFirstUse(t *testing.T) {
	f := newFixture(t, nil)
	class := "late-" + f.namespace
	f.create("storage.k8s.io/v1:StorageClass", "late", object{
		"metadata": object{"name": class}, "provisioner": "example.com/none", "volumeBindingMode": "WaitForFirstConsumer",
	})
	inputs := object{"metadata": f.meta("data", nil), "spec": object{
		"accessModes": []any{"ReadWriteOnce"}, "storageClassName": class,
		"resources": object{"requests": object{"storage": "50Gi"}},
	}}
	r := f.create("core/v1:PersistentVolumeClaim", "data", inputs)
	r.Refresh()
	r.Unchanged("after a refresh", inputs)
	r.Delete()
}

func TestCustomResourceDefinitions(t *testing.T) {
	f := newFixture(t, nil)
	group := "g" + strings.ReplaceAll(uniqueName(), "-", "x") + ".example.com"
	thing := object{
		"apiVersion": group + "/v1", "kind": "Thing", "metadata": f.meta("one", nil), "spec": object{"size": 1.0},
	}
	definition := f.create("apiextensions.k8s.io/v1:CustomResourceDefinition", "things", object{
		"metadata": object{"name": "things." + group},
		"spec": object{
			"group": group, "scope": "Namespaced",
			"names": object{"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
			"versions": []any{object{"name": "v1", "served": true, "storage": true, "schema": object{
				"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true},
			}}},
		},
	})
	r := f.create(group+"/v1:Thing", "one", thing)
	r.Refresh()
	r.Unchanged("after a refresh", thing)
	definition.Delete()
	if r.Refresh() {
		t.Error("the object exists without its definition")
	}
	r.Delete()
}

func TestDeletionWaitsForFinalizers(t *testing.T) {
	f := newFixture(t, nil)
	meta := f.meta("held", object{"finalizers": []any{"example.com/hold"}})
	r := f.create("core/v1:ConfigMap", "held", object{"metadata": meta})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	err := f.Delete(ctx, p.DeleteRequest{ID: r.ID, Urn: r.URN, Properties: r.State, OldInputs: r.Inputs})
	if err == nil || !strings.Contains(err.Error(), "example.com/hold") {
		t.Errorf("deletion with a finalizer: %v", err)
	}
	f.patch(configMaps, "held", `{"metadata":{"finalizers":null}}`)
	r.Delete()
	if r.Refresh() {
		t.Error("it exists after its deletion")
	}
}
