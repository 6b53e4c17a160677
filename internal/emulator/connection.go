package emulator

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/ownmesh/ownmesh/internal/whole"
)

// connection is how clients of tests reach the emulator. A call without an answer is shown beside the tests: the SDK asks
// again, and what the second answer says may make no sense without the first.
type connection struct{}

// Do implements aws.HTTPClient.
func (connection) Do(r *http.Request) (*http.Response, error) {
	began := time.Now()
	response, err := whole.Client{}.Do(r)
	if r.Context().Err() != nil {
		return response, err
	}
	what := fmt.Sprintf("%s %s %s, after %v", r.Method, r.URL.Path, r.Header.Get("X-Amz-Target"), time.Since(began).Round(time.Millisecond))
	if err != nil {
		fmt.Fprintf(os.Stderr, "emulator: %s: %v\n", what, err)
	} else if response.StatusCode >= http.StatusInternalServerError {
		fmt.Fprintf(os.Stderr, "emulator: %s: %s\n", what, response.Status)
	}
	return response, err
}
