package installation

import "syscall"

// attributes let no program outlive the tests, however they end.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
