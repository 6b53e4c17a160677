package emulator

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Wire is a bad connection to the emulator, for the faults that it can't make: it does to each call what the next fault
// for its operation says, and lets it through when there is none. The zero value has no faults.
type Wire struct {
	mu     sync.Mutex
	next   func(operation string) Fault
	counts map[string]int
}

// Fault changes how a call ends. send makes the true call.
type Fault func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error)

// Config is how clients reach the emulator over this connection.
func (w *Wire) Config(tb testing.TB) aws.Config {
	tb.Helper()
	config := Config(tb)
	config.HTTPClient = w
	return config
}

// Do implements aws.HTTPClient.
func (w *Wire) Do(r *http.Request) (*http.Response, error) {
	operation := r.Method // of S3
	if _, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		operation = name
	}
	w.mu.Lock()
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[operation]++
	var f Fault
	if w.next != nil {
		f = w.next(operation)
	}
	w.mu.Unlock()
	if f == nil {
		return connection{}.Do(r)
	}
	return f(r, connection{}.Do)
}

// Calls gives how many calls of an operation (GetItem; of S3, GET) there were, and starts anew.
func (w *Wire) Calls(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.counts[operation]
	w.counts[operation] = 0
	return n
}

// Always asks for each call what is to go wrong; nil is nothing.
func (w *Wire) Always(next func(operation string) Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = next
}

// Fail lets the next calls of an operation end with these faults, and all others end well.
func (w *Wire) Fail(operation string, faults ...Fault) {
	w.Always(func(o string) Fault {
		if o != operation || len(faults) == 0 {
			return nil
		}
		f := faults[0]
		faults = faults[1:]
		return f
	})
}

// Heal ends all faults.
func (w *Wire) Heal() { w.Always(nil) }

// Answer is a fault: the service says this, and does nothing.
func Answer(status int, contentType, body string) Fault {
	return func(r *http.Request, _ func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {contentType}}, Request: r,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// JSONError is a fault: a service that speaks JSON refuses with an error of this kind. members follow the message, and
// begin with a comma.
func JSONError(status int, kind, members string) Fault {
	return Answer(status, "application/x-amz-json-1.0", `{"__type":"`+kind+`","message":"as asked"`+members+`}`)
}

// Lost is a fault: the call happens, and its answer doesn't come.
func Lost(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	response, err := send(r)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// Unsent is a fault: the call never arrives.
func Unsent(*http.Request, func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// Hung is a fault: the call happens, and its answer doesn't come for as long as anybody waits.
func Hung(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	response, err := send(r)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Short is a fault: the call happens, and its answer's body breaks off.
func Short(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	response, err := send(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(io.LimitReader(response.Body, 3), breaking{}), response.Body}
	return response, nil
}

type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
