package engine

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxSkew is how far a request's date may be from the service's clock (Oracle: "Request Signatures", clock skew).
const maxSkew = 5 * time.Minute

func notAuthenticated(format string, args ...any) *Failure {
	return Fail(http.StatusUnauthorized, "NotAuthenticated", format, args...)
}

func hasBody(r *http.Request) bool {
	return r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch
}

// Authenticate returns who has signed a request. It checks the signature as in Oracle's "Request Signatures":
// draft-cavage-http-signatures-08 with rsa-sha256, over date, target and host, and, if the body is signed, its length,
// type and digest.
//
// github.com/go-fed/httpsig verifies the draft, too, but builds the target from the decoded path, so that it refuses
// signed paths with escapes, such as those of objects; and it checks neither date, digest nor which headers are signed.
func (e *Engine) Authenticate(r *http.Request, body []byte, bodySigned bool) (Principal, error) {
	s, err := parseSignature(r)
	if err != nil {
		return Principal{}, err
	}
	who, key, err := e.signer(s.keyID)
	if err != nil {
		return Principal{}, err
	}
	headers := []string{"date", "(request-target)", "host"}
	if bodySigned {
		headers = append(headers, bodyHeaders...)
	}
	return who, s.verify(r, body, key, headers)
}

// bodyHeaders are signed with a body.
var bodyHeaders = []string{"content-length", "content-type", "x-content-sha256"}

// signature is the header Authorization of a request.
type signature struct {
	keyID  string
	signed []string // headers, in lower case
	bytes  []byte
}

func parseSignature(r *http.Request) (signature, error) {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Signature") {
		return signature{}, notAuthenticated("the required information to complete authentication was not provided")
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		params[k] = strings.Trim(v, `"`)
	}
	if params["algorithm"] != "rsa-sha256" {
		return signature{}, notAuthenticated("algorithm %q: must be rsa-sha256", params["algorithm"])
	}
	decoded, err := base64.StdEncoding.DecodeString(params["signature"])
	if err != nil {
		return signature{}, notAuthenticated("the signature is not base64")
	}
	return signature{params["keyId"], strings.Fields(strings.ToLower(params["headers"])), decoded}, nil
}

// verify checks the signature over the wanted headers by a key.
func (s signature) verify(r *http.Request, body []byte, key *rsa.PublicKey, want []string) error {
	if err := s.checkSigned(r, want); err != nil {
		return err
	}
	if sum := sha256.Sum256(body); slices.Contains(want, "x-content-sha256") &&
		r.Header.Get("x-content-sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
		return notAuthenticated("x-content-sha256 is not the body's digest")
	}
	sum := sha256.Sum256([]byte(signingString(r, s.signed)))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], s.bytes) != nil {
		return notAuthenticated("the signature does not match the request")
	}
	return nil
}

// checkSigned checks that the wanted headers are signed, and the date, which may be in x-date instead.
func (s signature) checkSigned(r *http.Request, want []string) error {
	dateHeader := "date"
	if slices.Contains(s.signed, "x-date") {
		dateHeader = "x-date"
	}
	for _, h := range want {
		if h == "date" {
			h = dateHeader
		}
		if !slices.Contains(s.signed, h) {
			return notAuthenticated("the header %s is not signed", h)
		}
	}
	date, err := http.ParseTime(r.Header.Get(dateHeader))
	if err != nil {
		return notAuthenticated("the header %s holds no date", dateHeader)
	}
	if skew := time.Since(date).Abs(); skew > maxSkew {
		return notAuthenticated("the request's date is %s off: the clocks differ by more than %s",
			skew.Round(time.Second), maxSkew)
	}
	return nil
}

func signingString(r *http.Request, signed []string) string {
	lines := make([]string, len(signed))
	for i, h := range signed {
		value := r.Header.Get(h)
		switch h {
		case "(request-target)":
			value = strings.ToLower(r.Method) + " " + r.RequestURI
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(max(r.ContentLength, 0), 10)
		}
		lines[i] = h + ": " + value
	}
	return strings.Join(lines, "\n")
}

// VerifyFederation checks the signature of a request for a security token. It does not cover the host (oci-go-sdk,
// common/auth/federation_client.go).
func VerifyFederation(r *http.Request, body []byte, keyID string, key *rsa.PublicKey) error {
	s, err := parseSignature(r)
	if err != nil {
		return err
	}
	if s.keyID != keyID {
		return notAuthenticated("the key %q is not %q", s.keyID, keyID)
	}
	return s.verify(r, body, key, append([]string{"date", "(request-target)"}, bodyHeaders...))
}
