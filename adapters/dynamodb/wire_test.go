package dynamodb_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

// wire is a bad connection to the emulator: it does to each call what the next fault for its operation says, and lets it
// through when there is none.
type wire struct {
	mu     sync.Mutex
	next   func(operation string) fault // nil: no faults
	counts map[string]int               // calls by operation
}

// fault changes how a call ends. send makes the true call.
type fault func(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error)

// client is a client over this connection.
func (w *wire) client(tb testing.TB) *awsdynamodb.Client {
	tb.Helper()
	return awsdynamodb.NewFromConfig(emulator.Config(tb), func(o *awsdynamodb.Options) { o.HTTPClient = w })
}

// Do implements awsdynamodb.HTTPClient.
func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	if w.counts == nil {
		w.counts = map[string]int{}
	}
	w.counts[operation]++
	var f fault
	if w.next != nil {
		f = w.next(operation)
	}
	w.mu.Unlock()
	if f == nil {
		return http.DefaultClient.Do(r)
	}
	return f(r, http.DefaultClient.Do)
}

// calls gives how many calls of an operation there were, and starts anew.
func (w *wire) calls(operation string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := w.counts[operation]
	w.counts[operation] = 0
	return n
}

// fail lets the next calls of an operation end with these faults.
func (w *wire) fail(operation string, faults ...fault) {
	w.always(func(o string) fault {
		if o != operation || len(faults) == 0 {
			return nil
		}
		f := faults[0]
		faults = faults[1:]
		return f
	})
}

func (w *wire) always(next func(operation string) fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next = next
}

// answer is a fault: DynamoDB says this, and does nothing.
func answer(status int, kind, members string) fault {
	return func(r *http.Request, _ func(*http.Request) (*http.Response, error)) (*http.Response, error) {
		body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"as asked"%s}`, kind, members)
		return &http.Response{
			StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Request: r,
			Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
		}, nil
	}
}

// cancelled is a fault: a transaction is cancelled for these reasons.
func cancelled(codes ...string) fault {
	return answer(400, "TransactionCanceledException", `,"CancellationReasons":[{"Code":"`+strings.Join(codes, `"},{"Code":"`)+`"}]`)
}

// lost is a fault: the call happens, and its answer doesn't come.
func lost(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	response, err := send(r)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	return nil, io.ErrUnexpectedEOF
}

// unsent is a fault: the call never arrives.
func unsent(*http.Request, func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	return nil, io.ErrUnexpectedEOF
}

// hung is a fault: the call happens, and its answer doesn't come for as long as anybody waits.
func hung(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	response, err := send(r)
	if err != nil {
		return nil, err
	}
	_ = response.Body.Close()
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// forgotten is a fault: the call's token is another one, as if DynamoDB no longer knew the one of the attempt before.
func forgotten(r *http.Request, send func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	const member = `"ClientRequestToken":"`
	at := bytes.Index(body, []byte(member))
	if at < 0 {
		return nil, fmt.Errorf("no token in %s", body)
	}
	copy(body[at+len(member):], "another-")
	again := r.Clone(r.Context())
	again.Body = io.NopCloser(bytes.NewReader(body))
	return send(again) // the emulator checks no signature of the body
}
