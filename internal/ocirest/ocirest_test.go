package ocirest

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"oke-guestbook/catalog"
)

func TestPagesOfLists(t *testing.T) {
	for _, text := range []string{`["a", "b"]`, `{"items": ["a", "b"]}`} {
		var found page[string]
		if err := json.Unmarshal([]byte(text), &found); err != nil || !slices.Equal(found, []string{"a", "b"}) {
			t.Errorf("%s: %v, %v", text, found, err)
		}
	}
}

type keys struct{ *rsa.PrivateKey }

func (k keys) PrivateRSAKey() (*rsa.PrivateKey, error) { return k.PrivateKey, nil }
func (k keys) KeyID() (string, error)                  { return "tenancy/user/key", nil }

// newClient returns a client of a server, which is redirected to by CLIENT_HOST_OVERRIDES, as make env does.
func newClient(t *testing.T, handle http.HandlerFunc) *Client {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	t.Setenv("CLIENT_HOST_OVERRIDES", string(catalog.IdentityClient)+"="+server.URL)
	return New(keys{key}, "us-ashburn-1", time.Minute)
}

func TestRequests(t *testing.T) {
	c := newClient(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		body, err := io.ReadAll(r.Body)
		switch {
		case err != nil || !strings.HasPrefix(r.Header.Get("Authorization"), "Signature "):
			w.WriteHeader(http.StatusBadRequest)
		case r.URL.Path == "/1/list" && r.URL.Query().Get("page") == "":
			w.Header().Set("opc-next-page", "2")
			fmt.Fprint(w, `["a"]`)
		case r.URL.Path == "/1/list":
			fmt.Fprintf(w, `{"items": [%q]}`, r.URL.Query().Get("compartmentId"))
		case r.URL.Path == "/1/echo":
			fmt.Fprintf(w, "%s %s %s", r.Method, r.Header.Get("Content-Type"), body)
		case r.URL.Path == "/1/text":
			fmt.Fprint(w, "no JSON")
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"code": "NotAuthorizedOrNotFound", "message": "it is not there"}`)
		}
	})
	const service = catalog.IdentityClient
	if _, known := c.Ahead(); known {
		t.Error("the clock is known before an answer")
	}
	all, err := List[string](t.Context(), c, service, "/1/list", In("c"))
	if err != nil || !slices.Equal(all, []string{"a", "c"}) {
		t.Errorf("list %q, %v", all, err)
	}
	if ahead, known := c.Ahead(); !known || ahead.Round(time.Minute) != 10*time.Minute {
		t.Errorf("the clock is %s ahead, %v", ahead, known)
	}
	var raw []byte
	question := Request{Service: service, Method: http.MethodPost, Path: "/1/echo", Body: map[string]int{"a": 1}}
	if _, err := c.Do(t.Context(), question, &raw); err != nil || string(raw) != `POST application/json {"a":1}` {
		t.Errorf("answer %s, %v", raw, err)
	}
	var out any
	_, err = c.Get(t.Context(), service, "/1/text", nil, &out)
	if err == nil || !strings.Contains(err.Error(), "answer to GET /1/text: invalid") {
		t.Errorf("an answer that is no JSON: %v", err)
	}
	_, err = c.Get(t.Context(), service, "/1/none", nil, nil)
	const want = "404 NotAuthorizedOrNotFound: it is not there (opc-request-id )"
	if !IsNotFound(fmt.Errorf("look: %w", err)) || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A refused signature is explained by the clock, if it is off, else by the credentials.
func TestUnauthenticated(t *testing.T) {
	for late, want := range map[time.Duration]string{
		0: "does not know these credentials", 10 * time.Minute: "this machine's clock is ",
	} {
		c := newClient(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(late).UTC().Format(http.TimeFormat))
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"code": "NotAuthenticated", "message": "no"}`)
		})
		_, err := c.Get(t.Context(), catalog.IdentityClient, "/1/list", nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s late: %v, want %q", late, err, want)
		}
	}
}

// An error of the way to the service is one line, and keeps its cause.
func TestNoAnswer(t *testing.T) {
	c := newClient(t, nil)
	c.Endpoint = "http://127.0.0.1:1"
	_, err := c.Get(t.Context(), catalog.IdentityClient, "/1/list", nil, nil)
	var broken net.Error
	if _, refused := Refusal(err); refused || !errors.As(err, &broken) || strings.Contains(err.Error(), "\n") ||
		!strings.HasPrefix(err.Error(), "oci_identity.IdentityClient does not answer: ") ||
		!strings.Contains(err.Error(), "check the network") {
		t.Errorf("error %v", err)
	}
}
