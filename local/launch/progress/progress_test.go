package progress

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStepWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out, warnings bytes.Buffer
		p := New(&out, &warnings)
		step := p.Step("build")
		step.Setf("%d packages", 7)
		time.Sleep(16 * time.Second)
		step.End("compiled")
		time.Sleep(10 * time.Second)
		step.End("ready")
		p.Warnf("old")
		want := "  build\n  build: 15s 7 packages\n  build: compiled (16s)\n  build: ready (26s)\n"
		if out.String() != want || warnings.String() != "old\n" {
			t.Errorf("got %q and warnings %q, want %q", out.String(), warnings.String(), want)
		}
	})
}

func TestStepOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		step := New(&out, &out).Step("build")
		step.terminal = true
		time.Sleep(15 * time.Second)
		synctest.Wait()
		step.End("ready")
		if got := out.String(); !strings.Contains(got, "\r\x1b[K  build: 15s\r\x1b[K  build: ready (15s)\n") {
			t.Errorf("got %q", got)
		}
	})
}
