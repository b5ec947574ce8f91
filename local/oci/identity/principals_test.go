package identity_test

import (
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
	"oke-guestbook/local/oci/ocitest"
)

const policies = ocitest.Core + "/policies"

// readsObjects is a policy that lets a subject read objects.
func readsObjects(subject string) engine.Doc {
	return engine.Doc{
		"compartmentId": oci.CompartmentID, "name": "p", "description": "d",
		"statements": []any{"Allow " + subject + " to read objects in compartment " + oci.CompartmentName},
	}
}

// TestInstancesActByDynamicGroups reads objects as the node of a cluster.
func TestInstancesActByDynamicGroups(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		c.Want(200, "POST", "/n/"+oci.Namespace+"/b", engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups"})
		n := c.Network()
		cluster := c.Succeeded(c.Send("POST", ocitest.OKE+"/clusters", ocitest.ClusterBody(n), nil))
		pool := c.Succeeded(c.Send("POST", ocitest.OKE+"/nodePools", ocitest.PoolBody(n, cluster, 1), nil))
		node := c.Get(ocitest.OKE + "/nodePools/" + pool).Objects("nodes")[0].Str("id")
		instance := c.As(engine.Principal{ID: node, Type: engine.InstancePrincipal})
		instance.Refused(404, "BucketNotFound", "backups", "GET", bucket+"/o", nil)
		instance.Refused(404, "NotAuthorizedOrNotFound", "", "GET", policies+"?compartmentId="+oci.CompartmentID, nil)

		group := c.Create("dynamicGroups", engine.Doc{
			"compartmentId": oci.TenancyID, "name": "Nodes", "description": "d",
			"matchingRule": "Any {instance.compartment.id = '" + oci.TenancyID + "'}",
		}).Str("id")
		c.Create("policies", readsObjects("dynamic-group nodes"))
		c.Sleep(time.Minute)
		instance.Refused(404, "BucketNotFound", "backups", "GET", bucket+"/o", nil) // it is in another compartment
		for rule, want := range map[string]int{
			"instance.compartment.id = '" + oci.CompartmentID + "'":                                  200,
			"Any {instance.id = 'x', instance.id = '" + node + "'}":                                  200,
			"All {instance.id = '" + node + "', tag.team.name.value = 'ops'}":                        404,
			"All {resource.type = 'cluster', resource.compartment.id = '" + oci.CompartmentID + "'}": 404,
		} {
			c.Want(200, "PUT", ocitest.Core+"/dynamicGroups/"+group, engine.Doc{"matchingRule": rule})
			if got := instance.Send("GET", bucket+"/o", nil, nil).Status; got != want {
				t.Errorf("%s: %d, want %d", rule, got, want)
			}
		}
	})
}

// TestPoliciesTakeEffectLate gives a policy other statements before and after the first are in force.
func TestPoliciesTakeEffectLate(t *testing.T) {
	ocitest.Run(t, oci.Config{PolicyDelay: 2 * time.Minute}, func(c *ocitest.Cloud) {
		c.Want(200, "POST", "/n/"+oci.Namespace+"/b", engine.Doc{"compartmentId": oci.CompartmentID, "name": "backups"})
		job := account(c, "backup")
		reads := func(want int, after time.Duration) {
			t.Helper()
			c.Sleep(after)
			if got := job.Send("GET", bucket+"/o", nil, nil).Status; got != want {
				t.Errorf("status %d, want %d", got, want)
			}
		}
		policy := c.Want(200, "POST", policies, readsObjects("any-user")).Object().Str("id")
		reads(404, time.Minute)
		c.Want(200, "PUT", policies+"/"+policy, engine.Doc{"description": "the same statements"})
		reads(200, time.Minute+time.Second)
		other := engine.Doc{"statements": readsObjects("dynamic-group nobody")["statements"]}
		c.Want(200, "PUT", policies+"/"+policy, other)
		reads(200, time.Minute) // those from before hold
		c.Want(200, "PUT", policies+"/"+policy, engine.Doc{"statements": []any{"Allow group a to read objects in tenancy"}})
		reads(200, time.Minute+time.Second)
		reads(404, time.Minute)
		c.Want(204, "DELETE", policies+"/"+policy, nil)
		reads(404, 3*time.Minute)
	})
}

// TestUndecidedStatementsAreRefused expects no statement to be kept that would be decided otherwise on Oracle Cloud.
func TestUndecidedStatementsAreRefused(t *testing.T) {
	ocitest.Run(t, oci.Config{}, func(c *ocitest.Cloud) {
		for text, want := range map[string]string{
			"Allow any-user to peruse objects in tenancy":     "InvalidParameter",
			"Allow group ops to own all-resources in tenancy": "InvalidParameter",
			"Let me in": "InvalidParameter",
			"Deny any-user to read objects in tenancy":                            "NotImplemented",
			"Allow any-user to manage autonomous-databases in tenancy":            "NotImplemented",
			"Allow any-user to read objects in tenancy where request.region in x": "NotImplemented",
		} {
			body := readsObjects("any-user")
			body["statements"] = []any{text}
			c.Refused(400, want, "statements[0]", "POST", policies, body)
		}
		c.NothingLeft()
	})
}
