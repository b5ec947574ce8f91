package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"oke-guestbook/local/oci/schema"
)

// Call is one request inside its transaction.
type Call struct {
	*Tx
	Request *http.Request
	Query   url.Values
	Body    Doc // nil if the route has no model

	who       Principal
	permitted bool
}

// ID returns the path's {id}.
func (c *Call) ID() string { return c.Path("id") }

// Path returns the value of a wildcard of the path.
func (c *Call) Path(wildcard string) string { return c.Request.PathValue(wildcard) }

// NeedsQuery refuses a request without the query parameter.
func (c *Call) NeedsQuery(parameter string) error {
	if c.Query.Get(parameter) == "" {
		return MissingParameter(parameter)
	}
	return nil
}

// Matches reports whether the document has the values that the query gives for any of the fields.
func (c *Call) Matches(doc Doc, fields ...string) bool {
	return !slices.ContainsFunc(fields, func(f string) bool {
		return c.Query.Get(f) != "" && c.Query.Get(f) != doc.Str(f)
	})
}

// MatchEtag refuses a request whose if-match is not the resource's etag.
func (c *Call) MatchEtag(r *Resource) error {
	want := c.Request.Header.Get("if-match")
	if want != "" && want != "*" && strings.Trim(want, `"`) != r.Etag() {
		return Fail(http.StatusPreconditionFailed, "NoEtagMatch", "the etag of %s is %s", r.ID, r.Etag())
	}
	return nil
}

// checkCompartment refuses compartments that do not exist, in the query and in the body.
func (c *Call) checkCompartment() error {
	if id := c.Query.Get("compartmentId"); id != "" && !IsCompartment(id) {
		return NotFound(id)
	}
	if id := c.Body.Str("compartmentId"); c.Body["compartmentId"] != nil && !IsCompartment(id) {
		return NotFound("compartment " + id)
	}
	return nil
}

// parseBody decodes a body and checks it by its model.
func parseBody(model string, data []byte) (Doc, error) {
	if model == "" {
		return nil, nil
	}
	refuse := func(problem string) error { return Fail(http.StatusBadRequest, "CannotParseRequest", "%s", problem) }
	var body Doc
	dec := json.NewDecoder(bytes.NewReader(data))
	if err := dec.Decode(&body); errors.Is(err, io.EOF) && len(bytes.TrimSpace(data)) == 0 {
		body = Doc{} // the SDK sends nothing for an empty optional body
	} else if err != nil || body == nil {
		return nil, refuse("the body must be a JSON object")
	}
	if dec.More() {
		return nil, refuse("the body must be one JSON object")
	}
	dropNulls(body)
	if err := schema.Check(model, map[string]any(body)); err != nil {
		return nil, err
	}
	return body, checkTags(body)
}
