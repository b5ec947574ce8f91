package oci

import (
	"errors"
	"fmt"
	"net/http"

	"oke-guestbook/local/oci/schema"
)

// Failure is an error answer of the service: the HTTP status, and the code and message of the body.
type Failure struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message) }

func fail(status int, code, format string, args ...any) *Failure {
	return &Failure{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// invalid refuses a value. The messages here and below avoid "not found" and "does not exist": the official provider
// takes an error with those words for a missing resource and drops it from its state.
func invalid(format string, args ...any) *Failure {
	return fail(http.StatusBadRequest, "InvalidParameter", format, args...)
}

// notImplemented refuses what the service has and the local cloud has not. It is no 5xx, which clients repeat for minutes.
func notImplemented(format string, args ...any) *Failure {
	return fail(http.StatusBadRequest, "NotImplemented", format, args...)
}

func missingParameter(field string) *Failure {
	return fail(http.StatusBadRequest, "MissingParameter", "%s is required", field)
}

func limitExceeded(format string, args ...any) *Failure {
	return fail(http.StatusBadRequest, "LimitExceeded", format, args...)
}

func incorrectState(format string, args ...any) *Failure {
	return fail(http.StatusConflict, "IncorrectState", format, args...)
}

func conflict(format string, args ...any) *Failure {
	return fail(http.StatusConflict, "Conflict", format, args...)
}

// noSuch is the answer for an OCID in the path that the caller cannot see.
func noSuch(id string) *Failure {
	return fail(http.StatusNotFound, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found: %s", id)
}

// noSuchRelated is the answer for an OCID in the body that names nothing that the caller may use.
func noSuchRelated(field, id string) *Failure {
	return fail(http.StatusBadRequest, "RelatedResourceNotAuthorizedOrNotFound", "%s: %s is no resource that can be used here", field, id)
}

// asFailure turns any error into an answer; what is not a Failure is a fault of the emulator or its machine.
func asFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	var s *schema.Error
	if errors.As(err, &s) {
		if s.Missing {
			return missingParameter(s.Field)
		}
		return invalid("%s", s.Error())
	}
	return fail(http.StatusInternalServerError, "InternalServerError", "%s", err)
}
