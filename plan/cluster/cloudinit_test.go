package cluster

import (
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
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
