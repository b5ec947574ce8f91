package cluster

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
)

func userData(t *testing.T, p NodePool) string {
	t.Helper()
	text, err := base64.StdEncoding.DecodeString(p.UserData())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestUserDataGrowsDisk expects OKE's default script, unchanged, and the growth of the root partition before the
// kubelet starts.
func TestUserDataGrowsDisk(t *testing.T) {
	text := userData(t, NodePool{})
	fetch, grow := strings.Index(text, "/metadata/oke_init_script | base64 --decode >/var/run/oke-init.sh\n"),
		strings.Index(text, "bash /usr/libexec/oci-growfs -y\n")
	start := strings.Index(text, "bash /var/run/oke-init.sh\n")
	if !strings.HasPrefix(text, "#!/bin/bash\n") || fetch < 0 || grow < fetch || start < grow {
		t.Errorf("user data:\n%s", text)
	}
}

// TestUserDataTaints expects the kubelet to get the taints as arguments of OKE's script.
func TestUserDataTaints(t *testing.T) {
	text := userData(t, NodePool{Taints: []string{"team=web:NoSchedule", "spot:PreferNoSchedule"}})
	const want = "\nbash /var/run/oke-init.sh --kubelet-extra-args " +
		`"--register-with-taints=team=web:NoSchedule,spot:PreferNoSchedule"` + "\n"
	if !strings.HasSuffix(text, want) {
		t.Errorf("user data:\n%s", text)
	}
}

// TestUserDataParts expects the pool's own cloud-init after OKE's script, each with its type.
func TestUserDataParts(t *testing.T) {
	for own, kind := range map[string]string{
		"#!/bin/sh\necho hello\n":         "text/x-shellscript",
		"#cloud-config\npackages: [jq]\n": "text/cloud-config",
	} {
		pool := NodePool{CloudInit: own}
		if again := (NodePool{CloudInit: own}); again.UserData() != pool.UserData() {
			t.Error("the user data of equal pools differ")
		}
		message, err := mail.ReadMessage(strings.NewReader(userData(t, pool)))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		parts := multipart.NewReader(message.Body, params["boundary"])
		for _, want := range []struct{ kind, text string }{{"text/x-shellscript", bootScript + "\n"}, {kind, own}} {
			part, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(part)
			if got := part.Header.Get("Content-Type"); err != nil || string(text) != want.text ||
				!strings.HasPrefix(got, want.kind+";") {
				t.Errorf("part of type %s, %v:\n%s", got, err, text)
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("after the last part: %v", err)
		}
	}
}

// TestNewUserData expects what has changed of a pool's user_data by a name that the user knows: an earlier release of
// the program has another script, which is not the pool's cloudInit.
func TestNewUserData(t *testing.T) {
	const hello, more = "#!/bin/sh\necho hello\n", "#!/bin/sh\necho hello\necho more\n"
	taints := []string{"team=web:PreferNoSchedule"}
	earlier := func(p NodePool) string {
		text := strings.ReplaceAll(userData(t, p), "oci-growfs -y", "oci-growfs")
		return base64.StdEncoding.EncodeToString([]byte(text))
	}
	for _, tc := range []struct {
		what, now string
		p         NodePool
		want      []string
	}{
		{
			"nothing", (&NodePool{Taints: taints, CloudInit: hello}).UserData(),
			NodePool{Taints: taints, CloudInit: hello},
			nil,
		},
		{"taints", (&NodePool{}).UserData(), NodePool{Taints: taints}, []string{"taints"}},
		{"no taints", (&NodePool{Taints: taints}).UserData(), NodePool{}, []string{"taints"}},
		{
			"taints beside a script", (&NodePool{CloudInit: hello}).UserData(),
			NodePool{Taints: taints, CloudInit: hello},
			[]string{"taints"},
		},
		{"a script", (&NodePool{}).UserData(), NodePool{CloudInit: hello}, []string{"cloudInit"}},
		{"no script", (&NodePool{CloudInit: hello}).UserData(), NodePool{}, []string{"cloudInit"}},
		{"a longer script", (&NodePool{CloudInit: hello}).UserData(), NodePool{CloudInit: more}, []string{"cloudInit"}},
		{"a shorter script", (&NodePool{CloudInit: more}).UserData(), NodePool{CloudInit: hello}, []string{"cloudInit"}},
		{
			"both", (&NodePool{CloudInit: more}).UserData(),
			NodePool{Taints: taints, CloudInit: hello},
			[]string{"taints", "cloudInit"},
		},
		{"the program's", earlier(NodePool{}), NodePool{}, []string{ownScript}},
		{
			"the program's beside others", earlier(NodePool{Taints: taints, CloudInit: hello}),
			NodePool{Taints: taints, CloudInit: hello},
			[]string{ownScript},
		},
	} {
		if got := tc.p.newBootVolumes(RunningPool{UserData: tc.now}, ""); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", tc.what, got, tc.want)
		}
	}

	running := Running{Pools: map[string]RunningPool{"pool": {
		Size: 1, UserData: earlier(NodePool{}), Placements: []Placement{{AvailabilityDomain: "AD-1"}},
	}}}
	domains := map[string][]string{"pool": {"AD-1", "AD-2"}}
	for want, p := range map[string]NodePool{
		"nodePools[0].maxSurge":       {Name: "pool", Size: 1, MaxSurge: "1", MaxUnavailable: "1"},
		"nodePools[0].maxUnavailable": {Name: "pool", Size: 1, MaxUnavailable: "1"},
	} {
		spec := Spec{NodePools: []NodePool{p}}
		got := spec.Stranding(running, Choice{}, domains)
		if len(got) != 1 || got[0].Setting != want || !strings.Contains(got[0].Why, ownScript) {
			t.Errorf("a new script: %+v, want %s", got, want)
		}
	}
}
