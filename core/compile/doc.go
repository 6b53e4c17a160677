// Package compile turns a mesh's state into every proxy's Envoy resources: whole (Compile), or from one state to the
// next at the cost of what the change reaches (Compiled.Apply).
//
// The work is cut into units (passes.go, in the order in which they run): reading a virtual node, the ports of a
// router, the routes of a service on a port, a cluster, a proxy's listener, and so on. Each unit notes which other
// units it read (memo.go). When an input changes, units run again pass by pass; where a unit's value comes out as
// before, nothing that read it runs. So a change costs what it reaches, in a mesh of any size, and Apply can't differ
// from Compile: both are the same units over the same inputs.
//
// It does no I/O, knows no clock, and depends on no map's order: the same state gives the same bytes. A user's mistake
// is a finding, never an error. Start with compile.go.
package compile
