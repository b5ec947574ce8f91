package ocitest

import (
	"net/http"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

// Create posts to a collection of the core services, and waits until the resource is live.
func (c *Cloud) Create(collection string, body engine.Doc) engine.Doc {
	c.T.Helper()
	k := c.Kind(collection)
	body.Default(engine.Doc{"compartmentId": oci.CompartmentID})
	created := c.Want(http.StatusOK, "POST", k.Path, body).Object()
	c.Conforms(k.Model, created)
	c.Sleep(k.CreateTime + time.Second)
	live := c.Get(k.Path + "/" + created.Str("id"))
	c.Conforms(k.Model, live)
	if got := live.Str("lifecycleState"); got != k.States.Live {
		c.T.Fatalf("%s is %s, want %s", k.Name, got, k.States.Live)
	}
	return live
}

// Remove deletes a resource of the core services, and waits until it is deleted.
func (c *Cloud) Remove(collection, id string) {
	c.T.Helper()
	k := c.Kind(collection)
	c.Want(http.StatusNoContent, "DELETE", k.Path+"/"+id, nil)
	c.Sleep(k.DeleteTime + time.Second)
	if got := c.Get(k.Path + "/" + id).Str("lifecycleState"); got != k.States.Deleted {
		c.T.Fatalf("%s is %s after its deletion", k.Name, got)
	}
}

// List returns a whole collection of the core services.
func (c *Cloud) List(collection string) []engine.Doc {
	c.T.Helper()
	k := c.Kind(collection)
	items := c.GetList(k.Path + "?compartmentId=" + oci.CompartmentID)
	for _, item := range items {
		c.Conforms(k.Model, item)
	}
	return items
}

// WorkRequest waits for the end of the work request that an answer of Container Engine names, and returns it.
func (c *Cloud) WorkRequest(r Reply) engine.Doc {
	c.T.Helper()
	if r.Work() == "" {
		c.T.Fatalf("no work request in %d %s", r.Status, r.Raw)
	}
	return c.waitForWork(OKE, "containerengine.WorkRequest", r.Work())
}

// Succeeded waits for a work request of Container Engine, which must succeed, and returns the OCID of its resource.
func (c *Cloud) Succeeded(r Reply) string {
	c.T.Helper()
	wr := c.WorkRequest(r)
	if wr["status"] != "SUCCEEDED" {
		c.T.Fatalf("work request %v", wr)
	}
	return wr.Objects("resources")[0].Str("identifier")
}

// Finished waits for a work request of a service with percentages, which must succeed, and returns the OCID of its
// resource.
func (c *Cloud) Finished(base, model string, r Reply) string {
	c.T.Helper()
	if r.Status != http.StatusAccepted {
		c.T.Fatalf("%d %s", r.Status, r.Raw)
	}
	wr := c.waitForWork(base, model, r.Work())
	if wr["status"] != "SUCCEEDED" || wr.Num("percentComplete") != 100 {
		c.T.Fatalf("work request %v", wr)
	}
	return wr.Objects("resources")[0].Str("identifier")
}

func (c *Cloud) waitForWork(base, model, id string) engine.Doc {
	c.T.Helper()
	for range 1000 {
		wr := c.Get(base + "/workRequests/" + id)
		c.Conforms(model, wr)
		if wr["timeFinished"] != nil {
			return wr
		}
		c.Sleep(5 * time.Second)
	}
	c.T.Fatalf("the work request %s does not end", id)
	return nil
}
