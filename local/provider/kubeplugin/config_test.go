package kubeplugin_test

import (
	"strings"
	"testing"

	p "github.com/pulumi/pulumi-go-provider"

	"oke-guestbook/local/provider/kubeplugin"
	"oke-guestbook/local/provider/value"
)

// configFor returns a kubeconfig for an API server.
func configFor(server string) string {
	return `{"apiVersion":"v1","kind":"Config","current-context":"c",
"clusters":[{"name":"c","cluster":{"server":"` + server + `"}}],
"contexts":[{"name":"c","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":{}}]}`
}

func TestDiffConfig(t *testing.T) {
	a, b := configFor("https://a"), configFor("https://b")
	for name, c := range map[string]struct {
		old, now          object
		changes, replaces bool
	}{
		"no change":          {object{"kubeconfig": a}, object{"kubeconfig": a}, false, false},
		"another cluster":    {object{"kubeconfig": a}, object{"kubeconfig": b}, true, true},
		"another text":       {object{"kubeconfig": a}, object{"kubeconfig": a + "\n"}, true, false},
		"another option":     {object{"kubeconfig": a}, object{"kubeconfig": a, "deleteUnreachable": true}, true, false},
		"unknown kubeconfig": {object{"kubeconfig": a}, object{"kubeconfig": value.Unknown{}}, true, true},
		"the same identifier": {
			object{"kubeconfig": a, "clusterIdentifier": "x"}, object{"kubeconfig": b, "clusterIdentifier": "x"}, true, false,
		},
		"another identifier": {
			object{"kubeconfig": a, "clusterIdentifier": "x"}, object{"kubeconfig": a, "clusterIdentifier": "y"}, true, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			old := value.OfMap(c.old)
			req := p.DiffRequest{OldInputs: old, State: old, Inputs: value.OfMap(c.now)}
			d, err := kubeplugin.New().WithDefaults().DiffConfig(t.Context(), req)
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

func TestUnknownAndUnreachableClusters(t *testing.T) {
	u := newURN("core/v1:ConfigMap", "c")
	inputs := value.OfMap(object{"metadata": object{"name": "c", "namespace": "x"}, "data": object{"a": "1"}})

	plugin := kubeplugin.New().WithDefaults()
	unknown := p.ConfigureRequest{Args: value.OfMap(object{"kubeconfig": value.Unknown{}})}
	if err := plugin.Configure(t.Context(), unknown); err != nil {
		t.Fatal(err)
	}
	preview, err := plugin.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs, DryRun: true})
	if err != nil || preview.Properties.Get("data").AsMap().Get("a").AsString() != "1" {
		t.Errorf("preview with an unknown cluster: %v, %v", preview.Properties, err)
	}

	unreachable := object{"kubeconfig": configFor("http://127.0.0.1:1")}
	plugin = configured(t, unreachable)
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
		t.Error("refresh: no error")
	}

	plugin = configured(t, merged(unreachable, object{"deleteUnreachable": true}))
	if err := plugin.Delete(t.Context(), deletion); err != nil {
		t.Errorf("deleteUnreachable: %v", err)
	}
	if read, err := plugin.Read(t.Context(), refresh); err != nil || read.ID != "" {
		t.Errorf("deleteUnreachable: %v, %v", read, err)
	}
	plugin = configured(t, merged(unreachable, object{"skipUpdateUnreachable": true}))
	if read, err := plugin.Read(t.Context(), refresh); err != nil || read.ID != "x/c" {
		t.Errorf("skipUpdateUnreachable: %v, %v", read, err)
	}
}

func TestUnsupportedFeatures(t *testing.T) {
	plugin := kubeplugin.New().WithDefaults()
	for _, kind := range []string{
		"helm.sh/v3:Release", "yaml/v2:ConfigGroup", "core/v1:ConfigMapPatch", "core/v1:ConfigMapList",
	} {
		_, err := plugin.Check(t.Context(), p.CheckRequest{Urn: newURN(kind, "x")})
		if err == nil || !strings.Contains(err.Error(), "stand-in") {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if _, err := plugin.Invoke(t.Context(), p.InvokeRequest{Token: "kubernetes:yaml:decode"}); err == nil {
		t.Error("invoke: no error")
	}
	for name, v := range map[string]any{"renderYamlToDirectory": "out", "enableServerSideApply": false} {
		err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(object{name: v})})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := plugin.Configure(t.Context(), p.ConfigureRequest{Args: value.OfMap(object{"kubeconfig": "{nonsense"})})
	if err == nil || !strings.Contains(err.Error(), "kubeconfig") {
		t.Errorf("invalid kubeconfig: %v", err)
	}
}
