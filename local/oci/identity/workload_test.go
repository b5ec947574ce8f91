package identity_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const bucket = "/n/" + oci.Namespace + "/b/backups"

// backups is the statement of the stack's backup jobs.
const backups = "Allow any-user to %s objects in compartment id " + oci.CompartmentID + " where all {" +
	"request.principal.type = 'workload', request.principal.namespace = 'guestbook', " +
	"request.principal.service_account = 'backup', request.principal.cluster_id = 'ocid1.cluster.oc1.iad.k', " +
	"target.bucket.name = 'backups'}"

// account returns the cloud as a service account sees it.
func account(c *ocitest.Cloud, name string) *ocitest.Cloud {
	return c.As(engine.Principal{
		ID: "ocid1.workload.oc1.iad." + name, Type: engine.WorkloadPrincipal,
		Workload: engine.Workload{ClusterID: "ocid1.cluster.oc1.iad.k", Namespace: "guestbook", ServiceAccount: name},
	})
}

// statuses are those of the requests for objects, in the order of operations.
func statuses(c *ocitest.Cloud) (all []int) {
	for _, o := range []struct{ method, path string }{
		{"PUT", "/o/new"}, {"PUT", "/o/old"}, {"GET", "/o"}, {"GET", "/o/old"}, {"DELETE", "/o/new"},
	} {
		all = append(all, c.SendRaw(o.method, bucket+o.path, []byte("x"), http.Header{}, nil).Status)
	}
	return all
}

// TestPoliciesDecideAboutWorkloads makes the requests of a backup job with and without a policy, and with weaker ones.
func TestPoliciesDecideAboutWorkloads(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		c.Want(200, "POST", "/n/"+oci.Namespace+"/b", engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups"})
		c.Want(200, "PUT", bucket+"/o/old", "x")
		job := account(c, "backup")
		job.Refused(404, "BucketNotFound", "or you are not authorized", "GET", bucket+"/o", nil)
		body := engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups", "description": "x"}
		for verb, want := range map[string][]int{
			"inspect": {404, 404, 200, 404, 404}, "read": {404, 404, 200, 200, 404}, "use": {404, 200, 200, 200, 404},
			"manage": {200, 200, 200, 200, 204},
		} {
			body["statements"] = []string{fmt.Sprintf(backups, verb)}
			policy := c.Want(200, "POST", ocitest.Core+"/policies", body).Object().Str("id")
			job.Refused(404, "BucketNotFound", "backups", "GET", bucket+"/o", nil) // it does not hold yet
			c.Sleep(time.Minute)
			if got := statuses(job); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", verb, got, want)
			}
			if got := statuses(account(c, "default")); fmt.Sprint(got) != "[404 404 404 404 404]" {
				t.Errorf("%s: another account gets %v", verb, got)
			}
			c.Want(204, "DELETE", ocitest.Core+"/policies/"+policy, nil)
			c.Sleep(time.Minute)
		}
		job.Refused(404, "BucketNotFound", "backups", "GET", bucket+"/o", nil)
	})
}

// TestWorkloadsMayDoNothingElse asks as a workload for what no policy is about.
func TestWorkloadsMayDoNothingElse(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		job := account(c, "backup")
		const policies = ocitest.Core + "/policies"
		job.Refused(404, "NotAuthorizedOrNotFound", "policies", "POST", policies, engine.Doc{
			"compartmentId": oci.CompartmentID, "name": "own", "description": "x",
			"statements": []string{"Allow any-user to manage objects in tenancy"},
		})
		if made := c.GetList(policies + "?compartmentId=" + oci.CompartmentID); len(made) > 0 {
			t.Errorf("a refused request has made %v", made)
		}
		for _, path := range []string{
			policies + "?compartmentId=" + oci.CompartmentID,
			"/n/" + oci.Namespace + "/b?compartmentId=" + oci.CompartmentID,
		} {
			job.Refused(404, "NotAuthorizedOrNotFound", "", "GET", path, nil)
		}
		if got := job.Send("GET", "/20180419/docker/token", nil, nil).Status; got != 401 {
			t.Errorf("token of Container Registry: %d", got)
		}
	})
}
