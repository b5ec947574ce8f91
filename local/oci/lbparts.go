package oci

import (
	"maps"
	"slices"
)

var (
	lbPolicies  = []string{"ROUND_ROBIN", "LEAST_CONNECTIONS", "IP_HASH"}
	lbProtocols = []string{"HTTP", "HTTP2", "TCP", "GRPC"}
)

// lbPartRoutes serves the collection of one kind of parts. Every change is a work request.
func (s *Server) lbPartRoutes(base string, p lbPart) {
	path := base + "/{id}/" + p.field
	// change checks the load balancer as it will be, and begins the work.
	change := func(verb string, build func(c *call, r *resource) (string, any, error)) handler {
		return func(c *call) (*answer, error) {
			r, err := c.changeableLB("ACTIVE")
			if err != nil {
				return nil, err
			}
			name, part, err := build(c, r)
			if err != nil {
				return nil, err
			}
			after, _ := clone(r.Doc).(map[string]any)
			if part == nil {
				delete(sub(after, p.field), name)
			} else {
				sub(after, p.field)[name] = part
			}
			if err := checkLBParts(after); err != nil {
				return nil, err
			}
			return c.lbWork(r, verb+p.name, lbChangeTime, []any{p.field, name}, part), nil
		}
	}
	s.route("POST "+path, "loadbalancer."+p.create, change("Create", func(c *call, r *resource) (string, any, error) {
		name := str(c.body, p.nameKey)
		if sub(r.Doc, p.field, name) != nil {
			return "", nil, conflict("the load balancer %s has a %s named %s", r.ID, p.name, name)
		}
		return name, c.body, p.build(c.body)
	}))
	if p.update != "" {
		s.route("PUT "+path+"/{name}", "loadbalancer."+p.update, change("Update", func(c *call, r *resource) (string, any, error) {
			name := c.req.PathValue("name")
			if sub(r.Doc, p.field, name) == nil {
				return "", nil, noSuch(name)
			}
			c.body[p.nameKey] = name
			return name, c.body, p.build(c.body)
		}))
	}
	s.route("DELETE "+path+"/{name}", "", change("Delete", func(c *call, r *resource) (string, any, error) {
		name := c.req.PathValue("name")
		if sub(r.Doc, p.field, name) == nil {
			return "", nil, noSuch(name)
		}
		return name, nil, nil
	}))
	s.route("GET "+path, "", func(c *call) (*answer, error) {
		r, err := c.named("loadbalancer", c.id())
		if err != nil {
			return nil, err
		}
		var out []any
		for _, name := range slices.Sorted(maps.Keys(sub(r.Doc, p.field))) {
			out = append(out, sub(r.Doc, p.field)[name])
		}
		return c.page(out)
	})
	if p.field == "backendSets" || p.field == "ruleSets" {
		s.route("GET "+path+"/{name}", "", func(c *call) (*answer, error) {
			_, part, err := c.lbPart(p.field)
			return &answer{Body: part}, err
		})
	}
}

// lbPart returns the load balancer of the path and its named part.
func (c *call) lbPart(field string) (*resource, object, error) {
	r, err := c.named("loadbalancer", c.id())
	if err != nil {
		return nil, nil, err
	}
	part := sub(r.Doc, field, c.req.PathValue("name"))
	if part == nil {
		return nil, nil, noSuch(c.req.PathValue("name"))
	}
	return r, part, nil
}

// backendRoutes serves the backends and the health checker of a backend set. Their changes are changes of the set.
func (s *Server) backendRoutes(base string) {
	path := base + "/{id}/backendSets/{name}"
	change := func(typ string, edit func(c *call, set object) error) handler {
		return func(c *call) (*answer, error) {
			if _, _, err := c.lbPart("backendSets"); err != nil {
				return nil, err
			}
			r, err := c.changeableLB("ACTIVE")
			if err != nil {
				return nil, err
			}
			set, _ := clone(sub(r.Doc, "backendSets", c.req.PathValue("name"))).(map[string]any)
			if err := edit(c, set); err != nil {
				return nil, err
			}
			if err := buildBackendSet(set); err != nil {
				return nil, err
			}
			return c.lbWork(r, typ, lbChangeTime, []any{"backendSets", c.req.PathValue("name")}, set), nil
		}
	}
	at := func(c *call, set object) (int, error) {
		name := c.req.PathValue("backend")
		if i := slices.IndexFunc(objects(set, "backends"), func(b object) bool { return b["name"] == name }); i >= 0 {
			return i, nil
		}
		return 0, noSuch(name)
	}
	s.route("POST "+path+"/backends", "loadbalancer.CreateBackendDetails", change("CreateBackend", func(c *call, set object) error {
		set["backends"] = append(list(set, "backends"), c.body)
		return nil
	}))
	s.route("PUT "+path+"/backends/{backend}", "loadbalancer.UpdateBackendDetails", change("UpdateBackend", func(c *call, set object) error {
		i, err := at(c, set)
		if err != nil {
			return err
		}
		for field, v := range c.body {
			objects(set, "backends")[i][field] = v
		}
		return nil
	}))
	s.route("DELETE "+path+"/backends/{backend}", "", change("DeleteBackend", func(c *call, set object) error {
		i, err := at(c, set)
		if err != nil {
			return err
		}
		set["backends"] = slices.Delete(list(set, "backends"), i, i+1)
		return nil
	}))
	s.route("PUT "+path+"/healthChecker", "loadbalancer.UpdateHealthCheckerDetails", change("UpdateHealthChecker", func(c *call, set object) error {
		set["healthChecker"] = c.body
		return nil
	}))
	s.route("GET "+path+"/healthChecker", "", func(c *call) (*answer, error) {
		_, set, err := c.lbPart("backendSets")
		return &answer{Body: set["healthChecker"]}, err
	})
	s.route("GET "+path+"/backends", "", func(c *call) (*answer, error) {
		_, set, err := c.lbPart("backendSets")
		if err != nil {
			return nil, err
		}
		return c.page(list(set, "backends"))
	})
	s.route("GET "+path+"/backends/{backend}", "", func(c *call) (*answer, error) {
		_, set, err := c.lbPart("backendSets")
		if err != nil {
			return nil, err
		}
		i, err := at(c, set)
		if err != nil {
			return nil, err
		}
		return &answer{Body: list(set, "backends")[i]}, nil
	})
	s.route("GET "+path+"/health", "", func(c *call) (*answer, error) {
		_, set, err := c.lbPart("backendSets")
		return &answer{Body: object{
			"status": setHealth(set), "totalBackendCount": len(list(set, "backends")), "criticalStateBackendNames": []any{},
			"unknownStateBackendNames": []any{}, "warningStateBackendNames": []any{},
		}}, err
	})
	s.route("GET "+path+"/backends/{backend}/health", "", func(c *call) (*answer, error) {
		_, set, err := c.lbPart("backendSets")
		if err == nil {
			_, err = at(c, set)
		}
		return &answer{Body: object{"status": "OK", "healthCheckResults": []any{}}}, err
	})
}

// setHealth: nothing is probed here, so backends count as healthy; a set without any is unknown, as on the service.
func setHealth(set object) string {
	if len(list(set, "backends")) == 0 {
		return "UNKNOWN"
	}
	return "OK"
}

func lbHealth(r *resource) (status string, unknown []any) {
	status, unknown = "OK", []any{}
	for _, name := range slices.Sorted(maps.Keys(sub(r.Doc, "backendSets"))) {
		if setHealth(sub(r.Doc, "backendSets", name)) == "UNKNOWN" {
			status, unknown = "UNKNOWN", append(unknown, name)
		}
	}
	return status, unknown
}

func (s *Server) lbReadRoutes(base string) {
	s.route("GET "+base+"/{id}/health", "", func(c *call) (*answer, error) {
		r, err := c.named("loadbalancer", c.id())
		if err != nil {
			return nil, err
		}
		status, unknown := lbHealth(r)
		return &answer{Body: object{
			"status": status, "totalBackendSetCount": len(sub(r.Doc, "backendSets")), "unknownStateBackendSetNames": unknown,
			"criticalStateBackendSetNames": []any{}, "warningStateBackendSetNames": []any{},
		}}, nil
	})
	s.route("GET "+lbBase+"/loadBalancerHealths", "", func(c *call) (*answer, error) {
		var out []any
		for _, r := range c.all("loadbalancer", with("compartmentId", c.query.Get("compartmentId"))) {
			status, _ := lbHealth(r)
			out = append(out, object{"loadBalancerId": r.ID, "status": status})
		}
		return c.page(out)
	})
	s.route("GET "+lbBase+"/loadBalancerWorkRequests/{id}", "", func(c *call) (*answer, error) {
		r, err := c.named("loadbalancerworkrequest", c.id())
		if err != nil {
			return nil, err
		}
		return c.answerOf(r), nil
	})
	s.route("GET "+base+"/{id}/workRequests", "", func(c *call) (*answer, error) {
		if _, err := c.named("loadbalancer", c.id()); err != nil {
			return nil, err
		}
		var out []any
		for _, r := range c.s.store.sorted(func(r *resource) bool {
			return r.Kind == "loadbalancerworkrequest" && str(r.Doc, "loadBalancerId") == c.id()
		}) {
			out = append(out, r.Doc)
		}
		slices.Reverse(out)
		return c.page(out)
	})
	for name, values := range map[string][]string{
		"loadBalancerShapes": append(slices.Clone(fixedLBShapes), "flexible"), "loadBalancerPolicies": lbPolicies, "loadBalancerProtocols": lbProtocols,
	} {
		s.route("GET "+lbBase+"/"+name, "", func(c *call) (*answer, error) {
			var out []any
			for _, v := range values {
				out = append(out, object{"name": v})
			}
			return c.page(out)
		})
	}
}
