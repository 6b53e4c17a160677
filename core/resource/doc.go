// Package resource is what users write: App Mesh's seven kinds in App Mesh's shapes, and Ownmesh's own kinds.
//
// A resource keeps its spec as it was sent; the Spec structs here only read it. Which members exist and what they must
// satisfy is data (appmesh-api.json, ownmesh-api.json), and ParseRequest holds a request against it: it names everything
// that is wrong at once, each fault with the path of the member, the rule, and what was got instead. Gateway shapes that
// equal their node's counterparts share its struct.
//
// It never reads other resources: rules between resources are core/api's (checks, guards) and core/graph's (findings).
// It has no I/O, no clock and no state but the descriptions, which are parsed at the first use.
//
// Start with kind.go and the file of a kind for the shapes, and with request.go for the checks; the files below it are
// check.go (a value against a shape), rules.go (rules within one resource), model.go (the descriptions, and where
// Ownmesh decides what they leave open) and json.go (reading JSON strictly).
package resource
