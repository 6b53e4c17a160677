// Package artifact keeps what a mesh's proxies are to be served, as logs in an artifact store: the config log, which
// the compiler writes, and the endpoints log, which the registrar writes. Relays read both, and need nothing else.
//
// A log is a chain of immutable objects. A change leads from one state to the next and holds its predecessor's
// checksum; it is created under the number of the state that it leads on from, and only if nobody was first, so
// exactly one change follows each state, without locks. Now and then the writer adds a full state, and the
// checkpoint, the only mutable object, names the newest. An epoch is one unbroken chain. When something in it is
// damaged or lost, the writer ends it and starts the next with a full state: that heals the log.
//
// Whose part is what:
//   - Writer appends changes, writes checkpoints, and starts epochs;
//   - Reader follows a log, reports damage, keeps its last state meanwhile and goes on as soon as it can;
//   - ReadManifest tells a compiler that has just started what is published, by hash, without the bytes;
//   - Collector deletes what nobody needs any more, and is the only one to delete.
//
// The machinery is the same for both logs: a Format (ConfigLog, EndpointsLog) says how states and changes are spelt
// and applied. The package has no clock, no goroutines that outlive a call, and knows nothing of meshes or Envoy:
// bodies of resources are bytes to it. No secret may enter a log.
//
// Start with Format, then Reader.Poll and Writer.Append; frame.go says what an object looks like.
package artifact
