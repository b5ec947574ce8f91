package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// identities are two users with a key each: this machine's, in ~/.oci/config, and that of a stack's settings.
type identities struct {
	machine, stack       string   // what names their keys in a signature
	machinePath, keyPath string   // of their keys
	settings             []string // the stack's, without its key
}

func twoIdentities(t *testing.T) identities {
	t.Helper()
	withoutLogin(t)
	home := os.Getenv("HOME")
	config := configFile(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	ids := identities{machinePath: filepath.Join(filepath.Dir(config), "key"), keyPath: filepath.Join(home, "stack.pem")}
	own := fingerprint(t, key)
	encoded := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	for path, data := range map[string][]byte{
		ids.keyPath:                           encoded,
		filepath.Join(home, ".oci", "config"): text,
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	machines := regexp.MustCompile(`fingerprint=(\S+)`).FindSubmatch(text)
	ids.machine = fmt.Sprintf("ocid1.tenancy.oc1..t/ocid1.user.oc1..u/%s", machines[1])
	ids.stack = "ocid1.tenancy.oc1..other/ocid1.user.oc1..other/" + own
	ids.settings = []string{
		"oci:region: us-ashburn-1", "oci:tenancyOcid: ocid1.tenancy.oc1..other",
		"oci:userOcid: ocid1.user.oc1..other", "oci:fingerprint: " + own,
		"oke-guestbook:compartmentId: ocid1.compartment.oc1..a",
	}
	return ids
}

// signers serves a handler, and returns who has signed the requests.
func signers(t *testing.T, handler http.Handler) (url string, signed func() map[string]bool) {
	t.Helper()
	found := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := regexp.MustCompile(`keyId="([^"]*)"`).FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			found[m[1]] = true
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, func() map[string]bool { server.Close(); return found }
}

// fakePulumi puts a command pulumi on PATH that prints a stack's output and its settings in plain text.
func fakePulumi(t *testing.T, settings string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\n[ $1 = stack ] && echo " + someCluster + " && exit\ncat <<'END'\n" + settings + "\nEND\n"
	if err := os.WriteFile(filepath.Join(dir, "pulumi"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// inPulumi is what pulumi prints of the stack's settings, with the key.
func (ids identities) inPulumi(t *testing.T) string {
	t.Helper()
	key, err := os.ReadFile(ids.keyPath)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, line := range append(ids.settings, "oci:privateKey: "+strings.ReplaceAll(string(key), "\n", `\n`)) {
		name, value, _ := strings.Cut(line, ": ")
		lines = append(lines, fmt.Sprintf(`%q: {"value": "%s"}`, name, value))
	}
	return "{" + strings.Join(lines, ",\n") + "}"
}

const encryptedKey = "oci:privateKey: {secure: AAAB}"

// TestVersionsOfTheStacksTenancy expects `make versions` to ask as the stack's OCI provider does, not as this machine's
// user, unless flags say so.
func TestVersionsOfTheStacksTenancy(t *testing.T) {
	ids := twoIdentities(t)
	fakePulumi(t, ids.inPulumi(t))
	for _, test := range []struct {
		name, key string
		flags     []string
		want      string
	}{
		{"path of a key", "oci:privateKeyPath: " + ids.keyPath, nil, ids.stack},
		{"encrypted key", encryptedKey, nil, ids.stack},
		{"a profile by a flag", encryptedKey, []string{"--profile", "DEFAULT"}, ids.machine},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, signed := signers(t, &versionService{})
			dir := project(t, withSettings(t, append(ids.settings, test.key)))
			args := []string{"versions", "-C", dir, "--stack", "test", "--service-endpoint", url}
			err := run(append(args, test.flags...), io.Discard, io.Discard)
			if found := signed(); err != nil || len(found) != 1 || !found[test.want] {
				t.Errorf("signed by %v, want %s; %v", found, test.want, err)
			}
		})
	}
}

// TestKubeconfigOfTheStacksTenancy expects `make kubeconfig` to ask as the stack's OCI provider does, and to write a
// kubeconfig whose command signs with the same key, or none.
func TestKubeconfigOfTheStacksTenancy(t *testing.T) {
	ids := twoIdentities(t)
	fakePulumi(t, ids.inPulumi(t))
	answers, _ := listen(t)
	for _, test := range []struct {
		name     string
		settings []string
		env      map[string]string
		flags    []string
		signer   string
		want     string // a part of the kubeconfig, or of the error if nobody signs
	}{
		{"path of a key", []string{"oci:privateKeyPath: " + ids.keyPath}, nil, nil, ids.stack, "value: " + ids.keyPath},
		{"encrypted key", []string{encryptedKey}, nil, nil, "", "oci:privateKey, which a kubeconfig must not hold: name"},
		{"a profile by a flag", []string{encryptedKey}, nil, []string{"--profile", "OPEN"}, ids.machine, "--profile, OPEN"},
		{
			"key in a variable", nil,
			map[string]string{"OCI_PRIVATE_KEY_PATH": ids.keyPath},
			nil, "", "the kubeconfig's command will not find the credentials of stack test",
		},
		{
			"another user for the command", nil,
			map[string]string{
				"OCI_PRIVATE_KEY_PATH": ids.keyPath, "OCI_CLI_KEY_FILE": ids.machinePath,
				"OCI_CLI_TENANCY": "ocid1.tenancy.oc1..t", "OCI_CLI_USER": "ocid1.user.oc1..u",
				"OCI_CLI_FINGERPRINT": ids.machine[strings.LastIndex(ids.machine, "/")+1:],
			},
			nil, "", "ARGS='--profile <profile>'",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			url, signed := signers(t, &service{public: answers})
			args := []string{
				"kubeconfig", "-C", project(t, withSettings(t, append(test.settings, ids.settings...))), "--stack", "test",
				"--service-endpoint", url,
			}
			var out strings.Builder
			err := run(append(args, test.flags...), &out, io.Discard)
			found := signed()
			if test.signer == "" {
				if err == nil || !strings.Contains(err.Error(), test.want) || len(found) > 0 {
					t.Errorf("signed by %v, %v, want %q", found, err, test.want)
				}
				return
			}
			if err != nil || len(found) != 1 || !found[test.signer] || !strings.Contains(out.String(), test.want) {
				t.Errorf("signed by %v, want %s, %v, and %q in %s", found, test.signer, err, test.want, out.String())
			}
			if strings.Contains(out.String(), "PRIVATE KEY") {
				t.Errorf("a key is in\n%s", out.String())
			}
		})
	}
}
