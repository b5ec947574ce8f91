package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// API registers the routes of one service's API, below the base path of its version.
type API struct {
	*Engine
	Base string // "/20160918"
}

// Handler answers a request inside its transaction.
type Handler func(*Call) (*Answer, error)

// ResourceHandler answers a request about the resource that the path names.
type ResourceHandler func(*Call, *Resource) (*Answer, error)

// Answer is a handler's answer.
type Answer struct {
	Status int               `json:"status"` // 0: 200
	Header map[string]string `json:"header,omitempty"`
	// Body is encoded as JSON, or sent as it is if it is []byte. nil: none.
	Body any `json:"body,omitempty"`

	// Created is the OCID of the resource that the request created: its opc-retry-token is invalid once that is deleted.
	Created string `json:"-"`
	// Then makes the answer after the transaction, for what may take long.
	Then func(context.Context) (*Answer, error) `json:"-"`
}

// API returns what a service registers its routes with. base is the path of the API's version.
func (e *Engine) API(base string) API { return API{e, base} }

// Answer shows the resource.
func (r *Resource) Answer() *Answer {
	return &Answer{Header: map[string]string{"etag": r.Etag()}, Body: r.Doc}
}

// maxBody is far above any body of the control planes' APIs, in bytes.
const maxBody = 4 << 20

// Handle registers a handler for a pattern of net/http's ServeMux, such as "GET /vcns/{id}", below the base path. GET
// and HEAD see the state; any other method may change it. model is the body's model; empty: there is no body.
func (a API) Handle(pattern, model string, h Handler) {
	a.handle(pattern, func(r *http.Request) (*Answer, error) {
		data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
		if err != nil {
			return nil, Fail(http.StatusBadRequest, "CannotParseRequest", "the body ends early: %v", err)
		}
		who, err := a.Authenticate(r, data, hasBody(r))
		if err != nil {
			return nil, err
		}
		if err := a.faults.apply(r); err != nil {
			return nil, err
		}
		body, err := parseBody(model, data)
		if err != nil {
			return nil, err
		}
		return a.transact(r, who, body, func(c *Call) (*Answer, error) { return c.once(data, h) })
	})
}

// HandleUpload registers a handler of uploads of at most limit bytes, which are signed without their content.
func (a API) HandleUpload(pattern string, limit int64, h func(c *Call, content []byte) (*Answer, error)) {
	a.handle(pattern, func(r *http.Request) (*Answer, error) {
		data, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
		if err != nil {
			return nil, Fail(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
				"the local cloud keeps objects of at most %d bytes", limit)
		}
		who, err := a.Authenticate(r, nil, false)
		if err != nil {
			return nil, err
		}
		if err := a.faults.apply(r); err != nil {
			return nil, err
		}
		return a.transact(r, who, nil, func(c *Call) (*Answer, error) {
			return c.run(func(c *Call) (*Answer, error) { return h(c, data) })
		})
	})
}

// answerHeader is the key of the answer's header in a request's context.
type answerHeader struct{}

func (a API) handle(pattern string, h func(*http.Request) (*Answer, error)) {
	method, path, _ := strings.Cut(pattern, " ")
	a.mux.HandleFunc(method+" "+a.Base+path, func(w http.ResponseWriter, r *http.Request) {
		answer, err := h(r.WithContext(context.WithValue(r.Context(), answerHeader{}, w.Header())))
		write(w, answer, err)
	})
}

func (e *Engine) transact(r *http.Request, who Principal, body Doc, h Handler) (*Answer, error) {
	run := e.Update
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		run = e.View
	}
	var a *Answer
	err := run(func(t *Tx) error {
		c := &Call{Tx: t, Request: r, Query: r.URL.Query(), Body: body, who: who}
		unifyDomains(c.Query)
		unifyDomains(c.Body)
		err := c.checkCompartment()
		if err == nil {
			err = c.checkDefined(body)
		}
		if err != nil {
			return err
		}
		if a, err = h(c); err == nil && c.unasked() {
			return NotFound(r.URL.Path)
		}
		return err
	})
	if err == nil && a.Then != nil {
		return a.Then(r.Context())
	}
	return a, err
}

// run runs the handler and encodes the body, which may share memory with the store.
func (c *Call) run(h Handler) (*Answer, error) {
	a, err := h(c)
	if err != nil {
		return nil, err
	}
	if _, raw := a.Body.([]byte); a.Body == nil || raw {
		return a, nil
	}
	encoded, err := json.Marshal(a.Body)
	a.Body = json.RawMessage(encoded)
	return a, err
}

// After answers by a handler that sees the state, in a transaction of its own, after work that may take long.
func (c *Call) After(work func(context.Context), h Handler) *Answer {
	return &Answer{Then: func(ctx context.Context) (a *Answer, err error) {
		work(ctx)
		err = c.e.View(func(t *Tx) error {
			later := *c
			later.Tx = t
			a, err = later.run(h)
			return err
		})
		return a, err
	}}
}

// ServeHTTP answers one request.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	rec := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	e.mux.ServeHTTP(rec, r)
	e.log.Debug("request", "method", r.Method, "uri", r.URL.RequestURI(), "status", rec.status, "took", time.Since(began))
}

// serveUnknown refuses a route that no service has registered.
func (e *Engine) serveUnknown(w http.ResponseWriter, r *http.Request) {
	e.log.Error("no such route", "method", r.Method, "path", r.URL.Path)
	write(w, nil, NotImplemented("the local cloud has no %s %s", r.Method, r.URL.Path))
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (w *statusRecorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func write(w http.ResponseWriter, a *Answer, err error) {
	w.Header().Set("opc-request-id", NewRequestID())
	if err != nil {
		f := AsFailure(err)
		a = &Answer{Status: f.Status, Body: f}
	}
	for k, v := range a.Header {
		w.Header().Set(k, v)
	}
	raw, ok := a.Body.([]byte)
	if !ok && a.Body != nil {
		w.Header().Set("Content-Type", "application/json")
		if raw, err = json.Marshal(a.Body); err != nil {
			a.Status, raw = http.StatusInternalServerError, fmt.Appendf(nil, "%q", err)
		}
		raw = append(raw, '\n')
	}
	w.WriteHeader(cmp.Or(a.Status, http.StatusOK))
	_, _ = w.Write(raw)
}
