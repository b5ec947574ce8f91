package procinfo

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestProcess(t *testing.T) {
	sleep, err := exec.LookPath("sleep")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(sleep)
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "daemon")
	write := func() {
		t.Helper()
		if err := os.WriteFile(binary, data, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write()
	cmd := exec.CommandContext(t.Context(), binary, "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	defer func() { _ = cmd.Process.Kill() }()
	if !Alive(pid) {
		t.Error("a process that runs counts as ended")
	}
	if BinaryDeleted(pid) {
		t.Error("the binary counts as deleted while it is there")
	}
	if err := os.Remove(binary); err != nil {
		t.Fatal(err)
	}
	write()
	if !BinaryDeleted(pid) {
		t.Error("a new binary of the same name hides that the process runs the old one")
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.Process.Wait(); err != nil {
		t.Fatal(err)
	}
	if Alive(pid) {
		t.Error("alive after its end")
	}
}
