// Package dynamodb keeps meshes and their journal (store.Store) in one DynamoDB table, and instances of services
// (endpoint.Ledger) in another. A commit is one transaction on the condition that its mesh is still at the generation
// that the writer saw.
//
// It knows no App Mesh rules: validation, guards and idempotency are core/api's. It makes no tables; infra/ does.
//
// The layout of meshes is adapters/bolt's: a partition is a mesh's uid, its rows are ordered by a sort key.
//
//	pk (string)   sk (binary)                       attributes
//	"names"       mesh name                         uid
//	mesh's uid    "mesh"                            mesh (JSON), generation, deleted
//	              "journal", generation             entry (JSON of store.Entry)
//	              "ref", target, referrer           referrer (JSON of resource.Key)
//	              "resource", kind, parent, name    record (JSON of store.Record)
//	              "tags", kind, parent, name        tags (JSON)
//
// Sort keys are tuples that sort as their parts do and hold any character (key.go). The index partition "names" can't
// be taken for a uid: uids are made by the API and are UUIDs.
//
// Start with Store in store.go for writes, read.go for reads, retry.go for what happens when writers meet,
// DynamoDB throttles, or an answer gets lost. Registry is in registry.go, with its table's layout.
package dynamodb
