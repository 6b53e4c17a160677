package dynamodb_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	awsdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/ownmesh/ownmesh/internal/emulator"
)

// insideVariable holds the folder of DynamoDB Local in a process that runs beside it, in a network namespace of its own.
const insideVariable = "OWNMESH_TEST_INSIDE_DYNAMODB_LOCAL"

// dial is a client over a bad connection.
func dial(tb testing.TB, w *emulator.Wire) *awsdynamodb.Client {
	tb.Helper()
	return awsdynamodb.NewFromConfig(w.Config(tb))
}

// refusal is a fault: DynamoDB says this, and does nothing.
func refusal(status int, kind, members string) emulator.Fault {
	return emulator.JSONError(status, "com.amazonaws.dynamodb.v20120810#"+kind, members)
}

// cancelled is a fault: a transaction is cancelled for these reasons.
func cancelled(codes ...string) emulator.Fault {
	return refusal(400, "TransactionCanceledException", `,"CancellationReasons":[{"Code":"`+strings.Join(codes, `"},{"Code":"`)+`"}]`)
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
