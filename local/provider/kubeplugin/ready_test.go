package kubeplugin

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TestAwaitOfRaisedQuota checks that a quota is ready only when the controller has put the new limit in force.
func TestAwaitOfRaisedQuota(t *testing.T) {
	hard := func(claims string) map[string]any {
		return map[string]any{"hard": map[string]any{"persistentvolumeclaims": claims}}
	}
	quota := &unstructured.Unstructured{Object: map[string]any{"spec": hard("3"), "status": hard("1")}}
	if ready, _, _ := quotaReady(quota); ready {
		t.Error("ready with the old limit in force")
	}
	quota.Object["status"] = hard("3")
	if ready, _, _ := quotaReady(quota); !ready {
		t.Error("not ready with the new limit in force")
	}
}
