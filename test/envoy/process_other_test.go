//go:build !linux

package envoy

import "syscall"

// attributes are nothing special here: an Envoy outlives tests that are killed.
func attributes() *syscall.SysProcAttr { return nil }
