// Package machine runs the whole mesh in a test, as `ownmesh up` does, and speaks to it over HTTP as its users do.
//
// Both test/feature and test/envoy stand on it. It takes no shortcut around the API: what it knows of a mesh, it has
// asked for. It starts no Envoy. Start with Start, then Apply.
package machine
