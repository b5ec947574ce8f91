package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"oke-guestbook/internal/golden"
	"oke-guestbook/plan/cost"
	"oke-guestbook/plan/problem/problemtest"
)

func TestCost(t *testing.T) {
	for _, stack := range []string{"dev", "prod"} {
		var out strings.Builder
		if err := run([]string{"cost", "-C", root, "--stack", stack, "--prices", "snapshot"}, &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "cost-"+stack+".txt", out.String())
	}
	// prod, by hand, in USD:
	//   cluster                744 h x 0.1                                              74.40
	//   compute                3 x 744 h x (2 OCPUs x 0.03 + 16 GB x 0.002)            205.344
	//   boot and block volumes (3 x 100 GB + 3 x 50 GB - 200 GB free) x 0.0425          10.625
	//   load balancer          744 h x (100 - 10 Mbps free) x 0.0001, its base is free   6.696
	const byHand = 74.40 + 205.344 + 10.625 + 6.696
	if prod := asJSON(t, "prod"); math.Abs(prod.Total-byHand) > 0.0051 {
		t.Errorf("prod costs %v, by hand %v", prod.Total, byHand)
	}
	if dev := asJSON(t, "dev"); dev.Total != 0 || dev.List == 0 {
		t.Errorf("dev costs %+v, want 0 within the free amounts", dev)
	}
}

type totals struct{ Total, List float64 }

// asJSON returns the cost of a stack by the snapshot.
func asJSON(t *testing.T, stack string) (found totals) {
	t.Helper()
	var out strings.Builder
	args := []string{"cost", "-C", root, "--stack", stack, "--prices", "snapshot", "--json"}
	if err := run(args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out.String()), &found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCostAgainstARevision(t *testing.T) {
	dir := project(t, "config:\n  oke-guestbook:loadBalancerAllowedCidrs: [0.0.0.0/0]\n")
	for _, args := range [][]string{
		{"init", "-q"},
		{"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", "Begin"},
	} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...)
		if out, err := git.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	larger := "config:\n  oke-guestbook:loadBalancerAllowedCidrs: [0.0.0.0/0]\n  oke-guestbook:storageGb: 250\n"
	if err := os.WriteFile(filepath.Join(dir, "Pulumi.test.yaml"), []byte(larger), 0o600); err != nil {
		t.Fatal(err)
	}
	against := func(revision string, flags ...string) (string, error) {
		var out strings.Builder
		args := []string{"cost", "-C", dir, "--stack", "test", "--prices", "snapshot", "--against", revision}
		err := run(append(args, flags...), &out, io.Discard)
		return out.String(), err
	}
	out, err := against("HEAD")
	// 50 + 50 GB are free, and of 50 + 250 GB 200: 100 x 0.0255 and 1000 x 0.0017 are paid.
	for _, want := range []string{"Since HEAD: +4.25 a month, from 0.00 to 4.25", "+2.55", "+1.70"} {
		if err != nil || !strings.Contains(out, want) {
			t.Errorf("%q is missing, %v, in\n%s", want, err, out)
		}
	}
	out, err = against("HEAD", "--json")
	var estimate cost.Estimate
	if err != nil || json.Unmarshal([]byte(out), &estimate) != nil || estimate.Since == nil {
		t.Fatalf("no difference, %v, in\n%s", err, out)
	}
	if since := *estimate.Since; since.Revision != "HEAD" || since.Change != 4.25 || len(since.Rows) != 2 {
		t.Errorf("in JSON %+v", since)
	}
	for _, flags := range [][]string{nil, {"--json"}} {
		out, err := against("nowhere", flags...)
		if err == nil || !strings.Contains(err.Error(), "AGAINST: fatal") || out != "" {
			t.Errorf("%v, a revision that does not exist: %v, %s", flags, err, out)
		}
	}
}

// TestCostOfRefusedSettings expects the error of `pulumi up` and no sum, as far as no secret and nothing else is needed
// to know it.
func TestCostOfRefusedSettings(t *testing.T) {
	for settings, key := range map[string]string{
		"storageGb: -1000":    "storageGb",
		"mongoReplicas: -3":   "mongoReplicas",
		"loadBalancerMbps: 1": "loadBalancerMbps",
		"guestbooks: [{name: a, storageGb: -1, databasePassword: {secure: AAAB}}]": "guestbooks[0].storageGb",
		"nodePools: [{name: workers, size: -2, ocpus: 1, memoryGb: 8}]":            "nodePools[0].size",
	} {
		dir := project(t, withSettings(t, []string{"oke-guestbook:" + settings}))
		var out strings.Builder
		err := run([]string{"cost", "-C", dir, "--stack", "test", "--prices", "snapshot"}, &out, io.Discard)
		problemtest.Check(t, err, key)
		if out.Len() > 0 {
			t.Errorf("%s: a sum is printed:\n%s", settings, out.String())
		}
	}
}

// Without Oracle's list, the snapshot stands in, and a note says so; not for another currency, or another list.
func TestSnapshotStandsIn(t *testing.T) {
	why := errors.New("the network is down")
	var notes strings.Builder
	list, err := standIn("auto", "USD", why, &notes)
	if err != nil || list.Updated.IsZero() ||
		!strings.HasPrefix(notes.String(), "prices of 20") || !strings.Contains(notes.String(), "the network is down") {
		t.Errorf("%v, notes %q", err, notes.String())
	}
	for from, currency := range map[string]string{"auto": "KRW", "prices.json": "USD"} {
		_, err := standIn(from, currency, why, &notes)
		if err == nil || err.Error() != "the network is down; --prices snapshot has prices in USD" {
			t.Errorf("%s in %s: %v", from, currency, err)
		}
	}
}

func TestPriceListOfAServer(t *testing.T) {
	snapshot, err := os.ReadFile("../../plan/cost/prices.json")
	if err != nil {
		t.Fatal(err)
	}
	answer := snapshot
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		if _, err := w.Write(answer); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	ask := func(args ...string) error {
		args = append([]string{"cost", "-C", root, "--stack", "dev", "--prices", server.URL}, args...)
		return run(args, io.Discard, io.Discard)
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	if err := ask("--currency", "KRW"); err == nil || !strings.Contains(err.Error(), "no prices in KRW") {
		t.Errorf("another currency: %v", err)
	}
	answer = []byte("<html>moved</html>")
	if err := ask(); err == nil || !strings.Contains(err.Error(), "--prices snapshot has prices") {
		t.Errorf("a list of another form: %v", err)
	}
	for _, changed := range [][2]string{{`"partNumber"`, `"part"`}, {`"value"`, `"amount"`}, {`"B93297"`, `"B00000"`}} {
		answer = bytes.ReplaceAll(snapshot, []byte(changed[0]), []byte(changed[1]))
		if err := ask(); err == nil || !strings.Contains(err.Error(), "--prices snapshot has prices") {
			t.Errorf("a list with %s in place of %s: %v", changed[1], changed[0], err)
		}
	}
	status = http.StatusForbidden
	if err := ask(); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("a refusal: %v", err)
	}
}
