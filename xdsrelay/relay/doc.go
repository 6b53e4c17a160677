// Package relay serves the configuration that the artifact logs describe to Envoys, over delta xDS on one aggregated
// stream (ADS).
//
// It knows no mesh semantics: which resources a proxy gets is written in the config log, and the only thing it works
// out by itself is the join of a cluster's selector with the endpoints log (core/endpoint). It never compiles, never
// writes to a log, never reads the resource store, and keeps serving what it has when the artifact store is gone.
//
// How it hangs together:
//
//	Relay   the meshes that have streams, by uid; what names mean; status objects            relay.go, names.go, status.go
//	tail    polls one log of one mesh and hands what is new to the mesh                      tail.go
//	mesh    every resource once, the sets of proxies, and who must hear of a change          mesh.go, apply.go, mark.go
//	view    one proxy's set, and the streams that are served from it                         view.go
//	slot    the place of one resource, whatever its version, and the views that hold it      slot.go
//	stream  what one Envoy asked for, has, and is owed; its sender blocks on flow control    stream.go, request.go, subscription.go
//	plan    what is sent next: make before break, holds, removals last                       plan.go, hold.go, turn.go, removal.go
//	ack     what was accepted, what was refused, and what follows from it                    ack.go
//	entry   one version of one resource, encoded once and shared by all streams              entry.go, codec.go
//
// Locks are taken in the order Relay.mu, mesh.mu, stream.mu; none is held while anything is sent, read or waited for.
//
// Start reading with Relay.DeltaAggregatedResources (serve.go), then stream.push (plan.go).
package relay
