package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ownmesh/ownmesh/core/resource"
	"github.com/ownmesh/ownmesh/core/store"
)

// The error types of the App Mesh API.
const (
	badRequest         = "BadRequestException"
	conflict           = "ConflictException"
	forbidden          = "ForbiddenException"
	internalError      = "InternalServerErrorException"
	notFound           = "NotFoundException"
	resourceInUse      = "ResourceInUseException"
	serviceUnavailable = "ServiceUnavailableException"
	tooManyRequests    = "TooManyRequestsException"
	tooManyTags        = "TooManyTagsException"
	unknownOperation   = "UnknownOperationException"
)

// statuses says which HTTP status an error type is sent with.
var statuses = map[string]int{
	badRequest:         http.StatusBadRequest,
	conflict:           http.StatusConflict,
	forbidden:          http.StatusForbidden,
	internalError:      http.StatusInternalServerError,
	notFound:           http.StatusNotFound,
	resourceInUse:      http.StatusConflict,
	serviceUnavailable: http.StatusServiceUnavailable,
	tooManyRequests:    http.StatusTooManyRequests,
	tooManyTags:        http.StatusBadRequest,
	unknownOperation:   http.StatusNotFound,
}

// failure is an answer that is not a success. Only what is in a failure reaches a client: any other Go error is a
// fault of ours and is answered as one.
type failure struct {
	kind    string // NotFoundException
	message string // for people; clients match on some of them
}

func (e *failure) Error() string { return e.kind + ": " + e.message }

func fail(kind, format string, args ...any) *failure {
	return &failure{kind: kind, message: fmt.Sprintf(format, args...)}
}

// refuse is the answer to a request with violations, nil if there are none. core/resource bounds their number.
func refuse(vs []resource.Violation) error {
	if len(vs) == 0 {
		return nil
	}
	said := make([]string, 0, len(vs))
	for _, v := range vs {
		said = append(said, v.String())
	}
	return &failure{kind: badRequest, message: strings.Join(said, "; ")}
}

// render turns whatever an operation failed with into what the client may see. It is the only place that does.
func render(err error, requestID string) *failure {
	var e *failure
	if errors.As(err, &e) {
		return e
	}
	if errors.Is(err, store.ErrBusy) {
		return fail(tooManyRequests, "the store has too much to do: try again")
	}
	return fail(internalError, "the request could not be completed because of an internal fault; its id is %s", requestID)
}
