// Package envoy turns what core/graph resolved into Envoy's messages, one file a thing: listener, route, cluster,
// retry, and so on.
//
// It decides nothing about the mesh: what arrives here can be built, and Envoy takes what is built. Names, ports,
// stat prefixes and metadata are App Mesh's, byte for byte: dashboards key on them. Every message is marshalled
// deterministically (wire.go), and every extension carries its typed config. Start with names.go, then sidecar.go.
package envoy
