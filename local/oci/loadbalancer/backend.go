package loadbalancer

import (
	"fmt"
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
)

var policies = []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"}

func completeBackendSet(doc engine.Doc) error {
	doc.Default(engine.Doc{"backends": []any{}})
	if policy := doc.Str("policy"); !slices.Contains(policies, policy) {
		return engine.Invalid("policy: %q must be one of %s", policy, strings.Join(policies, ", "))
	}
	completeTLS(doc, "oci-wider-compatible-ssl-cipher-suite-v1")
	checker := doc.Sub("healthChecker")
	checker.Default(engine.Doc{
		"port": 0.0, "returnCode": 200.0, "responseBodyRegex": "", "retries": 3.0, "timeoutInMillis": 3000.0,
		"intervalInMillis": 10000.0, "isForcePlainText": false,
	})
	if protocol := checker.Str("protocol"); protocol != "HTTP" && protocol != "TCP" {
		return engine.Invalid("healthChecker.protocol: %q must be HTTP or TCP", protocol)
	}
	return CompleteBackends(doc, completeBackend)
}

// maxBackends is how many backends a set has, of a network load balancer too (Oracle: "Overview of Load Balancer" and
// "Overview of Network Load Balancer", read 2026-11-29). The words and the code of the refusal are the emulator's own.
const maxBackends = 512

// CompleteBackends completes each backend of a set, which gives it its name, and refuses two of one name.
func CompleteBackends(set engine.Doc, complete func(backend engine.Doc) error) error {
	if n := len(set.Objects("backends")); n > maxBackends {
		return engine.Invalid("backends: %d are more than the %d of a backend set", n, maxBackends)
	}
	seen := map[string]bool{}
	for i, backend := range set.Objects("backends") {
		if err := complete(backend); err != nil {
			return err
		}
		name := backend.Str("name")
		if seen[name] {
			return engine.Invalid("backends[%d]: %s is there twice", i, name)
		}
		seen[name] = true
	}
	return nil
}

func completeBackend(doc engine.Doc) error {
	if err := CheckPort(doc); err != nil {
		return err
	}
	doc.Default(engine.Doc{"backup": false, "drain": false, "offline": false, "weight": 1.0})
	doc["name"] = fmt.Sprintf("%s:%d", doc.Str("ipAddress"), int(doc.Num("port")))
	return nil
}

const setsField = "backendSets"

// serveBackends adds the backends and the health checker of a backend set. Their changes are changes of the set.
func (b *Balancers) serveBackends() {
	path := b.Path + "/{id}/" + setsField + "/{name}"
	b.API.Handle("POST "+path+"/backends", b.Models+"CreateBackendDetails",
		b.changeSet("Create", "Backend", addBackend))
	b.API.Handle("PUT "+path+"/backends/{backend}", b.Models+"UpdateBackendDetails",
		b.changeSet("Update", "Backend", updateBackend))
	b.API.Handle("DELETE "+path+"/backends/{backend}", "", b.changeSet("Delete", "Backend", deleteBackend))
	b.API.Handle("PUT "+path+"/healthChecker", b.Models+"UpdateHealthCheckerDetails",
		b.changeSet("Update", "HealthChecker", b.setHealthChecker))
	b.API.Handle("GET "+path+"/healthChecker", "", b.onPart(setsField, getHealthChecker))
	b.API.Handle("GET "+path+"/backends", "", b.onPart(setsField, b.listBackends))
	b.API.Handle("GET "+path+"/backends/{backend}", "", b.onPart(setsField, getBackend))
}

func getHealthChecker(_ *engine.Call, set engine.Doc) (*engine.Answer, error) {
	return &engine.Answer{Body: set["healthChecker"]}, nil
}

func (b *Balancers) listBackends(c *engine.Call, set engine.Doc) (*engine.Answer, error) {
	return b.Page(c, set.List("backends"))
}

func getBackend(c *engine.Call, set engine.Doc) (*engine.Answer, error) {
	i, err := backendIndex(c, set)
	if err != nil {
		return nil, err
	}
	return &engine.Answer{Body: set.List("backends")[i]}, nil
}

// changeSet makes a handler that edits a copy of a backend set, and begins to replace the set by it.
func (b *Balancers) changeSet(
	verb, what string, edit func(c *engine.Call, set engine.Doc) error,
) engine.Handler {
	return b.changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		name := c.Path("name")
		set := r.Doc.Sub(setsField, name).Clone()
		if set == nil {
			return nil, engine.NotFound(name)
		}
		if err := edit(c, set); err != nil {
			return nil, err
		}
		if err := b.CompleteSet(set); err != nil {
			return nil, err
		}
		return b.Begin(c.Tx, r, verb, what, Change{Field: setsField, Name: name, Set: set}), nil
	})
}

// backendIndex returns the position of the path's backend in its set.
func backendIndex(c *engine.Call, set engine.Doc) (int, error) {
	name := c.Path("backend")
	i := slices.IndexFunc(set.Objects("backends"), func(b engine.Doc) bool { return b["name"] == name })
	if i < 0 {
		return 0, engine.NotFound(name)
	}
	return i, nil
}

func addBackend(c *engine.Call, set engine.Doc) error {
	set["backends"] = append(set.List("backends"), c.Body)
	return nil
}

func updateBackend(c *engine.Call, set engine.Doc) error {
	i, err := backendIndex(c, set)
	if err == nil {
		set.Objects("backends")[i].Merge(c.Body)
	}
	return err
}

func deleteBackend(c *engine.Call, set engine.Doc) error {
	i, err := backendIndex(c, set)
	if err == nil {
		set["backends"] = slices.Delete(set.List("backends"), i, i+1)
	}
	return err
}

func (b *Balancers) setHealthChecker(c *engine.Call, set engine.Doc) error {
	if b.Merges {
		c.Body.Default(set.Sub("healthChecker"))
	}
	set["healthChecker"] = c.Body
	return nil
}
