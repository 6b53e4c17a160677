// Package api is Ownmesh's HTTP interface: the App Mesh API under /v20190125, byte for byte what App Mesh's clients
// expect, and what Ownmesh adds under /v1, with the same errors.
//
// All kinds go through one code path. operations.go is the table of everything that is served; verbs.go is what
// create, describe, list, update and delete do; write.go is the optimistic loop that every change goes through;
// checks.go and guards.go are the rules between resources. Rules within one resource are core/resource's.
//
// It never compiles, never tells a proxy anything, and never waits for what a change causes: it commits to the store
// and says that the mesh has changed. It authenticates nobody: that is its caller's task (LoopbackOnly guards the
// local one against web pages).
//
// Start with New, then operations.go.
package api
