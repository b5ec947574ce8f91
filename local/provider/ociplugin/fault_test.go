package ociplugin

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"

	"oke-guestbook/catalog"
	"oke-guestbook/local/eventually"
	emulator "oke-guestbook/local/oci"
	"oke-guestbook/local/provider/value"
)

func (w *world) fault(f emulator.Fault) {
	w.Helper()
	if _, err := w.rest.Do(w.Context(), http.MethodPost, "/admin/faults", nil, f, nil); err != nil {
		w.Fatal(err)
	}
}

// count is the number of resources of the kind that the emulator has.
func (w *world) count(kind string) int {
	n := 0
	for _, item := range w.server.Inventory() {
		if item.Kind == kind {
			n++
		}
	}
	return n
}

var vcnInputs = object{"compartmentId": compartment, "cidrBlocks": []any{"10.0.0.0/16"}}

func TestTransientFailuresAreRetried(t *testing.T) {
	for name, f := range map[string]emulator.Fault{
		"throttled":          {Method: "POST", Path: "/20160918/vcns", Status: 429, Code: "TooManyRequests", Count: 2},
		"service down":       {Method: "POST", Path: "/20160918/vcns", Status: 503, Code: "ServiceUnavailable", Count: 2},
		"read fails":         {Method: "GET", Path: "/20160918/vcns/*", Status: 500, Count: 1},
		"conflict on delete": {Method: "DELETE", Path: "/20160918/vcns/*", Status: 409, Code: "Conflict", Count: 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fault(f)
			vcn := w.create(catalog.VCN, "vcn", vcnInputs)
			if n := w.count("vcn"); n != 1 {
				t.Errorf("%d VCNs", n)
			}
			vcn.Delete()
			if n := w.count("vcn"); n != 0 {
				t.Errorf("%d VCNs left", n)
			}
		})
	}
}

func TestRetriesCanBeTurnedOff(t *testing.T) {
	w := newWorld(t)
	config := p.ConfigureRequest{Args: value.OfMap(object{"disableAutoRetries": true})}
	if err := w.Configure(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	w.fault(emulator.Fault{Method: "POST", Path: "/20160918/vcns", Status: 429, Code: "TooManyRequests"})
	req := p.CreateRequest{Urn: newURN(catalog.VCN, "vcn"), Properties: value.OfMap(vcnInputs)}
	_, err := w.Create(t.Context(), req)
	if err == nil || !strings.Contains(err.Error(), "429 TooManyRequests") {
		t.Errorf("got %v", err)
	}
}

func (w *world) buildForCluster() {
	w.Helper()
	vcn := w.create(catalog.VCN, "vcn", vcnInputs)
	for name, cidr := range map[string]string{"api": "10.0.0.0/28", "lb": "10.0.1.0/24"} {
		w.create(catalog.Subnet, name, object{"compartmentId": compartment, "vcnId": vcn.ID, "cidrBlock": cidr})
	}
	w.create(catalog.NetworkSecurityGroup, "nsg", object{"compartmentId": compartment, "vcnId": vcn.ID})
}

// Of a creation that fails, the official plugin (v3.16.0, terraform-provider-oci v7.32.0) leaves this on the emulator;
// seen on 2026-11-29. It keeps the id in each case, so that the engine updates the resource next.
var failedCreations = []struct {
	token, work string
	inputs      func(w *world) object
	says        string // the error; of an add-on not why
	cloud       string // its state in OCI, "" if it is gone
	state       any    // what the state says of that, if anything
	next        string // the error of the next update, "" if it succeeds
}{
	{
		catalog.Cluster, "CLUSTER_CREATE",
		func(w *world) object { return with(w.cluster(), object{"name": "second"}) },
		"none today", "FAILED", "CREATING", "409 Conflict",
	},
	{catalog.NodePool, "NODEPOOL_CREATE", (*world).nodePool, "none today", "", "CREATING", "404 NotAuthorizedOrNotFound"},
	{
		catalog.VirtualNodePool, "VIRTUALNODEPOOL_CREATE", (*world).virtualNodePool,
		"none today", "NEEDS_ATTENTION", nil, "",
	},
	{
		catalog.Addon, "ENABLE_ADDON",
		func(w *world) object { return object{"clusterId": w.ids["cluster"], "addonName": "CertManager"} },
		"unexpected state: DELETING", "", "DELETING", "404 NotAuthorizedOrNotFound",
	},
	{catalog.Bastion, "CREATE_BASTION", inputsOf(catalog.Bastion), "none today", "FAILED", nil, ""},
	{catalog.LogGroup, "CREATE_LOG_GROUP", inputsOf(catalog.LogGroup), "none today", "FAILED", nil, ""},
}

// inputsOf are the inputs of the kind's life cycle.
func inputsOf(token string) func(*world) object {
	return lifeCycles[slices.IndexFunc(lifeCycles, func(c lifeCycle) bool { return c.token == token })].inputs
}

func TestFailedCreations(t *testing.T) {
	all := newSlowWorld(t, 200) // so that a creation is seen before it fails
	all.build()
	for _, c := range failedCreations {
		t.Run(c.token, func(t *testing.T) {
			w := *all
			w.T = t
			inputs := value.OfMap(c.inputs(&w))
			w.fault(emulator.Fault{WorkRequest: c.work, Code: "InternalError", Message: "none today", Count: 1})
			u := newURN(c.token, "failed")
			made, err := w.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("creation: %v", err)
			}
			if made.ID == "" || made.PartialState == nil || value.Plain(made.Properties.Get("state")) != c.state {
				t.Errorf("the state has %+v", made)
			}
			l := w.live(u, made.ID, inputs, made.Properties)
			l.Unchanged("after the failed creation", value.PlainMap(inputs))
			w.leaves(c.cloud, l)
			again := p.UpdateRequest{ID: made.ID, Urn: u, State: made.Properties, OldInputs: inputs, Inputs: inputs}
			updated, err := w.Update(t.Context(), again)
			if (err == nil) != (c.next == "") || err != nil && !strings.Contains(err.Error(), c.next) {
				t.Errorf("next update: %v", err)
			}
			if state := value.Plain(updated.Properties.Get("state")); err == nil && state != "ACTIVE" {
				t.Errorf("the next update leaves it %v", state)
			}
			l.Delete()
		})
	}
}

// leaves expects the resource to be in the state, "" for gone, and a refresh to say so.
func (w *world) leaves(state string, l *live) {
	w.Helper()
	eventually.Succeeds(w.T, 10*time.Second, "what is left", func(ctx context.Context) error {
		read, err := w.Read(ctx, p.ReadRequest{ID: l.ID, Urn: l.URN, Properties: l.State, Inputs: l.Inputs})
		got, _ := value.Plain(read.Properties.Get("state")).(string)
		if err == nil && (got != state || (read.ID == "") != (state == "")) {
			err = fmt.Errorf("state %q with the id %q", got, read.ID)
		}
		return err
	})
}

func TestCancelledCreationContinues(t *testing.T) {
	w := newSlowWorld(t, 200) // a cluster takes 2 seconds
	w.buildForCluster()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		// The user presses Ctrl-C as soon as the cluster exists.
		for w.count("cluster") == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	u := newURN(catalog.Cluster, "cluster")
	inputs := value.OfMap(w.cluster())
	made, err := w.Create(ctx, p.CreateRequest{Urn: u, Properties: inputs})
	if err == nil || made.PartialState == nil || !strings.HasPrefix(made.ID, "ocid1.cluster.") {
		t.Fatalf("the cluster is lost: %+v, %v", made, err)
	}
	if state := made.Properties.Get("state"); !state.IsString() || state.AsString() != "CREATING" {
		t.Errorf("state %v", state)
	}
	again := p.UpdateRequest{ID: made.ID, Urn: u, State: made.Properties, OldInputs: inputs, Inputs: inputs}
	updated, err := w.Update(t.Context(), again)
	if err != nil || updated.Properties.Get("state").AsString() != "ACTIVE" {
		t.Errorf("the next update does not wait for it: %v, %v", updated.Properties.Get("state"), err)
	}
	if n := w.count("cluster"); n != 1 {
		t.Errorf("%d clusters", n)
	}
}
