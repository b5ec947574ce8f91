package kubeplugin_test

import (
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi/sdk/v3/go/property"

	"oke-guestbook/local/provider/kubeplugin"
	"oke-guestbook/local/provider/value"
)

var inputsNone = property.Map{}

func configFor(server string) string {
	return `{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"c","cluster":{"server":"` + server + `"}}],
"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`
}

func TestAnotherClusterReplacesTheProvider(t *testing.T) {
	unknown := property.New(property.Computed)
	for name, c := range map[string]struct {
		old, now property.Map
		changes  bool
		replaces bool
	}{
		"the same":            {value.OfMap(object{"kubeconfig": configFor("https://a")}), value.OfMap(object{"kubeconfig": configFor("https://a")}), false, false},
		"another cluster":     {value.OfMap(object{"kubeconfig": configFor("https://a")}), value.OfMap(object{"kubeconfig": configFor("https://b")}), true, true},
		"another text":        {value.OfMap(object{"kubeconfig": configFor("https://a")}), value.OfMap(object{"kubeconfig": configFor("https://a") + "\n"}), true, false},
		"another option":      {value.OfMap(object{"kubeconfig": configFor("https://a")}), value.OfMap(object{"kubeconfig": configFor("https://a"), "deleteUnreachable": true}), true, false},
		"not known yet":       {value.OfMap(object{"kubeconfig": configFor("https://a")}), property.NewMap(map[string]property.Value{"kubeconfig": unknown}), true, true},
		"the same identifier": {value.OfMap(object{"kubeconfig": configFor("https://a"), "clusterIdentifier": "x"}), value.OfMap(object{"kubeconfig": configFor("https://b"), "clusterIdentifier": "x"}), true, false},
		"another identifier":  {value.OfMap(object{"kubeconfig": configFor("https://a"), "clusterIdentifier": "x"}), value.OfMap(object{"kubeconfig": configFor("https://a"), "clusterIdentifier": "y"}), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := kubeplugin.New().WithDefaults().DiffConfig(t.Context(), p.DiffRequest{OldInputs: c.old, State: c.old, Inputs: c.now})
			if err != nil {
				t.Fatal(err)
			}
			replaces := false
			for _, change := range d.DetailedDiff {
				replaces = replaces || change.Kind == p.UpdateReplace
			}
			if d.HasChanges != c.changes || replaces != c.replaces {
				t.Errorf("changes %t, replaces %t", d.HasChanges, replaces)
			}
		})
	}
}

func TestClusterThatIsNotKnownOrNotThere(t *testing.T) {
	u := newURN("core/v1:ConfigMap", "c")
	inputs := value.OfMap(object{"metadata": object{"name": "c", "namespace": "x"}, "data": object{"a": "1"}})

	plugin := kubeplugin.New().WithDefaults()
	if err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: property.NewMap(map[string]property.Value{"kubeconfig": property.New(property.Computed)})}); err != nil {
		t.Fatal(err)
	}
	preview, err := plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs, DryRun: true})
	if err != nil || preview.Properties.Get("data").AsMap().Get("a").AsString() != "1" {
		t.Errorf("preview without a cluster: %v, %v", preview.Properties, err)
	}

	gone := object{"kubeconfig": configFor("http://127.0.0.1:1")}
	plugin = configured(t, gone)
	if _, err := plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs, DryRun: true}); err != nil {
		t.Errorf("preview: %v", err)
	}
	_, err = plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
	if err == nil || !strings.Contains(err.Error(), "cluster is unreachable") {
		t.Errorf("creation: %v", err)
	}
	deletion := p.DeleteRequest{ID: "x/c", Urn: u, Properties: inputs, OldInputs: inputs}
	if err := plugin.Delete(t.Context(), deletion); err == nil || !strings.Contains(err.Error(), "deleteUnreachable") {
		t.Errorf("deletion: %v", err)
	}
	refresh := p.ReadRequest{ID: "x/c", Urn: u, Properties: inputs, Inputs: inputs}
	if _, err := plugin.Read(t.Context(), refresh); err == nil {
		t.Error("refresh: read something")
	}

	plugin = configured(t, merged(gone, object{"deleteUnreachable": true}))
	if err := plugin.Delete(t.Context(), deletion); err != nil {
		t.Errorf("deleteUnreachable: %v", err)
	}
	if read, err := plugin.Read(t.Context(), refresh); err != nil || read.ID != "" {
		t.Errorf("deleteUnreachable: %v, %v", read, err)
	}
	plugin = configured(t, merged(gone, object{"skipUpdateUnreachable": true}))
	if read, err := plugin.Read(t.Context(), refresh); err != nil || read.ID != "x/c" {
		t.Errorf("skipUpdateUnreachable: %v, %v", read, err)
	}
}

func TestWhatTheStandInLacks(t *testing.T) {
	plugin := kubeplugin.New().WithDefaults()
	for _, kind := range []string{"helm.sh/v3:Release", "yaml/v2:ConfigGroup", "core/v1:ConfigMapPatch", "core/v1:ConfigMapList"} {
		_, err := plugin.Check(t.Context(), p.CheckRequest{Urn: newURN(kind, "x")})
		if err == nil || !strings.Contains(err.Error(), "stand-in") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := plugin.Invoke(t.Context(), p.InvokeRequest{Token: "kubernetes:yaml:decode"}); err == nil {
		t.Error("a function was invoked")
	}
	for name, v := range map[string]any{"renderYamlToDirectory": "out", "enableServerSideApply": false} {
		if err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(object{name: v})}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(object{"kubeconfig": "{nonsense"})}); err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("nonsense: %v", err)
	}
}
