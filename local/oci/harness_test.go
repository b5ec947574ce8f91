package oci

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/oracle/oci-go-sdk/v65/common"

	"oke-guestbook/local/oci/schema"
)

// testCloud is a local cloud whose clock is the test's bubble: time passes when everything waits.
type testCloud struct {
	t      *testing.T
	srv    *Server
	signer common.HTTPRequestSigner
	sleep  func(time.Duration) // passes the real service's time
}

// inCloud runs a test on an empty local cloud with the real service's durations.
func inCloud(t *testing.T, config Config, test func(*testCloud)) {
	t.Helper()
	if config.Dir == "" {
		config.Dir = t.TempDir()
	}
	if config.Speed == 0 {
		config.Speed = 1
	}
	synctest.Test(t, func(t *testing.T) {
		c := openCloud(t, config)
		defer c.srv.Close()
		test(c)
		c.everythingConforms()
	})
}

// everythingConforms holds what is in the store, shown or not in the test, to the SDK's models.
func (c *testCloud) everythingConforms() {
	c.t.Helper()
	_ = c.srv.view(func(*tx) error {
		for _, r := range c.srv.store.sorted(func(*resource) bool { return true }) {
			if k := c.srv.kinds[r.Kind]; k.model != "" && r.Kind != "bucket" && k.states.dead != "" { // the other two change on their way out
				var doc any
				text, _ := json.Marshal(r.Doc)
				_ = json.Unmarshal(text, &doc)
				c.conforms(k.model, doc)
			}
		}
		return nil
	})
}

// shortKey is for all clouds of the tests: to make keys of the usual length, and to sign with them, took most of their time.
var shortKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
})

func openCloud(t *testing.T, config Config) *testCloud {
	t.Helper()
	if err := writeFile(filepath.Join(config.Dir, KeyFile), shortKey()); err != nil {
		t.Fatal(err)
	}
	srv, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	creds := srv.Credentials()
	return &testCloud{t: t, srv: srv, sleep: time.Sleep, signer: common.DefaultRequestSigner(
		common.NewRawConfigurationProvider(creds.Tenancy, creds.User, creds.Region, creds.Fingerprint, creds.PrivateKeyPEM, nil))}
}

type reply struct {
	status int
	header http.Header
	body   any
	raw    []byte
}

func (r reply) object() object { o, _ := r.body.(map[string]any); return o }
func (r reply) list() []any    { l, _ := r.body.([]any); return l }

// send signs and sends a request; edit, if not nil, changes it after signing.
func (c *testCloud) send(method, path string, body any, edit func(*http.Request)) reply {
	c.t.Helper()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	req := httptest.NewRequest(method, path, bytes.NewReader(data))
	req.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	req.Header.Set("Content-Type", "application/json")
	if err := c.signer.Sign(req); err != nil {
		c.t.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	w := httptest.NewRecorder()
	c.srv.ServeHTTP(w, req)
	r := reply{status: w.Code, header: w.Header(), raw: w.Body.Bytes()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(r.raw, &r.body); err != nil {
			c.t.Fatalf("%s %s: %v in %s", method, path, err, r.raw)
		}
	}
	return r
}

// want sends a request and fails the test unless it is answered with the status.
func (c *testCloud) want(status int, method, path string, body any) reply {
	c.t.Helper()
	r := c.send(method, path, body, nil)
	if r.status != status {
		c.t.Fatalf("%s %s: status %d, want %d: %s", method, path, r.status, status, r.raw)
	}
	return r
}

// refused sends a request and fails the test unless it is refused with the status, the code and the words.
func (c *testCloud) refused(status int, code, words, method, path string, body any) {
	c.t.Helper()
	r := c.send(method, path, body, nil)
	got := r.object()
	if r.status != status || str(got, "code") != code || !strings.Contains(str(got, "message"), words) {
		c.t.Errorf("%s %s: %d %s, want %d %s with %q", method, path, r.status, r.raw, status, code, words)
	}
}

// conforms fails the test when a value is not what the SDK's model says.
func (c *testCloud) conforms(model string, v any) {
	c.t.Helper()
	if err := schema.Check(model, v); err != nil {
		c.t.Errorf("answer is no %s: %v\n%v", model, err, v)
	}
}

// create posts to a collection of the core services and waits until the life cycle has settled.
func (c *testCloud) create(collection string, body object) object {
	c.t.Helper()
	k := c.kindOf(collection)
	orDefault(body, object{"compartmentId": CompartmentID})
	made := c.want(http.StatusOK, "POST", k.path, body).object()
	c.conforms(k.model, made)
	c.sleep(k.made + time.Second)
	live := c.want(http.StatusOK, "GET", k.path+"/"+str(made, "id"), nil).object()
	c.conforms(k.model, live)
	if got := str(live, "lifecycleState"); got != k.states.live {
		c.t.Fatalf("%s is %s, want %s", k.name, got, k.states.live)
	}
	return live
}

func (c *testCloud) kindOf(collection string) *kind {
	c.t.Helper()
	for _, k := range c.srv.kinds {
		if strings.HasSuffix(k.path, "/"+collection) {
			return k
		}
	}
	c.t.Fatalf("no collection %s", collection)
	return nil
}

// work waits for the end of the work request that an answer of the container engine names, and returns it.
func (c *testCloud) work(r reply) object {
	c.t.Helper()
	id := r.header.Get("opc-work-request-id")
	if id == "" {
		c.t.Fatalf("no work request in %d %s", r.status, r.raw)
	}
	for range 1000 {
		wr := c.want(http.StatusOK, "GET", okeBase+"/workRequests/"+id, nil).object()
		c.conforms("containerengine.WorkRequest", wr)
		if wr["timeFinished"] != nil {
			return wr
		}
		c.sleep(5 * time.Second)
	}
	c.t.Fatalf("the work request %s does not end", id)
	return nil
}

// succeeded waits for a work request that must end well, and returns the OCID that it was about.
func (c *testCloud) succeeded(r reply) string {
	c.t.Helper()
	wr := c.work(r)
	if wr["status"] != "SUCCEEDED" {
		c.t.Fatalf("work request %v", wr)
	}
	return str(objects(wr, "resources")[0], "identifier")
}

// network is a VCN with all that a cluster needs.
type network struct{ vcn, igw, nat, sgw, publicRT, privateRT, sl, api, workers, lbs string }

func (c *testCloud) network() network {
	c.t.Helper()
	id := func(o object) string { return str(o, "id") }
	var n network
	n.vcn = id(c.create("vcns", object{"cidrBlocks": []any{"10.0.0.0/16"}, "dnsLabel": "oke", "displayName": "oke"}))
	n.igw = id(c.create("internetGateways", object{"vcnId": n.vcn, "isEnabled": true}))
	n.nat = id(c.create("natGateways", object{"vcnId": n.vcn}))
	n.sgw = id(c.create("serviceGateways", object{"vcnId": n.vcn, "services": []any{object{"serviceId": services[1].(object)["id"]}}}))
	n.publicRT = id(c.create("routeTables", object{"vcnId": n.vcn, "routeRules": []any{object{"destination": "0.0.0.0/0", "networkEntityId": n.igw}}}))
	n.privateRT = id(c.create("routeTables", object{"vcnId": n.vcn, "routeRules": []any{
		object{"destination": "0.0.0.0/0", "networkEntityId": n.nat},
		object{"destination": allServicesCIDR, "destinationType": "SERVICE_CIDR_BLOCK", "networkEntityId": n.sgw},
	}}))
	n.sl = id(c.create("securityLists", object{"vcnId": n.vcn, "ingressSecurityRules": []any{}, "egressSecurityRules": []any{
		object{"destination": "0.0.0.0/0", "protocol": "all"},
	}}))
	subnet := func(cidr, label, table string, private bool) string {
		return id(c.create("subnets", object{
			"vcnId": n.vcn, "cidrBlock": cidr, "dnsLabel": label, "routeTableId": table,
			"securityListIds": []any{n.sl}, "prohibitPublicIpOnVnic": private,
		}))
	}
	n.api = subnet("10.0.0.0/29", "api", n.publicRT, false)
	n.workers = subnet("10.0.16.0/20", "workers", n.privateRT, true)
	n.lbs = subnet("10.0.32.0/24", "lbs", n.publicRT, false)
	return n
}

func clusterBody(n network) object {
	return object{
		"name": "oke", "compartmentId": CompartmentID, "vcnId": n.vcn, "kubernetesVersion": "v1.36.3",
		"endpointConfig": object{"subnetId": n.api, "isPublicIpEnabled": true},
		"options":        object{"serviceLbSubnetIds": []any{n.lbs}},
	}
}

func imageFor(version string, arm bool) string {
	for _, img := range images {
		if img.version == version && img.arm == arm {
			return img.id
		}
	}
	return ""
}

func poolBody(n network, cluster string, size int) object {
	placements := []any{}
	for _, ad := range AvailabilityDomains {
		placements = append(placements, object{"availabilityDomain": ad, "subnetId": n.workers})
	}
	return object{
		"name": "workers", "compartmentId": CompartmentID, "clusterId": cluster, "kubernetesVersion": "v1.36.3",
		"nodeShape": "VM.Standard.A1.Flex", "nodeShapeConfig": object{"ocpus": 2, "memoryInGBs": 12},
		"nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": imageFor("v1.36.3", true), "bootVolumeSizeInGBs": 50},
		"nodeConfigDetails": object{"size": size, "placementConfigs": placements},
		"initialNodeLabels": []any{object{"key": "pool", "value": "workers"}},
	}
}

// remove deletes a resource of the core services and waits until it is gone.
func (c *testCloud) remove(collection, id string) {
	c.t.Helper()
	k := c.kindOf(collection)
	c.want(http.StatusNoContent, "DELETE", k.path+"/"+id, nil)
	c.sleep(k.deleted + time.Second)
	if got := str(c.want(http.StatusOK, "GET", k.path+"/"+id, nil).object(), "lifecycleState"); got != k.states.dead {
		c.t.Fatalf("%s is %s after its deletion", k.name, got)
	}
}

func (c *testCloud) removeNetwork(n network) {
	c.t.Helper()
	for _, id := range []string{n.api, n.workers, n.lbs} {
		c.remove("subnets", id)
	}
	c.remove("securityLists", n.sl)
	c.remove("routeTables", n.publicRT)
	c.remove("routeTables", n.privateRT)
	c.remove("internetGateways", n.igw)
	c.remove("natGateways", n.nat)
	c.remove("serviceGateways", n.sgw)
	c.remove("vcns", n.vcn)
}
