package attempts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/ownmesh/ownmesh/internal/attempts"
)

var (
	errAgain = errors.New("busy")
	errFinal = errors.New("refused")
	patient  = attempts.Limits{Patience: time.Minute, Attempt: time.Minute}
)

func TestDo(t *testing.T) {
	for name, c := range map[string]struct {
		errs  []error // of one attempt after the other; again for errAgain
		want  error
		calls int
	}{
		"at once":            {[]error{nil}, nil, 1},
		"the third time":     {[]error{errAgain, errAgain, nil}, nil, 3},
		"refused":            {[]error{errFinal, nil}, errFinal, 1},
		"refused in the end": {[]error{errAgain, errFinal, nil}, errFinal, 2},
	} {
		calls := 0
		err := attempts.Do(t.Context(), patient, func(context.Context) (bool, error) {
			calls++
			err := c.errs[calls-1]
			return errors.Is(err, errAgain), err
		})
		if !errors.Is(err, c.want) || c.want == nil && err != nil || calls != c.calls {
			t.Errorf("%s: got %v after %d attempts, want %v after %d", name, err, calls, c.want, c.calls)
		}
	}
}

// TestTimeEnds: whatever ends first, the error tells of the last attempt, and of the caller's deadline if it was that.
func TestTimeEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		always := func(context.Context) (bool, error) { return true, errAgain }
		err := attempts.Do(t.Context(), attempts.Limits{Patience: 30 * time.Millisecond, Attempt: time.Minute}, always)
		if !errors.Is(err, errAgain) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("patience ended: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := attempts.Do(ctx, patient, always); !errors.Is(err, errAgain) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the deadline came: %v", err)
		}
		gone, leave := context.WithCancel(t.Context())
		err = attempts.Do(gone, patient, func(ctx context.Context) (bool, error) { leave(); <-ctx.Done(); return false, ctx.Err() })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the caller left: %v", err)
		}
	})
}

// TestHungAttempt: an attempt that has no answer in its time is followed by another one.
func TestHungAttempt(t *testing.T) {
	calls := 0
	err := attempts.Do(t.Context(), attempts.Limits{Patience: time.Minute, Attempt: 10 * time.Millisecond}, func(ctx context.Context) (bool, error) {
		if calls++; calls < 3 {
			<-ctx.Done()
			return false, fmt.Errorf("no answer: %w", ctx.Err())
		}
		return false, nil
	})
	if err != nil || calls != 3 {
		t.Errorf("got %v after %d attempts, want 3", err, calls)
	}
}

func TestWhatIsWorthwhile(t *testing.T) {
	for code, want := range map[string]bool{"ThrottlingException": true, "SlowDown": true, "AccessDenied": false, "ValidationException": false} {
		err := fmt.Errorf("call: %w", &smithy.GenericAPIError{Code: code})
		if got := attempts.IsWorthwhile(err); got != want {
			t.Errorf("%s: %v", code, got)
		}
		if got := attempts.IsThrottle(err); got != want {
			t.Errorf("%s is throttling: %v", code, got)
		}
	}
	for err, want := range map[error]bool{io.ErrUnexpectedEOF: true, context.Canceled: false, errors.New("odd"): false} {
		if got := attempts.IsWorthwhile(err); got != want || attempts.IsThrottle(err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	answered := func(status int, code string) error {
		return &smithy.OperationError{ServiceID: "s", OperationName: "Do", Err: &awshttp.ResponseError{RequestID: "r", ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code, Message: "as asked"},
		}}}
	}
	for _, c := range []struct {
		err             error
		refused, denied bool
	}{
		{answered(400, "AccessDeniedException"), true, true},
		{answered(403, "Whatever"), true, true},
		{answered(400, "ClusterNotFoundException"), true, false},
		{answered(400, "InvalidInput"), true, false},
		{&smithy.GenericAPIError{Code: "Odd", Fault: smithy.FaultClient}, true, false},
		{answered(400, "ThrottlingException"), false, false},
		{answered(403, "ExpiredTokenException"), false, false},
		{answered(400, "DuplicateRequest"), false, false},
		{answered(500, "ServerException"), false, false},
		{answered(503, "AccessDeniedException"), false, false},
		{context.DeadlineExceeded, false, false},
		{nil, false, false},
	} {
		if refused, denied := attempts.IsRefusal(c.err), attempts.IsDenied(c.err); refused != c.refused || denied != c.denied {
			t.Errorf("%v: refused %v, denied %v", c.err, refused, denied)
		}
	}
	if _, message := attempts.Refused(answered(400, strings.Repeat("ä", 5000))); len(message) > 410 || !utf8.ValidString(message) {
		t.Errorf("%d bytes of what was said", len(message))
	}
	if operation, message := attempts.Refused(answered(400, "InvalidInput")); operation != "Do" || message != "InvalidInput: as asked" {
		t.Errorf("got %q, %q", operation, message)
	}
}
