// Package bolt keeps what must not be lost on one machine: meshes and their journal (Store), and registered
// instances (Registry), each in a bbolt file of its own.
//
// A write is on disk, by fsync, before it is acknowledged; writers that come at the same time share one fsync, and a
// lone one doesn't wait for company. One process has a file open at a time; a second one gets a clear error.
//
// It knows no App Mesh rules: validation, guards and idempotency are core/api's.
//
// The layout of a Store is DynamoDB's: a partition is a mesh's uid, its rows are ordered by a sort key.
//
//	bucket  key                                                          value
//	meta    "format"                                                     kind and version of the file
//	names   mesh name                                                    uid
//	meshes  uid, "mesh"                                                  meshRow
//	        uid, "journal", generation                                   store.Entry
//	        uid, "ref", target, referrer                                 nothing
//	        uid, "resource", kind, parent, name                          store.Record
//	        uid, "tags", kind, parent, name                              map of tags
//
// Keys are tuples that sort as their parts do and hold any character (key.go); values are JSON. Start with Store in
// store.go for writes, read.go for reads, and file.go for how writes become durable.
package bolt
