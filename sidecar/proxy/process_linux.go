package proxy

import "syscall"

// attributes let no Envoy outlive a sidecar that was killed.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
