package oci

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"oke-guestbook/local/cloud"
)

var vcnBody = object{"compartmentId": CompartmentID, "cidrBlocks": []any{"10.0.0.0/16"}, "displayName": "net"}

func TestSignatures(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		for _, test := range []struct {
			name   string
			body   any
			change func(*http.Request)
			status int
		}{
			{"as signed", vcnBody, nil, 200},
			{"without signature", vcnBody, func(r *http.Request) { r.Header.Del("Authorization") }, 401},
			{"of another key", vcnBody, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), c.srv.Credentials().Fingerprint, "00:11", 1))
			}, 401},
			{"another method", vcnBody, func(r *http.Request) { r.Method = "GET" }, 401},
			{"another path", vcnBody, func(r *http.Request) { r.RequestURI = "/20160918/subnets" }, 401},
			{"another host", vcnBody, func(r *http.Request) { r.Host = "elsewhere" }, 401},
			{"another body", vcnBody, func(r *http.Request) { r.Body = http.NoBody }, 401},
			{"late", vcnBody, func(*http.Request) { time.Sleep(maxSkew + time.Second) }, 401},
			{"nearly late", vcnBody, func(*http.Request) { time.Sleep(maxSkew - time.Second) }, 200},
			{"other date", vcnBody, func(r *http.Request) { r.Header.Set("Date", time.Now().Add(time.Second).UTC().Format(http.TimeFormat)) }, 401},
			{"weak algorithm", vcnBody, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "rsa-sha256", "rsa-sha1", 1))
			}, 401},
			{"unsigned body", vcnBody, func(r *http.Request) {
				r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), " x-content-sha256", "", 1))
			}, 401},
		} {
			r := c.send("POST", coreBase+"/vcns", test.body, test.change)
			if r.status != test.status || r.status == 401 && str(r.object(), "code") != "NotAuthenticated" {
				t.Errorf("%s: %d %s, want %d", test.name, r.status, r.raw, test.status)
			}
			if r.header.Get("opc-request-id") == "" {
				t.Errorf("%s: no opc-request-id", test.name)
			}
		}
	})
}

func TestRetryTokens(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		post := func(token string, body object) reply {
			return c.send("POST", coreBase+"/vcns", body, func(r *http.Request) { r.Header.Set("opc-retry-token", token) })
		}
		first := str(post("one", vcnBody).object(), "id")
		if again := str(post("one", vcnBody).object(), "id"); again != first {
			t.Errorf("the same token made %s after %s", again, first)
		}
		if other := str(post("two", vcnBody).object(), "id"); other == first || other == "" {
			t.Errorf("another token gave %q", other)
		}
		if r := post("one", changed(vcnBody, "other", "displayName")); r.status != 409 || str(r.object(), "code") != "InvalidatedRetryToken" {
			t.Errorf("the token with another body: %s", r.raw)
		}
		time.Sleep(time.Minute)
		c.remove("vcns", first)
		if r := post("one", vcnBody); r.status != 409 || str(r.object(), "code") != "InvalidatedRetryToken" {
			t.Errorf("the token of what was deleted: %s", r.raw)
		}
		time.Sleep(retryTokenLife)
		if r := post("one", vcnBody); r.status != 200 {
			t.Errorf("the token after a day: %s", r.raw)
		}
		if n := len(c.list("vcns")); n != 2 {
			t.Errorf("%d VCNs, want 2", n)
		}
	})
}

func TestEtags(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		id := str(c.create("vcns", clone(vcnBody).(object)), "id")
		path := coreBase + "/vcns/" + id
		etag := c.want(200, "GET", path, nil).header.Get("etag")
		put := func(etag, name string) int {
			return c.send("PUT", path, object{"displayName": name}, func(r *http.Request) { r.Header.Set("if-match", etag) }).status
		}
		if got := put(etag, "a"); got != 200 {
			t.Errorf("with the etag: %d", got)
		}
		if got := put(etag, "b"); got != 412 {
			t.Errorf("with the old etag: %d, want 412", got)
		}
		if got := c.send("DELETE", path, nil, func(r *http.Request) { r.Header.Set("if-match", etag) }).status; got != 412 {
			t.Errorf("deletion with the old etag: %d, want 412", got)
		}
		if got := str(c.want(200, "GET", path, nil).object(), "displayName"); got != "a" {
			t.Errorf("name %q", got)
		}
	})
}

func TestPagesAndFilters(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		for i := range 7 {
			c.create("vcns", object{"cidrBlock": "10.0.0.0/16", "displayName": fmt.Sprint("net-", i)})
		}
		base := coreBase + "/vcns?compartmentId=" + CompartmentID
		var names []string
		page, pages := "", 0
		for {
			r := c.want(200, "GET", base+"&limit=3&sortBy=DISPLAYNAME"+page, nil)
			for _, v := range r.list() {
				names = append(names, str(v.(object), "displayName"))
			}
			pages++
			next := r.header.Get("opc-next-page")
			if next == "" {
				break
			}
			page = "&page=" + next
		}
		if got := strings.Join(names, " "); got != "net-0 net-1 net-2 net-3 net-4 net-5 net-6" || pages != 3 {
			t.Errorf("%d pages: %s", pages, got)
		}
		for query, want := range map[string]int{"": 7, "&displayName=net-3": 1, "&displayName=none": 0, "&lifecycleState=AVAILABLE": 7, "&lifecycleState=TERMINATED": 0} {
			if got := len(c.want(200, "GET", base+query, nil).list()); got != want {
				t.Errorf("%q: %d items, want %d", query, got, want)
			}
		}
		c.refused(400, "InvalidParameter", "limit", "GET", base+"&limit=0", nil)
		c.refused(400, "InvalidParameter", "page", "GET", base+"&page=x", nil)
		c.refused(400, "InvalidParameter", "colour", "GET", base+"&colour=red", nil)
		if got := len(c.want(200, "GET", coreBase+"/vcns?compartmentId="+TenancyID, nil).list()); got != 0 {
			t.Errorf("%d VCNs in the root compartment", got)
		}
	})
}

func TestUnknownRoutesAreLoud(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		c.refused(400, "NotImplemented", "/20160918/cpes", "GET", coreBase+"/cpes", nil)
		c.refused(400, "NotImplemented", "PATCH", "PATCH", coreBase+"/vcns/x", object{})
	})
}

func TestFaults(t *testing.T) {
	inCloud(t, Config{ControlPlane: newPlane()}, func(c *testCloud) {
		admin := func(method, path string, body string) *httptest.ResponseRecorder {
			r := httptest.NewRequest(method, path, strings.NewReader(body))
			r.RemoteAddr = "127.0.0.1:1000"
			w := httptest.NewRecorder()
			c.srv.ServeHTTP(w, r)
			return w
		}
		if w := admin("POST", "/admin/faults", `{"method":"POST","path":"/20160918/vcns","status":500,"code":"InternalError","message":"Out of host capacity.","count":2}`); w.Code != 204 {
			t.Fatal(w.Body)
		}
		for i, want := range []int{500, 500, 200} {
			if got := c.send("POST", coreBase+"/vcns", vcnBody, nil).status; got != want {
				t.Errorf("request %d: %d, want %d", i, got, want)
			}
		}
		for _, bad := range []string{`{"status":200}`, `{"stat":1}`, `{"path":"["}`, `{"probability":2}`} {
			if w := admin("POST", "/admin/faults", bad); w.Code != 400 {
				t.Errorf("%s: %d, want 400", bad, w.Code)
			}
		}
		admin("POST", "/admin/faults", `{"path":"/20160918/*","latencyMs":1500}`)
		began := time.Now()
		c.want(200, "GET", coreBase+"/vcns?compartmentId="+CompartmentID, nil)
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("latency %s", took)
		}
		admin("DELETE", "/admin/faults", "")
		r := httptest.NewRequest("GET", "/admin/inventory", nil)
		r.RemoteAddr = "10.1.2.3:1000"
		w := httptest.NewRecorder()
		if c.srv.ServeHTTP(w, r); w.Code != 403 {
			t.Errorf("admin path from elsewhere: %d", w.Code)
		}

		n := c.network()
		cluster := c.succeeded(c.send("POST", okeBase+"/clusters", clusterBody(n), nil))
		admin("POST", "/admin/faults", `{"workRequest":"LAUNCH_INSTANCE","code":"InternalError","message":"Out of host capacity.","count":1}`)
		wr := c.work(c.send("POST", okeBase+"/nodePools", poolBody(n, cluster, 3), nil))
		errs := c.want(200, "GET", okeBase+"/workRequests/"+str(wr, "id")+"/errors", nil).list()
		if wr["status"] != "FAILED" || len(errs) != 1 || str(errs[0].(object), "message") != "Out of host capacity." {
			t.Fatalf("work request %v, errors %v", wr, errs)
		}
		c.conforms("containerengine.WorkRequestError", errs[0])
		pool := str(objects(wr, "resources")[0], "identifier")
		if got := str(c.want(200, "GET", okeBase+"/nodePools/"+pool, nil).object(), "lifecycleState"); got != "NEEDS_ATTENTION" {
			t.Errorf("pool is %s", got)
		}
		// The next update makes up for what is missing.
		c.succeeded(c.send("PUT", okeBase+"/nodePools/"+pool, object{"freeformTags": object{}}, nil))
		if got := len(list(c.want(200, "GET", okeBase+"/nodePools/"+pool, nil).object(), "nodes")); got != 3 {
			t.Errorf("%d nodes, want 3", got)
		}
		admin("POST", "/admin/faults", `{"workRequest":"CLUSTER_DELETE","message":"try later","count":1}`)
		if wr := c.work(c.send("DELETE", okeBase+"/clusters/"+cluster, nil, nil)); wr["status"] != "FAILED" {
			t.Errorf("work request %v", wr)
		}
		c.succeeded(c.send("DELETE", okeBase+"/clusters/"+cluster, nil, nil))
	})
}

func TestLimits(t *testing.T) {
	if _, err := New(Config{Dir: t.TempDir(), Limits: map[string]int{"vnc": 1}}); err == nil || !strings.Contains(err.Error(), `"vnc"`) {
		t.Errorf("unknown limit: %v", err)
	}
	inCloud(t, Config{Limits: map[string]int{"vcn": 1}}, func(c *testCloud) {
		id := str(c.create("vcns", clone(vcnBody).(object)), "id")
		c.refused(400, "LimitExceeded", "vcn-count", "POST", coreBase+"/vcns", vcnBody)
		c.remove("vcns", id)
		c.create("vcns", clone(vcnBody).(object))
	})
}

// TestRestart ends the daemon in the middle of everything, and once more after the state was damaged.
func TestRestart(t *testing.T) {
	dir := t.TempDir()
	plane := newPlane()
	var cluster, pool, creating string
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		n := c.network()
		cluster = c.succeeded(c.send("POST", okeBase+"/clusters", clusterBody(n), nil))
		r := c.send("POST", okeBase+"/nodePools", poolBody(n, cluster, 2), nil)
		creating = r.header.Get("opc-work-request-id")
		time.Sleep(30 * time.Second) // the instances are starting
	})
	plane.versions, plane.nodes = map[string]string{}, map[string][]cloud.Node{}
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		if err := c.srv.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		if plane.versions[cluster] != "v1.36.3" {
			t.Errorf("control planes after the restart: %v", plane.versions)
		}
		wr := c.work(reply{header: http.Header{http.CanonicalHeaderKey("opc-work-request-id"): {creating}}})
		pool = str(objects(wr, "resources")[0], "identifier")
		if wr["status"] != "SUCCEEDED" || plane.count(cluster) != 2 {
			t.Errorf("work request %v; %d nodes", wr, plane.count(cluster))
		}
	})
	// A daemon that is killed leaves no half-written state behind.
	if err := os.WriteFile(filepath.Join(dir, snapshotFile+".new"), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		if got := len(list(c.want(200, "GET", okeBase+"/nodePools/"+pool, nil).object(), "nodes")); got != 2 {
			t.Errorf("%d nodes, want 2", got)
		}
	})
	if err := os.WriteFile(filepath.Join(dir, snapshotFile), []byte("{half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), snapshotFile) {
		t.Errorf("damaged state: %v", err)
	}
}

func TestTwoDaemonsOnOneState(t *testing.T) {
	dir := t.TempDir()
	inCloud(t, Config{Dir: dir}, func(c *testCloud) {
		if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("a second daemon on the same state: %v", err)
		}
	})
	inCloud(t, Config{Dir: dir}, func(*testCloud) {})
}

func TestStateThatCannotBeSaved(t *testing.T) {
	dir := t.TempDir()
	inCloud(t, Config{Dir: dir}, func(c *testCloud) {
		// A directory in its place lets no snapshot be written, whoever runs the test.
		if err := os.Mkdir(filepath.Join(dir, snapshotFile+".new"), 0o700); err != nil {
			t.Fatal(err)
		}
		c.refused(500, "InternalServerError", "save the local cloud's state", "POST", coreBase+"/vcns", vcnBody)
		if n := len(c.srv.Inventory()); n != 0 {
			t.Errorf("%d things are left of the request that failed", n)
		}
		free := func() {
			if err := os.Remove(filepath.Join(dir, snapshotFile+".new")); err != nil {
				t.Fatal(err)
			}
		}
		free()
		// A life cycle goes on when there is room again.
		id := str(c.want(200, "POST", coreBase+"/vcns", vcnBody).object(), "id")
		if err := os.Mkdir(filepath.Join(dir, snapshotFile+".new"), 0o700); err != nil {
			t.Fatal(err)
		}
		state := func() string { return str(c.want(200, "GET", coreBase+"/vcns/"+id, nil).object(), "lifecycleState") }
		time.Sleep(time.Minute)
		if got := state(); got != "PROVISIONING" {
			t.Errorf("VCN is %s while nothing can be saved", got)
		}
		free()
		time.Sleep(trySaveAgain)
		if got := state(); got != "AVAILABLE" {
			t.Errorf("VCN is %s when there is room again", got)
		}
	})
}

func TestConcurrentRequests(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		vcn := str(c.create("vcns", object{"cidrBlock": "10.0.0.0/16"}), "id")
		var wg sync.WaitGroup
		var mu sync.Mutex
		statuses := map[int]int{}
		for range 20 {
			wg.Go(func() {
				r := c.send("POST", coreBase+"/natGateways", object{"compartmentId": CompartmentID, "vcnId": vcn}, nil)
				mu.Lock()
				statuses[r.status]++
				mu.Unlock()
			})
		}
		wg.Wait()
		if statuses[200] != 1 || statuses[400] != 19 {
			t.Errorf("answers to 20 requests for one gateway: %v", statuses)
		}
	})
}

func TestNodeCyclingAndUpgrade(t *testing.T) {
	plane := newPlane()
	inCloud(t, Config{ControlPlane: plane}, func(c *testCloud) {
		n := c.network()
		body := changed(clusterBody(n), "v1.35.4", "kubernetesVersion")
		body["type"] = "ENHANCED_CLUSTER"
		cluster := c.succeeded(c.send("POST", okeBase+"/clusters", body, nil))
		pool := poolBody(n, cluster, 3)
		pool["kubernetesVersion"] = "v1.35.4"
		sub(pool, "nodeSourceDetails")["imageId"] = imageFor("v1.35.4", true)
		id := c.succeeded(c.send("POST", okeBase+"/nodePools", pool, nil))
		nodes := func() []object {
			return objects(c.want(200, "GET", okeBase+"/nodePools/"+id, nil).object(), "nodes")
		}
		first := nodes()

		upgrade := c.send("PUT", okeBase+"/clusters/"+cluster, object{"kubernetesVersion": "v1.36.3"}, nil)
		c.refused(409, "Conflict", "work request in progress", "PUT", okeBase+"/clusters/"+cluster, object{"name": "x"})
		c.refused(409, "Conflict", "is UPDATING", "PUT", okeBase+"/nodePools/"+id, object{"name": "x"})
		c.succeeded(upgrade)
		if plane.versions[cluster] != "v1.36.3" {
			t.Errorf("control plane %v", plane.versions)
		}

		// Without cycling, a new version is for new nodes only.
		to := object{"kubernetesVersion": "v1.36.3", "nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": imageFor("v1.36.3", true)}}
		c.succeeded(c.send("PUT", okeBase+"/nodePools/"+id, to, nil))
		if got := nodes(); fmt.Sprint(got) != fmt.Sprint(first) {
			t.Errorf("nodes changed without cycling: %v", got)
		}
		c.succeeded(c.send("PUT", okeBase+"/nodePools/"+id, object{"nodeConfigDetails": object{"size": 4}}, nil))
		if got := nodes(); got[0]["kubernetesVersion"] != "v1.35.4" || got[3]["kubernetesVersion"] != "v1.36.3" {
			t.Errorf("nodes after one was added: %v", got)
		}

		plane.syncs = nil
		c.succeeded(c.send("PUT", okeBase+"/nodePools/"+id, object{"nodePoolCyclingDetails": object{"isNodeCyclingEnabled": true, "maximumSurge": "1", "maximumUnavailable": "0"}}, nil))
		for _, node := range nodes() {
			if node["kubernetesVersion"] != "v1.36.3" {
				t.Errorf("node %v", node)
			}
		}
		// One more, one fewer, three times: never fewer than four, never more than five.
		if got := fmt.Sprint(plane.syncs); got != "[5 4 5 4 5 4]" {
			t.Errorf("nodes in the cluster over the cycling: %s", got)
		}
		c.refused(400, "InvalidParameter", "cannot go back", "PUT", okeBase+"/nodePools/"+id, object{
			"kubernetesVersion": "v1.35.4", "nodeSourceDetails": object{"sourceType": "IMAGE", "imageId": imageFor("v1.35.4", true)},
		})
		c.refused(409, "Conflict", "cycling cannot go together", "PUT", okeBase+"/nodePools/"+id, object{"nodeConfigDetails": object{
			"placementConfigs": []any{object{"availabilityDomain": AvailabilityDomains[0], "subnetId": n.workers}},
		}})

		gone := str(nodes()[0], "id")
		c.succeeded(c.send("DELETE", okeBase+"/nodePools/"+id+"/node/"+gone, nil, nil))
		if got := nodes(); len(got) != 3 || str(got[0], "id") == gone {
			t.Errorf("nodes after one was deleted: %v", got)
		}
	})
}

// A volume can only be attached in its availability domain, so none may be without a node when cycling has ended.
func TestNodeCyclingKeepsTheBalance(t *testing.T) {
	for name, cycling := range map[string]object{
		"one more":  {"isNodeCyclingEnabled": true, "maximumSurge": "1", "maximumUnavailable": "0"},
		"one fewer": {"isNodeCyclingEnabled": true, "maximumSurge": "0", "maximumUnavailable": "1"},
	} {
		t.Run(name, func(t *testing.T) {
			inCloud(t, Config{ControlPlane: newPlane()}, func(c *testCloud) {
				n := c.network()
				body := clusterBody(n)
				body["type"] = "ENHANCED_CLUSTER"
				cluster := c.succeeded(c.send("POST", okeBase+"/clusters", body, nil))
				id := c.succeeded(c.send("POST", okeBase+"/nodePools", poolBody(n, cluster, 2), nil))
				nodes := func() []object {
					return objects(c.want(200, "GET", okeBase+"/nodePools/"+id, nil).object(), "nodes")
				}
				first := nodes()
				// The third node has the new labels already, so cycling replaces the other two.
				c.succeeded(c.send("PUT", okeBase+"/nodePools/"+id, object{"initialNodeLabels": []any{}, "nodeConfigDetails": object{"size": 3}}, nil))
				c.succeeded(c.send("PUT", okeBase+"/nodePools/"+id, object{"nodePoolCyclingDetails": cycling}, nil))
				used := map[string]int{}
				for _, node := range nodes() {
					used[str(node, "availabilityDomain")]++
					if node["id"] == first[0]["id"] || node["id"] == first[1]["id"] {
						t.Errorf("the node %v was not replaced", node)
					}
				}
				if len(used) != 3 {
					t.Errorf("nodes by availability domain after the cycling: %v", used)
				}
			})
		})
	}
}

func TestAddressesRunOut(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		small := str(c.create("subnets", object{"vcnId": n.vcn, "cidrBlock": "10.0.200.0/29", "prohibitPublicIpOnVnic": true}), "id")
		cluster := c.succeeded(c.send("POST", okeBase+"/clusters", clusterBody(n), nil))
		body := changed(poolBody(n, cluster, 6), []any{object{"availabilityDomain": AvailabilityDomains[0], "subnetId": small}}, "nodeConfigDetails", "placementConfigs")
		wr := c.work(c.send("POST", okeBase+"/nodePools", body, nil))
		if wr["status"] != "FAILED" {
			t.Fatalf("work request %v", wr)
		}
		pool := str(objects(wr, "resources")[0], "identifier")
		// Eight addresses, of which the network keeps three.
		if got := len(list(c.want(200, "GET", okeBase+"/nodePools/"+pool, nil).object(), "nodes")); got != 5 {
			t.Errorf("%d nodes fit, want 5", got)
		}
	})
}

func TestSecurityGroupRules(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		n := c.network()
		a := str(c.create("networkSecurityGroups", object{"vcnId": n.vcn}), "id")
		b := str(c.create("networkSecurityGroups", object{"vcnId": n.vcn}), "id")
		path := coreBase + "/networkSecurityGroups/" + a
		added := c.want(200, "POST", path+"/actions/addSecurityRules", object{"securityRules": []any{
			object{"direction": "INGRESS", "protocol": "6", "source": b, "sourceType": "NETWORK_SECURITY_GROUP", "tcpOptions": object{"destinationPortRange": object{"min": 6443, "max": 6443}}},
			object{"direction": "EGRESS", "protocol": "all", "destination": "0.0.0.0/0"},
		}}).object()
		rules := objects(added, "securityRules")
		if len(rules) != 2 || rules[1]["destinationType"] != "CIDR_BLOCK" {
			t.Fatalf("added %v", added)
		}
		for _, rule := range c.want(200, "GET", path+"/securityRules", nil).list() {
			c.conforms("core.SecurityRule", rule)
		}
		c.refused(409, "Conflict", "referenced by a rule", "DELETE", coreBase+"/networkSecurityGroups/"+b, nil)
		c.refused(400, "MissingParameter", "source", "POST", path+"/actions/addSecurityRules", object{"securityRules": []any{object{"direction": "INGRESS", "protocol": "6"}}})
		c.want(204, "POST", path+"/actions/removeSecurityRules", object{"securityRuleIds": []any{rules[0]["id"]}})
		c.remove("networkSecurityGroups", b)
		if got := c.want(200, "GET", path+"/securityRules", nil).list(); len(got) != 1 {
			t.Errorf("rules left: %v", got)
		}
	})
}

func TestOddBodies(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		for _, text := range []string{"", "null", "[]", "7", `{"a":`, `{} {}`, "\xff", strings.Repeat("[", 100000)} {
			r := httptest.NewRequest("POST", coreBase+"/vcns", bytes.NewReader([]byte(text)))
			r.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
			r.Header.Set("Content-Type", "application/json")
			if err := c.signer.Sign(r); err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			c.srv.ServeHTTP(w, r)
			if w.Code != 400 {
				t.Errorf("%.20q: %d %s", text, w.Code, w.Body)
			}
		}
	})
}

func TestGoneAfterAWhile(t *testing.T) {
	inCloud(t, Config{}, func(c *testCloud) {
		id := str(c.create("vcns", clone(vcnBody).(object)), "id")
		c.remove("vcns", id)
		time.Sleep(keepGone)
		c.create("vcns", clone(vcnBody).(object))
		c.refused(404, "NotAuthorizedOrNotFound", id, "GET", coreBase+"/vcns/"+id, nil)
		synctest.Wait()
	})
}

// TestRestartBetweenStartAndReady ends the daemon when a control plane runs already and its cluster is not ready yet.
func TestRestartBetweenStartAndReady(t *testing.T) {
	dir := t.TempDir()
	plane := newPlane()
	forget := func() { plane.versions = map[string]string{} }
	var wr, cluster string
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		wr = c.send("POST", okeBase+"/clusters", changed(clusterBody(c.network()), "v1.35.4", "kubernetesVersion"), nil).header.Get("opc-work-request-id")
		time.Sleep(time.Minute)
	})
	forget()
	wait := func(c *testCloud) {
		t.Helper()
		if err := c.srv.Resume(context.Background()); err != nil {
			t.Fatal(err)
		}
		cluster = c.succeeded(reply{header: http.Header{http.CanonicalHeaderKey("opc-work-request-id"): {wr}}})
	}
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		wait(c)
		if plane.versions[cluster] != "v1.35.4" {
			t.Errorf("control planes after the creation: %v", plane.versions)
		}
		wr = c.send("PUT", okeBase+"/clusters/"+cluster, object{"kubernetesVersion": "v1.36.3"}, nil).header.Get("opc-work-request-id")
		time.Sleep(time.Minute)
	})
	forget()
	inCloud(t, Config{Dir: dir, ControlPlane: plane}, func(c *testCloud) {
		wait(c)
		if plane.versions[cluster] != "v1.36.3" {
			t.Errorf("control planes after the upgrade: %v", plane.versions)
		}
	})
}
