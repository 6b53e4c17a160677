// Package envoy tests meshes with real Envoys and real requests: what users write goes in through the API, and requests
// through the sidecars show what came of it.
//
// A test applies a mesh, runs a few sidecars with small applications behind them, all in this process but for the
// Envoys, and asks. Sidecars intercept explicitly, so that many share one machine without privileges; transparent
// interception, in network namespaces, is tested in transparent_test.go. There is no code here but for tests, and the
// exact configuration is for core/compile's goldens. Start with mesh_test.go, then http_test.go.
package envoy
