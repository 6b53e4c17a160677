// Package xdstest plays the parts around a relay in tests and benchmarks: the Envoy (Client, a scripted delta xDS
// client), and the compiler and the registry (Publisher). The artifact store is artifacttest.Memory.
//
// It never decides what is right: a Client sends what the test says and answers only when told to, so that a test can
// leave out, double or refuse any message. Start with Connect.
package xdstest
