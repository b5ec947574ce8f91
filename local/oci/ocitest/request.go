package ocitest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"oke-guestbook/local/oci"
	"oke-guestbook/local/oci/engine"
)

// Reply is the answer to a request.
type Reply struct {
	Status int
	Header http.Header
	Raw    []byte
	Body   any // decoded, if it is JSON
}

// Object returns the body's object; nil if it is none.
func (r Reply) Object() engine.Doc { o, _ := r.Body.(map[string]any); return o }

// List returns the objects of the body's list.
func (r Reply) List() []engine.Doc {
	var out []engine.Doc
	items, _ := r.Body.([]any)
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			out = append(out, o)
		}
	}
	return out
}

// Work returns the OCID of the work request that the answer names.
func (r Reply) Work() string { return r.Header.Get("opc-work-request-id") }

// Send signs and sends a request; edit, if not nil, changes it after it was signed.
func (c *Cloud) Send(method, path string, body any, edit func(*http.Request)) Reply {
	c.T.Helper()
	var data []byte
	if body != nil {
		data, _ = json.Marshal(body)
	}
	return c.SendRaw(method, path, data, http.Header{"Content-Type": {"application/json"}}, edit)
}

// SendRaw is Send with the bytes of the body, and headers.
func (c *Cloud) SendRaw(method, path string, body []byte, header http.Header, edit func(*http.Request)) Reply {
	c.T.Helper()
	req := httptest.NewRequest(method, path, bytes.NewReader(body))
	req.Header = header
	req.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if err := c.signer.Sign(req); err != nil {
		c.T.Fatal(err)
	}
	if edit != nil {
		edit(req)
	}
	w := httptest.NewRecorder()
	c.Server.ServeHTTP(w, req)
	r := Reply{Status: w.Code, Header: w.Header(), Raw: w.Body.Bytes()}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(r.Raw, &r.Body); err != nil {
			c.T.Fatalf("%s %s: %v in %s", method, path, err, r.Raw)
		}
	}
	return r
}

// Admin sends a request to an admin path from this machine, and returns the status.
func (c *Cloud) Admin(method, path, body string) int {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.RemoteAddr = "127.0.0.1:1000"
	w := httptest.NewRecorder()
	c.Server.ServeHTTP(w, r)
	return w.Code
}

// Want sends a request and stops the test unless it is answered with the status.
func (c *Cloud) Want(status int, method, path string, body any) Reply {
	c.T.Helper()
	r := c.Send(method, path, body, nil)
	if r.Status != status {
		c.T.Fatalf("%s %s: status %d, want %d: %s", method, path, r.Status, status, r.Raw)
	}
	return r
}

// Get returns the object at a path.
func (c *Cloud) Get(path string) engine.Doc {
	c.T.Helper()
	return c.Want(http.StatusOK, "GET", path, nil).Object()
}

// GetList returns the objects of the list at a path.
func (c *Cloud) GetList(path string) []engine.Doc {
	c.T.Helper()
	return c.Want(http.StatusOK, "GET", path, nil).List()
}

// Refused sends a request and fails the test unless it is refused with the status, the code and words of the message.
func (c *Cloud) Refused(status int, code, words, method, path string, body any) {
	c.T.Helper()
	r := c.Send(method, path, body, nil)
	got := r.Object()
	if r.Status != status || got.Str("code") != code || !strings.Contains(got.Str("message"), words) {
		c.T.Errorf("%s %s: %d %s, want %d %s with %q", method, path, r.Status, r.Raw, status, code, words)
	}
}

// Refuses sends, in a subtest, a request that must be refused and leave nothing. request is the method and the path,
// which is below the base of the core services unless it begins with "/20"; the body of a POST gets the compartment.
// want is the status, the code and words of the message: "400 InvalidParameter: overlaps".
func (c *Cloud) Refuses(name, request string, body engine.Doc, want string) {
	c.T.Helper()
	method, path, _ := strings.Cut(request, " ")
	answer, words, _ := strings.Cut(want, ": ")
	number, code, _ := strings.Cut(answer, " ")
	status, err := strconv.Atoi(number)
	if err != nil {
		c.T.Fatal(err)
	}
	c.T.Run(name, func(t *testing.T) {
		here := *c
		here.T = t
		if !strings.HasPrefix(path, "/20") {
			path = Core + path
		}
		if method == "POST" && !strings.Contains(path, "/actions/") {
			body.Default(engine.Doc{"compartmentId": oci.CompartmentID})
		}
		before := len(here.Server.Inventory())
		here.Refused(status, code, words, method, path, body)
		if after := len(here.Server.Inventory()); after != before {
			t.Errorf("the refused request left %d resources", after-before)
		}
	})
}

// Changed returns a copy of a body with another value at a path of fields, "options.serviceLbSubnetIds".
func Changed(body engine.Doc, path string, v any) engine.Doc {
	body = body.Clone()
	fields := strings.Split(path, ".")
	o, last := body, len(fields)-1
	for _, field := range fields[:last] {
		o.Default(engine.Doc{field: engine.Doc{}})
		o = o.Sub(field)
	}
	o[fields[last]] = v
	return body
}
