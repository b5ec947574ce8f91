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

// verify checks a request's signature as in Oracle's "Request Signatures": draft-cavage-http-signatures-08 with
// rsa-sha256, over date, target and host, and, if the body is signed, its length, type and digest.
//
// github.com/go-fed/httpsig verifies the draft, too, but builds the target from the decoded path, so that it refuses
// signed paths with escapes, such as those of objects; and it checks neither date, digest nor which headers are signed.
func (e *Engine) verify(r *http.Request, body []byte, bodySigned bool) error {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Signature") {
		return notAuthenticated("the required information to complete authentication was not provided")
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		params[k] = strings.Trim(v, `"`)
	}
	if want := e.creds.Tenancy + "/" + e.creds.User + "/" + e.creds.Fingerprint; params["keyId"] != want {
		return notAuthenticated("the key %q is not the local cloud's", params["keyId"])
	}
	if params["algorithm"] != "rsa-sha256" {
		return notAuthenticated("algorithm %q: must be rsa-sha256", params["algorithm"])
	}
	signed := strings.Fields(strings.ToLower(params["headers"]))
	if err := checkSigned(r, signed, bodySigned); err != nil {
		return err
	}
	if sum := sha256.Sum256(body); bodySigned &&
		r.Header.Get("x-content-sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
		return notAuthenticated("x-content-sha256 is not the body's digest")
	}
	signature, err := base64.StdEncoding.DecodeString(params["signature"])
	if err != nil {
		return notAuthenticated("the signature is not base64")
	}
	sum := sha256.Sum256([]byte(signingString(r, signed)))
	if rsa.VerifyPKCS1v15(e.key, crypto.SHA256, sum[:], signature) != nil {
		return notAuthenticated("the signature does not match the request")
	}
	return nil
}

// checkSigned checks that all necessary headers are signed, and the date.
func checkSigned(r *http.Request, signed []string, bodySigned bool) error {
	dateHeader := "date"
	if slices.Contains(signed, "x-date") {
		dateHeader = "x-date"
	}
	want := []string{dateHeader, "(request-target)", "host"}
	if bodySigned {
		want = append(want, "content-length", "content-type", "x-content-sha256")
	}
	for _, h := range want {
		if !slices.Contains(signed, h) {
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
