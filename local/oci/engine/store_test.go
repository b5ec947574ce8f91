package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

func TestTwoDaemonsOnOneState(t *testing.T) {
	dir := t.TempDir()
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		if _, err := oci.New(oci.Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("a second daemon on the same state: %v", err)
		}
	})
	ocitest.Run(t, oci.Config{Dir: dir}, func(*ocitest.Cloud) {})
}

func TestStateThatCannotBeSaved(t *testing.T) {
	dir := t.TempDir()
	ocitest.Run(t, oci.Config{Dir: dir}, func(c *ocitest.Cloud) {
		// A directory in the place of the new file makes the write fail, even for root.
		if err := os.Mkdir(filepath.Join(dir, engine.SnapshotFile+".new"), 0o700); err != nil {
			t.Fatal(err)
		}
		c.Refused(500, "InternalServerError", "save the local cloud's state", "POST", ocitest.Core+"/vcns", vcnBody)
		if n := len(c.Server.Inventory()); n != 0 {
			t.Errorf("%d resources are left of the request that failed", n)
		}
		free := func() {
			if err := os.Remove(filepath.Join(dir, engine.SnapshotFile+".new")); err != nil {
				t.Fatal(err)
			}
		}
		free()
		// A life cycle continues when the state can be saved again.
		id := c.Want(200, "POST", ocitest.Core+"/vcns", vcnBody).Object().Str("id")
		if err := os.Mkdir(filepath.Join(dir, engine.SnapshotFile+".new"), 0o700); err != nil {
			t.Fatal(err)
		}
		state := func() string { return c.Get(ocitest.Core + "/vcns/" + id).Str("lifecycleState") }
		time.Sleep(time.Minute)
		if got := state(); got != "PROVISIONING" {
			t.Errorf("VCN is %s while nothing can be saved", got)
		}
		free()
		time.Sleep(engine.SaveRetryDelay)
		if got := state(); got != "AVAILABLE" {
			t.Errorf("VCN is %s when there is room again", got)
		}
	})
}
