package oci

import (
	"bytes"
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"oke-guestbook/local/ociclient"
)

// maxSkew is how far a request's date may be from the service's clock (Oracle: "Request Signatures", clock skew).
const maxSkew = 5 * time.Minute

// credentials reads the key in dir, or makes one there at the first start.
func credentials(dir string) (ociclient.Credentials, *rsa.PublicKey, error) {
	var none ociclient.Credentials
	keyFile := filepath.Join(dir, KeyFile)
	data, err := os.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			return none, nil, err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return none, nil, err
		}
		data = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		if err := writeFile(keyFile, data); err != nil {
			return none, nil, err
		}
	} else if err != nil {
		return none, nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return none, nil, fmt.Errorf("%s: no PEM block", keyFile)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return none, nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return none, nil, fmt.Errorf("%s: no RSA key", keyFile)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return none, nil, err
	}
	creds := ociclient.Credentials{
		Tenancy: TenancyID, User: UserID, Region: Region,
		Fingerprint: fingerprint(public), PrivateKeyPEM: string(data),
	}
	config := fmt.Sprintf("[DEFAULT]\nuser=%s\nfingerprint=%s\ntenancy=%s\nregion=%s\nkey_file=%s\n",
		creds.User, creds.Fingerprint, creds.Tenancy, creds.Region, keyFile)
	return creds, &key.PublicKey, writeFile(filepath.Join(dir, ConfigFile), []byte(config))
}

// fingerprint is the MD5 digest of the public key in DER form, as OCI's API keys are named.
func fingerprint(der []byte) string {
	sum := md5.Sum(der)
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, ":")
}

// writeFile leaves the old or the new content, and no write when nothing changes.
func writeFile(name string, data []byte) error {
	if old, err := os.ReadFile(name); err == nil && bytes.Equal(old, data) {
		return nil
	}
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func notAuthenticated(format string, args ...any) *Failure {
	return fail(http.StatusUnauthorized, "NotAuthenticated", format, args...)
}

// verify checks a request's signature as Oracle's "Request Signatures" tells: draft-cavage-http-signatures-08,
// rsa-sha256, with date, target and host always signed, and with length, type and digest of a body.
func (s *Server) verify(r *http.Request, body []byte) error {
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Signature") {
		return notAuthenticated("the required information to complete authentication was not provided")
	}
	params := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
		params[k] = strings.Trim(v, `"`)
	}
	if want := s.creds.Tenancy + "/" + s.creds.User + "/" + s.creds.Fingerprint; params["keyId"] != want {
		return notAuthenticated("the key %q is not the local cloud's", params["keyId"])
	}
	if params["algorithm"] != "rsa-sha256" {
		return notAuthenticated("algorithm %q: must be rsa-sha256", params["algorithm"])
	}
	signed := strings.Fields(strings.ToLower(params["headers"]))
	if err := checkSigned(r, signed, body); err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(params["signature"])
	if err != nil {
		return notAuthenticated("the signature is not base64")
	}
	sum := sha256.Sum256([]byte(signingString(r, signed)))
	if rsa.VerifyPKCS1v15(s.key, crypto.SHA256, sum[:], signature) != nil {
		return notAuthenticated("the signature does not match the request")
	}
	return nil
}

func checkSigned(r *http.Request, signed []string, body []byte) error {
	dateHeader := "date"
	if slices.Contains(signed, "x-date") {
		dateHeader = "x-date"
	}
	want := []string{dateHeader, "(request-target)", "host"}
	// Uploads to Object Storage are signed without their content.
	upload := r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/n/")
	if withBody := r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch; withBody && !upload {
		want = append(want, "content-length", "content-type", "x-content-sha256")
		sum := sha256.Sum256(body)
		if r.Header.Get("x-content-sha256") != base64.StdEncoding.EncodeToString(sum[:]) {
			return notAuthenticated("x-content-sha256 is not the body's digest")
		}
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
	if skew := time.Since(date); skew.Abs() > maxSkew {
		return notAuthenticated("the request's date is %s off: the clocks differ by more than %s", skew.Abs().Round(time.Second), maxSkew)
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
