// Package graph is a mesh with its references resolved, in the words of App Mesh, and what is wrong with it.
//
// It reads one resource at a time into a form that holds no optional members any more (ReadNode, ReadRoute …), and
// resolves one thing at a time against its neighbours (BindRoute, ServicePorts, PlanEgress …). Neighbours come in
// as functions, so that a caller can note what was looked at: core/compile recompiles only what a change reaches.
// So do certificates that specs name by ARN (Materials). All values are plain data that reflect.DeepEqual compares.
//
// Viewer puts the same together for people: who may call whom, in words.
//
// A user's mistake is a finding: the faulty part is left out, so that Envoy never refuses the rest. Nothing here
// ever knows an Envoy type, does I/O, or fails. Start with node.go, then service.go.
package graph
