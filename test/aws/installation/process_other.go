//go:build !linux

package installation

import "syscall"

func attributes() *syscall.SysProcAttr { return nil }
