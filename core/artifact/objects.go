package artifact

import (
	"context"
	"errors"
)

// Errors that implementations of Objects return, possibly wrapped. Any other error is an infrastructure fault, and
// a write may or may not have happened.
var (
	ErrNotFound = errors.New("object not found")
	ErrExists   = errors.New("object exists")                // Create: somebody was first
	ErrChanged  = errors.New("object has changed meanwhile") // Replace: the ETag is not the current one
)

// Objects is the port for the artifact store: S3, or a folder. Keys are paths of letters, digits and "-_./" without
// empty, "." or ".." segments (see events.Path…). Implementations pass artifacttest.RunObjects.
type Objects interface {
	// Get reads an object; ErrNotFound. A refusal (S3's 403) is an error of its own, never ErrNotFound.
	Get(ctx context.Context, key string) (data []byte, etag string, err error)
	// GetIfChanged reads an object unless it still has this etag: then data is nil and newTag is etag. ErrNotFound.
	GetIfChanged(ctx context.Context, key, etag string) (data []byte, newTag string, err error)
	// Create writes an object that must not exist (If-None-Match: *); ErrExists. Readers see all of it or nothing.
	Create(ctx context.Context, key string, data []byte) (etag string, err error)
	// Replace writes an object that must have this etag (If-Match); ErrChanged, also when it is gone.
	Replace(ctx context.Context, key string, data []byte, etag string) (newTag string, err error)
	// List returns keys that start with prefix, ascending, greater than after, at most limit.
	List(ctx context.Context, prefix, after string, limit int) ([]string, error)
	// Delete removes an object; a missing one is no error.
	Delete(ctx context.Context, key string) error
}
