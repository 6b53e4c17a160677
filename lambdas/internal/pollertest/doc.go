// Package pollertest calls a Lambda's handler for a stream and for a queue as AWS documents it, which emulators don't:
// checkpoints at the lowest failure, bounded retries, batches cut in halves, order in a shard and in a group, visibility,
// and what is given up. Time passes when the test says so.
//
// It is for tests alone. Start with Stream and Queue; Table is a store whose commits come out of a Stream.
package pollertest

import "context"

// Handler is a Lambda's handler.
type Handler interface {
	Invoke(ctx context.Context, payload []byte) ([]byte, error)
}

// response is a partial failure, as handlers answer it.
type response struct {
	BatchItemFailures []struct {
		ItemIdentifier string `json:"itemIdentifier"`
	} `json:"batchItemFailures"`
}
