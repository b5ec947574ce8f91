package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oke-guestbook/local/launch/launchtest"
	"oke-guestbook/local/launch/progress"
)

// fakeStack records the calls. A refresh replaces the state by refreshed.
type fakeStack struct {
	state, refreshed string
	calls            []string
}

func (f *fakeStack) Export(context.Context) ([]byte, error) { return []byte(f.state), nil }

func (f *fakeStack) Import(_ context.Context, deployment []byte) error {
	f.calls = append(f.calls, "import "+string(deployment))
	return nil
}

func (f *fakeStack) Refresh(context.Context) error {
	f.calls, f.state = append(f.calls, "refresh"), f.refreshed
	return nil
}

func (f *fakeStack) Taint(_ context.Context, urn string) error {
	f.calls = append(f.calls, "taint "+urn)
	return nil
}

func (f *fakeStack) Cancel(context.Context) error {
	f.calls = append(f.calls, "cancel")
	return nil
}

func newRecovery(f *fakeStack, out io.Writer, pids ...int) Recovery {
	return Recovery{
		Name: "local", Stack: f, Out: progress.New(out, out),
		Locks: func() ([]int, error) { return pids, nil },
		Adopt: func(context.Context, []byte) ([]byte, error) { return []byte("adopted"), nil },
	}
}

const empty = `{"deployment": {"resources": []}}`

func TestComplete(t *testing.T) {
	const pending = `{"deployment": {"pending_operations": [{"type": "creating", "resource": {"urn": "x"}}]}}`
	const unfinished = `{"deployment": {"resources": [
		{"urn": "a"}, {"urn": "b", "initErrors": []}, {"urn": "c", "initErrors": ["Out of host capacity."]}]}}`
	const failed = `{"deployment": {"resources": [
		{"urn": "a", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "FAILED"}},
		{"urn": "b", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "ACTIVE"}},
		{"urn": "c", "type": "oci:Core/vcn:Vcn", "outputs": {"state": "AVAILABLE"}}]}}`
	for name, tc := range map[string]struct {
		state, refreshed string
		want             []string
		message          string
	}{
		"nothing to do":      {empty, empty, nil, ""},
		"pending operations": {pending, empty, []string{"import adopted", "refresh"}, "during 1 operations"},
		"unfinished":         {unfinished, empty, []string{"refresh"}, "left 1 resources unfinished"},
		"failed cluster": {
			pending, failed, []string{"import adopted", "refresh", "taint a"}, "a is in state FAILED",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			f := &fakeStack{state: tc.state, refreshed: tc.refreshed}
			if err := newRecovery(f, &out).Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(f.calls, tc.want) || !strings.Contains(out.String(), tc.message) {
				t.Errorf("calls %q and output %q, want %q and %q", f.calls, out.String(), tc.want, tc.message)
			}
		})
	}
}

func TestFailedAdoptionKeepsTheState(t *testing.T) {
	f := &fakeStack{state: `{"deployment": {"pending_operations": [{}]}}`}
	r := newRecovery(f, io.Discard)
	r.Adopt = func(context.Context, []byte) ([]byte, error) { return nil, errors.New("no answer") }
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer") || len(f.calls) > 0 {
		t.Errorf("error %v, calls %q", err, f.calls)
	}
}

func TestUnlock(t *testing.T) {
	script := filepath.Join(t.TempDir(), "pulumi")
	launchtest.Write(t, script, "#!/bin/sh\nread line\n")
	other := exec.Command(script)
	stdin, err := other.StdinPipe()
	if err == nil {
		err = other.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	f := &fakeStack{state: empty}
	err = newRecovery(f, &out, os.Getpid(), other.Process.Pid).Run(t.Context())
	launchtest.WantError(t, err, fmt.Sprintf("stack local is in use by process %d", other.Process.Pid))
	if len(f.calls) > 0 {
		t.Errorf("the lock of a running command: calls %q", f.calls)
	}
	_ = stdin.Close()
	_ = other.Wait()
	// After a reboot the number in a lock may be another program's, as here this test's.
	for what, pid := range map[string]int{"has ended": other.Process.Pid, "is another program": os.Getpid()} {
		f.calls = nil
		err := newRecovery(f, &out, pid).Run(t.Context())
		named := strings.Contains(out.String(), fmt.Sprintf("lock of process %d", pid))
		if err != nil || !slices.Equal(f.calls, []string{"cancel"}) || !named {
			t.Errorf("a process that %s: %v, calls %q, output %q", what, err, f.calls, out.String())
		}
	}
}
