package engine

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// WorkRequests are the work requests of a service whose API has them at /workRequests.
type WorkRequests struct {
	API  API
	Kind string // of their OCIDs, "clustersworkrequest"
	// Collections are the paths of the resources that they are about, by entity type: "cluster": "/clusters/".
	Collections map[string]string
	// FailedAction is the action type of the resource of a work request that failed: only some services have FAILED.
	FailedAction string
	Percent      bool // they show percentComplete
	Items        bool // lists are objects with items
	// Selects reports whether the list's further query parameters select a work request about the resource; optional.
	Selects func(c *Call, about string) bool
}

// workRequest is what a service remembers of a work request, in addition to its document.
type workRequest struct {
	About  string // OCID of the resource
	Logs   []Doc
	Errors []Doc
}

// workArgs are the arguments of a task that ends a work request.
type workArgs struct{ Work string }

// Serve registers the routes of the work requests.
func (s *WorkRequests) Serve() {
	s.API.AddKind(&Kind{Name: s.Kind, Private: PrivateOf[workRequest]()})
	s.done().OnDue(s.API.Engine, s.endKindWork)
	get := func(path string, h ResourceHandler) {
		s.API.Handle("GET /workRequests/{id}"+path, "", OnNamed(s.Kind, h))
	}
	get("", func(_ *Call, r *Resource) (*Answer, error) { return r.Answer(), nil })
	get("/errors", func(c *Call, r *Resource) (*Answer, error) { return s.page(c, List(Private[workRequest](r).Errors)) })
	get("/logs", func(c *Call, r *Resource) (*Answer, error) { return s.page(c, List(Private[workRequest](r).Logs)) })
	cancel := func(_ *Call, r *Resource) (*Answer, error) {
		return nil, Conflict("the work request %s cannot be canceled any more", r.ID)
	}
	s.API.Handle("DELETE /workRequests/{id}", "", OnNamed(s.Kind, cancel))
	s.API.Handle("GET /workRequests", "", s.list)
}

func (s *WorkRequests) list(c *Call) (*Answer, error) {
	if err := c.NeedsQuery("compartmentId"); err != nil {
		return nil, err
	}
	var out []any
	for _, r := range c.AllWithRemoved(s.Kind, func(r *Resource) bool {
		if c.Query.Has("status") && !slices.Contains(c.Query["status"], r.Doc.Str("status")) {
			return false
		}
		about := Private[workRequest](r).About
		return (c.Query.Get("resourceId") == "" || about == c.Query.Get("resourceId")) &&
			(s.Selects == nil || s.Selects(c, about))
	}) {
		out = append(out, r.Doc)
	}
	return s.page(c, out)
}

func (s *WorkRequests) page(c *Call, items []any) (*Answer, error) {
	if s.Items {
		return PageOfItems(c, items)
	}
	return c.Page(items)
}

// Begin begins a work request about a resource, which is one from Edit or a new one.
func (s *WorkRequests) Begin(t *Tx, operation, entity string, r *Resource) *Resource {
	compartment := r.Doc["compartmentId"]
	if compartment == nil {
		compartment = CompartmentID
	}
	id := NewOCID(s.Kind)
	doc := Doc{
		"id": id, "operationType": operation, "status": "IN_PROGRESS", "compartmentId": compartment,
		"timeAccepted": Timestamp(t.Now), "timeStarted": Timestamp(t.Now),
		"resources": []any{Doc{
			"actionType": "IN_PROGRESS", "entityType": entity, "identifier": r.ID, "entityUri": s.Collections[entity] + r.ID,
		}},
	}
	if s.Percent {
		doc["percentComplete"] = 0
	}
	wr := t.Add(s.Kind, id, doc)
	Private[workRequest](wr).About = r.ID
	t.logWork(wr, operation+" accepted")
	r.Work = id
	return wr
}

// End ends a work request, with a failure or, if that is nil, well.
func (s *WorkRequests) End(t *Tx, id string, failure *Failure) {
	wr := t.Edit(id)
	if wr == nil || wr.Removed != nil {
		return
	}
	operation := wr.Doc.Str("operationType")
	status, action := "SUCCEEDED", actionOf(operation)
	if failure != nil {
		status, action = "FAILED", s.FailedAction
		Private[workRequest](wr).Errors = []Doc{
			{"code": failure.Code, "message": failure.Message, "timestamp": Timestamp(t.Now)},
		}
		t.logWork(wr, failure.Message)
	}
	t.logWork(wr, operation+" "+status)
	wr.Doc["status"], wr.Doc["timeFinished"] = status, Timestamp(t.Now)
	if s.Percent {
		wr.Doc["percentComplete"] = 100
	}
	for _, r := range wr.Doc.Objects("resources") {
		r["actionType"] = action
	}
	now := t.Now
	wr.Removed = &now
	if r := t.Edit(Private[workRequest](wr).About); r != nil {
		r.Work = ""
	}
}

// Failure returns the injected failure of a work request, or nil.
func (s *WorkRequests) Failure(t *Tx, id string) *Failure {
	return t.WorkFailure(t.Find(id).Doc.Str("operationType"))
}

// Accepted is the answer to a change that a work request makes.
func Accepted(wr *Resource) *Answer {
	return &Answer{Status: http.StatusAccepted, Header: map[string]string{"opc-work-request-id": wr.ID}}
}

func (t *Tx) logWork(wr *Resource, message string) {
	p := Private[workRequest](wr)
	p.Logs = append(p.Logs, Doc{"message": message, "timestamp": Timestamp(t.Now)})
}

// actionOf returns the action type of the resource of a work request that succeeded.
func actionOf(operation string) string {
	switch {
	case strings.Contains(operation, "CREATE"), strings.Contains(operation, "ENABLE"):
		return "CREATED"
	case strings.Contains(operation, "DELETE"), strings.Contains(operation, "DISABLE"):
		return "DELETED"
	}
	return "UPDATED"
}

// ServeKind registers a kind whose creation, change and deletion each are a work request that only takes its time: a
// change takes the kind's DeleteTime. operations is what the operation types end with: "BASTION" for CREATE_BASTION.
func (s *WorkRequests) ServeKind(k *Kind, operations, entity string) {
	path := k.Path
	create, update, takes := k.Create, k.Update, k.CreateTime
	k.Async, k.CreateTime = true, 0 // the work request ends the creation
	s.API.ServeReads(k)
	begin := func(c *Call, r *Resource, verb string, d time.Duration) *Answer {
		wr := s.Begin(c.Tx, verb+"_"+operations, entity, r)
		s.done().After(c.Tx, d, r.ID, workArgs{wr.ID})
		return Accepted(wr)
	}
	s.API.Handle("POST "+path, create, func(c *Call) (*Answer, error) {
		r, err := c.Create(k.Name)
		if err != nil {
			return nil, err
		}
		a := begin(c, r, "CREATE", takes)
		a.Header["etag"], a.Body, a.Created = r.Etag(), r.Doc, r.ID
		return a, nil
	})
	s.API.Handle("PUT "+path+"/{id}", update, func(c *Call) (*Answer, error) {
		r, err := c.Update(k.Name)
		if err != nil {
			return nil, err
		}
		return begin(c, r, "UPDATE", k.DeleteTime), nil
	})
	s.API.Handle("DELETE "+path+"/{id}", "", func(c *Call) (*Answer, error) {
		r, err := c.startDelete(k)
		if err != nil {
			return nil, err
		}
		return begin(c, r, "DELETE", k.DeleteTime), nil
	})
}

// done is the task that ends the work request of a kind of ServeKind.
func (s *WorkRequests) done() Task[workArgs] { return Task[workArgs](s.Kind + " done") }

func (s *WorkRequests) endKindWork(t *Tx, target string, args workArgs) error {
	r, failure := t.Edit(target), s.Failure(t, args.Work)
	switch states := t.e.kinds[r.Kind].States; {
	case failure != nil && r.State() == states.Creating:
		r.SetState("FAILED")
	case failure == nil && r.State() == states.Deleting:
		if err := t.Remove(r); err != nil {
			return err
		}
	default:
		r.SetState(states.Live)
	}
	s.End(t, args.Work, failure)
	return nil
}
