package ociplugin

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	p "github.com/pulumi/pulumi-go-provider"

	"oke-guestbook/catalog"
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

func TestFailedClusterStaysInTheState(t *testing.T) {
	w := newWorld(t)
	w.buildForCluster()
	w.fault(emulator.Fault{WorkRequest: "CLUSTER_CREATE", Code: "LimitExceeded", Message: "no more clusters", Count: 1})
	u := newURN(catalog.Cluster, "cluster")
	inputs := value.OfMap(w.cluster())
	made, err := w.Create(t.Context(), p.CreateRequest{Urn: u, Properties: inputs})
	if err == nil || !strings.Contains(err.Error(), "LimitExceeded: no more clusters") {
		t.Errorf("got %v", err)
	}
	if !strings.HasPrefix(made.ID, "ocid1.cluster.") || made.PartialState == nil {
		t.Fatalf("the cluster is lost: %+v", made)
	}
	again := p.UpdateRequest{ID: made.ID, Urn: u, State: made.Properties, OldInputs: inputs, Inputs: inputs}
	_, err = w.Update(t.Context(), again)
	if err == nil || !strings.Contains(err.Error(), "is FAILED") {
		t.Errorf("the next update accepts it: %v", err)
	}
	l := w.live(u, made.ID, inputs, made.Properties)
	l.Delete()
	if n := w.count("cluster"); n != 0 {
		t.Errorf("%d clusters left", n)
	}
}

func TestFailedNodePoolIsDeleted(t *testing.T) {
	w := newWorld(t)
	w.build()
	w.fault(emulator.Fault{WorkRequest: "NODEPOOL_CREATE", Code: "InternalError", Message: "no pools today", Count: 1})
	inputs := value.OfMap(w.nodePool())
	made, err := w.Create(t.Context(), p.CreateRequest{Urn: newURN(catalog.NodePool, "pool"), Properties: inputs})
	if err == nil || !strings.Contains(err.Error(), "no pools today") {
		t.Errorf("got %v", err)
	}
	if made.ID != "" || w.count("nodepool") != 0 {
		t.Errorf("id %q, %d pools left", made.ID, w.count("nodepool"))
	}
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
