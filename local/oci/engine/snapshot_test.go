package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

// Another version's state must be refused, not misread.
func TestStateOfAnotherVersion(t *testing.T) {
	for name, test := range map[string]struct{ state, want string }{
		"without a format": {`{"seq":3,"tasks":[],"resources":[{"kind":"vcn"}]}`, "format 1; this version reads format 2"},
		"a later format":   {`{"format":3,"resources":{}}`, "format 3; this version reads format 2"},
		"unknown kind":     {`{"format":2,"resources":[{"kind":"cpe"}]}`, `kind "cpe"`},
		"unknown task":     {`{"format":2,"tasks":[{"id":1,"name":"cpe up"}]}`, `task "cpe up"`},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, engine.SnapshotFile), []byte(test.state), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the first attempt must not leave the directory locked
			if _, err := oci.New(oci.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s: %v, want %q", name, err, test.want)
			}
		}
	}
}

// What the emulator remembers in addition to the documents must outlive the process, too.
func TestPrivateStateSurvives(t *testing.T) {
	dir := t.TempDir()
	var group, vcnID string
	body := func(id string) engine.Doc { return engine.Doc{"vcnId": id} }
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		vcnID = c.Create("vcns", vcnBody.Clone()).Str("id")
		group = c.Create("networkSecurityGroups", body(vcnID)).Str("id")
		rule := engine.Doc{"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"}
		c.Want(200, "POST", ocitest.Core+"/networkSecurityGroups/"+group+"/actions/addSecurityRules",
			engine.Doc{"securityRules": []any{rule}})
	})
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		rules := c.GetList(ocitest.Core + "/networkSecurityGroups/" + group + "/securityRules")
		if len(rules) != 1 || rules[0]["destination"] != "0.0.0.0/0" {
			t.Errorf("rules after the restart: %v", rules)
		}
		// The VCN can be deleted only if its defaults are known to be defaults.
		c.Remove("networkSecurityGroups", group)
		c.Remove("vcns", vcnID)
	})
}
