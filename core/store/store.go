// Package store is the port for what users wrote: meshes, their resources, tags, and the journal of commits.
//
// One commit changes one resource and raises its mesh's generation by one. Commits are optimistic: the writer reads
// the mesh at generation g, checks what it must by reading on, and commits on the condition that the mesh is still
// at g; else it gets ErrConflict and starts over. So writes are serializable per mesh, and no condition is needed
// that a DynamoDB transaction of 100 items on keys can't express.
//
// All reads are strongly consistent. An acknowledged write is durable. Implementations pass storetest.Run.
// Start with Store.
package store

import (
	"context"
	"errors"
	"time"

	"github.com/ownmesh/ownmesh/core/resource"
)

// Errors that implementations return, possibly wrapped. Any other error is an infrastructure fault, and the
// operation may or may not have happened.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("the mesh has changed meanwhile") // the condition of a commit did not hold: nothing happened
	ErrExists   = errors.New("name is taken")                  // CreateMesh of a name in use: nothing happened
	ErrBusy     = errors.New("the store has too much to do")   // it refused for as long as it was asked: nothing happened
	ErrCursor   = errors.New("unknown cursor")                 // a cursor that this store did not hand out
)

// Mesh is a mesh's row.
type Mesh struct {
	Record            // Key.Kind is KindMesh; Record.UID is the mesh's uid, which keys everything downstream
	Owner      string // account id
	Generation int64  // of the newest commit; 1 after CreateMesh
	Deleted    bool   // a deleted mesh keeps its row and journal under its uid; its name is free again
}

// Record is a stored resource with what the API needs besides.
type Record struct {
	resource.Resource
	CreateToken Token `json:"createToken,omitzero"`
	UpdateToken Token `json:"updateToken,omitzero"`
}

// Token remembers a client's idempotency token, and enough to give the first answer again: the answer had
// this Version and UpdatedAt, and the spec that hashes to SpecHash.
type Token struct {
	Value     string    `json:"value"`
	SpecHash  string    `json:"specHash"`
	Version   int64     `json:"version"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Ref says that Referrer names Target in a way that guards Target against deletion or that its checks need.
type Ref struct {
	Target   resource.Key `json:"target"`
	Referrer resource.Key `json:"referrer"`
}

// Commit is one change of one resource. Exactly one of Put and Delete is set. Deleting the mesh's own key deletes
// the mesh; putting it updates the mesh's record.
type Commit struct {
	MeshUID      string
	IfGeneration int64  // the commit happens only if the mesh is at this generation and not deleted
	RequestID    string // unique to the write; kept in the journal, so that a lost answer can be recognized
	Caller       string // who asked: an ARN in AWS, "local" on one machine
	At           time.Time
	Put          *Record
	Delete       *resource.Key
	Tags         map[string]string // on create: the resource's tags; nil leaves tags alone; Delete always drops them
	AddRefs      []Ref             // reference rows that appear with this commit
	RemoveRefs   []Ref             // reference rows that go with this commit
}

// Entry is what the journal says of one commit. The journal feeds compilers and is the mesh's history.
type Entry struct {
	Generation int64        `json:"generation"` // the generation that the commit made
	RequestID  string       `json:"requestId"`
	Caller     string       `json:"caller"`
	At         time.Time    `json:"at"`
	Key        resource.Key `json:"key"`
	// Resource is the new image, nil for a deletion.
	Resource *resource.Resource `json:"resource,omitempty"`
}

// Store is what the API and the compiler read and write.
type Store interface {
	// CreateMesh writes a new mesh at generation 1 with its first journal entry: ErrExists if the name is taken.
	// The caller chose m.UID. requestID and caller as in Commit.
	CreateMesh(ctx context.Context, m Mesh, tags map[string]string, requestID, caller string) error
	// MeshByName finds the mesh that has the name now; ErrNotFound.
	MeshByName(ctx context.Context, name string) (Mesh, error)
	// MeshByUID also finds deleted meshes; ErrNotFound.
	MeshByUID(ctx context.Context, uid string) (Mesh, error)
	// Meshes lists meshes that are not deleted by name, from the first name greater than after on, at most limit.
	Meshes(ctx context.Context, after string, limit int) ([]Mesh, error)

	// Commit is described at Commit. ErrConflict: the mesh is not at IfGeneration, is deleted or unknown.
	Commit(ctx context.Context, c Commit) error

	// Get reads one resource (not the mesh); ErrNotFound.
	Get(ctx context.Context, meshUID string, k resource.Key) (Record, error)
	// List reads resources of a kind (and parent, for routes and gateway routes) by name, from the first name greater
	// than after on, at most limit (> 0).
	List(ctx context.Context, meshUID string, kind resource.Kind, parent, after string, limit int) ([]Record, error)
	// Referrers reads who refers to target, in the order of Key.Compare, at most limit.
	Referrers(ctx context.Context, meshUID string, target resource.Key, limit int) ([]resource.Key, error)
	// Page reads all resources of a mesh but the mesh itself, piece by piece: start with cursor "", end when next is
	// "". Pages are no snapshot: a reader overlays the journal from the generation it read before the first page.
	Page(ctx context.Context, meshUID, cursor string, limit int) (page []resource.Resource, next string, err error)
	// Journal reads entries with a generation greater than after, ascending and without a gap, at most limit.
	// It also serves deleted meshes.
	Journal(ctx context.Context, meshUID string, after int64, limit int) ([]Entry, error)

	// Tags reads a resource's tags, or the mesh's; ErrNotFound if the resource is not there.
	Tags(ctx context.Context, meshUID string, k resource.Key) (map[string]string, error)
	// UpdateTags replaces the tags by what change returns for the present ones, atomically; an error of change is
	// returned as it is and nothing happens. change may run several times. It bumps no generation.
	UpdateTags(ctx context.Context, meshUID string, k resource.Key, change func(map[string]string) (map[string]string, error)) error
}
