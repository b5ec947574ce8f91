package kube

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"oke-guestbook/local/eventually"
)

// TestNamespacesEndSooner has Pods that drain for a minute in a namespace that is being deleted, and in another one.
func TestNamespacesEndSooner(t *testing.T) {
	pod := func(namespace string) *corev1.Pod {
		return &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "page", Namespace: namespace},
			Spec:       corev1.PodSpec{TerminationGracePeriodSeconds: new(int64(700))},
		}
	}
	ending := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "ending", UID: "1", DeletionTimestamp: new(metav1.Now()), Finalizers: []string{"kubernetes"},
	}}
	other := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "other", UID: "2"}}
	api := fake.NewClientset(ending, other, pod("ending"), pod("other"))
	graces := make(chan int64, 9)
	api.PrependReactor("delete", "pods", func(action ktesting.Action) (bool, runtime.Object, error) {
		d := action.(ktesting.DeleteAction)
		if d.GetNamespace() != "ending" {
			t.Errorf("deleted a Pod of %s", d.GetNamespace())
		}
		graces <- *d.GetDeleteOptions().GracePeriodSeconds
		return false, nil, nil
	})
	factory := informers.NewSharedInformerFactory(api, 0)
	ender := namespaceEnder{api: api, scaled: func(d time.Duration) time.Duration { return d / 100 }}
	if err := ender.watch(t.Context(), factory, func(f func()) { go f() }); err != nil {
		t.Fatal(err)
	}
	factory.Start(t.Context().Done())
	if grace := <-graces; grace != 7 {
		t.Errorf("grace period %d s, want 7", grace)
	}
	eventually.Succeeds(t, 10*time.Second, "the namespace is looked at again", func(ctx context.Context) error {
		now, err := api.CoreV1().Namespaces().Get(ctx, "ending", metav1.GetOptions{})
		if err == nil && now.Annotations[checkedAnnotation] == "" {
			t.Logf("%+v", now.Annotations)
			return context.DeadlineExceeded
		}
		return err
	})
}
