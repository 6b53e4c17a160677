//go:build !linux

package main

import "syscall"

// attributes: a group of its own. Nothing here ends children of a demo that is killed outright.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
