// Package whole carries the calls of AWS's SDK in tests, and gives an answer when all of it is there.
//
// As soon as an answer begins, the SDK takes the request's body away. On a busy machine Go's transport, which wrote that
// body and has yet to see its end, takes this for an error and closes the connection under the answer. The SDK asks again,
// or says so: a call that makes something finds it made, and one that is counted was made twice. It logs nothing. Start
// with Client.
package whole

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// idleTimeout ends connections before servers do (the emulator: after 75 s), which would drop a request that comes at that
// moment.
const idleTimeout = 30 * time.Second

var transport = &http.Transport{IdleConnTimeout: idleTimeout, MaxIdleConnsPerHost: 16}

// Client is an aws.HTTPClient over connections that all of them share.
type Client struct{}

// Do makes a call, and reads its answer.
func (Client) Do(r *http.Request) (*http.Response, error) {
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
