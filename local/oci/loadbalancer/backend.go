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
	seen := map[string]bool{}
	for i, backend := range doc.Objects("backends") {
		if err := completeBackend(backend); err != nil {
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
	if err := checkPort(doc); err != nil {
		return err
	}
	doc.Default(engine.Doc{"backup": false, "drain": false, "offline": false, "weight": 1.0})
	doc["name"] = fmt.Sprintf("%s:%d", doc.Str("ipAddress"), int(doc.Num("port")))
	return nil
}

const setsField = "backendSets"

// registerBackends adds the backends and the health checker of a backend set. Their changes are changes of the set.
func registerBackends(api engine.API) {
	const path = lbPath + "/{id}/" + setsField + "/{name}"
	api.Handle("POST "+path+"/backends", "loadbalancer.CreateBackendDetails", changeSet("CreateBackend", addBackend))
	api.Handle("PUT "+path+"/backends/{backend}", "loadbalancer.UpdateBackendDetails",
		changeSet("UpdateBackend", updateBackend))
	api.Handle("DELETE "+path+"/backends/{backend}", "", changeSet("DeleteBackend", deleteBackend))
	api.Handle("PUT "+path+"/healthChecker", "loadbalancer.UpdateHealthCheckerDetails",
		changeSet("UpdateHealthChecker", setHealthChecker))
	api.Handle("GET "+path+"/healthChecker", "", onPart(setsField, getHealthChecker))
	api.Handle("GET "+path+"/backends", "", onPart(setsField, listBackends))
	api.Handle("GET "+path+"/backends/{backend}", "", onPart(setsField, getBackend))
}

func getHealthChecker(_ *engine.Call, set engine.Doc) (*engine.Answer, error) {
	return &engine.Answer{Body: set["healthChecker"]}, nil
}

func listBackends(c *engine.Call, set engine.Doc) (*engine.Answer, error) {
	return c.Page(set.List("backends"))
}

func getBackend(c *engine.Call, set engine.Doc) (*engine.Answer, error) {
	i, err := backendIndex(c, set)
	if err != nil {
		return nil, err
	}
	return &engine.Answer{Body: set.List("backends")[i]}, nil
}

// changeSet makes a handler that edits a copy of a backend set, and begins to replace the set by it.
func changeSet(typ string, edit func(c *engine.Call, set engine.Doc) error) engine.Handler {
	return changing(func(c *engine.Call, r *engine.Resource) (*engine.Answer, error) {
		name := c.Path("name")
		set := r.Doc.Sub(setsField, name).Clone()
		if set == nil {
			return nil, engine.NotFound(name)
		}
		if err := edit(c, set); err != nil {
			return nil, err
		}
		if err := completeBackendSet(set); err != nil {
			return nil, err
		}
		return begin(c.Tx, r, typ, changeTime, change{Field: setsField, Name: name, Set: set}), nil
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

func setHealthChecker(c *engine.Call, set engine.Doc) error {
	set["healthChecker"] = c.Body
	return nil
}
