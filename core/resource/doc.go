// Package resource is what users write: App Mesh's seven kinds in App Mesh's shapes, and Ownmesh's own kinds.
//
// A resource keeps its spec exactly as it was sent; the structs here only read it. Which members exist and what
// they must satisfy is data (appmesh-api.json) and is enforced by Validate, all violations at once. Gateway shapes
// that equal their node's counterparts share its struct.
//
// It never reads other resources: rules between resources are core/api's (checks, guards) and core/graph's
// (findings). Start with kind.go, then the file of a kind.
package resource
