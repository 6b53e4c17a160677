package main

import "syscall"

// attributes: a group of its own, and ended by the kernel if the demo is killed outright.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
