//go:build !linux

package proxy

import "syscall"

// attributes: only Linux can end a child with its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
