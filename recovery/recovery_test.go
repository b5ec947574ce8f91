package recovery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"oke-guestbook/catalog"
	"oke-guestbook/internal/ocirest"
)

// fakeStack records the calls. A refresh replaces the state by refreshed.
type fakeStack struct {
	state, refreshed string
	changes          bool // another command changes the state after the first export
	exports          int
	calls            []string
}

func (f *fakeStack) Export(context.Context) ([]byte, error) {
	f.exports++
	if f.changes && f.exports > 1 {
		return []byte(f.state + "\n"), nil
	}
	return []byte(f.state), nil
}

func (f *fakeStack) call(text string) error {
	f.calls = append(f.calls, text)
	return nil
}

func (f *fakeStack) Import(_ context.Context, deployment []byte) error {
	f.state = string(deployment)
	return f.call("import")
}

func (f *fakeStack) Refresh(context.Context) error {
	f.state = f.refreshed
	return f.call("refresh")
}

func (f *fakeStack) Taint(_ context.Context, urn string) error  { return f.call("taint " + urn) }
func (f *fakeStack) Delete(_ context.Context, urn string) error { return f.call("delete " + urn) }
func (f *fakeStack) Cancel(context.Context) error               { return f.call("cancel") }

// fakeCloud has an answer for each path and query.
type fakeCloud map[string]string

type notFound struct{ error }

func (notFound) GetHTTPStatusCode() int { return http.StatusNotFound }

func (f fakeCloud) Get(_ context.Context, _ catalog.Client, path string, query url.Values, out any) (string, error) {
	answer, found := f[path+"?"+query.Encode()]
	if !found {
		return "", notFound{errors.New(path + "?" + query.Encode())}
	}
	return "", json.Unmarshal([]byte(answer), out)
}

func newRecovery(f *fakeStack, out *bytes.Buffer, locks ...Lock) Recovery {
	return Recovery{
		Name: "dev", Stack: f, Out: out,
		Locks:   func(context.Context) ([]Lock, bool, error) { return locks, true, nil },
		Cloud:   func(context.Context, string) (ocirest.Getter, error) { return nil, errors.New("no credentials") },
		Confirm: func() (bool, error) { return true, nil },
	}
}

const (
	empty = `{"deployment": {"resources": []}}`
	// The creation of an object needs no look into OCI.
	pending = `{"deployment": {"pending_operations": [{"type": "creating", "resource": {
		"urn": "urn:pulumi:dev::p::kubernetes:core/v1:Namespace::ns", "type": "kubernetes:core/v1:Namespace",
		"inputs": {"metadata": {"name": "ns"}}}}]}}`
)

func TestRun(t *testing.T) {
	const unfinished = `{"deployment": {"resources": [{"urn": "a"}, {"urn": "b", "initErrors": []},
		{"urn": "urn:pulumi:dev::p::oci:x:NodePool::pool", "initErrors": ["Out of host capacity.\nmore"]}]}}`
	const failed = `{"deployment": {"resources": [
		{"urn": "a", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "FAILED"}},
		{"urn": "b", "type": "oci:ContainerEngine/cluster:Cluster", "outputs": {"state": "ACTIVE"}},
		{"urn": "c", "type": "oci:ContainerEngine/cluster:Cluster", "taint": true, "outputs": {"state": "FAILED"}},
		{"urn": "d", "type": "oci:Core/vcn:Vcn", "outputs": {"state": "AVAILABLE"}}]}}`
	for name, tc := range map[string]struct {
		state, refreshed string
		want             []string
		message          string
	}{
		"nothing to do": {empty, empty, nil, ""},
		"pending operations": {
			pending, empty, []string{"import", "refresh"}, "interrupted during 1 operations\n    creating Namespace ns: add it",
		},
		"unfinished": {
			unfinished, empty,
			[]string{"refresh"},
			"NodePool pool failed half-way: read it again\n      Out of host capacity.\n      an availability domain has no " +
				"machine left of this shape and size; no limit or quota is the cause\n      - set nodePools[]",
		},
		"failed cluster": {failed, "", []string{"taint a"}, "a is in state FAILED, which OKE never leaves"},
		"failed cluster after the refresh": {
			pending, failed, []string{"import", "refresh", "taint a"}, "a is in state FAILED: the next up replaces it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			f := &fakeStack{state: tc.state, refreshed: tc.refreshed}
			found, err := newRecovery(f, &out).Run(t.Context())
			if err != nil || found != (len(tc.want) > 0) {
				t.Fatal(found, err)
			}
			if !slices.Equal(f.calls, tc.want) || !strings.Contains(out.String(), tc.message) {
				t.Errorf("calls %q and output %q, want %q and %q", f.calls, out.String(), tc.want, tc.message)
			}
		})
	}
}

// Whatever stops the recovery before the import leaves the state as it is.
func TestTheStateStays(t *testing.T) {
	vcn := strings.NewReplacer("kubernetes:core/v1:Namespace", catalog.VCN).Replace(pending)
	for name, tc := range map[string]struct {
		state   string
		decline bool
		changes bool
		want    string
	}{
		"no consent":                 {state: pending, decline: true, want: "nothing was changed"},
		"changed meanwhile":          {state: pending, changes: true, want: "another command has changed stack dev"},
		"OCI does not say":           {state: vcn, want: "no credentials"},
		"an export that is no state": {state: "x", want: "exported state"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStack{state: tc.state, changes: tc.changes}
			r := newRecovery(f, new(bytes.Buffer))
			r.Confirm = func() (bool, error) { return !tc.decline, nil }
			if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), tc.want) || len(f.calls) > 0 {
				t.Errorf("error %v, calls %q", err, f.calls)
			}
		})
	}
}

// OKE keeps a load balancer that has FAILED until its Service is deleted.
func TestFailedLoadBalancer(t *testing.T) {
	service := func(ingress string) string {
		return `{"deployment": {"resources": [
			{"urn": "cluster", "type": "oci:ContainerEngine/cluster:Cluster", "inputs": {"compartmentId": "c"}},
			{"urn": "web", "type": "kubernetes:core/v1:Service", "initErrors": ["timed out"], "outputs": {
				"metadata": {"namespace": "ns", "name": "web", "uid": "u"}, "spec": {"type": "LoadBalancer"},
				"status": {"loadBalancer": {"ingress": [` +
			ingress + `]}}}}]}}`
	}
	balancer := func(name, state string) string {
		return `[{"id": "lb", "displayName": "` + name + `", "lifecycleState": "` + state + `"}]`
	}
	network := strings.Replace(service(""), `"outputs"`,
		`"inputs": {"metadata": {"annotations": {"oci.oraclecloud.com/load-balancer-type": "nlb"}}}, "outputs"`, 1)
	capitals := strings.Replace(network, `"nlb"`, `"NLB"`, 1)
	failed := `{"items": ` + balancer("ns/web/u", "FAILED") + `}`
	for name, tc := range map[string]struct {
		state, balancers string
		want             []string
	}{
		"failed network load balancer": {network, failed, []string{"refresh", "delete web"}},
		"type in capitals":             {capitals, failed, []string{"refresh", "delete web"}},
		"failed":                       {service(""), balancer("u", "FAILED"), []string{"refresh", "delete web"}},
		"still made":                   {service(""), balancer("u", "CREATING"), []string{"refresh"}},
		"another's":                    {service(""), balancer("v", "FAILED"), []string{"refresh"}},
		"with address":                 {service(`{"ip": "203.0.113.1"}`), `[]`, []string{"refresh"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStack{state: tc.state, refreshed: tc.state}
			r := newRecovery(f, new(bytes.Buffer))
			r.Cloud = func(context.Context, string) (ocirest.Getter, error) {
				const query = "?compartmentId=c&displayName="
				if tc.balancers == failed {
					return fakeCloud{"/20200501/networkLoadBalancers" + query + "ns%2Fweb%2Fu": tc.balancers}, nil
				}
				return fakeCloud{"/20170115/loadBalancers" + query + "u": tc.balancers}, nil
			}
			if _, err := r.Run(t.Context()); err != nil || !slices.Equal(f.calls, tc.want) {
				t.Errorf("calls %q, want %q, %v", f.calls, tc.want, err)
			}
		})
	}
	t.Run("without the right to look", func(t *testing.T) {
		var out bytes.Buffer
		f := &fakeStack{state: service(""), refreshed: service("")}
		r := newRecovery(f, &out)
		r.Cloud = func(context.Context, string) (ocirest.Getter, error) { return fakeCloud{}, nil }
		if _, err := r.Run(t.Context()); err != nil || !strings.Contains(out.String(), "the right to inspect it") {
			t.Errorf("error %v, says %q", err, out.String())
		}
	})
}

// process starts a process with the name of Pulumi's CLI, which runs until the returned function is called.
func process(t *testing.T) (pid int, end func()) {
	t.Helper()
	script := filepath.Join(t.TempDir(), "pulumi")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nread line\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(script)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid, func() { _, _ = stdin.Close(), cmd.Wait() }
}

func TestLocks(t *testing.T) {
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	running, end := process(t)
	defer end()
	ended, endNow := process(t)
	endNow()
	for name, tc := range map[string]struct {
		lock   Lock
		unlock bool
		want   string // of the error; empty for none
	}{
		"a running command": {
			Lock{PID: running, Host: here, User: "me"}, false, "in use by process " + strconv.Itoa(running) + " of me@",
		},
		"a running command, unlocked": {Lock{PID: running, Host: here}, true, "kill -INT " + strconv.Itoa(running)},
		"a killed command":            {Lock{PID: ended, Host: here}, false, ""},
		// After a reboot the number in a lock may be another program's, as here this test's.
		"another program":           {Lock{PID: os.Getpid(), Host: here}, false, ""},
		"another machine":           {Lock{PID: ended, Host: "elsewhere", User: "you"}, false, "you@elsewhere, since"},
		"another machine, unlocked": {Lock{PID: ended, Host: "elsewhere"}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeStack{state: empty}
			r := newRecovery(f, new(bytes.Buffer), tc.lock)
			r.Unlock = tc.unlock
			_, err := r.Run(t.Context())
			if tc.want == "" {
				if err != nil || !slices.Equal(f.calls, []string{"cancel"}) {
					t.Errorf("calls %q, %v", f.calls, err)
				}
			} else if err == nil || !strings.Contains(err.Error(), tc.want) || len(f.calls) > 0 {
				t.Errorf("error %v, calls %q; want %q", err, f.calls, tc.want)
			}
		})
	}
}

func TestFileLocks(t *testing.T) {
	dir := t.TempDir()
	write := func(project, stack, text string) {
		t.Helper()
		locks := filepath.Join(dir, ".pulumi", "locks", "organization", project, stack)
		if err := os.MkdirAll(locks, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(locks, "0ad5c7a4.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("p", "dev", `{"pid":4711,"username":"me","hostname":"here","timestamp":"2026-11-26T10:00:00.000000000Z"}`)
	write("p", "other", `{"process":1}`)
	write("q", "prod", "{}") // another project's
	backend := "file://" + dir + "?metadata=skip"
	locks, ok, err := FileLocks(backend, "p", "dev")
	if err != nil || !ok || len(locks) != 1 || locks[0].PID != 4711 || locks[0].Time.Day() != 26 {
		t.Errorf("locks %v, %v, %v", locks, ok, err)
	}
	if locks, _, err := FileLocks(backend, "p", "prod"); err != nil || len(locks) > 0 {
		t.Errorf("locks %v, %v", locks, err)
	}
	if locks, _, err := FileLocks(backend, "p", "other"); err == nil {
		t.Errorf("a lock without a process: %v", locks)
	}
	if _, ok, err := FileLocks("s3://bucket", "p", "dev"); err != nil || ok {
		t.Errorf("a backend that is no directory: %v, %v", ok, err)
	}
}

func TestAdvice(t *testing.T) {
	r := Recovery{Name: "dev"}
	for text, want := range map[string]string{
		"error: the stack is currently locked by 1 lock(s).\n" +
			"  s3://b/.pulumi/locks/x.json: created by me@elsewhere (pid 4711) at 2026-11-26T10:00:00Z": //
		"process 4711 of me@elsewhere",
		"error: [409] Conflict: Another update is currently in progress": "in use by another update",
		"error: no stack named dev":                                      "",
	} {
		if got := r.Advice(errors.New(text)); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%s: %q", text, got)
		}
	}
}

// IAM's policies are made in the home region, by a provider of its own.
func TestEachResourceIsLookedForInItsRegion(t *testing.T) {
	const urn = "urn:pulumi:dev::p::pulumi:providers:oci::home"
	for provider, want := range map[string]string{urn + "::id": "us-phoenix-1", urn + "2::id": ""} {
		f := &fakeStack{refreshed: empty, state: `{"deployment": {
			"resources": [{"urn": "` + urn + `", "inputs": {"region": "us-phoenix-1"}}],
			"pending_operations": [{"type": "creating", "resource": {"urn": "x", "type": "` + catalog.Policy + `",
				"provider": "` + provider + `", "inputs": {"compartmentId": "c", "name": "n"}}}]}}`}
		r, asked := newRecovery(f, new(bytes.Buffer)), ""
		r.Cloud = func(_ context.Context, region string) (ocirest.Getter, error) {
			asked = region
			return fakeCloud{"/20160918/policies?compartmentId=c&name=n": "[]"}, nil
		}
		if _, err := r.Run(t.Context()); err != nil || asked != want {
			t.Errorf("provider %s: region %q, want %q, %v", provider, asked, want, err)
		}
	}
}
