package engine

import (
	"errors"
	"fmt"
	"net/http"

	"oke-guestbook/local/oci/schema"
)

// Failure is a service's error answer: the HTTP status, and the code and message of the body.
type Failure struct {
	Status  int    `json:"-"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (f *Failure) Error() string { return fmt.Sprintf("%d %s: %s", f.Status, f.Code, f.Message) }

// Fail returns a failure.
func Fail(status int, code, format string, args ...any) *Failure {
	return &Failure{Status: status, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid refuses a value: 400 InvalidParameter. No message here or below says "not found" or "does not exist": the
// official provider takes an error with those words for a missing resource, and removes it from the stack's state.
func Invalid(format string, args ...any) *Failure {
	return Fail(http.StatusBadRequest, "InvalidParameter", format, args...)
}

// NotImplemented refuses what the service has and the emulator lacks. It is no 5xx: clients retry those for minutes.
func NotImplemented(format string, args ...any) *Failure {
	return Fail(http.StatusBadRequest, "NotImplemented", format, args...)
}

// MissingParameter refuses a request without a field or a query parameter: 400.
func MissingParameter(field string) *Failure {
	return Fail(http.StatusBadRequest, "MissingParameter", "%s is required", field)
}

// LimitExceeded refuses more than a limit of the service: 400.
func LimitExceeded(format string, args ...any) *Failure {
	return Fail(http.StatusBadRequest, "LimitExceeded", format, args...)
}

// IncorrectState refuses what the resource's state does not allow: 409, as the core services answer.
func IncorrectState(format string, args ...any) *Failure {
	return Fail(http.StatusConflict, "IncorrectState", format, args...)
}

// Conflict refuses what another resource, or a change in progress, does not allow: 409.
func Conflict(format string, args ...any) *Failure {
	return Fail(http.StatusConflict, "Conflict", format, args...)
}

// NotFound is the answer for an identifier in the path: 404.
func NotFound(id string) *Failure {
	return Fail(http.StatusNotFound, "NotAuthorizedOrNotFound",
		"Authorization failed or requested resource not found: %s", id)
}

// RelatedNotFound is the answer for an OCID in a field of the body: 400.
func RelatedNotFound(field, id string) *Failure {
	return Fail(http.StatusBadRequest, "RelatedResourceNotAuthorizedOrNotFound",
		"%s: %s is no resource that can be used here", field, id)
}

// AsFailure turns any error into an answer. An error that is neither a Failure nor of the schema is a defect of the
// emulator or a fault of its machine: 500.
func AsFailure(err error) *Failure {
	var f *Failure
	if errors.As(err, &f) {
		return f
	}
	var s *schema.Error
	if errors.As(err, &s) {
		if s.Missing {
			return MissingParameter(s.Field)
		}
		return Invalid("%s", s.Error())
	}
	return Fail(http.StatusInternalServerError, "InternalServerError", "%s", err)
}
