package loadbalancer

import (
	"net/http"
	"slices"
	"time"

	"oke-guestbook/local/oci/engine"
)

// The service's kinds, and the path of load balancers.
const (
	lbKind   = "loadbalancer"
	workKind = "loadbalancerworkrequest"
	lbPath   = "/loadBalancers"
)

// Usual durations of the real service.
const (
	createTime = time.Minute
	changeTime = 5 * time.Second
	deleteTime = 20 * time.Second
)

// Change is what a work request does to a load balancer when it ends: it sets fields, or it sets a part or, if Set is
// nil, deletes it.
type Change struct {
	Fields      engine.Doc
	Field, Name string // "backendSets" and the set's name
	Set         engine.Doc
	Key         string `json:",omitempty"` // private key of a certificate
}

// Apply makes the change.
func (ch Change) Apply(doc engine.Doc) {
	switch {
	case ch.Field == "":
		doc.Merge(ch.Fields)
	case ch.Set == nil:
		delete(doc.Sub(ch.Field), ch.Name)
	default:
		doc.Sub(ch.Field)[ch.Name] = ch.Set
	}
}

type workArgs struct {
	Work   string
	Change Change
}

const taskWorkDone engine.Task[workArgs] = "loadbalancer work done"

// registerWorkRequests adds the service's work requests, which have another form than those of other services.
func registerWorkRequests(api engine.API) {
	api.AddKind(&engine.Kind{Name: workKind})
	taskWorkDone.OnDue(api.Engine, end)
	api.Handle("GET /loadBalancerWorkRequests/{id}", "", engine.OnNamed(workKind, get))
	list := func(c *engine.Call, _ *engine.Resource) (*engine.Answer, error) {
		var out []any
		for _, r := range c.AllWithRemoved(workKind, engine.With("loadBalancerId", c.ID())) {
			out = append(out, r.Doc)
		}
		slices.Reverse(out)
		return c.Page(out)
	}
	api.Handle("GET "+lbPath+"/{id}/workRequests", "", engine.OnNamed(lbKind, list))
}

func get(_ *engine.Call, r *engine.Resource) (*engine.Answer, error) { return r.Answer(), nil }

// begin begins a work request about a load balancer from Changeable or Create.
func begin(t *engine.Tx, r *engine.Resource, typ string, d time.Duration, ch Change) *engine.Answer {
	id := engine.NewOCID(workKind)
	t.Add(workKind, id, engine.Doc{
		"id": id, "loadBalancerId": r.ID, "compartmentId": r.Doc["compartmentId"], "type": typ,
		"lifecycleState": "IN_PROGRESS", "message": "", "timeAccepted": engine.Timestamp(t.Now), "errorDetails": []any{},
	})
	r.Work = id
	taskWorkDone.After(t, d, r.ID, workArgs{id, ch})
	return &engine.Answer{Status: http.StatusNoContent, Header: map[string]string{"opc-work-request-id": id}}
}

// end ends a work request.
func end(t *engine.Tx, target string, args workArgs) error {
	r, wr := t.Edit(target), t.Edit(args.Work)
	failure := t.WorkFailure(wr.Doc.Str("type"))
	now := t.Now
	wr.Removed = &now
	wr.Doc["timeFinished"], wr.Doc["message"] = engine.Timestamp(now), "OK"
	wr.SetState("SUCCEEDED")
	r.Work = ""
	switch {
	case failure != nil:
		wr.Doc["message"] = failure.Message
		wr.SetState("FAILED")
		wr.Doc["errorDetails"] = []any{engine.Doc{"errorCode": "INTERNAL_ERROR", "message": failure.Message}}
		if r.State() == "CREATING" {
			r.SetState("FAILED")
		} else {
			r.SetState("ACTIVE")
		}
	case r.State() == "DELETING":
		return t.Remove(r)
	default:
		r.SetState("ACTIVE")
		args.Change.Apply(r.Doc)
		if args.Change.Key != "" {
			engine.Private[state](r).setKey(args.Change.Name, args.Change.Key)
		}
	}
	return nil
}

// changeable are the states in which a load balancer can be changed.
const changeable = "ACTIVE"

// changeFields makes a handler that changes fields of a load balancer.
func changeFields(typ string, fields func(*engine.Call, *engine.Resource) (engine.Doc, error)) engine.Handler {
	return engine.OnChangeable(lbKind, func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		changed, err := fields(c, r)
		if err != nil {
			return nil, err
		}
		return begin(c.Tx, r, typ, changeTime, Change{Fields: changed}), nil
	}, changeable)
}
