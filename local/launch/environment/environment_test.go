package environment

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
)

func unset(t *testing.T) {
	t.Helper()
	for _, key := range []string{
		"LOCAL_PORT", "LOCAL_SPEED", "LOCAL_POLICY_DELAY", "PLUGINS", "PULUMI_CLI", "NODES", "IMAGES", "LOCAL_DIR",
	} {
		t.Setenv(key, "")
	}
}

func TestReadReportsEachInvalidVariable(t *testing.T) {
	unset(t)
	t.Setenv("LOCAL_PORT", "80")
	t.Setenv("LOCAL_SPEED", "fast")
	t.Setenv("LOCAL_POLICY_DELAY", "0")
	t.Setenv("PLUGINS", "none")
	t.Setenv("PULUMI_CLI", "old")
	t.Setenv("NODES", "some")
	t.Setenv("IMAGES", "all")
	_, err := Read("/r")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		`LOCAL_PORT="80": want a whole number from 1024 to 65535`, `LOCAL_SPEED="fast"`,
		`LOCAL_POLICY_DELAY="0": want a whole number from 1 to 3600`,
		`PLUGINS="none": want one of [auto official local]`, `PULUMI_CLI="old"`,
		`NODES="some": want one of [auto real simulated]`, `IMAGES="all": want one of [auto registry built]`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestReadDefaults(t *testing.T) {
	unset(t)
	got, err := Read("/r")
	want := Settings{
		Root: "/r", Dir: "/r/.local", Port: 8787, Speed: 100, Delay: 10, Limits: Usual, Plugins: Auto, Pulumi: Auto,
		Nodes: Auto, Images: Auto,
	}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestReadRefusesADirectoryWithOtherFiles(t *testing.T) {
	unset(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	root := filepath.Join(home, "src", "guestbook")
	for _, dir := range []string{home, root, filepath.Dir(home), "."} {
		t.Setenv("LOCAL_DIR", dir)
		if _, err := Read(root); err == nil || !strings.Contains(err.Error(), "LOCAL_DIR=") {
			t.Errorf("LOCAL_DIR=%s: got error %v", dir, err)
		}
	}
	t.Setenv("LOCAL_DIR", filepath.Join(home, "cloud"))
	if _, err := Read(root); err != nil {
		t.Error(err)
	}
}

func TestInheritedLeavesOutOtherTargets(t *testing.T) {
	left := []string{"OCI_REGION", "PULUMI_ACCESS_TOKEN", "KUBECONFIG", "TF_VAR_region", "CLIENT_HOST_OVERRIDES"}
	for _, name := range left {
		t.Setenv(name, "elsewhere")
	}
	t.Setenv("LANG", "C")
	got := Inherited()
	for _, kv := range got {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(left, name) {
			t.Errorf("a command would see %s", kv)
		}
	}
	if !slices.Contains(got, "LANG=C") {
		t.Error("LANG is lost")
	}
}

// writeConfig writes the OCI configuration file of a local cloud.
func writeConfig(t *testing.T, s Settings) {
	t.Helper()
	text := "[DEFAULT]\nuser=u\nfingerprint=f\ntenancy = t\nregion=r\nkey_file=/k\n"
	launchtest.Write(t, s.Path("oci", "config"), text)
}

func TestCloudVariables(t *testing.T) {
	s := Settings{Dir: t.TempDir(), Port: 1234}
	if _, err := s.CloudVariables("/bin"); err == nil || !strings.Contains(err.Error(), "make up") {
		t.Errorf("without a local cloud: got error %v", err)
	}
	writeConfig(t, s)
	got, err := s.CloudVariables("/bin")
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(got, func(kv string) bool { return strings.HasPrefix(kv, "PULUMI_IGNORE_AMBIENT_PLUGINS") }) {
		t.Error("other projects would not find the language hosts on PATH")
	}
	for _, want := range []string{
		"OCI_USER_OCID=u", "OCI_TENANCY_OCID=t", "OCI_FINGERPRINT=f", "OCI_REGION=r", "OCI_PRIVATE_KEY_PATH=/k",
		"OCI_CLI_CONFIG_FILE=" + s.Path("oci", "config"), "OCI_CLI_ENDPOINT=http://127.0.0.1:1234",
		"OCI_CLI_PROFILE=DEFAULT",
		"PULUMI_HOME=" + s.Path("pulumi"),
		"PULUMI_BACKEND_URL=file://" + s.Path("state") + "?metadata=skip", "OCI_domain_name_override=local-cloud.invalid",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
}

func TestQuoted(t *testing.T) {
	if got, want := Quoted(`it's $HOME`), `'it'\''s $HOME'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestMakeRepeatsTheSettings(t *testing.T) {
	for want, s := range map[string]Settings{
		"make down":                    {Root: "/r", Dir: "/r/.local", Port: 8787},
		"make down LOCAL_PORT=1234":    {Root: "/r", Dir: "/r/.local", Port: 1234},
		"make down LOCAL_DIR=/tmp/x-1": {Root: "/r", Dir: "/tmp/x-1", Port: 8787},
		"make down LOCAL_PORT=1234 LOCAL_DIR='/a b/it'\\''s'": {Root: "/r", Dir: "/a b/it's", Port: 1234},
	} {
		if got := s.Make("down"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	s := Settings{Root: "/r", Dir: "/r/.local", Port: 1234}
	if got, want := s.MakeAt("up", 8787), "make up LOCAL_PORT=8787"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
