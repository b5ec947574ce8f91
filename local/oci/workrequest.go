package oci

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

const okeBase = "/20180222"

// workService is a service whose changes are work requests.
type workService struct {
	base, kind string
	// failed is what a work request that failed says of its resource: not every service has a word for it.
	failed   string
	percents bool // its work requests tell how far they are
}

var (
	okeWork     = workService{okeBase, "clustersworkrequest", "FAILED", false}
	bastionWork = workService{bastionBase, "bastionworkrequest", "IN_PROGRESS", true}
	loggingWork = workService{loggingBase, "logworkrequest", "IN_PROGRESS", true}
)

var workServices = []workService{okeWork, bastionWork, loggingWork}

// entityPaths are the collections of a work request's resources.
var entityPaths = map[string]string{
	"cluster": "/clusters/", "nodepool": "/nodePools/", "addon": "/addons/", "BastionsResource": "/bastions/", "loggroup": "/logGroups/", "log": "/logs/",
}

// begin begins a work request about a resource. Its id goes into the answer's header.
func (t *tx) begin(svc workService, operation, entity string, r *resource) *resource {
	compartment := r.Doc["compartmentId"]
	if compartment == nil {
		compartment = CompartmentID
	}
	doc := object{
		"id": newOCID(svc.kind), "operationType": operation, "status": "IN_PROGRESS", "compartmentId": compartment,
		"timeAccepted": stamp(t.now), "timeStarted": stamp(t.now),
		"resources": []any{object{
			"actionType": "IN_PROGRESS", "entityType": entity, "identifier": r.ID, "entityUri": entityPaths[entity] + r.ID,
		}},
	}
	if svc.percents {
		doc["percentComplete"] = 0
	}
	wr := t.add(svc.kind, str(doc, "id"), doc)
	wr.hide("logs", []any{object{"message": operation + " accepted", "timestamp": stamp(t.now)}})
	wr.hide("errors", []any{})
	wr.hide("about", r.ID)
	r.hide("work", wr.ID)
	return wr
}

// startWork begins a work request of the container engine.
func (t *tx) startWork(operation, entity string, r *resource) *resource {
	return t.begin(okeWork, operation, entity, r)
}

// ended returns what a work request that ended well says of its resource.
func ended(operation string) string {
	switch {
	case strings.Contains(operation, "CREATE"), operation == "ENABLE_ADDON":
		return "CREATED"
	case strings.Contains(operation, "DELETE"), operation == "DISABLE_ADDON":
		return "DELETED"
	}
	return "UPDATED"
}

// endWork ends a work request, well or with a failure.
func (t *tx) endWork(id string, failure *Failure) {
	wr := t.edit(id)
	if wr == nil || wr.Gone != nil {
		return
	}
	svc := workServices[slices.IndexFunc(workServices, func(s workService) bool { return s.kind == wr.Kind })]
	status, action := "SUCCEEDED", ended(str(wr.Doc, "operationType"))
	if failure != nil {
		status, action = "FAILED", svc.failed
		wr.hide("errors", []any{object{"code": failure.Code, "message": failure.Message, "timestamp": stamp(t.now)}})
		t.log(wr, failure.Message)
	}
	t.log(wr, str(wr.Doc, "operationType")+" "+status)
	wr.Doc["status"], wr.Doc["timeFinished"] = status, stamp(t.now)
	if svc.percents {
		wr.Doc["percentComplete"] = 100
	}
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

func (s *Server) workRequestRoutes(svc workService) {
	s.kinds[svc.kind] = &kind{name: svc.kind}
	named := func(c *call) (*resource, error) { return c.named(svc.kind, c.id()) }
	path := svc.base + "/workRequests"
	s.route("GET "+path+"/{id}", "", func(c *call) (*answer, error) {
		wr, err := named(c)
		if err != nil {
			return nil, err
		}
		return c.answerOf(wr), nil
	})
	for _, part := range []string{"errors", "logs"} {
		s.route("GET "+path+"/{id}/"+part, "", func(c *call) (*answer, error) {
			wr, err := named(c)
			if err != nil {
				return nil, err
			}
			return c.page(list(wr.Hidden, part))
		})
	}
	s.route("GET "+path, "", func(c *call) (*answer, error) {
		if c.query.Get("compartmentId") == "" {
			return nil, missingParameter("compartmentId")
		}
		var out []any
		for _, wr := range c.s.store.sorted(func(r *resource) bool {
			about, cluster := str(r.Hidden, "about"), c.query.Get("clusterId")
			inCluster := about == cluster || c.find(about) != nil && str(c.find(about).Doc, "clusterId") == cluster
			return r.Kind == svc.kind && (cluster == "" || inCluster) &&
				(c.query.Get("resourceId") == "" || about == c.query.Get("resourceId")) &&
				(!c.query.Has("status") || slices.Contains(c.query["status"], str(r.Doc, "status")))
		}) {
			out = append(out, wr.Doc)
		}
		return c.page(out)
	})
	s.route("DELETE "+path+"/{id}", "", func(c *call) (*answer, error) {
		wr, err := named(c)
		if err != nil {
			return nil, err
		}
		return nil, conflict("the work request %s cannot be canceled any more", wr.ID)
	})
}

// serveWorkKind registers a kind whose creation, change and deletion each are a work request that only takes its time.
// operations ends in what the types of the work requests have in common: "BASTION" for CREATE_BASTION.
func (s *Server) serveWorkKind(svc workService, k *kind, create, update, operations, entity string) {
	k.slow = true
	s.serveKind(k)
	s.ops["kindDone"] = op{change: kindDone}
	begin := func(c *call, r *resource, verb string, took time.Duration) *answer {
		wr := c.begin(svc, verb+"_"+operations, entity, r)
		c.later(took, "kindDone", r.ID, object{"work": wr.ID})
		return accepted(wr)
	}
	s.route("POST "+k.path, create, func(c *call) (*answer, error) {
		r, err := c.make(k, c.body)
		if err != nil {
			return nil, err
		}
		a := begin(c, r, "CREATE", k.made)
		a.Header["etag"], a.Body, a.made = r.etag(), r.Doc, r.ID
		return a, nil
	})
	s.route("PUT "+k.path+"/{id}", update, func(c *call) (*answer, error) {
		if err := c.free(k); err != nil {
			return nil, err
		}
		if _, err := c.updateKind(k); err != nil {
			return nil, err
		}
		return begin(c, c.edit(c.id()), "UPDATE", k.deleted), nil
	})
	s.route("DELETE "+k.path+"/{id}", "", func(c *call) (*answer, error) {
		if err := c.free(k); err != nil {
			return nil, err
		}
		r, err := c.changeable(k)
		if err != nil {
			return nil, err
		}
		if k.onDelete != nil {
			if err := k.onDelete(c.tx, r); err != nil {
				return nil, err
			}
		}
		r = c.edit(r.ID)
		r.Doc["lifecycleState"] = k.states.deleting
		return begin(c, r, "DELETE", k.deleted), nil
	})
}

// free refuses a change while a work request about the resource of the path is in progress.
func (c *call) free(k *kind) error {
	r, err := c.named(k.name, c.id())
	if err != nil {
		return err
	}
	return idle(r)
}

// kindDone ends the work request of a kind that serveWorkKind serves.
func kindDone(t *tx, k *task) error {
	r, wr := t.edit(k.Target), str(k.Args, "work")
	failure := t.s.faults.workRequest(str(t.find(wr).Doc, "operationType"))
	switch states := t.s.kinds[r.Kind].states; {
	case failure != nil && r.state() == states.creating:
		r.Doc["lifecycleState"] = "FAILED"
	case failure == nil && r.state() == states.deleting:
		if err := t.bury(r); err != nil {
			return err
		}
	default:
		r.Doc["lifecycleState"] = states.live
	}
	t.endWork(wr, failure)
	return nil
}

// until returns how much of a duration of the real service, which began at a time, is left.
func (t *tx) until(began time.Time, d time.Duration) time.Duration {
	left := t.s.short(d) - t.now.Sub(began)
	return max(0, time.Duration(float64(left)*t.s.config.Speed))
}
