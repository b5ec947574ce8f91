package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"

	"oke-guestbook/local/eventually"
)

const workers = 3 // nodes, one for each member of the database's replica set

// TestAdmission creates all objects of both profiles of the program on a real API server, with strict field validation,
// Pod Security levels and quotas. Warnings are failures, too. Then it waits until the workloads run.
func TestAdmission(t *testing.T) {
	c := newCloud(t)
	cluster := c.cluster("v1.36.4")
	c.pool(cluster, "v1.36.4", workers)
	cfg := c.config(cluster)
	warnings := &warningRecorder{}
	cfg.WarningHandler = warnings
	api, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a := &applier{t: t, api: api, objects: readObjects(t, "../../tests/testdata/objects.yaml")}
	if a.dynamic, err = dynamic.NewForConfig(cfg); err != nil {
		t.Fatal(err)
	}
	groups, err := restmapper.GetAPIGroupResources(api.Discovery())
	if err != nil {
		t.Fatal(err)
	}
	a.mapper = restmapper.NewDiscoveryRESTMapper(groups)
	kinds := map[string]int{}
	for _, o := range a.objects {
		a.create(o)
		kinds[o.GetKind()]++
	}
	for _, kind := range []string{
		"Namespace", "ResourceQuota", "LimitRange", "ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim",
		"Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Service", "NetworkPolicy",
		"HorizontalPodAutoscaler", "PodDisruptionBudget", "ClusterRole", "ClusterRoleBinding",
	} {
		if kinds[kind] == 0 {
			t.Errorf("the file holds no %s", kind)
		}
	}
	for _, o := range a.objects {
		a.tryPod(o)
	}
	if t.Failed() {
		t.FailNow()
	}
	for _, o := range a.objects {
		a.wait(o)
	}
	for _, o := range a.objects {
		if o.GetKind() == "CronJob" {
			a.wait(a.create(jobOf(t, o)))
		}
	}
	a.checkGuardRails("full")
	events, err := api.CoreV1().Events("").List(t.Context(), metav1.ListOptions{FieldSelector: "reason=FailedCreate"})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		t.Errorf("%s %s/%s: %s", e.InvolvedObject.Kind, e.Namespace, e.InvolvedObject.Name, e.Message)
	}
	for _, text := range warnings.all() {
		t.Errorf("warning: %s", text)
	}
}

// warningRecorder collects an API server's warnings. It is safe for concurrent use.
type warningRecorder struct {
	mu    sync.Mutex
	texts []string
}

func (w *warningRecorder) HandleWarningHeader(_ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, text)
}

func (w *warningRecorder) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.texts)
}

// readObjects reads a file of YAML documents. TLS Secrets get a new key, because the file has none.
func readObjects(t *testing.T, path string) []*unstructured.Unstructured {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(f, 4096)
	for {
		o := &unstructured.Unstructured{}
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if o.GetKind() == "Secret" && o.Object["type"] == string(corev1.SecretTypeTLS) {
			chain, key, err := cert.GenerateSelfSignedCertKey("guestbook.example.com", nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			o.Object["stringData"] = map[string]any{"tls.crt": string(chain), "tls.key": string(key)}
		}
		list = append(list, o)
	}
	return list
}

type applier struct {
	t       *testing.T
	api     kubernetes.Interface
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
	objects []*unstructured.Unstructured
}

// create creates an object. If it is a quota, it waits until the quota is in force.
func (a *applier) create(o *unstructured.Unstructured) *unstructured.Unstructured {
	a.t.Helper()
	kind := o.GroupVersionKind()
	mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		a.t.Fatal(err)
	}
	var target dynamic.ResourceInterface = a.dynamic.Resource(mapping.Resource)
	if o.GetNamespace() != "" {
		target = a.dynamic.Resource(mapping.Resource).Namespace(o.GetNamespace())
	}
	options := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict}
	if _, err := target.Create(a.t.Context(), o, options); err != nil {
		a.t.Errorf("%s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err)
		return o
	}
	if o.GetKind() == "ResourceQuota" {
		eventually.Succeeds(a.t, 30*time.Second, "quota of "+o.GetNamespace()+" in force", func(ctx context.Context) error {
			quota, err := a.api.CoreV1().ResourceQuotas(o.GetNamespace()).Get(ctx, o.GetName(), metav1.GetOptions{})
			if err == nil && len(quota.Status.Hard) != len(quota.Spec.Hard) {
				err = fmt.Errorf("status %v", quota.Status.Hard)
			}
			return err
		})
	}
	return o
}

// tryPod checks that the API server would admit a Pod of a workload. A controller would get no warnings.
func (a *applier) tryPod(o *unstructured.Unstructured) {
	a.t.Helper()
	path := []string{"spec", "template"}
	if o.GetKind() == "CronJob" {
		path = []string{"spec", "jobTemplate", "spec", "template"}
	}
	template, found, err := unstructured.NestedMap(o.Object, path...)
	if err != nil || !found {
		return
	}
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(template, &pod, true); err != nil {
		a.t.Errorf("Pod of %s %s: %v", o.GetKind(), o.GetName(), err)
		return
	}
	pod.GenerateName, pod.Namespace = "try-", o.GetNamespace()
	if o.GetKind() == "StatefulSet" {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: "data", VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data-mongo-0"},
		}})
	}
	options := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: []string{metav1.DryRunAll}}
	if _, err := a.api.CoreV1().Pods(pod.Namespace).Create(a.t.Context(), &pod, options); err != nil {
		a.t.Errorf("Pod of %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err)
	}
}

// wait waits until the Pods of a workload are available, a Job has succeeded, or a claim is bound.
func (a *applier) wait(o *unstructured.Unstructured) {
	a.t.Helper()
	apps, name := a.api.AppsV1(), o.GetName()
	var count func(ctx context.Context, namespace string) (got, want int32, err error)
	switch o.GetKind() {
	case "Deployment":
		count = func(ctx context.Context, namespace string) (int32, int32, error) {
			d, err := apps.Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
			return d.Status.AvailableReplicas, ptr.Deref(d.Spec.Replicas, 0), err
		}
	case "StatefulSet":
		count = func(ctx context.Context, namespace string) (int32, int32, error) {
			s, err := apps.StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{})
			return s.Status.AvailableReplicas, ptr.Deref(s.Spec.Replicas, 0), err
		}
	case "DaemonSet":
		count = func(ctx context.Context, namespace string) (int32, int32, error) {
			d, err := apps.DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
			return d.Status.NumberAvailable, workers, err
		}
	case "Job":
		count = func(ctx context.Context, namespace string) (int32, int32, error) {
			j, err := a.api.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
			return j.Status.Succeeded, 1, err
		}
	case "PersistentVolumeClaim":
		if strings.HasSuffix(o.GetNamespace(), "elsewhere") {
			return // with an external database, no Pod uses the claim
		}
		count = func(ctx context.Context, namespace string) (int32, int32, error) {
			claim, err := a.api.CoreV1().PersistentVolumeClaims(namespace).Get(ctx, name, metav1.GetOptions{})
			if claim.Status.Phase != corev1.ClaimBound {
				return 0, 1, err
			}
			return 1, 1, err
		}
	default:
		return
	}
	what := fmt.Sprintf("%s %s/%s", o.GetKind(), o.GetNamespace(), name)
	eventually.Succeeds(a.t, 2*time.Minute, what, func(ctx context.Context) error {
		got, want, err := count(ctx, o.GetNamespace())
		if err == nil && got != want {
			err = fmt.Errorf("%d of %d", got, want)
		}
		return err
	})
}

// checkGuardRails checks that the API server rejects Pods that break the namespace's rules.
func (a *applier) checkGuardRails(namespace string) {
	a.t.Helper()
	dryRun := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	pod := func(edit func(*corev1.Pod)) error {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "try-"}, Spec: corev1.PodSpec{
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: new(true), RunAsUser: new(int64(1000)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: "try", Image: "registry.local/try:v1",
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		}}
		edit(p)
		_, err := a.api.CoreV1().Pods(namespace).Create(a.t.Context(), p, dryRun)
		return err
	}
	if err := pod(func(*corev1.Pod) {}); err != nil {
		a.t.Errorf("a Pod that complies with the rules: %v", err)
	}
	for _, tc := range []struct {
		what, want string
		edit       func(*corev1.Pod)
	}{
		{"a Pod that may run as root", "violates PodSecurity", func(p *corev1.Pod) { p.Spec.SecurityContext = nil }},
		{"a Pod on the node's network", "violates PodSecurity", func(p *corev1.Pod) { p.Spec.HostNetwork = true }},
		{"a privileged container", "violates PodSecurity", func(p *corev1.Pod) {
			p.Spec.Containers[0].SecurityContext = &corev1.SecurityContext{Privileged: new(true)}
		}},
		{"a Pod beyond the quota", "exceeded quota", func(p *corev1.Pod) {
			p.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100")}
		}},
	} {
		if err := pod(tc.edit); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), tc.want) {
			a.t.Errorf("%s: %v, want it forbidden with %q", tc.what, err, tc.want)
		}
	}
}

// jobOf returns a Job like that of `kubectl create job --from=cronjob/...`.
func jobOf(t *testing.T, cronJob *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	spec, found, err := unstructured.NestedMap(cronJob.Object, "spec", "jobTemplate", "spec")
	if err != nil || !found {
		t.Fatalf("CronJob %s has no template: %v", cronJob.GetName(), err)
	}
	job := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	job.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("Job"))
	job.SetNamespace(cronJob.GetNamespace())
	job.SetName(cronJob.GetName() + "-now")
	return job
}
