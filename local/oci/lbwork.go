package oci

import (
	"net/http"
	"slices"
	"time"
)

// Usual durations of the real service.
const (
	lbCreateTime = time.Minute
	lbChangeTime = 5 * time.Second
	lbDeleteTime = 20 * time.Second
)

// lbWork begins a work request that, when it ends, puts changes into the load balancer: at a path of two names, or as
// fields of its document.
func (t *tx) lbWork(r *resource, typ string, took time.Duration, path []any, changes any) *answer {
	wr := t.add("loadbalancerworkrequest", newOCID("loadbalancerworkrequest"), object{
		"loadBalancerId": r.ID, "compartmentId": r.Doc["compartmentId"], "type": typ, "lifecycleState": "IN_PROGRESS", "message": "",
		"timeAccepted": stamp(t.now), "errorDetails": []any{},
	})
	wr.Doc["id"] = wr.ID
	r.hide("work", wr.ID)
	t.later(took, "lbDone", r.ID, object{"work": wr.ID, "path": path, "changes": changes})
	return &answer{Status: http.StatusNoContent, Header: map[string]string{"opc-work-request-id": wr.ID}}
}

func lbDone(t *tx, k *task) error {
	r, wr := t.edit(k.Target), t.edit(str(k.Args, "work"))
	failure := t.s.faults.workRequest(str(wr.Doc, "type"))
	now := t.now
	wr.Gone = &now
	wr.Doc["timeFinished"], wr.Doc["lifecycleState"], wr.Doc["message"] = stamp(now), "SUCCEEDED", "OK"
	delete(r.Hidden, "work")
	if failure != nil {
		wr.Doc["lifecycleState"], wr.Doc["message"] = "FAILED", failure.Message
		wr.Doc["errorDetails"] = []any{object{"errorCode": "INTERNAL_ERROR", "message": failure.Message}}
		if r.state() == "CREATING" {
			r.Doc["lifecycleState"] = "FAILED"
		} else {
			r.Doc["lifecycleState"] = "ACTIVE"
		}
		return nil
	}
	if r.state() == "DELETING" {
		return t.bury(r)
	}
	r.Doc["lifecycleState"] = "ACTIVE"
	changes, _ := k.Args["changes"].(map[string]any)
	switch path := texts(k.Args, "path"); {
	case len(path) == 2 && changes == nil:
		delete(sub(r.Doc, path[0]), path[1])
	case len(path) == 2:
		sub(r.Doc, path[0])[path[1]] = clone(changes)
	default:
		for field, v := range changes {
			r.Doc[field] = clone(v)
		}
	}
	return nil
}

// changeableLB returns the load balancer of the path, if a work request about it can begin.
func (c *call) changeableLB(states ...string) (*resource, error) {
	r, err := c.named("loadbalancer", c.id())
	if err != nil {
		return nil, err
	}
	if r.Gone != nil {
		return nil, noSuch(r.ID)
	}
	if err := c.match(r); err != nil {
		return nil, err
	}
	if err := idle(r); err != nil {
		return nil, err
	}
	if !slices.Contains(states, r.state()) {
		return nil, incorrectState("the load balancer %s is %s", r.ID, r.state())
	}
	return c.edit(r.ID), nil
}

// changeLB makes a handler of what a change does to the fields of a load balancer.
func changeLB(typ string, change func(*call, *resource) (object, error)) handler {
	return func(c *call) (*answer, error) {
		r, err := c.changeableLB("ACTIVE")
		if err != nil {
			return nil, err
		}
		fields, err := change(c, r)
		if err != nil {
			return nil, err
		}
		return c.lbWork(r, typ, lbChangeTime, nil, fields), nil
	}
}
