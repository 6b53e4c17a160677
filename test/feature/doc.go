// Package feature tests what a change of a mesh does to the proxies, along the true path: HTTP, store, feed, compiler,
// log, relay, delta xDS.
//
// Each test reads as documentation: given this mesh, this proxy has these resources; then this change is exactly this
// update and nothing else. What the resources hold is for core/compile's goldens, and whether traffic follows for
// test/envoy. There is no code here but for tests. Start with proxy_test.go, then route_test.go.
package feature
