package loadbalancer

import (
	"slices"
	"strings"

	"oke-guestbook/local/oci/engine"
)

var protocols = []string{"HTTP", "HTTP2", "TCP", "GRPC"}

func completeListener(doc engine.Doc) error {
	protocol := doc.Str("protocol")
	if !slices.Contains(protocols, protocol) {
		return engine.Invalid("protocol: %q must be one of %s", protocol, strings.Join(protocols, ", "))
	}
	if err := CheckPort(doc); err != nil {
		return err
	}
	idleSeconds := 60.0
	if protocol == "TCP" {
		idleSeconds = 300
	}
	doc.Default(engine.Doc{
		"connectionConfiguration": engine.Doc{"idleTimeout": idleSeconds}, "hostnameNames": []any{}, "ruleSetNames": []any{},
	})
	suite := "oci-default-ssl-cipher-suite-v1"
	if protocol == "HTTP2" || protocol == "GRPC" {
		suite = "oci-default-http2-ssl-cipher-suite-v1"
	}
	completeTLS(doc, suite)
	return nil
}

// CheckPort checks the field port.
func CheckPort(doc engine.Doc) error {
	if port := doc.Num("port"); port < 1 || port > 65535 {
		return engine.Invalid("port: %v must be from 1 to 65535", port)
	}
	return nil
}

// completeCertificate removes what the service never shows.
func completeCertificate(doc engine.Doc) error {
	delete(doc, "privateKey")
	delete(doc, "passphrase")
	doc.Default(engine.Doc{"caCertificate": "", "publicCertificate": ""})
	return nil
}
