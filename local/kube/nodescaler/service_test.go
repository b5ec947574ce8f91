package nodescaler

import (
	"encoding/json"
	"slices"
	"testing"

	"oke-guestbook/local/cloud"
)

// TestTemplateOfAPreemptiblePool expects the label and the taint that OKE gives preemptible nodes, and no other node.
func TestTemplateOfAPreemptiblePool(t *testing.T) {
	for placement, preemptible := range map[string]bool{
		`{"preemptibleNodeConfig":{"preemptionAction":{"type":"TERMINATE"}}}`: true, `{}`: false,
	} {
		var p pool
		if err := json.Unmarshal([]byte(`{"nodeConfigDetails":{"placementConfigs":[`+placement+`]}}`), &p); err != nil {
			t.Fatal(err)
		}
		node := p.template()
		label, tainted := node.Labels[cloud.PreemptibleKey], slices.Contains(node.Taints, cloud.PreemptibleTaint)
		if (label == "true") != preemptible || tainted != preemptible {
			t.Errorf("%s: label %q, taints %v", placement, label, node.Taints)
		}
	}
}
