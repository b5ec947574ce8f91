package oci

import (
	"net/http"
	"time"
)

const okeBase = "/20180222"

// startWork begins a work request of the container engine about a resource. Its id goes into the answer's header.
func (t *tx) startWork(operation, entity string, r *resource) *resource {
	paths := map[string]string{"cluster": "clusters", "nodepool": "nodePools"}
	doc := object{
		"id": newOCID("clustersworkrequest"), "operationType": operation, "status": "IN_PROGRESS", "compartmentId": r.Doc["compartmentId"],
		"timeAccepted": stamp(t.now), "timeStarted": stamp(t.now),
		"resources": []any{object{
			"actionType": "IN_PROGRESS", "entityType": entity, "identifier": r.ID, "entityUri": "/" + paths[entity] + "/" + r.ID,
		}},
	}
	wr := t.add("clustersworkrequest", str(doc, "id"), doc)
	wr.hide("logs", []any{object{"message": operation + " accepted", "timestamp": stamp(t.now)}})
	wr.hide("errors", []any{})
	wr.hide("about", r.ID)
	r.hide("work", wr.ID)
	return wr
}

// actions are what a work request's resource says at the end, by the operation.
var actions = map[string]string{
	"CLUSTER_CREATE": "CREATED", "NODEPOOL_CREATE": "CREATED", "CLUSTER_DELETE": "DELETED", "NODEPOOL_DELETE": "DELETED",
}

// endWork ends a work request, well or with a failure. An injected fault turns a good end into a bad one.
func (t *tx) endWork(id string, failure *Failure) {
	wr := t.edit(id)
	if wr == nil || wr.Gone != nil {
		return
	}
	status, action := "SUCCEEDED", actions[str(wr.Doc, "operationType")]
	if action == "" {
		action = "UPDATED"
	}
	if failure != nil {
		status, action = "FAILED", "FAILED"
		wr.hide("errors", []any{object{"code": failure.Code, "message": failure.Message, "timestamp": stamp(t.now)}})
		t.log(wr, failure.Message)
	}
	t.log(wr, str(wr.Doc, "operationType")+" "+status)
	wr.Doc["status"], wr.Doc["timeFinished"] = status, stamp(t.now)
	for _, r := range objects(wr.Doc, "resources") {
		r["actionType"] = action
	}
	now := t.now
	wr.Gone = &now
	if r := t.edit(str(wr.Hidden, "about")); r != nil {
		delete(r.Hidden, "work")
	}
}

func (t *tx) log(wr *resource, message string) {
	wr.hide("logs", append(list(wr.Hidden, "logs"), object{"message": message, "timestamp": stamp(t.now)}))
}

// idle refuses a second work request for a resource at the same time.
func idle(r *resource) error {
	if id := str(r.Hidden, "work"); id != "" {
		return conflict("%s has a work request in progress: %s", r.ID, id)
	}
	return nil
}

// accepted is the answer to every change of the container engine.
func accepted(wr *resource) *answer {
	return &answer{Status: http.StatusAccepted, Header: map[string]string{"opc-work-request-id": wr.ID}}
}

func (s *Server) workRequestRoutes() {
	s.kinds["clustersworkrequest"] = &kind{name: "clustersworkrequest"}
	named := func(c *call) (*resource, error) { return c.named("clustersworkrequest", c.id()) }
	s.route("GET "+okeBase+"/workRequests/{id}", "", func(c *call) (*answer, error) {
		wr, err := named(c)
		if err != nil {
			return nil, err
		}
		a := c.answerOf(wr)
		if wr.Gone == nil {
			a.Header["retry-after"] = "1"
		}
		return a, nil
	})
	for _, part := range []string{"errors", "logs"} {
		s.route("GET "+okeBase+"/workRequests/{id}/"+part, "", func(c *call) (*answer, error) {
			wr, err := named(c)
			if err != nil {
				return nil, err
			}
			return c.page(list(wr.Hidden, part))
		})
	}
	s.route("GET "+okeBase+"/workRequests", "", func(c *call) (*answer, error) {
		if c.query.Get("compartmentId") == "" {
			return nil, missingParameter("compartmentId")
		}
		var out []any
		for _, wr := range c.s.store.sorted(func(r *resource) bool {
			about, cluster := str(r.Hidden, "about"), c.query.Get("clusterId")
			inCluster := about == cluster || c.find(about) != nil && str(c.find(about).Doc, "clusterId") == cluster
			return r.Kind == "clustersworkrequest" && (cluster == "" || inCluster) &&
				(c.query.Get("resourceId") == "" || about == c.query.Get("resourceId")) &&
				(!c.query.Has("status") || c.query.Get("status") == str(r.Doc, "status"))
		}) {
			out = append(out, wr.Doc)
		}
		return c.page(out)
	})
	s.route("DELETE "+okeBase+"/workRequests/{id}", "", func(c *call) (*answer, error) {
		wr, err := named(c)
		if err != nil {
			return nil, err
		}
		return nil, conflict("the work request %s cannot be canceled any more", wr.ID)
	})
}

// until returns how much of a duration of the real service, which began at a time, is left.
func (t *tx) until(began time.Time, d time.Duration) time.Duration {
	left := t.s.short(d) - t.now.Sub(began)
	return max(0, time.Duration(float64(left)*t.s.config.Speed))
}
