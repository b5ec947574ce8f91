package oci

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/local/oci/schema"
)

// call is one request inside its transaction.
type call struct {
	*tx
	req   *http.Request
	query url.Values
	body  object // nil without a body
}

func (c *call) id() string { return c.req.PathValue("id") }

type handler func(*call) (*answer, error)

// maxBody is far above any body of the emulated services' control planes.
const maxBody = 4 << 20

// route registers a handler for a pattern of net/http's ServeMux. A GET sees the state; any other method changes it.
// model names the body's model; empty: there is none.
func (s *Server) route(pattern, model string, h handler) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		a, err := s.serve(r, model, h)
		s.write(w, a, err)
	})
}

func (s *Server) serve(r *http.Request, model string, h handler) (*answer, error) {
	data, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "CannotParseRequest", "the body ends early: %v", err)
	}
	if err := s.verify(r, data); err != nil {
		return nil, err
	}
	if err := s.faults.apply(r); err != nil {
		return nil, err
	}
	body, err := parseBody(model, data)
	if err != nil {
		return nil, err
	}
	var a *answer
	run := s.update
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		run = s.view
	}
	err = run(func(t *tx) error {
		c := &call{tx: t, req: r, query: r.URL.Query(), body: body}
		if err := c.compartment(); err != nil {
			return err
		}
		var err error
		if a, err = c.once(data, h); err != nil {
			return err
		}
		// Encoded here, because the body may share memory with the store.
		if _, raw := a.Body.([]byte); a.Body != nil && !raw {
			encoded, err := json.Marshal(a.Body)
			if err != nil {
				return err
			}
			a = &answer{Status: a.Status, Header: a.Header, Body: json.RawMessage(encoded)}
		}
		return nil
	})
	if err == nil && a.then != nil {
		return a.then(r.Context())
	}
	return a, err
}

func parseBody(model string, data []byte) (object, error) {
	if model == "" {
		return nil, nil
	}
	var body object
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&body); err == io.EOF && len(bytes.TrimSpace(data)) == 0 {
		body = object{} // the SDK sends nothing for an empty optional body
	} else if err != nil || body == nil {
		return nil, fail(http.StatusBadRequest, "CannotParseRequest", "the body must be a JSON object")
	}
	if dec.More() {
		return nil, fail(http.StatusBadRequest, "CannotParseRequest", "the body must be one JSON object")
	}
	dropNulls(body)
	return body, schema.Check(model, body)
}

// compartment refuses compartments other than the two that exist, in the query and in the body.
func (c *call) compartment() error {
	if id := c.query.Get("compartmentId"); id != "" && !isCompartment(id) {
		return noSuch(id)
	}
	if id := str(c.body, "compartmentId"); c.body["compartmentId"] != nil && !isCompartment(id) {
		return fail(http.StatusNotFound, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found: compartment %s", id)
	}
	return nil
}

// retryTokenLife is how long the service remembers an opc-retry-token ("expires after 24 hours", API reference).
const retryTokenLife = 24 * time.Hour

// once answers a request that carries a known opc-retry-token as it was answered first.
func (c *call) once(data []byte, h handler) (*answer, error) {
	token := c.req.Header.Get("opc-retry-token")
	if token == "" || c.req.Method != http.MethodPost {
		return h(c)
	}
	key := c.req.URL.Path + " " + token
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if old := c.s.store.retries[key]; old != nil && c.now.Before(old.Until) {
		if old.Digest != digest {
			return nil, fail(http.StatusConflict, "InvalidatedRetryToken", "the opc-retry-token was used for a different request")
		}
		if old.ResourceID != "" {
			r := c.find(old.ResourceID)
			if r == nil || r.Gone != nil {
				return nil, fail(http.StatusConflict, "InvalidatedRetryToken", "what the first request with this opc-retry-token made was deleted since")
			}
		}
		return old.Answer, nil
	}
	a, err := h(c)
	if err == nil && a.then == nil {
		kept := *a
		kept.Body = clone(a.Body)
		c.retries[key] = &retry{ResourceID: a.made, Digest: digest, Answer: &kept, Until: c.now.Add(retryTokenLife)}
	}
	return a, err
}

// match refuses a request whose if-match is not the resource's etag.
func (c *call) match(r *resource) error {
	if want := c.req.Header.Get("if-match"); want != "" && want != "*" && strings.Trim(want, `"`) != r.etag() {
		return fail(http.StatusPreconditionFailed, "NoEtagMatch", "the etag of %s is %s", r.ID, r.etag())
	}
	return nil
}

// page cuts a list to the page that the query asks for. The page token is the position of its first item.
func (c *call) page(items []any) (*answer, error) {
	a := &answer{Body: items, Header: map[string]string{}}
	if items == nil {
		a.Body = []any{}
	}
	start := 0
	if token := c.query.Get("page"); token != "" {
		n, err := strconv.Atoi(token)
		if err != nil || n < 0 || n > len(items) {
			return nil, invalid("page: %q is no page token of this list", token)
		}
		start = n
	}
	limit := 100
	if text := c.query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return nil, invalid("limit: %q must be a number from 1 to 1000", text)
		}
		limit = n
	}
	if start > 0 || limit < len(items) {
		end := min(start+limit, len(items))
		a.Body = items[start:end]
		if end < len(items) {
			a.Header["opc-next-page"] = fmt.Sprint(end)
		}
	}
	return a, nil
}
