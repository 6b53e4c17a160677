// Package version is the number of what the compiler writes, apart from the compiler, so that the API can tell it
// without linking Envoy's types. It holds nothing else.
package version

// Compiler grows when the same state compiles to something else: core/compile.Version.
const Compiler = 3
