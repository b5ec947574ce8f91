package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"
)

// retryTokenLife is how long the service remembers an opc-retry-token ("expires after 24 hours", API reference).
const retryTokenLife = 24 * time.Hour

// retry is a request with an opc-retry-token, and its answer.
type retry struct {
	Created string    `json:"created,omitempty"` // OCID of the resource that the request created
	Digest  string    `json:"digest"`            // of the request's body
	Answer  *Answer   `json:"answer"`
	Until   time.Time `json:"until"`
}

// once answers a request with a known opc-retry-token as it was answered the first time.
func (c *Call) once(data []byte, h Handler) (*Answer, error) {
	token := c.Request.Header.Get("opc-retry-token")
	if token == "" || c.Request.Method != http.MethodPost {
		return c.run(h)
	}
	refuse := func(problem string) error { return Fail(http.StatusConflict, "InvalidatedRetryToken", "%s", problem) }
	key := c.Request.URL.Path + " " + token
	sum := sha256.Sum256(data)
	digest := hex.EncodeToString(sum[:])
	if old := c.e.store.retries[key]; old != nil && c.Now.Before(old.Until) {
		if old.Digest != digest {
			return nil, refuse("the opc-retry-token was used for a different request")
		}
		if r := c.Find(old.Created); old.Created != "" && (r == nil || r.Removed != nil) {
			return nil, refuse("the resource that the first request with this opc-retry-token created was deleted since")
		}
		return old.Answer, nil
	}
	a, err := c.run(h)
	if err == nil && a.Then == nil {
		c.retries[key] = &retry{Created: a.Created, Digest: digest, Answer: a, Until: c.Now.Add(retryTokenLife)}
	}
	return a, err
}
